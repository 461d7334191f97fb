//! Getting a container's image onto the node. Source: `pkg/kubelet/images`.

use super::{
    attempts::Told,
    backoff,
    container::hold,
    record::{Record, State},
    sync::{Sync, plus},
};
use crate::{
    catalog::{Config, reference::Reference},
    object::{ObjectExt, Value, json},
    sim::{
        nodes::images::{StoredImage, capacity, repository},
        registries::{self, Asker, Offer, Refusal},
    },
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// An image that is on the node, or will be at a known moment.
pub struct Pulled {
    /// When it is there.
    pub at: Timestamp,
    /// Text of the `Pulled` event.
    pub text: String,
    /// The runtime's name.
    pub name: String,
    /// `repository@digest`.
    pub digest: String,
    /// What is known of it.
    pub config: Arc<Config>,
}

/// What is wanted of an image.
struct WantedImage<'a> {
    /// The name as written.
    written: &'a str,
    /// What it may stand for.
    names: Vec<Reference>,
    /// When the container could have started.
    anchor: Timestamp,
    /// Whether the container waited for another image until now.
    changed: bool,
}

/// Sees to the image. `None` when it cannot be had now: the record says why and the next look is
/// arranged.
pub fn ensure(s: &mut Sync<'_>, spec: &Value, r: &mut Record, anchor: Timestamp) -> Option<Pulled> {
    let written = spec.str_at("image");
    let names = match Reference::candidates(written) {
        Ok(names) => names,
        Err(why) => {
            invalid(s, r, written, &why);
            return None;
        }
    };
    let changed = forget_other(r, written);
    let wanted = WantedImage { written, names, anchor, changed };
    let policy = spec.str_at("imagePullPolicy");
    if policy != "Always" {
        let held = present(s, &wanted).filter(|(image, name)| may_use(s, image, name));
        match held {
            Some((image, name)) if !pulling(s, r, &wanted) => {
                return Some(local(s, &wanted, &image, &name));
            }
            None if policy == "Never" => {
                never(s, r, written);
                return None;
            }
            _ => {}
        }
    }
    pull(s, r, &wanted)
}

/// Sees to the images a container mounts; answers when all of them are there.
pub fn ensure_volumes(
    s: &mut Sync<'_>,
    spec: &Value,
    r: &mut Record,
    anchor: Timestamp,
) -> Option<Timestamp> {
    let mounted = |v: &&Value| {
        let mut mounts = spec.list_at("volumeMounts").iter();
        v.at("image").is_some() && mounts.any(|m| m.str_at("name") == v.str_at("name"))
    };
    let mut there = anchor;
    let volumes: Vec<Value> =
        s.pod.list_at("spec.volumes").iter().filter(mounted).cloned().collect();
    for volume in volumes {
        let reference = volume.str_at("image.reference");
        let wanted =
            json!({"image": reference, "imagePullPolicy": volume.str_at("image.pullPolicy")});
        // The record is about the container's own image: only what it waits for is taken over.
        let mut own = Record { image: reference.into(), ..r.clone() };
        let Some(pulled) = ensure(s, &wanted, &mut own, anchor) else {
            r.state = own.state;
            return None;
        };
        if !s.reached(pulled.at) {
            return None;
        }
        s.record_once(&r.name, false, "Pulled", pulled.text, anchor);
        there = there.max(pulled.at);
    }
    Some(there)
}

/// A container that waited for another image starts over.
fn forget_other(r: &mut Record, written: &str) -> bool {
    let State::Waiting(reason, message) = &r.state else { return false };
    let backs_off = reason == BACK_OFF && !message.starts_with(&back_off_text(written));
    let fresh = r.image_id.is_empty();
    let changed = backs_off || (fresh && r.image != written);
    if changed {
        r.state = State::Waiting("ContainerCreating".into(), String::new());
    }
    if fresh {
        r.image = written.into();
    }
    changed
}

/// The image the node holds under this name, and the name.
fn present(s: &Sync<'_>, wanted: &WantedImage<'_>) -> Option<(StoredImage, String)> {
    wanted.names.iter().map(Reference::full).find_map(|name| {
        let held = s.images.find(&name)?.clone();
        Some((held, name))
    })
}

fn may_use(s: &Sync<'_>, image: &StoredImage, name: &str) -> bool {
    let repository = repository(name);
    image.open(repository)
        || image.may_use(repository, &registries::keys(s.view, s.pod, repository))
}

/// Whether the kubelet has begun to pull for this start already: another pod may have brought the
/// image meanwhile.
fn pulling(s: &Sync<'_>, r: &Record, wanted: &WantedImage<'_>) -> bool {
    s.told(&r.name, "Pulling", &pulling_text(wanted.written), wanted.anchor)
}

