//! Which node a pod gets, and in which words it gets none.

use crate::{
    object::{ObjectExt, Value, json},
    settings::Settings,
    sim::{self, lab::Lab},
};
use std::collections::{HashMap, HashSet};

/// Nodes `n1`, `n2` … beside nothing else.
fn lab(nodes: Vec<Value>) -> Lab {
    let mut lab = Lab::new(Settings { nodes: 0, ..Lab::instant().settings.as_ref().clone() });
    for (i, mut node) in nodes.into_iter().enumerate() {
        let name = format!("n{}", i + 1);
        node.set_at("metadata.name", name.as_str());
        node.set_label("kubernetes.io/hostname", name);
        if node.at("status.allocatable").is_none() {
            node.set_at("status.allocatable", json!({"cpu": "2", "memory": "4Gi", "pods": "10"}));
        }
        lab.put("nodes", node);
    }
    lab
}

fn pod(name: &str, cpu: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "x",
            "resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": "Pending"}})
}

fn place(lab: &mut Lab, pods: Vec<Value>) -> HashMap<String, String> {
    let names: Vec<String> = pods.iter().map(|p| p.name().to_owned()).collect();
    for pod in pods {
        lab.put("pods", pod);
    }
    lab.settle();
    let node = |name: &String| {
        let pod = lab.get("pods", &format!("default/{name}")).unwrap();
        (name.clone(), pod.str_at("spec.nodeName").to_owned())
    };
    names.iter().map(node).collect()
}

fn refusal(lab: &mut Lab, pod: Value) -> String {
    let name = pod.name().to_owned();
    lab.put("pods", pod);
    lab.settle();
    let pod = lab.get("pods", &format!("default/{name}")).unwrap();
    let c = pod.condition("PodScheduled").unwrap();
    assert_eq!((c.str_at("status"), c.str_at("reason")), ("False", "Unschedulable"));
    let message = c.str_at("message").to_owned();
    assert!(lab.heard().contains(&format!("FailedScheduling {message}")));
    message
}

/// K01.
#[test]
fn reasons_are_counted_and_sorted() {
    let small = json!({"status": {"allocatable": {"cpu": "500m", "memory": "4Gi", "pods": "10"}}});
    let mut lab = lab(vec![json!({"spec": {"unschedulable": true}}), small.clone(), small]);
    assert_eq!(
        refusal(&mut lab, pod("p", "1")),
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: \
         0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    );
}

#[test]
fn each_filter_has_its_words() {
    let taint = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
    let helpless =
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    let no_victims =
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    let mut selector = pod("p", "1");
    selector.set_at("spec.nodeSelector", json!({"disk": "ssd"}));
    let mut claim = pod("p", "1");
    claim.set_at(
        "spec.volumes",
        json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]),
    );
    let rows = [
        (taint, pod("p", "1"), "1 node(s) had untolerated taint(s)", helpless),
        (json!({}), selector, "1 node(s) didn't match Pod's node affinity/selector", helpless),
        (json!({}), claim, "persistentvolumeclaim \"c\" not found", helpless),
        (json!({}), pod("p", "3"), "1 Insufficient cpu", helpless),
        (
            json!({"status": {"allocatable": {"cpu": "2", "pods": "0"}}}),
            pod("p", "1"),
            "1 Too many pods",
            no_victims,
        ),
    ];
    for (node, pod, reason, preemption) in rows {
        let mut lab = lab(vec![node]);
        let expected = format!("0/1 nodes are available: {reason}. {preemption}");
        assert_eq!(refusal(&mut lab, pod), expected);
    }
    assert_eq!(refusal(&mut lab(vec![]), pod("p", "1")), "no nodes available to schedule pods");
}

#[test]
fn a_pod_waits_until_there_is_room() {
    let mut lab = lab(vec![json!({})]);
    let placed = place(&mut lab, vec![pod("a", "1500m"), pod("b", "1")]);
    assert_eq!((placed["a"].as_str(), placed["b"].as_str()), ("n1", ""));
    let mut a = lab.get("pods", "default/a").unwrap();
    a.set_at("status.phase", "Succeeded");
    lab.put("pods", a);
    lab.settle();
    let b = lab.get("pods", "default/b").unwrap();
    assert_eq!(b.str_at("spec.nodeName"), "n1");
    assert_eq!(b.condition("PodScheduled").unwrap().str_at("status"), "True");
}

