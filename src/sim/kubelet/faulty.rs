//! What rules about faults do to running containers: they crash, or are not ready.

use super::{
    container,
    probe::{self, Listening},
    record::Record,
    sync::Sync,
};
use crate::{
    faults::{self, Spot},
    object::{ObjectExt, Value},
};

/// KILL: nobody can do anything about it.
const KILL: i32 = 9;

/// Looks after one running container: ends it if a rule says so, probes it otherwise.
pub fn container(s: &mut Sync<'_>, spec: &Value, r: &mut Record, on: &Listening) {
    let (view, pod) = (s.view, s.pod);
    let name = r.name.clone();
    let spot = Spot {
        node: pod.str_at("spec.nodeName"),
        namespace: pod.namespace(),
        pod: pod.name(),
        container: &name,
    };
    if let Some(since) = r.running()
        && let Some((at, code)) = faults::crash(&view.objects, spot, since)
        && s.reached(at)
    {
        if let Some(lives) = &view.lives {
            lives.signal(r.run(pod), KILL, s.now());
        }
        return container::finish(s, r, since, code);
    }
    probe::container(s, spec, r, on);
    if r.ready && r.running().is_some() && faults::unready(&view.objects, s.now(), spot) {
        r.ready = false;
    }
}