fn pulling_text(written: &str) -> String {
    format!("Pulling image \"{written}\"")
}

fn back_off_text(written: &str) -> String {
    format!("Back-off pulling image \"{written}\"")
}

fn local(s: &Sync<'_>, wanted: &WantedImage<'_>, image: &StoredImage, name: &str) -> Pulled {
    let text = format!(
        "Container image \"{}\" already present on machine and can be accessed by the pod",
        wanted.written
    );
    let digest = image_id(repository(name), &image.digests);
    let config = registries::known(s.view, &digest).map(|o| o.config).unwrap_or_default();
    Pulled { at: wanted.anchor, text, name: name.into(), digest, config }
}

/// What a container's status calls its image: of all digests in the repository the first.
/// Source: CRI-O, which sorts them and takes one.
fn image_id(repository: &str, digests: &[String]) -> String {
    let first = digests.iter().min().map_or("", String::as_str);
    format!("{repository}@{first}")
}

fn pull(s: &mut Sync<'_>, r: &mut Record, wanted: &WantedImage<'_>) -> Option<Pulled> {
    let series = series(s, r, wanted);
    let failure = Failure::read(r, wanted.written);
    let began = match &failure {
        Some(_) => backoff::pulls(series, s.now()).began,
        None => series,
    };
    if let Some(failure) = failure
        && (s.attempts.told(&r.name, wanted.written, Told::Failed, began)
            || s.told(&r.name, "Failed", &failure.event(), began))
    {
        back_off(s, r, wanted.written, &failure, series);
        return None;
    }
    if !s.attempts.told(&r.name, wanted.written, Told::Pulling, began) {
        s.record_once(&r.name, false, "Pulling", pulling_text(wanted.written), began);
        s.attempts.note_pulling(&r.name, began);
    }
    let asker = Asker { id: s.pod.uid(), since: began };
    let answer = registries::ask(s.view, asker, &wanted.names, |repository| {
        registries::keys(s.view, s.pod, repository)
    });
    match answer.and_then(|offer| fits(s, offer)) {
        Ok(offer) => return Some(arriving(s, wanted, offer, began)),
        Err(Refusal::Open(name)) => {
            // The answer wakes this pod.
            s.write(registries::question(s.view, Some(s.pod), asker, &name));
        }
        Err(Refusal::Refused(raw)) => {
            let failure = Failure { reason: FAILURES[0], message: raw.clone(), raw };
            refused(s, r, wanted.written, failure, series, began);
        }
        Err(Refusal::Unavailable(why)) => {
            refused(
                s,
                r,
                wanted.written,
                Failure::unavailable(wanted.written, &why),
                series,
                began,
            );
        }
    }
    None
}

/// When the first of the present series of attempts began.
fn series(s: &Sync<'_>, r: &Record, wanted: &WantedImage<'_>) -> Timestamp {
    if let Some(noted) = s.attempts.series(&r.name, wanted.written, wanted.anchor) {
        return noted.began;
    }
    let text = pulling_text(wanted.written);
    match s.first_told(&r.name, "Pulling", &text, wanted.anchor) {
        Some(first) => first.max(wanted.anchor),
        None if wanted.changed => s.now(),
        None => wanted.anchor,
    }
}

/// Whether the disk has room for what the node does not hold yet.
fn fits(s: &Sync<'_>, offer: Offer) -> Result<Offer, Refusal> {
    let free = capacity(&s.view.settings).saturating_sub(s.images.bytes());
    if held(s, &offer) || offer.size <= free {
        return Ok(offer);
    }
    let file = format!("/var/tmp/container_images_storage{}/1", s.chance("blob") % 10_000_000_000);
    Err(Refusal::Refused(format!(
        "unable to pull image: writing blob: storing blob to file \"{file}\": write {file}: no \
         space left on device"
    )))
}

fn held(s: &Sync<'_>, offer: &Offer) -> bool {
    offer.digests.iter().any(|d| s.images.by_digest(d).is_some())
}

fn arriving(s: &Sync<'_>, wanted: &WantedImage<'_>, offer: Offer, began: Timestamp) -> Pulled {
    let took = duration(s, &offer);
    let shown = backoff::go(took);
    let text = format!(
        "Successfully pulled image \"{}\" in {shown} ({shown} including waiting). Image size: {} \
         bytes.",
        wanted.written, offer.size
    );
    let at = began.saturating_add(took).unwrap_or(began);
    let digest = image_id(repository(&offer.name), &offer.digests);
    Pulled { at, text, name: offer.name, digest, config: offer.config }
}

