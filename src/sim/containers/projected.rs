//! The volumes the kubelet makes from objects: config maps, secrets, downward API, tokens.
//! Source: kubelet `AtomicWriter` and the plug-ins that use it.

use super::{downward, env, families, place::Place};
use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    sim::shell::fs::{Content, Layer, Node},
};
use std::collections::BTreeMap;

/// The files of a volume that is made from objects: config maps, secrets, downward API, tokens.
pub fn files(
    view: &View,
    place: &Place,
    volume: &Value,
    token: &dyn Fn(&Value) -> Option<String>,
) -> Layer {
    let (mut files, mut tokens) = (BTreeMap::new(), Vec::new());
    let (owner, group) = (only_user(place), place.volume_group());
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
        if let Some(wanted) = source.at("serviceAccountToken")
            && let Some(token) = token(wanted)
        {
            let mode = if owner.is_some() || group.is_some() { 0o600 } else { default };
            let path = wanted.str_at("path").to_owned();
            tokens.push(path.clone());
            files.insert(path, (token.into_bytes(), mode));
        }
    }
    let mut layer = atomic(files);
    let made = crate::object::time::parse(place.pod.str_at("status.startTime"));
    layer.values_mut().for_each(|node| node.changed = made.unwrap_or(view.now));
    for path in tokens {
        let node = layer.get_mut(&format!("/{FOLDER}/{path}"));
        if let (Some(node), Some(uid)) = (node, owner) {
            node.uid = uid;
        }
    }
    if let Some(gid) = group {
        layer.values_mut().for_each(|node| give(node, gid, 0o440));
    }
    layer
}

/// The user of a pod whose containers all have the same: tokens are that user's.
/// Source: kubelet `FsUserFrom`.
fn only_user(place: &Place) -> Option<u32> {
    let lists = ["spec.initContainers", "spec.containers"];
    let of_pod = place.pod.i64_at("spec.securityContext.runAsUser");
    let mut users = lists
        .iter()
        .flat_map(|list| place.pod.list_at(list))
        .map(|c| c.i64_at("securityContext.runAsUser").or(of_pod));
    let first = users.next()??;
    users.all(|user| user == Some(first)).then(|| u32::try_from(first).ok())?
}

/// Gives something in a volume to the pod's group, with these bits for files.
/// Source: kubelet `SetVolumeOwnership`.
pub fn give(node: &mut Node, gid: u32, bits: u32) {
    node.gid = gid;
    node.mode |= match node.content {
        Content::Directory => bits | 0o2110,
        Content::Link(_) => 0,
        _ => bits,
    };
}

/// Where the kubelet's writer puts the files of a volume it makes.
pub const FOLDER: &str = "..2026_01_01_00_00_00.000000000";

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::shell::fs::{Cred, Fs, Mount, Quota, Tree};
    use parking_lot::Mutex;
    use std::sync::Arc;

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

    #[test]
    fn the_group_of_a_pod_owns_its_volumes() {
        let mut nodes = [
            Node::new(Content::Directory, 0o1777),
            Node { mode: 0o400, ..Node::file("") },
            Node::link("x"),
        ];
        nodes.iter_mut().for_each(|node| give(node, 1001, 0o440));
        assert!(nodes.iter().all(|node| node.gid == 1001));
        assert_eq!(nodes.map(|node| node.mode), [0o3777, 0o440, 0o777]);
    }
}
