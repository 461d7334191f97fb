//! The base file system of images and nodes, from `families.yaml`.

use crate::{
    catalog::Config,
    sim::shell::fs::{Content, Device, Layer, Node, absolute},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock},
};

const DATA: &str = include_str!("families.yaml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    families: BTreeMap<String, Family>,
    repositories: Vec<Rule>,
}

/// What images of one kind have in common.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Family {
    shell: String,
    bash: String,
    lacks: Vec<String>,
    os_release: String,
    release: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rule {
    begins: String,
    family: String,
    workdir: String,
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    read(DATA).unwrap_or_default()
});

/// Reads YAML with merge keys.
pub fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_norway::Error> {
    let mut value: serde_norway::Value = serde_norway::from_str(text)?;
    value.apply_merge()?;
    serde_norway::from_value(value)
}

/// The family of a node's own root.
pub const NODE: &str = "node";

/// The family of an image, and its working directory.
pub fn of(repository: &str, shell: bool) -> (&'static str, &'static str) {
    let rule = FILE.repositories.iter().find(|r| repository.starts_with(&r.begins));
    let workdir = rule.map_or("", |r| r.workdir.as_str());
    let family = match rule {
        Some(rule) if shell => rule.family.as_str(),
        _ => "scratch",
    };
    (family, if workdir.is_empty() { "/" } else { workdir })
}

/// Whether a program can be run in an image: by its path, or found in the usual folders.
pub fn has(image: &str, config: &Config, program: &str) -> bool {
    let (family, workdir) = of(image.split('@').next().unwrap_or(""), config.shell);
    let layer = layer(family, workdir, config);
    let runs = |path: &str| {
        let inner = ["/bin/", "/sbin/"].iter().any(|f| path.starts_with(f));
        let real = if inner { format!("/usr{path}") } else { path.to_owned() };
        layer.get(&real).is_some_and(|n| !n.is_directory() && n.mode & 0o111 != 0)
    };
    match program.contains('/') {
        true => runs(&absolute(workdir, program)),
        false => ["/usr/local/bin", "/usr/bin", "/usr/sbin"]
            .iter()
            .any(|folder| runs(&format!("{folder}/{program}"))),
    }
}

/// When everything in images was made.
const BUILT: &str = "2026-05-12T08:00:00Z";

