//! Warnings about what is accepted all the same, of Kubernetes' kinds that are no workloads.
//! Source of wording: kubernetes `pkg/api/service`, `pkg/api/persistentvolume`,
//! `pkg/api/persistentvolumeclaim`, `pkg/api/storage`, `pkg/api/node`, and the kinds' strategies.

use crate::{
    kinds::workloads::{Field, deprecated_label},
    object::{ObjectExt, Value, quantity::Quantity},
};
use std::net::IpAddr;

const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// Sources that no longer do anything, as upstream calls them.
const RETIRED: [(&str, &str, &str); 6] = [
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// A Service.
pub fn service(o: &Value, _: Option<&Value>) -> Vec<String> {
    let spec = Field::of(o, "spec");
    let external_name = spec.get("type").text() == "ExternalName";
    let headless = !external_name && spec.get("clusterIP").text() == "None";
    let (outside, balancer) = (spec.get("externalIPs"), spec.get("loadBalancerIP"));
    let has_outside = !outside.list().is_empty();
    let mut out = Vec::new();
    let mut say = |holds: bool, what: &str| {
        if holds {
            out.push(what.to_owned());
        }
    };
    if headless {
        say(!balancer.text().is_empty(), "spec.loadBalancerIP is ignored for headless services");
        say(has_outside, "spec.externalIPs is ignored for headless services");
        let affinity = !["", "None"].contains(&spec.get("sessionAffinity").text());
        say(affinity, "spec.SessionAffinity is ignored for headless services");
    }
    let deprecated = has_outside && !headless && !external_name;
    say(
        deprecated,
        "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
    );
    if !balancer.text().is_empty() {
        out.extend(address(&balancer));
    }
    if external_name && has_outside {
        out.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if !external_name && !spec.get("externalName").text().is_empty() {
        out.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if spec.get("trafficDistribution").text() == "PreferClose" {
        out.push(
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""
                .into(),
        );
    }
    out
}

/// An IPv6 address in another form than its own.
fn address(field: &Field<'_>) -> Option<String> {
    let ip = field.text().parse::<IpAddr>().ok().filter(IpAddr::is_ipv6)?;
    let (path, text, canonical) = (&field.path, field.text(), ip.to_string());
    (canonical != text).then(|| {
        format!(
            "{path}: IPv6 address {text:?} should be in RFC 5952 canonical format ({canonical:?})"
        )
    })
}

/// A PersistentVolume.
pub fn volume(o: &Value, _: Option<&Value>) -> Vec<String> {
    let spec = Field::of(o, "spec");
    let mut out: Vec<String> = old_class(o).into_iter().collect();
    if spec.get("persistentVolumeReclaimPolicy").text() == "Recycle" {
        out.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".into());
    }
    for term in spec.get("nodeAffinity.required.nodeSelectorTerms").items() {
        for key in term.get("matchExpressions").items().iter().map(|e| e.get("key")) {
            let why = deprecated_label(key.text());
            out.extend(why.map(|why| format!("{}: {} is {why}", key.path, key.text())));
        }
    }
    let retired = RETIRED.iter().filter(|(field, ..)| spec.get(field).is_set());
    out.extend(retired.map(|(_, called, why)| format!("spec.{called}: {why}")));
    out
}

/// A PersistentVolumeClaim.
pub fn claim(o: &Value, _: Option<&Value>) -> Vec<String> {
    let mut out: Vec<String> = old_class(o).into_iter().collect();
    let request = o.at("spec.resources.requests.storage").and_then(Quantity::from_value);
    if let Some(amount) = request.filter(|q| q.milli() % 1000 != 0) {
        let text = amount.to_string();
        out.push(format!("spec.resources.requests[storage]: fractional byte value {text:?} is invalid, must be an integer"));
    }
    out
}

fn old_class(o: &Value) -> Option<String> {
    o.annotation(OLD_CLASS).map(|_| {
        format!("metadata.annotations[{OLD_CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead")
    })
}

/// A StorageClass.
pub fn storage_class(o: &Value, _: Option<&Value>) -> Vec<String> {
    let terms = Field::of(o, "allowedTopologies").items();
    let keys = terms.iter().flat_map(|t| t.get("matchLabelExpressions").items());
    let keys = keys.map(|e| e.get("key"));
    keys.filter_map(|k| Some(format!("{}: {}", k.path, deprecated_label(k.text())?))).collect()
}

/// A RuntimeClass.
pub fn runtime_class(o: &Value, _: Option<&Value>) -> Vec<String> {
    let labels = o.map_at("scheduling.nodeSelector").into_iter().flatten();
    let why = labels.filter_map(|(key, _)| deprecated_label(key));
    why.map(|why| format!("scheduling.nodeSelector: {why}")).collect()
}

/// An EndpointSlice.
pub fn endpoint_slice(o: &Value, _: Option<&Value>) -> Vec<String> {
    if o.str_at("addressType") == "FQDN" {
        return vec!["spec.addressType: FQDN endpoints are deprecated".into()];
    }
    Vec::new()
}

/// A new Ingress.
pub fn ingress(o: &Value, old: Option<&Value>) -> Vec<String> {
    const CLASS: &str = "kubernetes.io/ingress.class";
    if old.is_none() && o.annotation(CLASS).is_some() {
        return vec![format!(
            "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
        )];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn what_upstream_warns_of() {
        type Row = (fn(&Value, Option<&Value>) -> Vec<String>, Value, &'static str);
        let rows: [Row; 9] = [
            (
                service,
                json!({"spec": {"externalName": "a.b"}}),
                "spec.externalName is ignored when spec.type is not \"ExternalName\"",
            ),
            (
                service,
                json!({"spec": {"trafficDistribution": "PreferClose"}}),
                "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"",
            ),
            (
                service,
                json!({"spec": {"clusterIP": "None", "sessionAffinity": "ClientIP"}}),
                "spec.SessionAffinity is ignored for headless services",
            ),
            (
                volume,
                json!({"spec": {"persistentVolumeReclaimPolicy": "Recycle"}}),
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
            ),
            (
                claim,
                json!({"spec": {"resources": {"requests": {"storage": "2m"}}}}),
                "spec.resources.requests[storage]: fractional byte value \"2m\" is invalid, must be an integer",
            ),
            (
                storage_class,
                json!({"allowedTopologies": [{"matchLabelExpressions": [
                    {"key": "failure-domain.beta.kubernetes.io/zone"}]}]}),
                "allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
            ),
            (
                runtime_class,
                json!({"scheduling": {"nodeSelector": {"beta.kubernetes.io/os": "linux"}}}),
                "scheduling.nodeSelector: deprecated since v1.14; use \"kubernetes.io/os\" instead",
            ),
            (
                endpoint_slice,
                json!({"addressType": "FQDN"}),
                "spec.addressType: FQDN endpoints are deprecated",
            ),
            (
                ingress,
                json!({"metadata": {"annotations": {"kubernetes.io/ingress.class": "x"}}}),
                "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead",
            ),
        ];
        for (warn, o, expected) in rows {
            assert_eq!(warn(&o, None), [expected]);
            assert_eq!(warn(&json!({}), None), Vec::<String>::new());
        }
    }
}
