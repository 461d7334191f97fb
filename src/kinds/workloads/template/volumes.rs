//! The volumes of a pod: exactly one source each, and the fields of the sources a simulated node
//! knows how to mount.

use super::{disks, env};
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{json, quantity::Quantity},
};
use std::collections::{HashMap, HashSet};

/// Usable volumes by name.
pub type Volumes<'a> = HashMap<&'a str, Field<'a>>;

/// Every source, in upstream's order of checking, with the name its "more than one" error bears.
const SOURCES: &[(&str, &str)] = &[
    ("emptyDir", "emptyDir"),
    ("hostPath", "hostPath"),
    ("gitRepo", "gitRepo"),
    ("gcePersistentDisk", "gcePersistentDisk"),
    ("awsElasticBlockStore", "awsElasticBlockStore"),
    ("secret", "secret"),
    ("nfs", "nfs"),
    ("iscsi", "iscsi"),
    ("glusterfs", "glusterfs"),
    ("flocker", "flocker"),
    ("persistentVolumeClaim", "persistentVolumeClaim"),
    ("rbd", "rbd"),
    ("cinder", "cinder"),
    ("cephfs", "cephFS"),
    ("quobyte", "quobyte"),
    ("downwardAPI", "downwarAPI"),
    ("fc", "fc"),
    ("flexVolume", "flexVolume"),
    ("configMap", "configMap"),
    ("azureFile", "azureFile"),
    ("vsphereVolume", "vsphereVolume"),
    ("photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", "portworxVolume"),
    ("azureDisk", "azureDisk"),
    ("storageos", "storageos"),
    ("projected", "projected"),
    ("scaleIO", "scaleIO"),
    ("csi", "csi"),
    ("ephemeral", "ephemeral"),
    ("image", "image"),
];

/// All volumes; answers those without errors, the only ones that may be mounted.
pub fn validate<'a>(list: &Field<'a>, out: &mut Causes) -> Volumes<'a> {
    let mut good = Volumes::new();
    for volume in list.items() {
        let mut found = Causes::default();
        source(&volume, &mut found);
        let name = volume.get("name");
        name.needs_text(&mut found);
        name.dns_label(&mut found);
        if good.contains_key(name.text()) {
            name.duplicate(&mut found);
        }
        if found.is_empty() {
            good.insert(name.text(), volume);
        } else {
            out.absorb(found);
        }
    }
    good
}

fn source(volume: &Field<'_>, out: &mut Causes) {
    let mut first = true;
    for (name, called) in SOURCES {
        let source = volume.get(name);
        if !source.is_set() {
            continue;
        }
        if first {
            details(name, &source, out);
        } else {
            volume.get(called).forbidden(out, "may not specify more than 1 volume type");
        }
        first = false;
    }
    if first {
        volume.required(out, "must specify a volume type");
    }
}

fn details(kind: &str, source: &Field<'_>, out: &mut Causes) {
    match kind {
        "emptyDir" => {
            let limit = source.get("sizeLimit").value.and_then(Quantity::from_value);
            if limit.is_some_and(|q| q < Quantity::ZERO) {
                let why = "SizeLimit field must be a valid resource quantity";
                source.get("sizeLimit").forbidden(out, why);
            }
        }
        "hostPath" => host_path(source, out),
        "secret" => {
            source.get("secretName").needs_text(out);
            files(source, out);
        }
        "configMap" => {
            source.get("name").needs_text(out);
            files(source, out);
        }
        "persistentVolumeClaim" => source.get("claimName").needs_text(out),
        "downwardAPI" => {
            source.get("defaultMode").file_mode(out);
            for file in source.get("items").items() {
                env::downward_file(&file, &source.path, out);
            }
        }
        "projected" => projected(source, out),
        "ephemeral" if !source.get("volumeClaimTemplate").is_set() => {
            source.get("volumeClaimTemplate").required(out, "");
        }
        "image" => {
            source.get("reference").needs_text(out);
            source.get("pullPolicy").one_of_if_set(out, &["Always", "IfNotPresent", "Never"]);
        }
        _ => disks::validate(kind, source, disks::Owner::Pod, out),
    }
}

