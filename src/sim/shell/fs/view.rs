//! What one process sees: trees mounted into one another, below the root it was given.

use super::tree::{Content, Node, Tree};
use super::{Cred, Errno, absolute, split};
use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;

/// A tree at a place.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Where; `""` is the root.
    pub at: String,
    /// The tree.
    pub tree: Arc<Mutex<Tree>>,
    /// The part of the tree that is mounted; `""` for all.
    pub part: String,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// What `df` and `mount` call it.
    pub source: String,
}

/// What is met on a way.
enum WayStep {
    Link(String),
    Node { folder: bool, open: bool },
}

impl Mount {
    /// Whether a path of the whole machine is in it or below.
    fn covers(&self, full: &str) -> bool {
        full.strip_prefix(&self.at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The kind of file system it is.
    pub fn kind(&self) -> &'static str {
        match self.source.as_str() {
            "overlay" => "overlay",
            "tmpfs" => "tmpfs",
            "cgroup" => "cgroup2",
            _ => "xfs",
        }
    }
}

/// Mounts and a root.
#[derive(Debug, Clone)]
pub struct Fs {
    mounts: Arc<Vec<Mount>>,
    root: String,
}

/// A resolved path: the mount it is in, and the key there.
struct Resolved<'a> {
    mount: &'a Mount,
    key: String,
    /// The path as the whole machine sees it.
    full: String,
}

/// Most symbolic links on a way. Source: Linux `MAXSYMLINKS`.
const MOST_LINKS: usize = 40;

impl Fs {
    /// Joins mounts; the first is the root.
    pub fn new(mut mounts: Vec<Mount>) -> Fs {
        // The longest place first: the first that fits is the right one.
        mounts.sort_by_key(|m| std::cmp::Reverse(m.at.len()));
        Fs { mounts: Arc::new(mounts), root: String::new() }
    }

    /// The same with another root (`chroot`).
    ///
    /// # Errors
    /// When it is not a directory.
    pub fn rooted(&self, path: &str, who: &Cred) -> Result<Fs, Errno> {
        if !self.stat(path, who)?.is_directory() {
            return Err(Errno::NotDirectory);
        }
        let place = self.find(path, true, who)?;
        Ok(Fs { mounts: Arc::clone(&self.mounts), root: place.full.trim_end_matches('/').into() })
    }

    /// The mounts below the root, with their places as seen from it.
    pub fn mounts(&self) -> Vec<(String, &Mount)> {
        let seen = |m: &Mount| {
            let rest = m.at.strip_prefix(&self.root)?;
            let inside = rest.is_empty() || rest.starts_with('/');
            inside.then(|| if rest.is_empty() { "/".to_owned() } else { rest.to_owned() })
        };
        let mut found: Vec<_> = self.mounts.iter().filter_map(|m| Some((seen(m)?, m))).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// The mount a path is in, and where that is mounted.
    ///
    /// # Errors
    /// As for [`Fs::stat`].
    pub fn mount_of(&self, path: &str, who: &Cred) -> Result<(String, &Mount), Errno> {
        let mount = self.find(path, true, who)?.mount;
        let at = mount.at.strip_prefix(&self.root).unwrap_or("");
        Ok((if at.is_empty() { "/".into() } else { at.into() }, mount))
    }

    fn place(&self, full: &str) -> Result<Resolved<'_>, Errno> {
        let full = full.trim_end_matches('/');
        let mount = self.mounts.iter().find(|m| m.covers(full)).ok_or(Errno::Missing)?;
        let key = format!("{}{}", mount.part, &full[mount.at.len()..]);
        Ok(Resolved { mount, key, full: full.to_owned() })
    }

