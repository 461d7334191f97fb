//! The file system of a container: its image's layers and what its pod mounts.
//! Source: kubelet `makeMounts` and the volume plug-ins.

use super::{
    Runtime, cgroup, env, families,
    place::Place,
    projected::{self, FOLDER},
};
use crate::{
    catalog::{Config, reference::Reference},
    controllers::View,
    object::{ObjectExt, Value},
    sim::{
        registries,
        shell::fs::{Content, Fs, Layer, Mount, Node, Tree, absolute},
    },
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// What files are made anew from.
enum Made {
    /// The objects a volume names.
    Volume(Value),
    /// The container's resources.
    Cgroup,
}

/// The file system of a container, and the volumes in it that are made from objects.
pub struct Files {
    /// Everything mounted.
    pub fs: Fs,
    /// Working directory of the image.
    pub workdir: &'static str,
    made: Vec<(Shared, Made)>,
    /// The revision of the objects those were made of last.
    seen: AtomicU64,
    /// The file for the last words.
    message: Shared,
}

impl Files {
    /// What was written as the last words.
    pub fn message(&self) -> bytes::Bytes {
        match self.message.lock().get("").map(|n| n.content.clone()) {
            Some(Content::File(bytes)) => bytes,
            _ => bytes::Bytes::new(),
        }
    }

    /// Makes the volumes that come from objects anew: those may have changed since.
    pub fn refresh(&self, runtime: &Runtime, view: &View, place: &Place) {
        for (tree, made) in &self.made {
            let layer = match made {
                Made::Volume(volume) => files(runtime, view, place, volume),
                Made::Cgroup => cgroup::files(place, view.now),
            };
            tree.lock().replace(Arc::new(layer));
        }
        self.seen.store(view.objects.rev, Ordering::Relaxed);
    }

    /// The same when an object has changed since. A fresh token does not show by itself: who needs
    /// one sees to it and makes them anew.
    pub fn keep_up(&self, runtime: &Runtime, view: &View, place: &Place) {
        if self.seen.load(Ordering::Relaxed) != view.objects.rev {
            self.refresh(runtime, view, place);
        }
    }
}

/// The files of a volume that is made from objects.
fn files(runtime: &Runtime, view: &View, place: &Place, volume: &Value) -> Layer {
    projected::files(view, place, volume, &|wanted| runtime.token(place.pod.uid(), wanted))
}

/// Builds the file system of a container.
pub fn of(runtime: &Runtime, view: &View, place: &Place, config: &Config) -> Files {
    let image = place.status.str_at("imageID");
    let repository = image.split('@').next().unwrap_or("");
    let (family, workdir) = families::of(repository, config);
    let lower = families::layer(family, workdir, config);
    let root = runtime.tree(lower);
    fill(&mut root.lock(), view, place, config);
    let frozen = place.spec.is_true("securityContext.readOnlyRootFilesystem");
    let mut mounts = vec![Mount {
        at: String::new(),
        tree: Arc::clone(&root),
        part: String::new(),
        read_only: frozen,
        source: "overlay".into(),
    }];
    let mut made = Vec::new();
    for mount in place.spec.list_at("volumeMounts") {
        let volumes = place.pod.list_at("spec.volumes");
        let Some(volume) = volumes.iter().find(|v| v.str_at("name") == mount.str_at("name")) else {
            continue;
        };
        let Some(mount) = mounted(runtime, view, place, mount, volume) else { continue };
        // A part of a volume stays as it was mounted; the whole is kept up to date.
        if is_made(volume) && mount.part.is_empty() {
            made.push((Arc::clone(&mount.tree), Made::Volume(volume.clone())));
        }
        mounts.push(mount);
    }
    let group = runtime.tree(Arc::new(cgroup::files(place, view.now)));
    made.push((Arc::clone(&group), Made::Cgroup));
    mounts.push(Mount {
        at: cgroup::AT.into(),
        tree: group,
        part: String::new(),
        read_only: !place.spec.is_true("securityContext.privileged"),
        source: "cgroup".into(),
    });
    let message = runtime.tree(Arc::new(Layer::from([(
        String::new(),
        Node { mode: 0o666, changed: view.now, ..Node::file("") },
    )])));
    mounts.push(Mount {
        at: mount_point(match place.spec.str_at("terminationMessagePath") {
            "" => "/dev/termination-log",
            own => own,
        }),
        tree: Arc::clone(&message),
        part: String::new(),
        read_only: false,
        source: "/dev/vda4".into(),
    });
    for mount in &mounts {
        let is_file = mount.tree.lock().get(&mount.part).is_some_and(|n| !n.is_directory());
        let mut root = root.lock();
        match mount.at.rsplit_once('/') {
            Some((folder, _)) if is_file => {
                make_folders(&mut root, folder, 0o755);
                if root.get(&mount.at).is_none() {
                    // What does not fit is left out, as below.
                    let _ = root.put(&mount.at, Node::file(""));
                }
            }
            _ => make_folders(&mut root, &mount.at, 0o755),
        }
    }
    Files { fs: Fs::new(mounts), workdir, made, seen: AtomicU64::new(0), message }
}

/// Whether a volume's files come from objects.
fn is_made(volume: &Value) -> bool {
    ["configMap", "secret", "downwardAPI", "projected"].iter().any(|f| volume.at(f).is_some())
}

/// Files the runtime writes into every container.
fn fill(tree: &mut Tree, view: &View, place: &Place, config: &Config) {
    let host = super::hostname(place);
    ["/proc/1", "/proc/self"].iter().for_each(|folder| make_folders(tree, folder, 0o555));
    // What does not fit is left out; the quota of a node is far larger than this.
    let mut write = |path: &str, text: String| {
        let _ = tree.put(path, Node { changed: view.now, ..Node::file(text) });
    };
    for setting in place.pod.list_at("spec.securityContext.sysctls") {
        // A name with slashes may have dots within its parts.
        let name = setting.str_at("name");
        let path = if name.contains('/') { name.to_owned() } else { name.replace('.', "/") };
        write(&format!("/proc/sys/{path}"), format!("{}\n", setting.str_at("value")));
    }
    write("/etc/hosts", super::network::hosts(view, place));
    write("/etc/hostname", format!("{host}\n"));
    write("/etc/resolv.conf", super::network::resolv_conf(view, &place.pod));
    let uid = place.uid(config);
    let argv = place.argv(view, config);
    let name = argv.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    for process in ["1", "self"] {
        let score = super::cgroup::oom_score(view, place);
        write(&format!("/proc/{process}/oom_score_adj"), format!("{score}\n"));
        let status = super::cgroup::status(view, place, uid, name);
        write(&format!("/proc/{process}/status"), status);
    }
    if !matches!(uid, 0 | 1 | 2 | 65534) {
        let known = tree.get("/etc/passwd").map(|n| n.content.clone());
        if let Some(Content::File(bytes)) = known {
            // The runtime gives a user without a name the number as its name.
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            text.push_str(&format!("{uid}:x:{uid}:0:{uid} user:/:/sbin/nologin\n"));
            let _ = tree.put("/etc/passwd", Node { mode: 0o664, ..Node::file(text) });
        }
    }
}

fn make_folders(tree: &mut Tree, path: &str, mode: u32) {
    let mut at = String::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        at = follow(tree, &format!("{at}/{part}"));
        if tree.get(&at).is_none() {
            // What does not fit is left out, as above.
            let _ = tree.put(&at, Node { mode, ..Node::directory() });
        }
    }
}

