//! The file system of a container: its image's layers and what its pod mounts.
//! Source: kubelet `makeMounts` and the volume plug-ins.

use super::{Runtime, downward, env, families, place::Place};
use crate::{
    catalog::Config,
    controllers::View,
    object::{ObjectExt, Value},
    sim::shell::fs::{Content, Fs, Layer, Mount, Node, Tree, absolute},
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// The file system of a container, and the volumes in it that are made from objects.
pub struct Files {
    /// Everything mounted.
    pub fs: Fs,
    /// Working directory of the image.
    pub workdir: &'static str,
    made: Vec<(Shared, Value)>,
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
        let token = runtime.token(place.pod.uid());
        for (tree, volume) in &self.made {
            tree.lock().replace(Arc::new(projected(view, place, volume, token.as_deref())));
        }
    }
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
            made.push((Arc::clone(&mount.tree), volume.clone()));
        }
        mounts.push(mount);
    }
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
                make_folders(&mut root, folder);
                if root.get(&mount.at).is_none() {
                    // What does not fit is left out, as below.
                    let _ = root.put(&mount.at, Node::file(""));
                }
            }
            _ => make_folders(&mut root, &mount.at),
        }
    }
    Files { fs: Fs::new(mounts), workdir, made, message }
}

/// Whether a volume's files come from objects.
fn is_made(volume: &Value) -> bool {
    ["configMap", "secret", "downwardAPI", "projected"].iter().any(|f| volume.at(f).is_some())
}