    /// Follows links to where a path really is. The last part need not exist.
    fn find(&self, path: &str, follow: bool, who: &Cred) -> Result<Resolved<'_>, Errno> {
        if path.len() > 4096 {
            return Err(Errno::TooLong);
        }
        let mut todo: Vec<String> = parts(path);
        // The path as the whole machine sees it; nobody comes above his root.
        let (mut at, floor, mut links) = (self.root.clone(), self.root.len(), 0);
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "." | "" => continue,
                ".." => {
                    at.truncate(at[floor..].rfind('/').map_or(floor, |slash| floor + slash));
                    continue;
                }
                _ if part.len() > 255 => return Err(Errno::TooLong),
                _ => {}
            }
            let (above, last) = (at.len(), todo.is_empty());
            at.push('/');
            at += &part;
            let seen = self.look(&at, |node| match &node.content {
                Content::Link(to) if !last || follow => WayStep::Link(to.clone()),
                _ => WayStep::Node { folder: node.is_directory(), open: allowed(node, who, 1) },
            });
            match seen {
                Some(WayStep::Link(to)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::Loop);
                    }
                    at.truncate(if to.starts_with('/') { floor } else { above });
                    todo.extend(parts(&to));
                }
                Some(WayStep::Node { folder: false, .. }) if !last => {
                    return Err(Errno::NotDirectory);
                }
                Some(WayStep::Node { open: false, .. }) if !last => return Err(Errno::Denied),
                None if !last => return Err(Errno::Missing),
                _ => {}
            }
        }
        self.place(&at)
    }

    /// Looks at what is at a path of the whole machine.
    fn look<R>(&self, full: &str, see: impl FnOnce(&Node) -> R) -> Option<R> {
        let mount = self.mounts.iter().find(|m| m.covers(full))?;
        let inside = &full[mount.at.len()..];
        let tree = mount.tree.lock();
        match mount.part.as_str() {
            "" => tree.get(inside),
            part => tree.get(&format!("{part}{inside}")),
        }
        .map(see)
    }

    fn get(&self, path: &str, follow: bool, who: &Cred) -> Result<Node, Errno> {
        let place = self.find(path, follow, who)?;
        let node = place.mount.tree.lock().get(&place.key).cloned().ok_or(Errno::Missing)?;
        if path.len() > 1 && path.ends_with('/') && !node.is_directory() {
            return Err(Errno::NotDirectory);
        }
        Ok(node)
    }

    /// What is at a path, links followed.
    ///
    /// # Errors
    /// Missing, or not to be reached.
    pub fn stat(&self, path: &str, who: &Cred) -> Result<Node, Errno> {
        self.get(path, true, who)
    }

    /// What is at a path, a link being a link.
    ///
    /// # Errors
    /// As for [`Fs::stat`].
    pub fn lstat(&self, path: &str, who: &Cred) -> Result<Node, Errno> {
        self.get(path, false, who)
    }

    /// Whether somebody may do something (bits 4 read, 2 write, 1 execute) with what is there.
    pub fn may(&self, path: &str, who: &Cred, bits: u32) -> bool {
        let Ok(place) = self.find(path, true, who) else { return false };
        let writable = bits & 2 == 0 || !place.mount.read_only;
        let tree = place.mount.tree.lock();
        writable && tree.get(&place.key).is_some_and(|n| allowed(n, who, bits))
    }

    /// The path with all links followed.
    ///
    /// # Errors
    /// As for [`Fs::stat`].
    pub fn real(&self, path: &str, who: &Cred) -> Result<String, Errno> {
        let full = self.find(path, true, who)?.full;
        let seen = full.strip_prefix(&self.root).unwrap_or("");
        Ok(if seen.is_empty() { "/".into() } else { seen.into() })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// Missing, a directory, or not allowed.
    pub fn read(&self, path: &str, who: &Cred) -> Result<Bytes, Errno> {
        let node = self.stat(path, who)?;
        if !allowed(&node, who, 4) {
            return Err(Errno::Denied);
        }
        match node.content {
            Content::Directory => Err(Errno::IsDirectory),
            Content::File(bytes) => Ok(bytes),
            // What an executable looks like to those who read it.
            Content::Program(name) => Ok(Bytes::from(format!("\u{7f}ELF\u{2}\u{1}\u{1}{name}\n"))),
            _ => Ok(Bytes::new()),
        }
    }

    /// How often anything in it was changed.
    pub fn turns(&self) -> u64 {
        self.mounts.iter().map(|mount| mount.tree.lock().turns()).sum()
    }

    /// Whether somebody finds anything in a directory.
    pub fn holds(&self, path: &str, who: &Cred) -> bool {
        self.find(path, true, who).is_ok_and(|place| {
            let tree = place.mount.tree.lock();
            let node = tree.get(&place.key);
            node.is_some_and(|n| n.is_directory() && allowed(n, who, 4)) && tree.holds(&place.key)
        })
    }

    /// The entries of a directory.
    ///
    /// # Errors
    /// As for [`Fs::read`].
    pub fn list(&self, path: &str, who: &Cred) -> Result<Vec<(String, Node)>, Errno> {
        let place = self.find(path, true, who)?;
        let tree = place.mount.tree.lock();
        let node = tree.get(&place.key).ok_or(Errno::Missing)?;
        match node.is_directory() {
            false => return Err(Errno::NotDirectory),
            true if !allowed(node, who, 4) => return Err(Errno::Denied),
            true => {}
        }
        let mut found = tree.list(&place.key);
        drop(tree);
        // A mounted tree's root shows its own mode.
        for (name, node) in &mut found {
            let inner = format!("{}/{name}", place.full);
            if let Some(mount) = self.mounts.iter().find(|m| m.at == inner)
                && let Some(root) = mount.tree.lock().get(&mount.part)
            {
                *node = root.clone();
            }
        }
        Ok(found)
    }

    /// A place that may be changed, and whether something is there.
    fn writable(&self, path: &str, follow: bool, who: &Cred) -> Result<Resolved<'_>, Errno> {
        let place = self.find(path, follow, who)?;
        if place.mount.read_only {
            return Err(Errno::ReadOnly);
        }
        Ok(place)
    }

    /// Whether the folder a place is in may be changed.
    /// The group of what `who` makes there, if that is allowed: a folder may hand its own on.
    fn parent_allows(&self, place: &Resolved<'_>, who: &Cred) -> Result<u32, Errno> {
        let folder = self.place(split(&place.full).0.trim_end_matches('/'))?;
        let tree = folder.mount.tree.lock();
        let node = tree.get(&folder.key).ok_or(Errno::Missing)?;
        match node.is_directory() {
            false => Err(Errno::NotDirectory),
            true if allowed(node, who, 3) && node.mode & 0o2000 != 0 => Ok(node.gid),
            true if allowed(node, who, 3) => Ok(who.groups.first().copied().unwrap_or(0)),
            true => Err(Errno::Denied),
        }
    }

    /// Writes a file, or adds to it. A new one belongs to `who`.
    ///
    /// # Errors
    /// Not allowed, not a file, or no space.
    pub fn write(
        &self,
        path: &str,
        data: &[u8],
        append: bool,
        who: &Cred,
        now: Timestamp,
    ) -> Result<(), Errno> {
        if path.ends_with('/') {
            return Err(Errno::IsDirectory);
        }
        let place = self.writable(path, true, who)?;
        let old = place.mount.tree.lock().get(&place.key).cloned();
        let is_there = old.is_some();
        let mut node = match old {
            Some(node) if node.is_directory() => return Err(Errno::IsDirectory),
            Some(node) if !allowed(&node, who, 2) => return Err(Errno::Denied),
            Some(node) if matches!(node.content, Content::Device(_)) => return Ok(()),
            Some(node) => node,
            None => {
                let gid = self.parent_allows(&place, who)?;
                Node { uid: who.uid, gid, ..Node::file(Bytes::new()) }
            }
        };
        let mut tree = place.mount.tree.lock();
        if append && is_there && matches!(node.content, Content::File(_)) {
            // The copy would hold the bytes that are to grow where they are.
            drop(node);
            return tree.append(&place.key, data, now);
        }
        (node.content, node.changed) = (Content::File(Bytes::copy_from_slice(data)), now);
        tree.put(&place.key, node)
    }

    /// Makes something that was not there: a directory, a link, a file with its own mode.
    ///
    /// # Errors
    /// It is there already, not allowed, or no space.
    pub fn create(
        &self,
        path: &str,
        content: Content,
        mode: u32,
        who: &Cred,
        now: Timestamp,
    ) -> Result<(), Errno> {
        let place = self.writable(path.trim_end_matches('/'), false, who);
        let place = match place {
            // Something that is there is there, whether or not one may write beside it.
            Err(Errno::ReadOnly) if self.lstat(path, who).is_ok() => return Err(Errno::Exists),
            other => other?,
        };
        if path.is_empty() || place.mount.tree.lock().get(&place.key).is_some() {
            return Err(Errno::Exists);
        }
        let gid = self.parent_allows(&place, who)?;
        let node = Node { content, mode, uid: who.uid, gid, changed: now };
        place.mount.tree.lock().put(&place.key, node)
    }

    /// Takes something away, with all below it if `deep`.
    ///
    /// # Errors
    /// Missing, not empty, busy, or not allowed.
    pub fn remove(&self, path: &str, deep: bool, who: &Cred) -> Result<(), Errno> {
        let place = self.writable(path.trim_end_matches('/'), false, who)?;
        let inside = format!("{}/", place.full);
        let busy = |m: &Mount| m.at == place.full || m.at.starts_with(&inside);
        if self.mounts.iter().any(busy) {
            return Err(Errno::Busy);
        }
        {
            let tree = place.mount.tree.lock();
            let node = tree.get(&place.key).ok_or(Errno::Missing)?;
            if !deep && node.is_directory() && !tree.list(&place.key).is_empty() {
                return Err(Errno::NotEmpty);
            }
        }
        self.parent_allows(&place, who)?;
        place.mount.tree.lock().remove(&place.key)
    }

    /// Moves something; what is at the new place goes.
    ///
    /// # Errors
    /// Missing, not allowed, or into itself.
    pub fn rename(&self, from: &str, to: &str, who: &Cred) -> Result<(), Errno> {
        let source = self.writable(from.trim_end_matches('/'), false, who)?;
        let target = self.writable(to.trim_end_matches('/'), false, who)?;
        if format!("{}/", target.full).starts_with(&format!("{}/", source.full)) {
            return if source.full == target.full { Ok(()) } else { Err(Errno::Invalid) };
        }
        self.parent_allows(&source, who)?;
        self.parent_allows(&target, who)?;
        if Arc::ptr_eq(&source.mount.tree, &target.mount.tree) {
            let mut tree = source.mount.tree.lock();
            tree.get(&source.key).ok_or(Errno::Missing)?;
            if tree.get(&target.key).is_some() {
                tree.remove(&target.key)?;
            }
            return tree.rename(&source.key, &target.key);
        }
        let mut moved = Vec::new();
        source.mount.tree.lock().collect(&source.key, "", &mut moved);
        if moved.is_empty() {
            return Err(Errno::Missing);
        }
        for (rest, node) in moved {
            target.mount.tree.lock().put(&format!("{}{rest}", target.key), node)?;
        }
        source.mount.tree.lock().remove(&source.key)
    }

    /// Changes what is known of a file: mode, owner or time.
    ///
    /// # Errors
    /// Missing, or not the owner.
    pub fn change(
        &self,
        path: &str,
        who: &Cred,
        edit: impl FnOnce(&mut Node),
    ) -> Result<(), Errno> {
        let place = self.writable(path, true, who)?;
        let mut tree = place.mount.tree.lock();
        let mut node = tree.get(&place.key).cloned().ok_or(Errno::Missing)?;
        if who.uid != 0 && who.uid != node.uid {
            return Err(Errno::NotPermitted);
        }
        edit(&mut node);
        tree.put(&place.key, node)
    }

    /// Everything at and below a path, as (path below it, node), mounts included.
    ///
    /// # Errors
    /// As for [`Fs::stat`].
    pub fn walk(&self, path: &str, who: &Cred) -> Result<Vec<(String, Node)>, Errno> {
        let top = self.lstat(path, who)?;
        let mut found = Vec::new();
        let mut todo = vec![(String::new(), top)];
        while let Some((rest, node)) = todo.pop() {
            let inside = node.is_directory().then(|| format!("{path}{rest}"));
            found.push((rest.clone(), node));
            if let Some(folder) = inside {
                let list = self.list(&absolute("/", &folder), who).unwrap_or_default();
                todo.extend(list.into_iter().rev().map(|(n, node)| (format!("{rest}/{n}"), node)));
            }
            if found.len() > 50_000 {
                break;
            }
        }
        Ok(found)
    }
}

/// The parts of a path, the first one last.
fn parts(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// Whether the mode allows all the bits.
fn allowed(node: &Node, who: &Cred, bits: u32) -> bool {
    let shift = if who.uid == node.uid {
        6
    } else if who.groups.contains(&node.gid) {
        3
    } else {
        0
    };
    let granted = (node.mode >> shift) & 7;
    // Root reads and writes everything, and executes what anybody may.
    let root = who.uid == 0 && (bits & 1 == 0 || node.is_directory() || node.mode & 0o111 != 0);
    root || granted & bits == bits
}