/// Where a link of the image leads, one step.
fn follow(tree: &Tree, path: &str) -> String {
    match tree.get(path).map(|n| &n.content) {
        Some(Content::Link(to)) => absolute(crate::sim::shell::fs::split(path).0, to),
        _ => path.to_owned(),
    }
}

fn mounted(
    runtime: &Runtime,
    view: &View,
    place: &Place,
    mount: &Value,
    volume: &Value,
) -> Option<Mount> {
    let uid = place.pod.uid();
    let name = volume.str_at("name");
    let mut read_only = mount.is_true("readOnly");
    let mut source = "overlay".to_owned();
    let mut part = String::new();
    let group = place.volume_group();
    let tree = if let Some(empty) = volume.at("emptyDir") {
        if empty.str_at("medium") == "Memory" {
            source = "tmpfs".into();
        }
        runtime.volume(&format!("{uid}/{name}"), group)
    } else if let Some(claim) = volume.at("persistentVolumeClaim") {
        read_only |= claim.is_true("readOnly");
        let key = crate::object::name::key(place.pod.namespace(), claim.str_at("claimName"));
        let claim = view.value("persistentvolumeclaims", &key)?;
        source = format!("/dev/disk/{}", claim.str_at("spec.volumeName"));
        runtime.volume(claim.str_at("spec.volumeName"), group)
    } else if let Some(host) = volume.at("hostPath") {
        part = absolute("/", host.str_at("path")).trim_end_matches('/').to_owned();
        source = "/dev/vda4".into();
        let tree = runtime.node_tree(place.pod.str_at("spec.nodeName"));
        host_path(&mut tree.lock(), &part, host.str_at("type"));
        tree
    } else if let Some(image) = volume.at("image") {
        read_only = true;
        let names = Reference::candidates(image.str_at("reference")).unwrap_or_default();
        let found = names.iter().find_map(|name| {
            Some((name.repository(), registries::known(view, &name.full())?.config))
        });
        let (repository, config) = found?;
        let (family, workdir) = families::of(&repository, &config);
        runtime.tree(families::layer(family, workdir, &config))
    } else if !is_made(volume) {
        // Drivers nobody simulates give an empty place.
        runtime.volume(&format!("{uid}/{name}"), group)
    } else {
        read_only = true;
        source = "tmpfs".into();
        runtime.tree(Arc::new(files(runtime, view, place, volume)))
    };
    let below = place_of(view, place, mount).ok()?;
    if !below.is_empty() {
        let inside = if is_made(volume) { format!("/{FOLDER}") } else { String::new() };
        part = format!("{part}{inside}{}", absolute("/", &below));
        let mut tree = tree.lock();
        if tree.get(&part).is_none() && !read_only {
            // A folder of a volume is made like its root.
            let mode = tree.get("").map_or(0o755, |root| root.mode & 0o777);
            make_folders(&mut tree, &part, mode);
        }
    }
    let at = mount_point(mount.str_at("mountPath"));
    Some(Mount { at, tree, part, read_only, source })
}

