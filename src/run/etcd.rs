//! Clusters kept in etcd: what the flags say of it, and the secrets that its replicas share.

use crate::{
    config::{EtcdFlags, ReplicaFlags},
    etcd::EtcdPlace,
    object::name,
    platform,
    store::EtcdKeeper,
};
use jiff::SignedDuration;
use std::sync::Arc;

/// What our keys begin with when nobody says otherwise.
const PREFIX: &str = "/pocketshift";
/// Seconds after which somebody who is not heard of has lost his clusters.
const TAKEOVER: u32 = 3;

/// The etcd that flags speak of, if they do.
///
/// # Errors
/// One line for people; nothing was changed.
pub(super) fn keeper(flags: &ReplicaFlags) -> Result<Option<Arc<EtcdKeeper>>, String> {
    let Some(place) = place(&flags.at)? else { return Ok(None) };
    // Etcd notices within half a second that a lease has run out, and then somebody else begins.
    let lease = flags.takeover.unwrap_or(TAKEOVER).saturating_sub(1).max(1);
    let (name, lease) = (replica(flags)?, SignedDuration::from_secs(lease.into()));
    EtcdKeeper::open(&place, &name, lease, SignedDuration::ZERO)
        .map(Some)
        .map_err(|e| e.to_string())
}

/// The same, of an etcd alone.
pub(super) fn place(flags: &EtcdFlags) -> Result<Option<EtcdPlace>, String> {
    let Some(address) = &flags.store else { return Ok(None) };
    Ok(Some(EtcdPlace {
        ca: flags.etcd_ca.clone(),
        identity: flags.etcd_cert.clone().zip(flags.etcd_key.clone()),
        ..EtcdPlace::parse(address, flags.etcd_prefix.as_deref().unwrap_or(PREFIX))?
    }))
}

/// What this replica is called.
fn replica(flags: &ReplicaFlags) -> Result<String, String> {
    let Some(said) = &flags.replica else {
        let plain = platform::machine().to_lowercase();
        let first = plain.split('.').next().unwrap_or_default();
        return Ok(if first.is_empty() { "replica".to_owned() } else { first.to_owned() });
    };
    match name::subdomain_problems(said) {
        errors if errors.is_empty() => Ok(said.clone()),
        errors => Err(format!("--replica: {said:?}: {}", errors.join(", "))),
    }
}
