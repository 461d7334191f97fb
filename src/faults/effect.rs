//! What a request meets: an answer that is none of its own, none at all, or a late one.

use super::Hit;
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Longest delay.
const LATEST: SignedDuration = SignedDuration::from_mins(10);

/// What happens to a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchFault {
    /// It ends.
    Drop,
    /// It stays open and tells nothing more.
    Stale,
    /// It ends with 410: its revision is too old.
    Gone,
}

/// What happens. A delay goes with everything, or stands alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Effect {
    /// The request is not carried out and gets this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What it is told, in place of the usual.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// How late, by the machine's clock.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub delay: String,
    /// The connection ends; the request is not carried out.
    #[serde(skip_serializing_if = "is_off")]
    pub cut: bool,
    /// The request is carried out, and the connection ends instead of an answer.
    #[serde(skip_serializing_if = "is_off")]
    pub lose: bool,
    /// What happens to a watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchFault>,
    /// Nobody hears of the nodes any more.
    #[serde(skip_serializing_if = "is_off")]
    pub silent: bool,
    /// The containers are not ready.
    #[serde(skip_serializing_if = "is_off")]
    pub unready: bool,
    /// The containers end with this exit code, `delay` after the rule begins to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash: Option<u8>,
    /// Every run of theirs does, `delay` after it began.
    #[serde(skip_serializing_if = "is_off")]
    pub repeat: bool,
    /// What registries say in place of the images.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pull: String,
    /// How much of the nodes' disks others use, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<u8>,
    /// Events that it tells before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands on a reference")]
fn is_off(switch: &bool) -> bool {
    !switch
}

impl Effect {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.status.is_some_and(|code| !(400..600).contains(&code)) {
            return Err("spec.effect.status: must be from 400 to 599".into());
        }
        let ends = [self.status.is_some(), self.cut, self.lose, self.watch.is_some()];
        let ends: Vec<bool> = ends.into_iter().chain(self.of_the_world()).collect();
        match ends.iter().filter(|on| **on).count() {
            0 if self.delay.is_empty() => return Err("spec.effect: says nothing".into()),
            0 | 1 => {}
            _ => return Err("spec.effect: say one of status, cut, lose, watch, silent, unready, crash, pull, disk".into()),
        }
        if self.status.is_none() && (!self.message.is_empty() || self.retry_after.is_some()) {
            return Err("spec.effect: message and retryAfter go with a status".into());
        }
        if self.watch.is_none() && self.events.is_some() {
            return Err("spec.effect: events go with watch".into());
        }
        if self.disk.is_some_and(|percent| !(1..=100).contains(&percent)) {
            return Err("spec.effect.disk: must be from 1 to 100".into());
        }
        if self.crash.is_none() && self.repeat {
            return Err("spec.effect: repeat goes with crash".into());
        }
        if self.is_of_the_world() && self.crash.is_none() && !self.delay.is_empty() {
            return Err("spec.effect: delay is for requests and crashes".into());
        }
        match self.late() {
            Err(()) => Err(format!(
                "spec.effect.delay: {:?}: must be a duration such as 500ms, 30s or 2m",
                self.delay
            )),
            Ok(late) if late > LATEST || late.is_negative() => {
                Err("spec.effect.delay: must be from 0 to 10 minutes".into())
            }
            Ok(_) => Ok(()),
        }
    }

    fn of_the_world(&self) -> [bool; 5] {
        let (crash, disk) = (self.crash.is_some(), self.disk.is_some());
        [self.silent, self.unready, crash, !self.pull.is_empty(), disk]
    }

    /// Whether it is no request that meets it, but nodes, images or containers.
    pub(super) fn is_of_the_world(&self) -> bool {
        self.of_the_world().contains(&true)
    }

    pub(super) fn late(&self) -> Result<SignedDuration, ()> {
        match self.delay.as_str() {
            "" => Ok(SignedDuration::ZERO),
            // Days of 24 hours are no matter of delays.
            text if text.contains('d') => Err(()),
            text => text.parse().map_err(|_| ()),
        }
    }
}

impl Hit {
    /// What happens.
    pub fn effect(&self) -> &Effect {
        &self.rule.spec.effect
    }

    /// How late it happens; `None`: at once.
    pub fn delay(&self) -> Option<SignedDuration> {
        self.effect().late().ok().filter(|late| late.is_positive())
    }

    /// The answer in place of the request's own, if it gets one.
    pub fn error(&self, resource: &str, name: &str) -> Option<Error> {
        let effect = self.effect();
        let code = effect.status?;
        let by = format!("fault {:?}", self.rule.name);
        let error = match code {
            409 => Error::stale(resource, name),
            410 => Error::Expired {
                message: "The resourceVersion for the provided watch is too old.".into(),
                continue_token: String::new(),
            },
            429 => Error::TooManyRequests {
                message: "too many requests, please try again later".into(),
                retry_after: effect.retry_after.unwrap_or(1),
                causes: Vec::new(),
            },
            500 => Error::internal(&by),
            503 => Error::Unavailable(format!(
                "the server is currently unable to handle the request ({by})"
            )),
            504 => Error::Timeout {
                message: "Timeout: request did not complete within the allowed duration".into(),
                causes: Vec::new(),
            },
            code => {
                let reason = match code {
                    401 => "Unauthorized",
                    403 => "Forbidden",
                    404 => "NotFound",
                    405 => "MethodNotAllowed",
                    422 => "Invalid",
                    _ => "",
                };
                return Some(said(effect, &json!({"code": code, "reason": reason, "message": by})));
            }
        };
        if effect.message.is_empty() && (effect.retry_after.is_none() || code == 429) {
            return Some(error);
        }
        if code == 409 && !effect.message.is_empty() {
            let why = effect.message.clone();
            return Some(Error::Conflict { resource: resource.into(), name: name.into(), why });
        }
        Some(said(effect, &error.status()))
    }
}

/// A Status with what a rule says itself.
fn said(effect: &Effect, status: &Value) -> Error {
    let mut full = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": status["message"], "code": status["code"]});
    for field in ["reason", "details"] {
        if let Some(value) = status.get(field).filter(|v| **v != json!("")) {
            full[field] = value.clone();
        }
    }
    if !effect.message.is_empty() {
        full["message"] = json!(effect.message);
    }
    if let Some(seconds) = effect.retry_after {
        full.set_at("details.retryAfterSeconds", seconds);
    }
    Error::Raw(Box::new(full))
}
