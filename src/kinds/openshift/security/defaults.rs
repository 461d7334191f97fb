//! What a SecurityContextConstraints leaves out is filled in when it is written: what was once
//! without a field stays as permissive as it was.
//!
//! Source: openshift/kubernetes `admission/customresourcevalidation/securitycontextconstraints`
//! (`SetDefaults_SCC`). A plug-in does it upstream, so what it fills in belongs to no manager.

use crate::{
    error::Error,
    kinds::Cx,
    object::{ObjectExt, Value, json},
};
use std::collections::BTreeSet;

/// Every type of volume but directories of the host.
const TYPES: &[&str] = &[
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephFS",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "image",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageOS",
    "vsphere",
];

const HOST_PATH: &str = "hostPath";

/// Fills in what is absent.
pub fn prepare(scc: &mut Value, _: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    let absent = |scc: &Value, path: &str| scc.at(path).is_none_or(Value::is_null);
    for strategy in ["fsGroup", "supplementalGroups"] {
        if scc.str_at(&format!("{strategy}.type")).is_empty() {
            scc.set_at(&format!("{strategy}.type"), "RunAsAny");
        }
    }
    for list in ["users", "groups"] {
        if absent(scc, list) {
            scc.set_at(list, json!([]));
        }
    }
    for nullable in
        ["allowedCapabilities", "defaultAddCapabilities", "priority", "requiredDropCapabilities"]
    {
        if absent(scc, nullable) {
            scc.set_at(nullable, Value::Null);
        }
    }
    if absent(scc, "allowPrivilegeEscalation") {
        scc.set_at("allowPrivilegeEscalation", true);
    }
    if absent(scc, "userNamespaceLevel") {
        scc.set_at("userNamespaceLevel", "AllowHostLevel");
    }
    let named = scc.get("volumes").filter(|v| !v.is_null()).map(|_| texts(scc, "volumes"));
    let volumes = volumes(named, scc.is_true("allowHostDirVolumePlugin"));
    scc.set_at("volumes", json!(volumes));
    Ok(())
}

fn texts(scc: &Value, path: &str) -> BTreeSet<String> {
    scc.list_at(path).iter().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
}

/// The types that are allowed: the flag about the host's directories has the last word, no list is
/// all of them, and an empty one is `none`.
fn volumes(named: Option<BTreeSet<String>>, host: bool) -> BTreeSet<String> {
    let mut allowed = match named {
        None => BTreeSet::from(["*".to_owned()]),
        Some(none) if none.is_empty() && !host => BTreeSet::from(["none".to_owned()]),
        Some(some) => some,
    };
    let all = allowed.contains("*");
    if host {
        if !all {
            allowed.insert(HOST_PATH.to_owned());
        }
        return allowed;
    }
    allowed.remove("*");
    allowed.remove(HOST_PATH);
    if all {
        allowed.extend(TYPES.iter().map(|t| (*t).to_owned()));
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_has_the_last_word_about_volumes() {
        let rows: &[(Option<&[&str]>, bool, &[&str])] = &[
            (None, true, &["*"]),
            (None, false, TYPES),
            (Some(&[]), true, &[HOST_PATH]),
            (Some(&[]), false, &["none"]),
            (Some(&["*"]), false, TYPES),
            (Some(&["secret", "hostPath"]), false, &["secret"]),
            (Some(&["secret"]), true, &[HOST_PATH, "secret"]),
        ];
        for (named, host, expected) in rows {
            let named = named.map(|n| n.iter().map(|t| (*t).to_owned()).collect());
            let found: Vec<String> = volumes(named, *host).into_iter().collect();
            assert_eq!(found, *expected, "{host}");
        }
    }
}