#[test]
fn tolerations_affinity_and_ports_are_respected() {
    let mut lab = lab(vec![
        json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}}),
        json!({"metadata": {"labels": {"disk": "ssd"}}}),
    ]);
    let mut tolerant = pod("a", "100m");
    tolerant.set_at("spec.tolerations", json!([{"key": "k", "operator": "Exists"}]));
    tolerant.set_at("spec.nodeSelector", json!({"kubernetes.io/hostname": "n1"}));
    let mut picky = pod("b", "100m");
    picky.set_at(
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        json!({"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}),
    );
    let port = |name: &str| {
        let mut p = pod(name, "100m");
        p["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
        p
    };
    let placed = place(&mut lab, vec![tolerant, picky, port("c"), port("d")]);
    assert_eq!(placed["a"], "n1");
    assert_eq!(placed["b"], "n2");
    assert_eq!((placed["c"].as_str(), placed["d"].as_str()), ("n2", ""));
}

#[test]
fn pods_of_one_owner_spread() {
    let mut lab = lab(vec![json!({}), json!({}), json!({})]);
    let owned = |i: usize| {
        let mut p = pod(&format!("p{i}"), "10m");
        p.set_at(
            "metadata.ownerReferences",
            json!([{"kind": "ReplicaSet", "name": "r",
            "uid": "r", "controller": true}]),
        );
        p
    };
    let placed = place(&mut lab, (0..6).map(owned).collect());
    for node in ["n1", "n2", "n3"] {
        assert_eq!(placed.values().filter(|n| *n == node).count(), 2, "{placed:?}");
    }
}

#[test]
fn pods_keep_away_from_each_other_when_told() {
    let mut lab = lab(vec![json!({}), json!({})]);
    let shy = |name: &str| {
        let mut p = pod(name, "10m");
        p.set_at(
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
            json!([{"labelSelector": {"matchLabels": {"app": "web"}},
                "topologyKey": "kubernetes.io/hostname"}]),
        );
        p
    };
    let placed = place(&mut lab, vec![shy("a"), shy("b")]);
    assert_ne!(placed["a"], placed["b"]);
    assert_eq!(
        refusal(&mut lab, shy("c")),
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. preemption: \
         0/2 nodes are available: 2 No preemption victims found for incoming pod."
    );
    assert_eq!(
        refusal(&mut lab, pod("d", "10m")),
        "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules. \
         preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
    );
}

#[test]
fn hard_spread_constraints_are_kept() {
    let mut lab = lab(vec![
        json!({}),
        json!({"spec": {"taints": [
        {"key": "k", "effect": "NoSchedule"}]}}),
    ]);
    let spread = |name: &str| {
        let mut p = pod(name, "10m");
        p.set_at(
            "spec.topologySpreadConstraints",
            json!([{"maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}}]),
        );
        p
    };
    assert_eq!(place(&mut lab, vec![spread("a")])["a"], "n1");
    assert_eq!(
        refusal(&mut lab, spread("b")),
        "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 \
         node(s) had untolerated taint(s). preemption: 0/2 nodes are available: 1 No preemption \
         victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    );
}

#[test]
fn a_thousand_pods_get_a_place_and_an_address_each() {
    let mut lab = Lab::instant();
    let image = "registry.k8s.io/pause:3.9";
    for i in 0..700 {
        let mut p = pod(&format!("p{i:04}"), "1m");
        p["spec"]["containers"][0]["image"] = json!(image);
        lab.put("pods", p);
    }
    lab.settle();
    let view = lab.view();
    let pods: Vec<Value> = view.objects.list("pods", "").map(|e| e.value()).collect();
    assert!(pods.iter().all(|p| p.str_at("status.phase") == "Running"));
    let addresses: HashSet<&str> = pods.iter().map(|p| p.str_at("status.podIP")).collect();
    assert_eq!(addresses.len(), 700);
    assert!(!addresses.contains(""));
    assert_eq!(lab.writes, 1400, "one binding and one status each");
}

#[test]
fn scheduling_waits_for_gates_and_other_schedulers() {
    let mut lab = lab(vec![json!({})]);
    let mut gated = pod("a", "1m");
    gated.set_at("spec.schedulingGates", json!([{"name": "g"}]));
    let mut foreign = pod("b", "1m");
    foreign.set_at("spec.schedulerName", "mine");
    let placed = place(&mut lab, vec![gated, foreign]);
    assert!(placed.values().all(String::is_empty));
    let plan = (sim::scheduler::SCHEDULER.reconcile)(&lab.view(), "all");
    assert!(plan.steps.is_empty() && plan.again.is_none());
}

fn ranked(name: &str, cpu: &str, priority: i32) -> Value {
    let mut p = pod(name, cpu);
    p.set_at("spec.priority", priority);
    p
}

fn bound(name: &str, cpu: &str, priority: i32, node: &str) -> Value {
    let mut p = ranked(name, cpu, priority);
    p.set_at("spec.nodeName", node);
    p.set_at("status.phase", "Running");
    p
}

/// Looks until the scheduler has nothing to say, while kubelets are slow.
fn schedule(lab: &mut Lab) {
    for _ in 0..4 {
        lab.reconcile(&sim::scheduler::SCHEDULER, "all");
    }
}

#[test]
fn a_more_important_pod_takes_the_place_of_others() {
    let mut lab = lab(vec![json!({}), json!({})]);
    for p in [
        bound("a", "1", 5, "n1"),
        bound("b", "1", 1, "n1"),
        bound("c", "1", 2, "n2"),
        bound("d", "1", 2, "n2"),
    ] {
        lab.put("pods", p);
    }
    lab.put("pods", ranked("vip", "1", 10));
    lab.reconcile(&sim::scheduler::SCHEDULER, "all");
    let vip = lab.get("pods", "default/vip").unwrap();
    assert_eq!(vip.str_at("status.nominatedNodeName"), "n1", "the least important pod is there");
    assert_eq!(vip.str_at("spec.nodeName"), "");
    assert_eq!(
        vip.condition("PodScheduled").unwrap().str_at("message"),
        "0/2 nodes are available: 2 Insufficient cpu."
    );
    let left: Vec<String> =
        lab.view().objects.list("pods", "").map(|e| e.meta.name.to_string()).collect();
    assert_eq!(left, ["a", "c", "d", "vip"]);
    let told = lab.heard();
    let line = format!("Preempted Preempted by pod {} on node n1", vip.uid());
    assert!(told.contains(&line), "{told:?}");
    lab.settle();
    assert_eq!(lab.get("pods", "default/vip").unwrap().str_at("spec.nodeName"), "n1");
}

#[test]
fn victims_are_told_why_and_nobody_goes_twice() {
    let mut lab = lab(vec![json!({})]);
    lab.put("pods", bound("low", "2", 1, "n1"));
    lab.keeps_deleted_pods = true;
    lab.put("pods", ranked("vip", "2", 10));
    lab.put("pods", ranked("late", "2", 9));
    schedule(&mut lab);
    let low = lab.get("pods", "default/low").unwrap();
    let c = low.condition("DisruptionTarget").unwrap();
    assert_eq!((c.str_at("status"), c.str_at("reason")), ("True", "PreemptionByScheduler"));
    assert_eq!(
        c.str_at("message"),
        "default-scheduler: preempting to accommodate a higher priority pod"
    );
    assert!(low.is_deleting());
    let told = lab.heard();
    assert_eq!(told.iter().filter(|t| t.starts_with("Preempted")).count(), 1, "{told:?}");
    // The room is kept for the more important of the two.
    let late = lab.get("pods", "default/late").unwrap();
    assert_eq!(late.str_at("status.nominatedNodeName"), "");
    assert_eq!(
        late.condition("PodScheduled").unwrap().str_at("message"),
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 \
         Insufficient cpu."
    );
    let vip = lab.get("pods", "default/vip").unwrap();
    assert_eq!(vip.str_at("status.nominatedNodeName"), "n1");
}

#[test]
fn preemption_spares_budgets_and_those_who_never_preempt() {
    let mut lab = lab(vec![json!({}), json!({})]);
    let mut guarded = bound("guarded", "2", 1, "n1");
    guarded.set_label("app", "db");
    lab.put("pods", guarded);
    lab.put("pods", bound("plain", "2", 1, "n2"));
    lab.put(
        "poddisruptionbudgets.policy",
        json!({"metadata": {"name": "b", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "db"}}},
            "status": {"disruptionsAllowed": 0}}),
    );
    let mut polite = ranked("polite", "2", 10);
    polite.set_at("spec.preemptionPolicy", "Never");
    assert_eq!(
        refusal(&mut lab, polite),
        "0/2 nodes are available: 2 Insufficient cpu. preemption: not eligible due to \
         preemptionPolicy=Never."
    );
    lab.put("pods", ranked("vip", "2", 10));
    schedule(&mut lab);
    let vip = lab.get("pods", "default/vip").unwrap();
    assert_eq!(vip.str_at("status.nominatedNodeName"), "n2");
    assert!(lab.get("pods", "default/guarded").is_some());
}

/// How long one look takes, at best.
fn cost(lab: &Lab, key: &str) -> std::time::Duration {
    let view = lab.view();
    let look = |_| {
        let began = std::time::Instant::now();
        let plan = (sim::scheduler::SCHEDULER.reconcile)(&view, key);
        assert!(plan.steps.len() <= 1);
        began.elapsed()
    };
    (0..5).map(look).min().unwrap()
}

#[test]
fn one_more_pod_does_not_cost_more_beside_many_that_wait() {
    let waiting = |n: usize| {
        let mut lab = lab(vec![json!({})]);
        for i in 0..n {
            lab.put("pods", pod(&format!("p{i:05}"), "9"));
        }
        lab.reconcile(&sim::scheduler::SCHEDULER, "new");
        lab.put("pods", pod("one-more", "9"));
        lab
    };
    let (few, many) = (cost(&waiting(250), "new"), cost(&waiting(1000), "new"));
    // Twice as long, and a millisecond for whatever else the machine does.
    let limit = few * 2 + std::time::Duration::from_millis(1);
    assert!(many < limit, "beside 250: {few:?}, beside 1000: {many:?}");
}