/// Finding the manifest, and the bytes unless they are there already; a fifth more or less,
/// depending on the pod.
fn duration(s: &Sync<'_>, offer: &Offer) -> SignedDuration {
    let delays = &s.view.delays;
    let bytes = if held(s, offer) { 0 } else { offer.size };
    let transfer = match delays.bandwidth {
        0 => 0,
        per_second => bytes.saturating_mul(1000) / per_second,
    };
    let base = delays.manifest.as_millis() as u64 + transfer;
    let varied = base * (80 + s.chance(&offer.id) % 41) / 100;
    SignedDuration::from_millis(varied as i64).saturating_add(offer.took)
}

fn invalid(s: &mut Sync<'_>, r: &mut Record, written: &str, why: &str) {
    let text = format!(
        "Failed to apply default image tag \"{written}\": couldn't parse image name \
         \"{written}\": {why}"
    );
    stuck(s, r, "InspectFailed", "InvalidImageName", text);
}

fn never(s: &mut Sync<'_>, r: &mut Record, written: &str) {
    let text = format!("Container image \"{written}\" is not present with pull policy of Never");
    stuck(s, r, "ErrImageNeverPull", "ErrImageNeverPull", text);
}

/// A state that only a change of the spec or the node ends.
fn stuck(s: &mut Sync<'_>, r: &mut Record, event: &'static str, reason: &str, text: String) {
    let name = r.name.clone();
    if r.waiting() != reason {
        s.tell(&name, true, event, text.clone());
        s.tell(&name, true, "Failed", format!("Error: {reason}"));
    }
    hold(r, reason, text);
    s.wake(plus(s.now(), 60.0));
}

const BACK_OFF: &str = "ImagePullBackOff";
const FAILURES: [&str; 2] = ["ErrImagePull", "RegistryUnavailable"];

/// A pull that failed.
struct Failure {
    /// Reason of the waiting state.
    reason: &'static str,
    /// Its message.
    message: String,
    /// The runtime's words.
    raw: String,
}

impl Failure {
    /// Source: `evalCRIPullErr`; that nobody listens is said by CRI-O in front of its words.
    fn unavailable(written: &str, why: &str) -> Failure {
        Failure {
            reason: FAILURES[1],
            message: format!(
                "image pull failed for {written} because the registry is unavailable: {why}"
            ),
            raw: format!("{}: {why}", FAILURES[1]),
        }
    }

    /// The failure a container waits for.
    fn read(r: &Record, written: &str) -> Option<Failure> {
        let State::Waiting(reason, message) = &r.state else { return None };
        let (reason, message) = match reason.as_str() {
            BACK_OFF => {
                let rest = message.strip_prefix(&back_off_text(written))?.strip_prefix(": ")?;
                rest.split_once(": ")?
            }
            other => (other, message.as_str()),
        };
        let reason = FAILURES.into_iter().find(|f| *f == reason)?;
        Some(Failure { reason, message: message.into(), raw: String::new() })
    }

    fn event(&self) -> String {
        format!("Error: {}", self.reason)
    }
}

/// An attempt that is being refused: the words come when the registry has answered.
fn refused(
    s: &mut Sync<'_>,
    r: &mut Record,
    written: &str,
    failure: Failure,
    series: Timestamp,
    began: Timestamp,
) {
    let delays = &s.view.delays;
    let failed = began.saturating_add(delays.manifest).unwrap_or(began);
    if !s.reached(failed) {
        return;
    }
    let text = format!("Failed to pull image \"{written}\": {}", failure.raw);
    s.record_once(&r.name, true, "Failed", text, began);
    s.record_once(&r.name, true, "Failed", failure.event(), began);
    s.attempts.note(&r.name, written, series, began);
    back_off(s, r, written, &failure, series);
}

/// After a failed attempt: its error, then `ImagePullBackOff` until the next.
fn back_off(s: &mut Sync<'_>, r: &mut Record, written: &str, failure: &Failure, series: Timestamp) {
    let delays = s.view.delays.clone();
    let attempt = backoff::pulls(series, s.now());
    let wait = delays.manifest.saturating_add(delays.notice);
    let noticed = attempt.began.saturating_add(wait).unwrap_or(attempt.began);
    if !s.reached(noticed) {
        return hold(r, failure.reason, failure.message.clone());
    }
    let text = back_off_text(written);
    if !s.attempts.told(&r.name, written, Told::BackOff, attempt.began) {
        s.record_once(&r.name, false, "BackOff", text.clone(), attempt.began);
        s.record_once(&r.name, true, "Failed", format!("Error: {BACK_OFF}"), attempt.began);
        s.attempts.note_back_off(&r.name, attempt.began);
    }
    hold(r, BACK_OFF, format!("{text}: {}: {}", failure.reason, failure.message));
    s.wake(attempt.next);
}