/// Directories and their modes.
const FOLDERS: &[(&str, u32)] = &[
    ("", 0o755),
    ("/boot", 0o555),
    ("/dev", 0o755),
    ("/dev/pts", 0o755),
    ("/dev/shm", 0o1777),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/media", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o550),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/usr/lib", 0o755),
    ("/usr/lib64", 0o755),
    ("/usr/local", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/usr/share", 0o755),
    ("/var", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

const DEVICES: &[(&str, Device)] = &[
    ("full", Device::Full),
    ("null", Device::Null),
    ("random", Device::Random),
    ("stderr", Device::Errors),
    ("stdin", Device::Input),
    ("stdout", Device::Output),
    ("tty", Device::Output),
    ("urandom", Device::Random),
    ("zero", Device::Zero),
];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin
";

const GROUPS: &str = "root:x:0:\nbin:x:1:\ndaemon:x:2:\nnobody:x:65534:\n";

/// The lower layer of every image of a family with these programs of its own and this working
/// directory; made once and shared.
pub fn layer(family: &str, workdir: &str, config: &Config) -> Arc<Layer> {
    static MADE: LazyLock<parking_lot::Mutex<HashMap<String, Arc<Layer>>>> =
        LazyLock::new(Default::default);
    let own = programs(config);
    let key = format!("{family} {workdir} {}", own.join(" "));
    if let Some(made) = MADE.lock().get(&key) {
        return Arc::clone(made);
    }
    let made = Arc::new(make(family, workdir, &own));
    MADE.lock().insert(key, Arc::clone(&made));
    made
}

/// Paths of the image's own programs.
fn programs(config: &Config) -> Vec<String> {
    let command = config.entrypoint.first().into_iter().chain(config.cmd.first());
    let named = config.programs.keys().map(String::as_str);
    let mut all: Vec<String> = command
        .map(String::as_str)
        .chain(named)
        .filter(|name| !name.is_empty() && !name.starts_with('-'))
        .map(|name| match name {
            name if name.starts_with('/') => name.to_owned(),
            name if name.contains('/') => absolute("/", name),
            name => format!("/usr/bin/{name}"),
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn make(name: &str, workdir: &str, own: &[String]) -> Layer {
    let empty = Family::default();
    let family = FILE.families.get(name).unwrap_or(&empty);
    let mut layer = Layer::new();
    for (path, mode) in FOLDERS {
        put(&mut layer, path, Node::new(Content::Directory, *mode));
    }
    for (name, device) in DEVICES {
        let node = Node::new(Content::Device(*device), 0o666);
        put(&mut layer, &format!("/dev/{name}"), node);
    }
    for (link, to) in
        [("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/lib64", "usr/lib64")]
    {
        put(&mut layer, link, Node::link(to));
    }
    put(&mut layer, "/var/run", Node::link("../run"));
    put(&mut layer, "/etc/passwd", Node::new(Content::File(PASSWD.into()), 0o664));
    put(&mut layer, "/etc/group", Node::file(GROUPS));
    if !family.os_release.is_empty() {
        put(&mut layer, "/usr/lib/os-release", Node::file(family.os_release.clone()));
        put(&mut layer, "/etc/os-release", Node::link("../usr/lib/os-release"));
    }
    if !family.release.is_empty() {
        put(&mut layer, "/etc/redhat-release", Node::file(format!("{}\n", family.release)));
    }
    if !family.shell.is_empty() {
        commands(&mut layer, family);
    }
    for path in own {
        if !layer.contains_key(path) && path.rsplit('/').next() != Some("sh") {
            let name = path.rsplit('/').next().unwrap_or(path);
            let program = Content::Program(name.into());
            put(&mut layer, path, Node::new(program, 0o755));
        }
    }
    if workdir != "/" {
        // Images made for any user give their folders to the root group.
        let mut at = String::new();
        for part in workdir.split('/').filter(|p| !p.is_empty()) {
            at = format!("{at}/{part}");
            let open = Node { mode: 0o775, uid: 1001, ..Node::directory() };
            layer.entry(at.clone()).or_insert(open);
        }
    }
    if name == NODE {
        node_files(&mut layer);
    }
    let built = BUILT.parse().unwrap_or_default();
    layer.values_mut().for_each(|node| node.changed = built);
    layer
}

/// Puts a node with the folders above it.
pub fn put(layer: &mut Layer, path: &str, node: Node) {
    let mut at = String::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        layer.entry(at.clone()).or_insert_with(Node::directory);
        at = format!("{at}/{part}");
    }
    layer.insert(path.to_owned(), node);
}

fn commands(layer: &mut Layer, family: &Family) {
    let missing = |name: &&str| !family.lacks.iter().any(|l| l == name);
    let shells = ["bash", "bash-4.4", "bash-debian", "ash", "dash"];
    for name in crate::sim::shell::command_names().filter(missing) {
        if shells.contains(&name) {
            continue;
        }
        let folder = if name == "chroot" { "/usr/sbin" } else { "/usr/bin" };
        let node = Node::new(Content::Program(name.into()), 0o755);
        put(layer, &format!("{folder}/{name}"), node);
    }
    let shell = |program: &str| Node::new(Content::Program(program.into()), 0o755);
    put(layer, "/usr/bin/sh", shell(&family.shell));
    if !family.bash.is_empty() {
        put(layer, "/usr/bin/bash", shell(&family.bash));
    }
    if family.shell == "ash" {
        put(layer, "/usr/bin/ash", shell("ash"));
    }
}

fn node_files(layer: &mut Layer) {
    let crictl = "runtime-endpoint: unix:///run/crio/crio.sock\nimage-endpoint: \
                  unix:///run/crio/crio.sock\ntimeout: 10\ndebug: false\n";
    put(layer, "/etc/crictl.yaml", Node::file(crictl));
    put(layer, "/etc/crio/crio.conf.d/00-default", Node::file("[crio.runtime]\n"));
    for folder in [
        "/etc/kubernetes",
        "/var/home/core",
        "/var/lib/kubelet",
        "/var/lib/containers/storage/overlay",
        "/var/lib/containers/storage/overlay-images",
        "/var/log/containers",
        "/var/log/pods",
    ] {
        put(layer, folder, Node::directory());
    }
    // A socket nobody reads; that it is there is what `crictl` looks for.
    put(layer, "/run/crio/crio.sock", Node::new(Content::Device(Device::Null), 0o660));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_names_families_that_exist() {
        let file: File = read(DATA).unwrap();
        for rule in &file.repositories {
            assert!(file.families.contains_key(&rule.family), "{rule:?}");
        }
        let known: Vec<&str> = crate::sim::shell::command_names().collect();
        for (name, family) in &file.families {
            for lack in &family.lacks {
                assert!(known.contains(&lack.as_str()), "{name} lacks {lack}, which nobody has");
            }
        }
    }

    #[test]
    fn images_have_their_family() {
        let rows = [
            ("registry.access.redhat.com/ubi9/nginx-120", true, ("rhel9", "/opt/app-root/src")),
            ("registry.access.redhat.com/ubi8/ubi", true, ("rhel8", "/")),
            ("registry.redhat.io/rhel9/support-tools", true, ("tools", "/")),
            ("docker.io/library/nginx", true, ("debian", "/")),
            ("docker.io/library/hello-world", false, ("scratch", "/")),
        ];
        for (repository, shell, expected) in rows {
            assert_eq!(of(repository, shell), expected, "{repository}");
        }
    }
}
