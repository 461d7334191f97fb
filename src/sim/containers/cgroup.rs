//! What the kernel tells a container of itself: the files of its control group, which follow its
//! resources, and the processes' of `/proc` that its pod decides.
//! Source: kubelet `cm.MilliCPUToShares` and `qos.GetContainerOOMScoreAdjust`; runc, which writes
//! the files of version 2.

use super::place::Place;
use crate::{
    controllers::View,
    object::{ObjectExt, Value, quantity::Quantity},
    sim::shell::fs::{Layer, Node},
};
use jiff::Timestamp;

/// Where a container sees its own control group.
pub const AT: &str = "/sys/fs/cgroup";

/// Length of the periods processor time is given out in, in microseconds.
const PERIOD: i64 = 100_000;

/// Most processes of a pod. Source: OpenShift's `podPidsLimit`.
const PROCESSES: &str = "4096";

fn amount(spec: &Value, path: &str) -> Option<Quantity> {
    spec.at(&format!("resources.{path}")).and_then(Quantity::from_value)
}

/// The files of a container's control group.
pub fn files(place: &Place, made: Timestamp) -> Layer {
    let (limits, requests) = (("limits.cpu", "limits.memory"), "requests.cpu");
    let milli = |path| amount(&place.spec, path).map(|q| q.milli()).filter(|m| *m > 0);
    let quota = match milli(limits.0) {
        Some(milli) => (milli * PERIOD / 1000).max(1000).to_string(),
        None => "max".into(),
    };
    let memory = amount(&place.spec, limits.1).map(|q| q.value()).filter(|bytes| *bytes > 0);
    let shares = shares(milli(requests).or(milli(limits.0)).unwrap_or(0));
    let texts = [
        ("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc".to_owned()),
        ("cgroup.type", "domain".into()),
        ("cpu.max", format!("{quota} {PERIOD}")),
        ("cpu.weight", weight(shares).to_string()),
        ("memory.high", "max".into()),
        ("memory.low", "0".into()),
        ("memory.max", memory.map_or("max".into(), |bytes| bytes.to_string())),
        ("memory.min", "0".into()),
        ("memory.swap.max", "0".into()),
        ("pids.max", PROCESSES.into()),
    ];
    let mut layer = Layer::from([(String::new(), Node { changed: made, ..Node::directory() })]);
    for (name, text) in texts {
        let file = Node { changed: made, ..Node::file(format!("{text}\n")) };
        layer.insert(format!("/{name}"), file);
    }
    layer
}

fn shares(milli: i64) -> i64 {
    (milli * 1024 / 1000).clamp(2, 262_144)
}

/// Version 2's weight for version 1's shares.
fn weight(shares: i64) -> i64 {
    1 + (shares - 2) * 9999 / 262_142
}

/// How readily the kernel ends a container's processes when a node's memory runs out.
pub fn oom_score(view: &View, place: &Place) -> i64 {
    match place.pod.str_at("status.qosClass") {
        "Guaranteed" => return -997,
        "BestEffort" => return 1000,
        _ => {}
    }
    let node = Quantity::parse(&view.settings.capacity.memory).map_or(0, |q| q.value());
    let asked = amount(&place.spec, "requests.memory").or(amount(&place.spec, "limits.memory"));
    let asked = asked.map_or(0, |q| q.value());
    let part = i128::from(asked) * 1000 / i128::from(node.max(1));
    (1000 - i64::try_from(part).unwrap_or(1000)).clamp(3, 999)
}

/// What `/proc` says of the first process, and of any that looks at itself.
pub fn status(view: &View, place: &Place, uid: u32, name: &str) -> String {
    let cpus = Quantity::parse(&view.settings.capacity.cpu).map_or(1, |q| q.value()).max(1);
    let gid = place.groups().first().copied().unwrap_or(0);
    format!(
        "Name:\t{name}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t1\nPid:\t1\nPPid:\t0\n\
         Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nThreads:\t1\n\
         Cpus_allowed_list:\t0-{}\nMems_allowed_list:\t0\n",
        cpus - 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{object::json, settings::Settings, store::Snapshot};
    use std::sync::Arc;

    fn place(class: &str, resources: Value) -> Place {
        Place {
            pod: Arc::new(json!({"status": {"qosClass": class}})),
            spec: json!({"resources": resources}),
            status: Value::Null,
        }
    }

    #[test]
    fn files_follow_the_resources() {
        let rows = [
            (json!({}), "max 100000", "1", "max"),
            (json!({"limits": {"cpu": "200m", "memory": "64Mi"}}), "20000 100000", "8", "67108864"),
            (
                json!({"limits": {"cpu": "1m"}, "requests": {"cpu": "1m"}}),
                "1000 100000",
                "1",
                "max",
            ),
            (json!({"requests": {"cpu": "2"}}), "max 100000", "79", "max"),
        ];
        for (resources, max, weight, memory) in rows {
            let files = files(&place("Burstable", resources.clone()), Timestamp::UNIX_EPOCH);
            for (name, text) in [("cpu.max", max), ("cpu.weight", weight), ("memory.max", memory)] {
                let expected = Node::file(format!("{text}\n"));
                assert_eq!(files[&format!("/{name}")].content, expected.content, "{resources}");
            }
        }
    }

    #[test]
    fn classes_decide_who_goes_first() {
        let view = View {
            objects: Arc::new(Snapshot::default()),
            now: Timestamp::UNIX_EPOCH,
            settings: Arc::new(Settings::default()),
            delays: crate::settings::Delays::default(),
            lives: None,
            watched: true,
            since: jiff::Timestamp::MIN,
        };
        let rows = [
            ("Guaranteed", json!({}), -997),
            ("BestEffort", json!({}), 1000),
            ("Burstable", json!({"requests": {"memory": "16Gi"}}), 750),
            ("Burstable", json!({"requests": {"memory": "1Ki"}}), 999),
            ("Burstable", json!({"requests": {"memory": "64Gi"}}), 3),
        ];
        for (class, resources, score) in rows {
            assert_eq!(oom_score(&view, &place(class, resources)), score, "{class}");
        }
    }
}
