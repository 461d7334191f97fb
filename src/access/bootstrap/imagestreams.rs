//! The image streams of the project `openshift`, as the samples operator makes them.

use crate::object::{Value, json};
use serde::Deserialize;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("imagestreams.yaml");
const PROVIDER: &str = "Red Hat, Inc.";

/// A stream of the table; its fields are explained there.
#[derive(Deserialize)]
struct Stream {
    title: String,
    icon: String,
    about: String,
    sample: Option<String>,
    default: String,
    tags: BTreeMap<String, String>,
}

/// Every stream of the table.
pub fn objects(release: &str) -> Vec<Value> {
    table().iter().map(|(name, stream)| stream.object(name, release)).collect()
}

/// The pull specs of all images that the streams want.
pub fn images() -> impl Iterator<Item = String> {
    table().into_values().flat_map(|stream| stream.tags.into_values())
}

fn table() -> BTreeMap<String, Stream> {
    // The table is part of the program: a test says that it can be read.
    serde_norway::from_str(TABLE).unwrap_or_default()
}

impl Stream {
    fn object(&self, name: &str, release: &str) -> Value {
        let versions = self.tags.iter().map(|(tag, image)| self.version(name, tag, image));
        let tags: Vec<Value> = versions.chain([self.latest(name)]).collect();
        json!({
            "apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
            "metadata": {"name": name, "namespace": "openshift",
                "labels": {"samples.operator.openshift.io/managed": "true"},
                "annotations": {"openshift.io/display-name": self.title,
                    "samples.operator.openshift.io/version": release}},
            "spec": {"tags": tags},
        })
    }

    /// A tag for one version on one system.
    fn version(&self, name: &str, tag: &str, image: &str) -> Value {
        let (number, system) = parts(tag);
        let version = format!("{} {number}", self.title);
        let about = self.about.replace("{version}", &version).replace("{system}", &system);
        let annotations = self.annotations(name, &format!("{version} ({system})"), &about, number);
        self.tag(tag, json!({"kind": "DockerImage", "name": image}), annotations)
    }

    /// The tag that follows the default version.
    fn latest(&self, name: &str) -> Value {
        let (number, _) = parts(&self.default);
        let about = format!(
            "The version of {} that is the default in this cluster. It changes with updates: name a version where that matters.",
            self.title
        );
        let shown = format!("{} {number} (Latest)", self.title);
        let annotations = self.annotations(name, &shown, &about, number);
        self.tag("latest", json!({"kind": "ImageStreamTag", "name": self.default}), annotations)
    }

    fn tag(&self, name: &str, from: Value, annotations: Value) -> Value {
        json!({"name": name, "from": from, "annotations": annotations,
            "referencePolicy": {"type": "Local"}})
    }

    fn annotations(&self, name: &str, shown: &str, about: &str, number: &str) -> Value {
        let mut annotations = json!({
            "description": about,
            "iconClass": self.icon,
            "openshift.io/display-name": shown,
            "openshift.io/provider-display-name": PROVIDER,
            "tags": name,
            "version": number,
        });
        if let Some(sample) = &self.sample {
            annotations["tags"] = json!(format!("builder,{name}"));
            annotations["supports"] = json!(format!("{name}:{number},{name}"));
            annotations["sampleRepo"] = json!(sample);
        }
        annotations
    }
}

/// Version and system in the name of a tag: `8.0-ubi9`, `openjdk-17-ubi8`, `15-el9`.
fn parts(tag: &str) -> (&str, String) {
    let (version, system) = tag.rsplit_once('-').unwrap_or((tag, ""));
    let number = version.rsplit('-').next().unwrap_or(version);
    let shown = match system.strip_prefix("ubi") {
        Some(release) => format!("UBI {release}"),
        None => format!("RHEL {}", system.trim_start_matches("el")),
    };
    (number, shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectExt;

    #[test]
    fn every_alias_has_its_target() {
        let streams = objects("4.23.0");
        assert!(streams.len() >= 10, "the table cannot be read");
        for stream in streams {
            let tags = stream.list_at("spec.tags");
            for tag in tags.iter().filter(|t| t.str_at("from.kind") == "ImageStreamTag") {
                let target = tag.str_at("from.name");
                assert!(tags.iter().any(|t| t.str_at("name") == target), "{target}");
            }
        }
    }

    #[test]
    fn what_a_tag_says_of_itself() {
        let rows = [
            ("8.0-ubi9", "8.0", "UBI 9"),
            ("openjdk-17-ubi8", "17", "UBI 8"),
            ("15-el9", "15", "RHEL 9"),
        ];
        for (tag, number, system) in rows {
            assert_eq!(parts(tag), (number, system.to_owned()), "{tag}");
        }
        let php = objects("4.23.0").into_iter().find(|s| s.name() == "php").unwrap();
        let tag = php.list_at("spec.tags").iter().find(|t| t.str_at("name") == "8.0-ubi8").unwrap();
        let annotations = json!({
            "description": "Builds and runs applications with PHP 8.0 on UBI 8.",
            "iconClass": "icon-php",
            "openshift.io/display-name": "PHP 8.0 (UBI 8)",
            "openshift.io/provider-display-name": "Red Hat, Inc.",
            "sampleRepo": "https://github.com/sclorg/cakephp-ex.git",
            "supports": "php:8.0,php",
            "tags": "builder,php",
            "version": "8.0",
        });
        assert_eq!(tag["annotations"], annotations);
    }
}
