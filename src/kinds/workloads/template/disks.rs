//! Sources of volumes that pods and persistent volumes share: disks and file servers outside the
//! cluster. A simulated node cannot mount most of them; what they must say is checked all the same.
//!
//! Source: kubernetes `pkg/apis/core/validation`.

use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{Value, json, name},
};

/// Whose volume it is: some rules differ.
#[derive(Clone, Copy)]
pub enum Owner<'a> {
    /// A pod's.
    Pod,
    /// A persistent volume's, of this name.
    Volume(&'a str),
}

/// What must not be empty, by source.
const REQUIRED: &[(&str, &[&str])] = &[
    ("awsElasticBlockStore", &["volumeID"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("azureFile", &["secretName", "shareName"]),
    ("cephfs", &["monitors"]),
    ("cinder", &["volumeID"]),
    ("csi", &[]),
    ("fc", &[]),
    ("flexVolume", &["driver"]),
    ("flocker", &[]),
    ("gcePersistentDisk", &["pdName"]),
    ("glusterfs", &["endpoints", "path"]),
    ("iscsi", &["targetPortal", "iqn"]),
    ("nfs", &["server", "path"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("quobyte", &["volume"]),
    ("rbd", &["monitors", "image"]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
    ("storageos", &["volumeName"]),
    ("vsphereVolume", &["volumePath"]),
];
const DISK_URIS: [&str; 2] = [
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
    "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
];

/// Checks a source of this kind; others are not looked at.
pub fn validate(kind: &str, source: &Field<'_>, owner: Owner<'_>, out: &mut Causes) {
    let Some((_, required)) = REQUIRED.iter().find(|(k, _)| *k == kind) else { return };
    // Upstream calls this one differently in its errors.
    let source = match kind {
        "gcePersistentDisk" => {
            let path = source.path.replace("gcePersistentDisk", "persistentDisk");
            Field::placed(source.value, path)
        }
        _ => source.clone(),
    };
    for path in *required {
        let field = source.get(path);
        if field.text().is_empty() && field.list().is_empty() {
            field.required(out, "");
        }
    }
    details(kind, &source, owner, out);
}

fn details(kind: &str, source: &Field<'_>, owner: Owner<'_>, out: &mut Causes) {
    let of_volume = matches!(owner, Owner::Volume(_));
    match kind {
        "awsElasticBlockStore" | "gcePersistentDisk" => {
            source.get("partition").within(out, 0, 255);
        }
        "azureDisk" => azure_disk(source, out),
        "azureFile" if of_volume && source.get("secretNamespace").is_set() => {
            source.get("secretNamespace").needs_text(out);
        }
        "cinder" => reference(source, of_volume, out),
        "csi" => csi(source, owner, out),
        "fc" => fibre_channel(source, out),
        "flexVolume" => options(source, out),
        "flocker" => flocker(source, out),
        "glusterfs" if of_volume => {
            let namespace = source.get("endpointsNamespace");
            if namespace.is_set() && namespace.text().is_empty() {
                let why = "if the endpointnamespace is set, it must be a valid namespace name";
                namespace.invalid(out, why);
            }
            namespace.dns_label(out);
        }
        "iscsi" => iscsi(source, owner, out),
        "nfs" => {
            let path = source.get("path");
            if !path.text().starts_with('/') {
                out.invalid(&path.path, &json!(path.text()), "must be an absolute path");
            }
        }
        "quobyte" => quobyte(source, out),
        "storageos" => {
            source.get("volumeName").dns_label(out);
            source.get("volumeNamespace").dns_label(out);
            reference(source, of_volume, out);
        }
        _ => {}
    }
}

/// A secret by name, and by namespace too where the volume has none of its own.
fn reference(source: &Field<'_>, of_volume: bool, out: &mut Causes) {
    let secret = source.get("secretRef");
    if secret.is_set() {
        secret.get("name").needs_text(out);
        if of_volume {
            secret.get("namespace").needs_text(out);
        }
    }
}

/// The name of a storage driver.
pub fn driver_name(field: &Field<'_>, out: &mut Causes) {
    const LONGEST: usize = 63;
    if field.text().is_empty() {
        return field.required(out, "");
    }
    if field.text().len() > LONGEST {
        out.too_long(&field.path, LONGEST);
    }
    field.problems(out, name::subdomain_problems(&field.text().to_lowercase()));
}

fn csi(source: &Field<'_>, owner: Owner<'_>, out: &mut Causes) {
    driver_name(&source.get("driver"), out);
    if matches!(owner, Owner::Pod) {
        let secret = source.get("nodePublishSecretRef");
        if secret.is_set() {
            secret.get("name").needs_text(out);
        }
        return;
    }
    source.get("volumeHandle").needs_text(out);
    for step in ["controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"] {
        let secret = source.get(&format!("{step}SecretRef"));
        if secret.is_set() {
            let (name, namespace) = (secret.get("name"), secret.get("namespace"));
            name.needs_text(out);
            name.dns_subdomain(out);
            namespace.needs_text(out);
            namespace.dns_label(out);
        }
    }
}

fn azure_disk(source: &Field<'_>, out: &mut Causes) {
    source.get("cachingMode").one_of_if_set(out, &["None", "ReadOnly", "ReadWrite"]);
    let (kind, uri) = (source.get("kind"), source.get("diskURI"));
    kind.one_of_if_set(out, &["Dedicated", "Managed", "Shared"]);
    let (start, shown) = match kind.text() {
        "" => return,
        "Managed" => ("/subscriptions/", DISK_URIS[0]),
        _ => ("https://", DISK_URIS[1]),
    };
    if !uri.text().starts_with(start) {
        out.unsupported(&uri.path, &json!(uri.text()), &[shown]);
    }
}

fn fibre_channel(source: &Field<'_>, out: &mut Causes) {
    let (names, ids, lun) = (source.get("targetWWNs"), source.get("wwids"), source.get("lun"));
    match (names.list().is_empty(), ids.list().is_empty()) {
        (true, true) => {
            names.required(out, "must specify either targetWWNs or wwids, but not both");
        }
        (false, false) => {
            names.invalid(out, "targetWWNs and wwids can not be specified simultaneously");
        }
        _ => {}
    }
    if !names.list().is_empty() {
        if lun.is_set() {
            lun.within(out, 0, 255);
        } else {
            lun.required(out, "lun is required if targetWWNs is specified");
        }
    }
}

fn options(source: &Field<'_>, out: &mut Causes) {
    let options = source.get("options");
    for key in options.map().into_iter().flatten().map(|(key, _)| key) {
        let domain = key.split_once('/').map_or(key.as_str(), |(domain, _)| domain);
        let domain = format!(".{}", domain.to_lowercase());
        if domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io") {
            let why = "kubernetes.io and k8s.io namespaces are reserved";
            out.invalid(format!("{}[{key}]", options.path), &json!(key), why);
        }
    }
}

fn flocker(source: &Field<'_>, out: &mut Causes) {
    let (name, uuid) = (source.get("datasetName"), source.get("datasetUUID"));
    match (name.text().is_empty(), uuid.text().is_empty()) {
        (true, true) => source.required(out, "one of datasetName and datasetUUID is required"),
        (false, false) => out.invalid(
            &source.path,
            &json!("resource"),
            "datasetName and datasetUUID can not be specified simultaneously",
        ),
        _ => {}
    }
    if name.text().contains('/') {
        name.invalid(out, "must not contain '/'");
    }
}

fn quobyte(source: &Field<'_>, out: &mut Causes) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = source.get("registry");
    let pair = |p: &str| {
        p.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'))
    };
    if registry.text().is_empty() {
        registry.required(out, PAIRS);
    } else if source.get("tenant").text().len() > 64 {
        let why = "must be a UUID and may not exceed a length of 64 characters";
        source.get("tenant").required(out, why);
    } else if !registry.text().split(',').all(pair) {
        registry.invalid(out, PAIRS);
    }
}

fn iscsi(source: &Field<'_>, owner: Owner<'_>, out: &mut Causes) {
    let portal = source.get("targetPortal");
    let initiator = source.get("initiatorName");
    let unknown = match owner {
        Owner::Pod => "must be valid format starting with iqn, eui, or naa",
        Owner::Volume(name) => {
            if initiator.is_set() && name.len() + 1 + portal.text().len() > 64 {
                let why = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
                let path = format!("{}.targetportal", source.path);
                out.invalid(path, &json!(portal.text()), why);
            }
            "must be valid format"
        }
    };
    let iqn = source.get("iqn");
    if !iqn.text().is_empty() {
        iscsi_name(&iqn, unknown, out);
    }
    source.get("lun").within(out, 0, 255);
    let secret = source.get("secretRef");
    let asks = ["chapAuthDiscovery", "chapAuthSession"].iter().any(|f| source.get(f).is_true());
    if asks && !secret.is_set() {
        secret.required(out, "");
    }
    if secret.is_set() && matches!(owner, Owner::Volume(_)) {
        secret.get("name").needs_text(out);
    }
    if initiator.is_set() {
        let initiator = Field::placed(initiator.value, format!("{}.initiatorname", source.path));
        iscsi_name(&initiator, unknown, out);
    }
}

/// A name of the storage protocol: `iqn.2001-04.com.example:x`, or `eui.` or `naa.` and a number.
fn iscsi_name(field: &Field<'_>, unknown: &str, out: &mut Causes) {
    let text = field.text();
    let long = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_alphanumeric());
    let fits = match text.get(..3) {
        Some("iqn") => text.strip_prefix("iqn.").is_some_and(is_iqn),
        Some("eui") => text.strip_prefix("eui.").is_some_and(|s| long(s, 16)),
        Some("naa") => text.strip_prefix("naa.").is_some_and(|s| long(s, 32)),
        _ => return out.invalid(&field.path, &json!(text), unknown),
    };
    if !fits {
        out.invalid(&field.path, &json!(text), "must be valid format");
    }
}

/// `2001-04.com.example:storage.disk1`: a month, a domain, and something behind a colon.
fn is_iqn(rest: &str) -> bool {
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let Some((month, rest)) = rest.split_once('.') else { return false };
    let dated = month.split_once('-').is_some_and(|(y, m)| digits(y, 4) && digits(m, 2));
    let domain = |s: &str| {
        !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    let name =
        |s: &str| !s.is_empty() && !s.contains(|c: char| c.is_whitespace() || ",;*&$|".contains(c));
    dated && rest.split_once(':').is_some_and(|(d, n)| domain(d) && name(n))
}

/// What a persistent volume's spec says about where it is; every source counts, one is allowed.
pub fn of_volume(spec: &Field<'_>, name: &str, out: &mut Causes) {
    /// In upstream's order.
    const ORDER: [&str; 22] = [
        "hostPath",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "glusterfs",
        "flocker",
        "nfs",
        "rbd",
        "quobyte",
        "cephfs",
        "iscsi",
        "cinder",
        "fc",
        "flexVolume",
        "azureFile",
        "vsphereVolume",
        "photonPersistentDisk",
        "portworxVolume",
        "azureDisk",
        "scaleIO",
        "local",
        "storageos",
        "csi",
    ];
    let given: Vec<Field<'_>> =
        ORDER.iter().map(|kind| spec.get(kind)).filter(Field::is_set).collect();
    for (i, source) in given.iter().enumerate() {
        let kind = source.path.rsplit('.').next().unwrap_or_default();
        if i > 0 && kind != "flexVolume" {
            let called = if kind == "cephfs" { "cephFS" } else { kind };
            spec.get(called).forbidden(out, "may not specify more than 1 volume type");
            continue;
        }
        match kind {
            "hostPath" => super::host_path(source, out),
            "local" => local(source, spec, out),
            _ => validate(kind, source, Owner::Volume(name), out),
        }
    }
    if given.is_empty() {
        spec.required(out, "must specify a volume type");
    }
}

fn local(source: &Field<'_>, spec: &Field<'_>, out: &mut Causes) {
    let path = source.get("path");
    path.needs_text(out);
    if path.text().split('/').any(|part| part == "..") {
        path.invalid(out, "must not contain '..'");
    }
    let terms = spec.get("nodeAffinity.required.nodeSelectorTerms");
    if terms.value.and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec.get("nodeAffinity").required(out, "Local volume requires node affinity");
    }
}
