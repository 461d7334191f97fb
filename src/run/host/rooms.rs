//! Clusters for the students of a class.

use super::{super::equip, Host, MAIN, Refused, Spec};
use crate::{
    labs::{Moment, Room, Rooms},
    world::BoxFuture,
};

impl Host {
    fn find_room(&self, name: &str) -> Refused<Room> {
        let (facts, inside) = (self.look(name)?.0, self.inside(name)?);
        let url = equip::public(self.usual.bind_address, &facts.url);
        Ok(Room { url, administrator: facts.kubeadmin_password, labs: inside.labs })
    }
}

impl Rooms for Host {
    fn open(&self, name: String) -> BoxFuture<Result<Room, String>> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let me = me.ok_or("the server is stopping")?;
            let named = name.clone();
            let made = me.on_thread(move |host| {
                Box::pin(async move { host.create(&named, &Spec::default()).await })
            });
            made.await.and_then(|made| made).map_err(|e| e.message)?;
            me.find_room(&name).map_err(|e| e.message)
        })
    }

    fn find(&self, name: &str) -> Result<Room, String> {
        self.find_room(name).map_err(|e| e.message)
    }

    fn close(&self, name: String) -> BoxFuture<Result<(), String>> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let me = me.ok_or("the server is stopping")?;
            let ended = me.on_thread(move |host| Box::pin(async move { host.delete(&name).await }));
            ended.await.and_then(|ended| ended).map_err(|e| e.message)
        })
    }

    fn keep(&self, name: String) -> BoxFuture<Result<Moment, String>> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let me = me.ok_or("the server is stopping")?;
            let of = name.clone();
            let kept = me.on_thread(move |host| Box::pin(async move { host.keep(&of).await }));
            let kept = kept.await.and_then(|kept| kept).map_err(|e| e.message)?;
            let back: Moment = Box::new(move || {
                Box::pin(async move {
                    let put = me.on_thread(move |host| {
                        Box::pin(async move { host.put_back(&name, &kept).await })
                    });
                    put.await.and_then(|put| put).map_err(|e| e.message)
                })
            });
            Ok(back)
        })
    }

    fn is_first(&self, name: &str) -> bool {
        name == MAIN
    }
}
