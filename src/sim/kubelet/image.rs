//! Getting a container's image onto the node. Source: `pkg/kubelet/images`.

use super::{
    backoff,
    container::hold,
    record::{Record, State},
    sync::{Sync, plus},
};
use crate::{
    catalog::{Config, Image},
    object::{ObjectExt, Value},
    sim::images::{self, PullError},
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

/// Sees to the image. `None` when it cannot be had now: the record says why and the next look is
/// arranged.
pub fn ensure(s: &mut Sync<'_>, spec: &Value, r: &mut Record, anchor: Timestamp) -> Option<Pulled> {
    let written = spec.str_at("image");
    let policy = spec.str_at("imagePullPolicy");
    match images::resolve(s.view, written) {
        Err(PullError::Name(why)) => {
            invalid(s, r, written, &why);
            None
        }
        Ok(image)
            if policy != "Always" && present(s, &image, r) && !pulling(s, r, written, anchor) =>
        {
            Some(local(image, written, anchor))
        }
        found if policy == "Never" => {
            drop(found);
            never(s, r, written);
            None
        }
        Ok(image) => pull(s, r, written, image, anchor),
        Err(PullError::Refused(why)) => {
            refused(s, r, written, &why, anchor);
            None
        }
    }
}

/// Whether the node holds the image: its own list says so, or this container ran it before.
fn present(s: &Sync<'_>, image: &Image, r: &Record) -> bool {
    s.node.has_image(&image.name) || s.node.has_image(&image.digest) || r.image_id == image.digest
}

/// Whether the kubelet has begun to pull for this start already: another pod may have brought the
/// image meanwhile.
fn pulling(s: &Sync<'_>, r: &Record, written: &str, anchor: Timestamp) -> bool {
    s.told(&r.name, "Pulling", &pulling_text(written), anchor)
}

fn pulling_text(written: &str) -> String {
    format!("Pulling image \"{written}\"")
}

fn local(image: Image, written: &str, anchor: Timestamp) -> Pulled {
    let text = format!(
        "Container image \"{written}\" already present on machine and can be accessed by the pod"
    );
    Pulled { at: anchor, text, name: image.name, digest: image.digest, config: image.config }
}

fn pull(
    s: &mut Sync<'_>,
    r: &Record,
    written: &str,
    image: Image,
    anchor: Timestamp,
) -> Option<Pulled> {
    s.tell_once(&r.name, false, "Pulling", pulling_text(written), anchor);
    let took = duration(s, &image, r);
    let shown = backoff::go(took);
    let text = format!(
        "Successfully pulled image \"{written}\" in {shown} ({shown} including waiting). Image \
         size: {} bytes.",
        image.size
    );
    let at = anchor.saturating_add(took).unwrap_or(anchor);
    Some(Pulled { at, text, name: image.name, digest: image.digest, config: image.config })
}

/// Finding the manifest, and the bytes unless they are there already; a fifth more or less,
/// depending on the pod.
fn duration(s: &Sync<'_>, image: &Image, r: &Record) -> SignedDuration {
    let delays = &s.view.settings.delays;
    let bytes = if present(s, image, r) { 0 } else { image.size };
    let transfer = match delays.bandwidth {
        0 => 0,
        per_second => bytes.saturating_mul(1000) / per_second,
    };
    let base = delays.manifest.as_millis() as u64 + transfer;
    let varied = base * (80 + s.chance(&image.digest) % 41) / 100;
    SignedDuration::from_millis(varied as i64)
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

/// A pull that fails: `ErrImagePull`, then `ImagePullBackOff` until the next attempt.
fn refused(s: &mut Sync<'_>, r: &mut Record, written: &str, why: &str, anchor: Timestamp) {
    let (name, delays) = (r.name.clone(), s.view.settings.delays.clone());
    let attempt = backoff::pulls(anchor, s.now());
    let since = attempt.began;
    s.tell_once(&name, false, "Pulling", pulling_text(written), since);
    let failed = since.saturating_add(delays.manifest).unwrap_or(since);
    if !s.reached(failed) {
        return;
    }
    let text = format!("Failed to pull image \"{written}\": {why}");
    s.tell_once(&name, true, "Failed", text, since);
    s.tell_once(&name, true, "Failed", "Error: ErrImagePull".into(), since);
    let noticed = failed.saturating_add(delays.notice).unwrap_or(failed);
    if !s.reached(noticed) {
        return hold(r, "ErrImagePull", why.into());
    }
    let text = format!("Back-off pulling image \"{written}\"");
    s.tell_once(&name, false, "BackOff", text.clone(), since);
    s.tell_once(&name, true, "Failed", "Error: ImagePullBackOff".into(), since);
    if !matches!(&r.state, State::Waiting(reason, _) if reason == "ImagePullBackOff") {
        hold(r, "ImagePullBackOff", format!("{text}: ErrImagePull: {why}"));
    }
    s.wake(attempt.next);
}
