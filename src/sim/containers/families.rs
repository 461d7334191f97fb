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
    /// Commands that are installed together.
    sets: BTreeMap<String, Vec<String>>,
    families: BTreeMap<String, Family>,
    repositories: Vec<Rule>,
}

/// What images of one kind have in common.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Family {
    shell: String,
    bash: String,
    /// Commands, and sets of commands.
    lacks: Vec<String>,
    /// Which program is behind a command's name, when there are several.
    programs: BTreeMap<String, String>,
    os_release: String,
    release: String,
    /// Files and what is in them; a name with a slash at its end is a folder, a text that begins
    /// with `->` a link.
    files: BTreeMap<String, String>,
    /// More lines of `/etc/passwd` and `/etc/group`.
    passwd: String,
    group: String,
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
    crate::object::read::yaml_as(DATA).unwrap_or_default()
});

/// The family of a node's own root.
pub const NODE: &str = "node";

/// The family of an image, and its working directory.
pub fn of(repository: &str, config: &Config) -> (&'static str, &'static str) {
    let rule = FILE.repositories.iter().find(|r| repository.starts_with(&r.begins));
    let workdir = rule.map_or("", |r| r.workdir.as_str());
    let named = FILE.families.get_key_value(&config.family).map(|(name, _)| name.as_str());
    let family = match rule {
        _ if !config.shell => "scratch",
        _ if named.is_some() => named.unwrap_or_default(),
        Some(rule) => rule.family.as_str(),
        None => "scratch",
    };
    (family, if workdir.is_empty() { "/" } else { workdir })
}

/// Whether a program can be run in an image: by its path, or found in the usual folders.
pub fn can_run(image: &str, config: &Config, program: &str) -> bool {
    let (family, workdir) = of(image.split('@').next().unwrap_or(""), config);
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

/// Settings of the kernel as a container sees them, below `/proc/sys`.
const SYSCTLS: &[(&str, &str)] = &[
    ("fs/file-max", "9223372036854775807"),
    ("kernel/cap_last_cap", "40"),
    ("kernel/domainname", "(none)"),
    ("kernel/msgmax", "8192"),
    ("kernel/msgmnb", "16384"),
    ("kernel/msgmni", "32000"),
    ("kernel/ostype", "Linux"),
    ("kernel/pid_max", "4194304"),
    ("kernel/shm_rmid_forced", "0"),
    ("kernel/shmall", "18446744073692774399"),
    ("kernel/shmmax", "18446744073692774399"),
    ("kernel/shmmni", "4096"),
    ("kernel/threads-max", "255690"),
    ("net/core/somaxconn", "4096"),
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/ip_local_port_range", "32768\t60999"),
    ("net/ipv4/ip_local_reserved_ports", ""),
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/ping_group_range", "0\t2147483647"),
    ("net/ipv4/tcp_fin_timeout", "60"),
    ("net/ipv4/tcp_keepalive_intvl", "75"),
    ("net/ipv4/tcp_keepalive_probes", "9"),
    ("net/ipv4/tcp_keepalive_time", "7200"),
    ("net/ipv4/tcp_syncookies", "1"),
    ("vm/max_map_count", "262144"),
    ("vm/overcommit_memory", "1"),
    ("vm/swappiness", "60"),
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
    for (name, value) in SYSCTLS {
        put(&mut layer, &format!("/proc/sys/{name}"), Node::file(format!("{value}\n")));
    }
    let passwd = format!("{PASSWD}{}", family.passwd);
    put(&mut layer, "/etc/passwd", Node::new(Content::File(passwd.into()), 0o664));
    put(&mut layer, "/etc/group", Node::file(format!("{GROUPS}{}", family.group)));
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
    for (path, text) in &family.files {
        let node = match (path.strip_suffix('/'), text.strip_prefix("->")) {
            (Some(_), _) => Node::directory(),
            (None, Some(to)) => Node::link(to),
            (None, None) => Node::file(text.clone()),
        };
        put(&mut layer, path.trim_end_matches('/'), node);
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

/// Whether a family has a command; a set it lacks it lacks whole.
fn has(family: &Family, name: &str) -> bool {
    let lacks = |lack: &String| match FILE.sets.get(lack) {
        Some(set) => set.iter().any(|n| n == name),
        None => lack == name,
    };
    !family.lacks.iter().any(lacks)
}

fn commands(layer: &mut Layer, family: &Family) {
    let shells = ["bash", "ash", "dash"];
    // A name with a dash is a program behind another name.
    let names = crate::sim::shell::command_names().filter(|n| !n.contains('-'));
    for name in names.filter(|n| has(family, n) && !shells.contains(n)) {
        let folder = if name == "chroot" { "/usr/sbin" } else { "/usr/bin" };
        let program = family.programs.get(name).map_or(name, String::as_str);
        let node = Node::new(Content::Program(program.into()), 0o755);
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
        let file: File = crate::object::read::yaml_as(DATA).unwrap();
        for rule in &file.repositories {
            assert!(file.families.contains_key(&rule.family), "{rule:?}");
        }
        let known: Vec<&str> = crate::sim::shell::command_names().collect();
        let sets = file.sets.values().flatten();
        let lacks = file.families.values().flat_map(|f| &f.lacks);
        for name in sets.chain(lacks.filter(|l| !file.sets.contains_key(*l))) {
            assert!(known.contains(&name.as_str()), "{name} is lacking, and nobody has it");
        }
        for (name, family) in &file.families {
            for (command, program) in &family.programs {
                assert!(known.contains(&command.as_str()), "{name}: {command}");
                assert!(known.contains(&program.as_str()), "{name}: {program}");
            }
        }
    }

    #[test]
    fn images_have_their_family() {
        let rows = [
            ("registry.access.redhat.com/ubi9/nginx-120", true, "", ("rhel9", "/opt/app-root/src")),
            ("registry.access.redhat.com/ubi8/ubi", true, "", ("rhel8", "/")),
            ("registry.redhat.io/rhel9/support-tools", true, "", ("tools", "/")),
            ("docker.io/library/redis", true, "", ("debian", "/")),
            ("docker.io/library/redis", true, "alpine", ("alpine", "/")),
            ("docker.io/library/hello-world", false, "", ("scratch", "/")),
            ("registry.k8s.io/e2e-test-images/agnhost", true, "agnhost", ("agnhost", "/")),
        ];
        for (repository, shell, family, expected) in rows {
            let config = Config { shell, family: family.into(), ..Config::default() };
            assert_eq!(of(repository, &config), expected, "{repository}");
        }
    }

    #[test]
    fn the_catalogue_names_families_that_exist() {
        let catalog = crate::catalog::Catalog::builtin();
        for family in catalog.families() {
            assert!(FILE.families.contains_key(family), "{family}");
        }
    }
}
