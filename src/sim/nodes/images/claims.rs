//! What pods tell of images: a container that runs was started from an image its node has pulled.
//!
//! Pods start without waiting for their node to note anything; the node catches up with what their
//! statuses say, once for all of them.

use super::inventory::{Inventory, Loss, StoredImage, repository};
use crate::{
    catalog::reference::Reference,
    controllers::{View, podlens::PodLens},
    sim::{
        registries::{self, Asker, Key, Offer},
        unshown,
    },
    store::Entry,
};
use jiff::Timestamp;
use std::collections::HashSet;

/// States of a container that has its image but cannot be made from it.
const PULLED: [&str; 3] =
    ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

/// One container's word.
struct Claim {
    /// Full name the image was asked for by.
    name: String,
    /// Digest, or empty when the container never ran.
    digest: String,
    /// When it started.
    at: Option<Timestamp>,
}

fn claims(pod: &PodLens) -> Vec<Claim> {
    let status = &pod.status;
    let statuses = status.init_container_statuses.iter().chain(&status.container_statuses);
    let statuses = statuses.chain(&status.ephemeral_container_statuses);
    let specs = || {
        let plain = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        plain.chain(&pod.spec.ephemeral_containers)
    };
    let of = |s: &crate::controllers::podlens::ContainerStatus| {
        let running = s.state.running.as_ref().and_then(|r| r.started_at);
        let at = running.or(s.state.terminated.as_ref().and_then(|t| t.started_at));
        if let Some((_, digest)) = s.image_id.split_once('@') {
            return Some(Claim { name: s.image.clone(), digest: digest.into(), at });
        }
        s.state.waiting.as_ref().filter(|w| PULLED.contains(&w.reason.as_str()))?;
        let written = &specs().find(|c| c.name == s.name)?.image;
        let name = Reference::candidates(written).ok()?.first()?.full();
        Some(Claim { name, digest: String::new(), at: None })
    };
    statuses.filter_map(of).collect()
}

/// Whether a pod tells something its node has not noted.
pub fn news(view: &View, inventory: &Inventory, pod: &Entry) -> bool {
    all(view, pod).iter().any(|c| inventory.learns(view, pod, c).is_some())
}

/// What a pod tells, and what tell the runs that its status does not show yet.
fn all(view: &View, pod: &Entry) -> Vec<Claim> {
    let mut all = claims(&PodLens::of(pod));
    all.extend(unshown::lens(&view.objects, pod).iter().flat_map(|runs| claims(runs)));
    all
}

/// Notes what the pods of a node tell.
pub fn take_in(view: &View, node: &str, inventory: &mut Inventory) {
    let now = Loss { rev: view.objects.rev, at: view.now };
    for pod in view.pods_on(node) {
        for claim in all(view, pod) {
            let Some(keys) = inventory.learns(view, pod, &claim) else { continue };
            let Some(offer) = offered(view, pod, &claim, &keys) else { continue };
            let key = offer.by.as_ref().or(keys.first()).cloned();
            let image = inventory.add(&offer, now);
            image.grant(repository(&offer.name), key.as_ref());
        }
    }
}

/// The image of a claim: what its name leads to, if that is still the same, else what the digest
/// says.
fn offered(view: &View, pod: &Entry, claim: &Claim, keys: &[Key]) -> Option<Offer> {
    let names = Reference::candidates(&claim.name).ok()?;
    let asker = Asker { id: &pod.meta.uid, since: Timestamp::MIN };
    let same = |o: &Offer| claim.digest.is_empty() || o.digests.contains(&claim.digest);
    if let Some(offer) = registries::ask(view, asker, &names, |_| keys.to_vec()).ok().filter(same) {
        return Some(offer);
    }
    let by_digest = format!("{}@{}", repository(&claim.name), claim.digest);
    let known = registries::known(view, &by_digest).filter(same)?;
    Some(Offer { name: claim.name.clone(), ..known })
}

impl Inventory {
    /// The pod's keys, if the claim tells of an image, a name or a permission not noted yet.
    fn learns(&self, view: &View, pod: &Entry, claim: &Claim) -> Option<Vec<Key>> {
        let stale = |what: &str| {
            let second = |t: Timestamp| t.as_second();
            self.lost.get(what).is_some_and(|l| {
                pod.rev <= l.rev || claim.at.is_some_and(|at| second(at) < second(l.at))
            })
        };
        let repository = repository(&claim.name);
        let keys = || registries::keys(view, &pod.lean(), repository);
        let held = if claim.digest.is_empty() {
            self.find(&claim.name)
        } else {
            self.by_digest(&claim.digest)
        };
        let Some(held) = held else { return (!stale(&claim.digest)).then(keys) };
        if !held.is_called(&claim.name) && !stale(&format!("{} {}", claim.name, claim.digest)) {
            return Some(keys());
        }
        if held.open(repository) {
            return None;
        }
        Some(keys()).filter(|keys| !held.may_use(repository, keys))
    }

    /// IDs of the images that containers of a node are made from; those of pods that have come to
    /// their end count if `ended` says so.
    pub fn in_use(&self, view: &View, node: &str, ended: bool) -> HashSet<String> {
        let mut used = HashSet::new();
        for pod in view.pods_on(node) {
            let lens = PodLens::of(pod);
            if lens.is_terminal() && !ended {
                continue;
            }
            let digests = claims(&lens).into_iter().map(|c| (c.digest, c.name));
            let held = digests.filter_map(|(d, n)| self.by_digest(&d).or(self.find(&n)));
            used.extend(held.map(|h: &StoredImage| h.id.clone()));
        }
        used
    }

    /// Forgets losses nobody could mistake any more: no pod tells of them.
    pub fn forget_losses(&mut self, view: &View, node: &str) {
        if self.lost.is_empty() {
            return;
        }
        let told: Vec<Claim> = view.pods_on(node).flat_map(|p| claims(&PodLens::of(p))).collect();
        self.lost.retain(|what, _| {
            told.iter().any(|c| !c.digest.is_empty() && what.ends_with(&c.digest))
        });
    }
}
