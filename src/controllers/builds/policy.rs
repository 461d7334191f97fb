//! Whose turn it is among the builds of a config.
//! Source: openshift-controller-manager `pkg/build/controller/policy`.

use crate::{
    builds::{BUILDS, CONFIG_NAME, RUN_POLICY, is_over, number, phase},
    controllers::View,
    object::{ObjectExt, Value},
    store::Entry,
};

/// What a build may do.
pub enum Turn {
    /// Begin.
    Now,
    /// Wait.
    Later,
    /// Nothing: a newer one will do.
    Never,
}

/// Whether a new build may begin.
pub fn turn(view: &View, entry: &Entry, build: &Value) -> Turn {
    let rule = entry.meta.label(RUN_POLICY).unwrap_or("Parallel");
    let Some(config) = entry.meta.label(CONFIG_NAME).filter(|_| rule != "Parallel") else {
        return Turn::Now;
    };
    let others = view.objects.list(BUILDS, build.namespace());
    let others = others.filter(|e| e.meta.label(CONFIG_NAME) == Some(config) && e.key != entry.key);
    let open: Vec<Value> = others.map(|e| e.lean()).filter(|b| !is_over(b)).collect();
    let mine = number(build);
    if rule == "SerialLatestOnly" && open.iter().any(|b| number(b) > mine) {
        return Turn::Never;
    }
    let before = |b: &Value| {
        matches!(phase(b), "Pending" | "Running") || (rule == "Serial" && number(b) < mine)
    };
    if open.iter().any(before) { Turn::Later } else { Turn::Now }
}
