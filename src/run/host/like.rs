//! Clusters for programs that hold them by name: as another was, by a way that is no port, since a moment.

use super::{Facts, Host, Refused, Spec, Template, hosted::Hosted, invalid};
#[cfg(feature = "kube")]
use super::{Pipes, unknown};
#[cfg(feature = "kube")]
use std::sync::Weak;

impl Host {
    /// The revision after which everything has happened since a checkpoint was kept, or since the cluster
    /// was last put back to it.
    ///
    /// # Errors
    /// There is no such cluster, or checkpoint.
    pub fn since(&self, name: &str, checkpoint: &str) -> Refused<u64> {
        self.find(name)?.since(name, checkpoint)
    }

    /// A way to a cluster that is no port.
    ///
    /// # Errors
    /// There is no such cluster.
    #[cfg(feature = "kube")]
    pub fn pipes(&self, name: &str) -> Refused<Pipes> {
        let http = self.find(name)?.http.get().and_then(Weak::upgrade);
        let http = http.ok_or_else(|| unknown(name))?;
        let seat = match &http.seat {
            Some(seat) => seat.clone(),
            None => self.shared()?.clusters.seat(),
        };
        Ok(Pipes::new(&seat, http))
    }

    /// Creates a cluster that begins as another was, with what it is then said to be: a seed, a folder.
    ///
    /// # Errors
    /// As [`Host::create`]; also when it is to be of another kind than that other.
    pub async fn create_as(&self, name: &str, spec: &Spec, from: &Template) -> Refused<Facts> {
        let spec = spec.like(&from.of).map_err(invalid)?;
        let flags = spec.flags(&self.usual).map_err(invalid)?;
        let folder = self.folder_for(name, &spec)?;
        let place = self.take(name, Hosted::new(spec, folder), true)?;
        self.copy(place, from, flags, None).await
    }
}