const HOST_PATH_TYPES: &[&str] = &[
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];

pub fn host_path(source: &Field<'_>, out: &mut Causes) {
    source.get("path").needs_text(out);
    if !source.get("path").text().is_empty() {
        no_backsteps(&source.get("path"), out);
        source.get("type").one_of_if_set(out, HOST_PATH_TYPES);
    }
}

fn files(source: &Field<'_>, out: &mut Causes) {
    source.get("defaultMode").file_mode(out);
    source.get("items").items().iter().for_each(|item| key_to_path(item, out));
}

fn key_to_path(item: &Field<'_>, out: &mut Causes) {
    item.get("key").needs_text(out);
    item.get("path").needs_text(out);
    unreserved(&item.get("path"), out);
    item.get("mode").file_mode(out);
}

fn projected(volume: &Field<'_>, out: &mut Causes) {
    volume.get("defaultMode").file_mode(out);
    let mut paths = HashSet::new();
    for source in volume.get("sources").items() {
        let mut kinds = 0;
        for kind in ["secret", "configMap"] {
            let part = source.get(kind);
            if !part.is_set() {
                continue;
            }
            kinds += 1;
            part.get("name").needs_text(out);
            for item in part.get("items").items() {
                key_to_path(&item, out);
                distinct(volume, &item, &json!(part.get("name").text()), &mut paths, out);
            }
        }
        let downward = source.get("downwardAPI");
        kinds += usize::from(downward.is_set());
        for file in downward.get("items").items() {
            env::downward_file(&file, &downward.path, out);
            distinct(volume, &file, &json!(file.get("path").text()), &mut paths, out);
        }
        let token = source.get("serviceAccountToken");
        if token.is_set() {
            kinds += 1;
            service_account_token(volume, &token, out);
        }
        kinds += ["clusterTrustBundle", "podCertificate"]
            .iter()
            .filter(|k| source.get(k).is_set())
            .count();
        if kinds > 1 {
            source.forbidden(out, "may not specify more than 1 volume type per source");
        }
    }
}

fn distinct<'a>(
    volume: &Field<'_>,
    file: &Field<'a>,
    shown: &crate::object::Value,
    paths: &mut HashSet<&'a str>,
    out: &mut Causes,
) {
    let path = file.get("path").text();
    if !path.is_empty() && !paths.insert(path) {
        out.invalid(&volume.path, shown, "conflicting duplicate paths");
    }
}

fn service_account_token(volume: &Field<'_>, token: &Field<'_>, out: &mut Causes) {
    let expiry = token.get("expirationSeconds");
    if expiry.int().is_some_and(|n| n < 600) {
        expiry.invalid(out, "may not specify a duration less than 10 minutes");
    }
    if expiry.int().is_some_and(|n| n > 1 << 32) {
        expiry.invalid(out, "may not specify a duration larger than 2^32 seconds");
    }
    // Upstream names the volume, not the source, in the path.
    let path = Field::placed(token.get("path").value, volume.get("path").path);
    path.needs_text(out);
    unreserved(&path, out);
}

fn no_backsteps(path: &Field<'_>, out: &mut Causes) {
    if path.text().split('/').any(|part| part == "..") {
        path.invalid(out, "must not contain '..'");
    }
}

/// A relative path without `..`.
pub fn descending(path: &Field<'_>, out: &mut Causes) {
    if path.text().starts_with('/') {
        path.invalid(out, "must be a relative path");
    }
    no_backsteps(path, out);
}

/// A descending path that does not start with two dots.
pub fn unreserved(path: &Field<'_>, out: &mut Causes) {
    descending(path, out);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        path.invalid(out, "must not start with '..'");
    }
}
