//! Types of `simulation.pocketshift.io/v1`, a group of our own. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "simulation.pocketshift.io",
        package: "simulation",
        version: "v1",
        kinds: &["Clock"],
        schemas: collect(&[push::<ClockObject>]),
    }
}

/// The cluster's clock; there is one, named cluster. Everybody may read it; whoever may change it moves it.
/// A change is answered when all work that was due is done.
#[derive(ToSchema)]
#[schema(as = Clock, rename_all = "camelCase")]
pub struct ClockObject {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// How the clock shall run, and where it shall move on to.
    pub spec: Option<ClockSpec>,
    /// What it shows.
    pub status: Option<ClockStatus>,
}

/// How the clock shall run, and where it shall move on to.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClockSpec {
    /// Seconds that pass in one of the machine's, from 0 to 1000. Defaults to 1.
    pub rate: Option<f64>,
    /// Whether it stands still until it is moved. The rate stays, for when it goes on.
    pub stopped: Option<bool>,
    /// How far it moves on, once: 90s, 15m or 1h30m. Gone when that is done.
    pub step: Option<String>,
    /// The moment (RFC 3339) it moves on to, once. Gone when that is done.
    pub until: Option<String>,
    /// Whether it moves on, once, to when something happens next. Gone when that is done.
    pub next: Option<bool>,
    /// What it moves on for, once, from one moment something happens to the next. Gone when that is done.
    pub wait: Option<ClockWait>,
}

/// What the clock moves on for, as `oc wait` says it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClockWait {
    /// What must hold: condition=TYPE[=STATUS], or delete.
    pub r#for: Option<String>,
    /// Type of the object, in any of its names.
    pub resource: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
    /// Namespace of the object. Defaults to default.
    pub namespace: Option<String>,
    /// How far it goes at most: 90s or 12h. Defaults to 24h.
    pub limit: Option<String>,
}

/// What the clock shows.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClockStatus {
    /// The present moment. As it was at the last move where the clock is watched.
    pub now: Option<String>,
    /// Seconds that pass in one of the machine's; 0 while it stands still.
    pub rate: Option<f64>,
    /// When something happens next, if anything is waited for.
    pub next: Option<String>,
}
