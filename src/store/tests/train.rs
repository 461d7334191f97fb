//! Groups that are on their way together.

use super::*;
use crate::store::{engine::Told, groups::WORTH};
use std::{
    collections::VecDeque,
    sync::{Mutex, mpsc},
};
use tokio::{sync::mpsc as queue, task::JoinHandle};

/// An engine from which groups depart, and arrive when the test says so.
struct Train {
    departs: queue::UnboundedSender<(Vec<String>, Told)>,
    arrivals: mpsc::Receiver<Result<(), Error>>,
    here: VecDeque<Result<(), Error>>,
    /// Whether what is behind a group that was lost was let go.
    abandoned: Arc<Mutex<usize>>,
}

impl Engine for Train {
    fn append(&mut self, _: &[Record]) -> Result<(), Error> {
        Err(Error::Io("nothing waits here".into()))
    }
    fn pipelines(&self) -> bool {
        true
    }
    fn begin(&mut self, records: &[Record], told: Told) {
        let names = records.iter().map(|r| r.entry.key.to_string()).collect();
        self.departs.send((names, told)).unwrap_or_else(|_| panic!("the test has ended"));
    }
    fn has_arrived(&mut self) -> bool {
        self.here.extend(self.arrivals.try_iter());
        !self.here.is_empty()
    }
    fn conclude(&mut self, _: &[Record]) -> Result<(), Error> {
        let next = self.here.pop_front();
        next.unwrap_or_else(|| self.arrivals.recv().unwrap_or(Err(Error::Io("over".into()))))
    }
    fn abandon(&mut self) {
        *self.abandoned.lock().unwrap() += 1;
    }
    fn compact(&mut self, _: u64) -> Result<bool, String> {
        Ok(false)
    }
    fn harden(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

struct TrainStation {
    store: Store,
    departed: queue::UnboundedReceiver<(Vec<String>, Told)>,
    under_way: VecDeque<Told>,
    arrivals: mpsc::Sender<Result<(), Error>>,
    abandoned: Arc<Mutex<usize>>,
}

impl TrainStation {
    fn open() -> TrainStation {
        let (departs, departed) = queue::unbounded_channel();
        let (arrivals, arrived) = mpsc::channel();
        let abandoned = Arc::new(Mutex::new(0));
        let store = over(Train {
            departs,
            arrivals: arrived,
            here: VecDeque::new(),
            abandoned: Arc::clone(&abandoned),
        });
        TrainStation { store, departed, under_way: VecDeque::new(), arrivals, abandoned }
    }

    fn submit(&self, ops: Vec<Op>) -> JoinHandle<Result<Committed, Error>> {
        let store = self.store.clone();
        tokio::spawn(async move { store.commit(ops).await })
    }

    async fn departure(&mut self) -> Vec<String> {
        let (names, told) = self.departed.recv().await.unwrap();
        self.under_way.push_back(told);
        names
    }

    fn arrival(&mut self, went: Result<(), Error>) {
        self.arrivals.send(went).unwrap();
        self.under_way.pop_front().unwrap()();
    }

    /// A first group, and a second that is worth going while the first is under way: its last batch
    /// creates again what the first creates.
    async fn two(&mut self) -> Vec<JoinHandle<Result<Committed, Error>>> {
        let mut all = vec![self.submit(vec![create("a")])];
        assert_eq!(self.departure().await, ["n/a"]);
        for n in 1..WORTH {
            all.push(self.submit(vec![create(&format!("b{n}"))]));
        }
        all.push(self.submit(vec![create("a")]));
        assert_eq!(self.departure().await.len(), WORTH - 1);
        all
    }
}

#[tokio::test]
async fn nobody_sees_what_is_under_way_and_all_are_told_in_order() {
    let mut station = TrainStation::open();
    let mut all = station.two().await;
    assert!(station.store.snapshot().rev == 0 && all.iter().all(|one| !one.is_finished()));
    station.arrival(Ok(()));
    let first = all.remove(0).await.unwrap().unwrap();
    assert_eq!(first[0].as_ref().unwrap().rev, 1);
    assert_eq!(station.store.snapshot().rev, 1);
    assert!(all.iter().all(|one| !one.is_finished()), "the second is still under way");
    station.arrival(Ok(()));
    let refused = all.pop().unwrap().await.unwrap();
    assert_eq!(refused.map(drop), Err(Error::Exists(0)));
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(station.store.snapshot().rev, WORTH as u64);
}

#[tokio::test]
async fn what_was_decided_on_what_is_lost_is_lost() {
    let mut station = TrainStation::open();
    let all = station.two().await;
    station.arrival(Err(Error::Away("no".into())));
    for one in all {
        assert_eq!(one.await.unwrap().map(drop), Err(Error::Away("no".into())));
    }
    assert_eq!(station.store.snapshot().rev, 0);
    assert_eq!(*station.abandoned.lock().unwrap(), 1);
    // The claims and names of what is lost are free, and so are its revisions.
    station.under_way.clear();
    let again = station.submit(vec![create("a")]);
    assert_eq!(station.departure().await, ["n/a"]);
    station.arrival(Ok(()));
    assert_eq!(again.await.unwrap().unwrap()[0].as_ref().unwrap().rev, 1);
}

#[tokio::test]
async fn what_is_under_way_is_waited_for_before_anything_else_is_done() {
    let mut station = TrainStation::open();
    let all = station.two().await;
    let store = station.store.clone();
    let hardened = tokio::spawn(async move { store.harden().await });
    station.arrival(Ok(()));
    station.arrival(Ok(()));
    assert_eq!(hardened.await.unwrap(), Ok(()));
    assert_eq!(station.store.snapshot().rev, WORTH as u64);
    drop(all);
}