/// Where a mount path is: `/var/run` is a link in every image.
fn mount_point(path: &str) -> String {
    let at = absolute("/", path).trim_end_matches('/').to_owned();
    match at.strip_prefix("/var/run/") {
        Some(rest) => format!("/run/{rest}"),
        None => at,
    }
}

/// The part of a volume that is mounted.
///
/// # Errors
/// Why the container cannot be made like this. Source: kubelet `makeMounts`.
pub fn place_of(view: &View, place: &Place, mount: &Value) -> Result<String, String> {
    let expr = mount.str_at("subPathExpr");
    let path = match expr.is_empty() {
        true => mount.str_at("subPath").to_owned(),
        false => {
            let known = env::given(view, place);
            let value = |name: &str| known.iter().rev().find(|(n, _)| n == name);
            let lacks = |name: &&str| value(name).is_none_or(|(_, value)| value.is_empty());
            let missing: BTreeSet<&str> = env::names(expr).into_iter().filter(lacks).collect();
            if !missing.is_empty() {
                let missing: Vec<&str> = missing.into_iter().collect();
                return Err(format!("missing value for {}", missing.join(", ")));
            }
            env::expand(expr, &known, &BTreeMap::new())
        }
    };
    if path.starts_with('/') {
        return Err(format!("error SubPath `{path}` must not be an absolute path"));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!("unable to provision SubPath `{path}`: must not contain '..'"));
    }
    Ok(path)
}

/// Makes what a `hostPath` volume may make.
fn host_path(tree: &mut Tree, path: &str, kind: &str) {
    match kind {
        "FileOrCreate" if tree.get(path).is_none() => {
            // What does not fit is left out, as above.
            let _ = tree.put(path, Node::file(""));
        }
        // The runtime makes what it is to mount.
        "" | "DirectoryOrCreate" => make_folders(tree, path, 0o755),
        _ => {}
    }
}

/// Whether a path of a node is what a `hostPath` volume says.
///
/// # Errors
/// That it is not. Source: kubelet `checkTypeInternal`.
pub fn check_host_path(tree: &Tree, path: &str, kind: &str) -> Result<(), String> {
    let found = tree.get(path.trim_end_matches('/'));
    let (fits, what) = match kind {
        "Directory" => (found.is_some_and(Node::is_directory), "a directory"),
        "DirectoryOrCreate" => (found.is_none_or(Node::is_directory), "a directory"),
        "File" => (found.is_some_and(|n| !n.is_directory()), "a file"),
        "FileOrCreate" => (found.is_none_or(|n| !n.is_directory()), "a file"),
        "Socket" => (false, "a socket file"),
        "CharDevice" => {
            let device = |n: &Node| matches!(n.content, Content::Device(_));
            (found.is_some_and(device), "a character device")
        }
        "BlockDevice" => (false, "a block device"),
        _ => (true, ""),
    };
    match fits {
        true => Ok(()),
        false => Err(format!("hostPath type check failed: {path} is not {what}")),
    }
}

/// A tree that is shared: by the containers of a pod, or the pods of a node.
pub type Shared = Arc<Mutex<Tree>>;
