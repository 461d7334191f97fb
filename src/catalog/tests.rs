//! The built-in catalogue, and the content made from it.

use super::{
    complaint::DistributionError,
    content::{
        Blob, Content, Manifest,
        document::{DOCKER_LIST, DOCKER_MANIFEST, ImageConfig, OCI_INDEX},
        sha256,
    },
    reference::Reference,
    *,
};
use crate::store::Snapshot;

fn find(text: &str) -> Option<Image> {
    let (catalog, objects) = (Catalog::builtin(), Snapshot::default());
    let outside = Outside { catalog: &catalog, objects: &objects };
    Reference::candidates(text).unwrap().iter().find_map(|r| outside.find(r))
}

fn content(name: &str) -> Arc<Content> {
    Catalog::builtin().content(name).unwrap()
}

fn tagged(name: &str, tag: &str) -> Arc<Manifest> {
    let content = content(name);
    Arc::clone(content.manifest(&content.tags[tag]).unwrap())
}

fn bytes(blob: Blob) -> Vec<u8> {
    let size = blob.size();
    blob.read(0..size).flatten().collect()
}

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120";

#[test]
fn the_built_in_file_is_a_catalogue() {
    let mut catalog = Catalog::default();
    let files: Vec<data::File> = serde_json::from_str(BUILTIN).unwrap();
    assert_eq!(files.len(), 7);
    files.into_iter().for_each(|file| catalog.merge(file));
    for (host, registry) in &catalog.registries {
        let said = &registry.unknown_repository;
        assert!(said.is_empty() || DistributionError::parse(said).is_some(), "{host}: {said}");
    }
    for known in [
        "registry.access.redhat.com/ubi9/nginx-120:1-86",
        "ubi9/nginx-120",
        "quay.io/keycloak/keycloak:20.0.3",
        "nginx",
        "registry.redhat.io/rhel9/support-tools:latest",
        "registry.k8s.io/e2e-test-images/agnhost:2.43",
        "registry.k8s.io/e2e-test-images/agnhost:2.63.0",
        "registry.k8s.io/e2e-test-images/glibc-dns-testing:2.0.0",
        "registry.k8s.io/e2e-test-images/nginx:1.27-0",
        "registry.k8s.io/pause:3.10.2",
        "nginx:1.7.9",
        "mysql:5.6",
        "python:3.9-slim",
        "registry.k8s.io/nginx-slim:0.24",
        "gcr.io/kuar-demo/kuard-amd64:blue",
        "openjdk:27-ea",
        "quay.io/fluentd_elasticsearch/fluentd:v5.0.1",
        "docker.elastic.co/elasticsearch/elasticsearch:8.15.0",
        "openshift/deployment-example:v2",
    ] {
        assert!(find(known).is_some(), "{known}");
    }
}

#[test]
fn tags_move_together_and_digests_name_one_version() {
    let (a, b) = (find(&format!("{NGINX}:1-86")), find(&format!("{NGINX}:latest")));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((a.digests.len(), &a.digests), (2, &b.digests));
    assert_ne!(a.digests, find(&format!("{NGINX}:1-87")).unwrap().digests);
    assert_eq!(a.digests[1], tagged(NGINX, "1-86").digest);
    for digest in &a.digests {
        let by_digest = find(&format!("{NGINX}@{digest}")).unwrap();
        assert_eq!((&by_digest.id, &by_digest.digests[0]), (&a.id, &a.digests[0]));
    }
}

#[test]
fn nginx_is_a_manifest_list_for_four_architectures() {
    let list = tagged(NGINX, "1-86");
    assert_eq!(list.media_type, DOCKER_LIST);
    let platforms = list.document.manifests.iter().map(|d| d.platform.clone().unwrap());
    let architectures: Vec<_> = platforms.map(|p| p.architecture).collect();
    assert_eq!(architectures, ["amd64", "arm64", "ppc64le", "s390x"]);
    let content = content(NGINX);
    for member in &list.document.manifests {
        let manifest = content.manifest(&member.digest).unwrap();
        assert_eq!(manifest.media_type, DOCKER_MANIFEST);
        assert_eq!(manifest.bytes.len() as u64, member.size);
    }
}

#[test]
fn other_forms() {
    assert_eq!(tagged("quay.io/keycloak/keycloak", "20.0.2").media_type, DOCKER_MANIFEST);
    assert_eq!(tagged("docker.io/library/nginx", "latest").media_type, OCI_INDEX);
}

/// Whatever any repository serves has the digest and the size it is announced with.
#[test]
fn every_digest_is_true() {
    let catalog = Catalog::builtin();
    let names = catalog.hosts().flat_map(|h| catalog.paths(h).map(move |p| format!("{h}/{p}")));
    let mut images = 0;
    for name in names {
        let content = content(&name);
        for manifest in content.manifests() {
            assert_eq!(sha256(&manifest.bytes), manifest.digest);
            let document = &manifest.document;
            let parts = document.config.iter().chain(&document.layers);
            for part in parts.filter(|d| d.size < 1 << 20) {
                let blob = bytes(content.blob(&part.digest).unwrap());
                assert_eq!((sha256(&blob), blob.len() as u64), (part.digest.clone(), part.size));
            }
            images += usize::from(document.config.is_some());
        }
        for digest in content.tags.values() {
            assert!(content.manifest(digest).is_some(), "{name}");
        }
    }
    assert!(images > 100);
}

