//! From a claim to a bound volume and back.

use super::{CONTROLLER, protection, volume};
use crate::{
    controllers::{Controller, testkit::Kit},
    object::{ObjectExt, json},
};

const ALL: [&Controller; 4] =
    [&CONTROLLER, &volume::CONTROLLER, &protection::CLAIM, &protection::VOLUME];

fn cluster(policy: &str) -> Kit {
    let mut kit = Kit::default();
    kit.put(
        "storageclasses.storage.k8s.io",
        json!({"metadata": {"name": "local",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "p", "reclaimPolicy": policy, "volumeBindingMode": "WaitForFirstConsumer"}),
    );
    kit.put(
        "persistentvolumeclaims",
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c", "namespace": "n", "uid": "u"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
    );
    kit
}

fn pod(kit: &mut Kit) {
    kit.put(
        "pods",
        json!({"metadata": {"name": "p", "namespace": "n"},
        "spec": {"nodeName": "node", "volumes": [{"name": "v",
            "persistentVolumeClaim": {"claimName": "c"}}]}, "status": {"phase": "Pending"}}),
    );
}

#[test]
fn a_claim_waits_for_its_first_consumer() {
    let mut kit = cluster("Delete");
    kit.settle_all(&ALL);
    let claim = kit.get("persistentvolumeclaims", "n/c").unwrap();
    assert_eq!(
        (claim.str_at("status.phase"), claim.str_at("spec.storageClassName")),
        ("Pending", "local")
    );
    assert!(kit.events.contains(
        &"WaitForFirstConsumer: waiting for first consumer to be created before binding".to_owned()
    ));
    pod(&mut kit);
    kit.settle_all(&ALL);
    let claim = kit.get("persistentvolumeclaims", "n/c").unwrap();
    assert_eq!(
        claim["status"],
        json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"}})
    );
    let volume = kit.get("persistentvolumes", "pvc-u").unwrap();
    assert_eq!((volume.str_at("status.phase"), volume.str_at("spec.claimRef.uid")), ("Bound", "u"));
}

#[test]
fn a_used_claim_stays_until_its_pod_is_gone() {
    for (policy, volumes) in [("Delete", 0), ("Retain", 1)] {
        let mut kit = cluster(policy);
        pod(&mut kit);
        kit.settle_all(&ALL);
        kit.edit("persistentvolumeclaims", "n/c", |c| {
            c.set_at("metadata.deletionTimestamp", "2026-01-01T00:00:00Z");
        });
        kit.settle_all(&ALL);
        assert!(kit.get("persistentvolumeclaims", "n/c").is_some());
        kit.remove("pods", "n/p");
        kit.settle_all(&ALL);
        assert!(kit.get("persistentvolumeclaims", "n/c").is_none());
        assert_eq!(kit.list("persistentvolumes").len(), volumes, "{policy}");
    }
}
