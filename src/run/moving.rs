//! A cluster on its way from a data folder to etcd and back, while nobody serves it.

use super::{etcd, host::MAIN, secrets};
use crate::{
    config::EtcdFlags,
    etcd::{EtcdPlace, Link},
    store::{EtcdKeeper, Options, Store},
    world::World,
};
use jiff::SignedDuration;
use std::{path::Path, sync::Arc};

/// How long this process is believed to live when it is not heard of.
const LEASE: SignedDuration = SignedDuration::from_secs(2);
/// How long a process that has died is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

fn place(flags: &EtcdFlags) -> Result<EtcdPlace, String> {
    etcd::place(flags)?.ok_or_else(|| "say which etcd: --store etcd://HOST:PORT".into())
}

/// Whether a cluster is there; changes nothing.
async fn is_there(place: &EtcdPlace) -> Result<bool, String> {
    let link = Link::open(place)?;
    let head = link.get(format!("{}/clusters/{MAIN}/head", place.prefix)).await;
    head.map(|head| head.is_some()).map_err(|e| format!("{place}: {e}"))
}

fn keeper(place: &EtcdPlace, name: &str) -> Result<Arc<EtcdKeeper>, String> {
    EtcdKeeper::open(place, name, LEASE, PATIENCE).map_err(|e| e.to_string())
}

/// Writes the first cluster of an etcd into a new data folder.
///
/// # Errors
/// One line for people.
pub(super) async fn export(dir: &Path, flags: &EtcdFlags) -> Result<(), String> {
    let place = place(flags)?;
    if dir.read_dir().is_ok_and(|mut list| list.next().is_some()) {
        return Err(format!("{} is not empty", dir.display()));
    }
    if !is_there(&place).await? {
        return Err(format!("{place}: there is no cluster"));
    }
    let keeper = keeper(&place, "export")?;
    let options =
        Options { etcd: Some((Arc::clone(&keeper), MAIN.to_owned())), ..Options::default() };
    let store = Store::open(&options).map_err(|e| e.to_string())?;
    let parts = store.parts().await.map_err(|e| e.to_string())?;
    let secrets = secrets::shared(&keeper, MAIN, &World::real())?;
    let copy = Store::begin_in(dir, &parts, true, false).map_err(|e| e.to_string())?;
    copy.harden().await.map_err(|e| e.to_string())?;
    copy.close();
    secrets.write(dir)?;
    store.close();
    keeper.end().await;
    let (count, rev) = (parts.rows().len(), parts.snapshot().rev);
    println!("{count} objects at revision {rev} are in {}", dir.display());
    Ok(())
}

/// Takes the first cluster of a data folder into an etcd that has none.
///
/// # Errors
/// One line for people; nothing was changed in the folder.
pub(super) async fn import(dir: &Path, flags: &EtcdFlags) -> Result<(), String> {
    let place = place(flags)?;
    if !dir.join(crate::store::FILES[0]).is_file() {
        return Err(format!("there is no cluster in {}", dir.display()));
    }
    if is_there(&place).await? {
        return Err(format!("{place}: there is a cluster already"));
    }
    let options = Options { data_dir: Some(dir.to_owned()), ..Options::default() };
    let store = Store::open(&options).map_err(|e| e.to_string())?;
    let parts = store.parts().await.map_err(|e| e.to_string())?;
    let own = secrets::load_or_make(Some(dir), &World::real())?;
    let keeper = keeper(&place, "import")?;
    secrets::hand_over(&keeper, MAIN, &own)?;
    let copy = Store::begin_at(&keeper, MAIN, &parts).map_err(|e| e.to_string())?;
    copy.close();
    store.close();
    keeper.end().await;
    let (count, rev) = (parts.rows().len(), parts.snapshot().rev);
    println!("{count} objects at revision {rev} are at {place}");
    Ok(())
}