#[test]
fn configurations_say_what_the_data_say() {
    let image = find(&format!("{NGINX}:1-86")).unwrap();
    let blob = content(NGINX).blob(&image.id).unwrap();
    let config: ImageConfig = serde_json::from_slice(&bytes(blob)).unwrap();
    assert_eq!((config.architecture.as_str(), config.os.as_str()), ("amd64", "linux"));
    assert_eq!(config.config.user, "1001");
    let labels = config.config.labels.unwrap();
    let shown = ["name", "version", "release", "architecture"].map(|l| labels[l].as_str());
    assert_eq!(shown, ["ubi9/nginx-120", "1", "86", "x86_64"]);
    let ports: Vec<_> = config.config.exposed_ports.unwrap().into_keys().collect();
    assert_eq!(ports, ["8080/tcp", "8443/tcp"]);
    assert_eq!(config.rootfs.diff_ids.len(), config.history.len());
    let manifest = Arc::clone(content(NGINX).manifest(&image.digests[0]).unwrap());
    assert_eq!(config.rootfs.diff_ids.len(), manifest.document.layers.len());
    assert!(image.size.abs_diff(334_276_608) < 334_276_608 / 16);
}

/// Digests are kept in databases: they must not change with this program.
#[test]
fn digests_stay() {
    let tags = [
        (NGINX, "1-86"),
        ("quay.io/keycloak/keycloak", "20.0.3"),
        ("docker.io/library/nginx", "latest"),
    ];
    assert_eq!(
        tags.map(|(name, tag)| tagged(name, tag).digest.clone()),
        [
            "sha256:e075254b21c7c0dd7b508e8b9cf445ffb1163de0725c7452588c7da173d0e56b",
            "sha256:aae363b1cea4588639af503999e3b525521995ea91ed01acecd0f3a33b2f46f3",
            "sha256:5a54f1feaee0d8290e7fabdf5c59911b853c23e350278f3f4a7b73d235d5a622",
        ]
    );
}

/// A file of the user's adds to a repository that is known.
#[test]
fn files_add_versions_to_known_repositories() {
    let mut catalog = (*Catalog::builtin()).clone();
    let own = "images:
- {repositories: [docker.io/library/busybox], size: 9, releases: '7.1 7, latest'}
- {repositories: [lab.example/a], config: {cmd: [run], user: '7'}, releases: '1'}
- {repositories: [lab.example/a], config: {cmd: [go]}, releases: '2'}
";
    catalog.merge_file(own).unwrap();
    let objects = Snapshot::default();
    let outside = Outside { catalog: &catalog, objects: &objects };
    let find = |text: &str| outside.find(Reference::candidates(text).unwrap().last().unwrap());
    let before = |text: &str| super::tests::find(text).map(|i| i.digests);
    let (old, new) = (find("busybox:1.36").unwrap(), find("busybox:7").unwrap());
    assert_eq!(Some(&old.digests), before("busybox:1.36").as_ref());
    assert_eq!((&new.config.cmd, new.config.run.ends), (&old.config.cmd, old.config.run.ends));
    assert_ne!(Some(find("busybox:latest").unwrap().digests), before("busybox:latest"));
    let commands =
        ["lab.example/a:1", "lab.example/a:2"].map(|n| find(n).unwrap().config.cmd.clone());
    assert_eq!(commands, [["run"], ["go"]]);
}

/// Every release that can be served has a payload, and that names images which are there.
#[test]
fn payloads_of_releases_name_their_images() {
    let payloads = content("quay.io/openshift-release-dev/ocp-release");
    for minor in 14..=23 {
        let release = crate::settings::Versions::of(&format!("4.{minor}")).unwrap().openshift;
        let digest = &payloads.tags[&format!("{release}-x86_64")];
        let spec = Catalog::builtin().payload(&release);
        assert_eq!(spec, format!("quay.io/openshift-release-dev/ocp-release@{digest}"));
        let manifest = payloads.manifest(digest).unwrap();
        let last = manifest.document.layers.last().unwrap();
        let layer = bytes(payloads.blob(&last.digest).unwrap());
        let mut files = tar::Archive::new(flate2::read::GzDecoder::new(&layer[..]));
        let mut texts = std::collections::BTreeMap::new();
        for file in files.entries().unwrap() {
            let file = file.unwrap();
            let path = file.path().unwrap().to_string_lossy().into_owned();
            texts.insert(path, std::io::read_to_string(file).unwrap());
        }
        let read = |name: &str| -> crate::object::Value {
            serde_json::from_str(&texts[&format!("release-manifests/{name}")]).unwrap()
        };
        assert_eq!(read("release-metadata")["version"], release);
        let references = read("image-references");
        assert_eq!(references["metadata"]["name"], release);
        let tags = references["spec"]["tags"].as_array().unwrap();
        assert!(!tags.is_empty());
        for tag in tags {
            let name = tag["from"]["name"].as_str().unwrap();
            assert!(find(name).is_some(), "{name}");
        }
    }
}