/// Files the runtime writes into every container.
fn fill(tree: &mut Tree, view: &View, place: &Place, config: &Config) {
    let host = super::hostname(place);
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

fn make_folders(tree: &mut Tree, path: &str) {
    let mut at = String::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        at = follow(tree, &format!("{at}/{part}"));
        if tree.get(&at).is_none() {
            // What does not fit is left out, as above.
            let _ = tree.put(&at, Node::directory());
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
    let tree = if volume.at("emptyDir").is_some() {
        runtime.volume(&format!("{uid}/{name}"), 0o777)
    } else if let Some(claim) = volume.at("persistentVolumeClaim") {
        read_only |= claim.is_true("readOnly");
        let key = crate::object::name::key(place.pod.namespace(), claim.str_at("claimName"));
        let claim = view.value("persistentvolumeclaims", &key)?;
        source = format!("/dev/disk/{}", claim.str_at("spec.volumeName"));
        runtime.volume(claim.str_at("spec.volumeName"), 0o777)
    } else if let Some(host) = volume.at("hostPath") {
        part = absolute("/", host.str_at("path")).trim_end_matches('/').to_owned();
        source = "/dev/vda4".into();
        let tree = runtime.node_tree(place.pod.str_at("spec.nodeName"));
        make_folders(&mut tree.lock(), &part);
        tree
    } else if !is_made(volume) {
        // Drivers nobody simulates give an empty place.
        runtime.volume(&format!("{uid}/{name}"), 0o777)
    } else {
        read_only = true;
        source = "tmpfs".into();
        let token = runtime.token(uid);
        runtime.tree(Arc::new(projected(view, place, volume, token.as_deref())))
    };
    let below = place_of(place, mount);
    if !below.is_empty() {
        let inside = if is_made(volume) { format!("/{FOLDER}") } else { String::new() };
        part = format!("{part}{inside}{}", absolute("/", &below));
        let mut tree = tree.lock();
        if tree.get(&part).is_none() && !read_only {
            make_folders(&mut tree, &part);
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
fn place_of(place: &Place, mount: &Value) -> String {
    let expr = mount.str_at("subPathExpr");
    if expr.is_empty() {
        return mount.str_at("subPath").to_owned();
    }
    let plain = |e: &Value| match e.at("valueFrom.fieldRef") {
        Some(field) => downward::field(&place.pod, field.str_at("fieldPath")),
        None => e.str_at("value").to_owned(),
    };
    let own = place.spec.list_at("env").iter().map(|e| (e.str_at("name").to_owned(), plain(e)));
    env::expand(expr, &own.collect::<Vec<_>>(), &BTreeMap::new())
}

/// The files of a volume that is made from objects: config maps, secrets, downward API, tokens.
fn projected(view: &View, place: &Place, volume: &Value, token: Option<&str>) -> Layer {
    let mut files = BTreeMap::new();
    let mode = |v: &Value| {
        let given = v.i64_at("defaultMode").or(v.i64_at("mode"));
        given.and_then(|m| u32::try_from(m).ok())
    };
    let whole =
        ["configMap", "secret", "downwardAPI", "projected"].iter().find_map(|f| volume.at(f));
    let default = whole.and_then(mode).unwrap_or(0o644);
    let own = std::slice::from_ref(volume);
    let sources = match volume.at("projected") {
        Some(projected) => projected.list_at("sources"),
        None => own,
    };
    for source in sources {
        for (field, resource) in [("configMap", "configmaps"), ("secret", "secrets")] {
            let Some(named) = source.at(field) else { continue };
            let called = match named.str_at("secretName") {
                "" => named.str_at("name"),
                secret => secret,
            };
            let data = env::data(view, place, resource, called);
            let items = named.list_at("items");
            if items.is_empty() {
                files.extend(data.into_iter().map(|(k, v)| (k, (v, default))));
                continue;
            }
            for item in items {
                if let Some(bytes) = data.get(item.str_at("key")) {
                    let mode = mode(item).unwrap_or(default);
                    files.insert(item.str_at("path").to_owned(), (bytes.clone(), mode));
                }
            }
        }
        if let Some(downward) = source.at("downwardAPI") {
            for item in downward.list_at("items") {
                let text = match item.at("fieldRef") {
                    Some(field) => downward::field(&place.pod, field.str_at("fieldPath")),
                    None => {
                        let wanted = item.at("resourceFieldRef").cloned().unwrap_or_default();
                        downward::resource(view, &place.pod, "", &wanted)
                    }
                };
                let mode = mode(item).unwrap_or(default);
                files.insert(item.str_at("path").to_owned(), (text.into_bytes(), mode));
            }
        }
        if let (Some(wanted), Some(token)) = (source.at("serviceAccountToken"), token) {
            let path = wanted.str_at("path").to_owned();
            files.insert(path, (token.as_bytes().to_vec(), default));
        }
    }
    let mut layer = atomic(files);
    let made = crate::object::time::parse(place.pod.str_at("status.startTime"));
    layer.values_mut().for_each(|node| node.changed = made.unwrap_or(view.now));
    layer
}

/// Where the kubelet's writer puts the files of a volume it makes.
const FOLDER: &str = "..2026_01_01_00_00_00.000000000";

/// Files as the kubelet's writer lays them out: links to a folder that is replaced as a whole.
fn atomic(files: BTreeMap<String, (Vec<u8>, u32)>) -> Layer {
    let mut layer = Layer::new();
    layer.insert(String::new(), Node::new(Content::Directory, 0o1777));
    families::put(&mut layer, &format!("/{FOLDER}"), Node::directory());
    families::put(&mut layer, "/..data", Node::link(FOLDER));
    for (path, (bytes, mode)) in files {
        // Paths of volumes are relative and have no `..`: the API refuses others.
        let node = Node { mode, ..Node::file(bytes) };
        families::put(&mut layer, &format!("/{FOLDER}/{path}"), node);
        let first = path.split('/').next().unwrap_or(&path);
        families::put(&mut layer, &format!("/{first}"), Node::link(format!("..data/{first}")));
    }
    layer
}

/// A tree that is shared: by the containers of a pod, or the pods of a node.
pub type Shared = Arc<Mutex<Tree>>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::shell::fs::{Cred, Quota};

    #[test]
    fn projected_files_are_links_into_one_folder() {
        let files = BTreeMap::from([
            ("a".to_owned(), (b"1".to_vec(), 0o644)),
            ("deep/b".to_owned(), (b"2".to_vec(), 0o400)),
        ]);
        let tree = Arc::new(Mutex::new(Tree::new(Arc::new(atomic(files)), Quota::new(1000))));
        let root = Mount {
            at: String::new(),
            tree,
            part: String::new(),
            read_only: true,
            source: "tmpfs".into(),
        };
        let fs = Fs::new(vec![root]);
        let who = Cred::root();
        assert_eq!(&fs.read("/a", &who).unwrap()[..], b"1");
        assert_eq!(&fs.read("/deep/b", &who).unwrap()[..], b"2");
        let names: Vec<String> = fs.list("/", &who).unwrap().into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["..2026_01_01_00_00_00.000000000", "..data", "a", "deep"]);
    }
}
