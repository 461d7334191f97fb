//! One tree of files: a shared lower layer and what was changed above it. Keys are paths from the
//! tree's root (`""`), each beginning with a slash.

use super::Errno;
use bytes::Bytes;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What something is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A directory.
    Directory,
    /// A file with its bytes.
    File(Bytes),
    /// A symbolic link.
    Link(String),
    /// An executable whose code is here: one of the shell's commands, by name.
    Program(Arc<str>),
    /// A device.
    Device(Device),
}

/// A device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Device {
    /// Swallows everything, gives nothing.
    Null,
    /// Gives zeroes.
    Zero,
    /// Gives chance.
    Random,
    /// Is full.
    Full,
    /// The terminal or standard output of who opens it.
    Output,
    /// The standard error of who opens it.
    Errors,
    /// The standard input of who opens it.
    Input,
}

/// A file or directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When it was changed.
    pub changed: Timestamp,
}

impl Node {
    /// A directory of root.
    pub fn directory() -> Node {
        Node::new(Content::Directory, 0o755)
    }

    /// A file of root.
    pub fn file(bytes: impl Into<Bytes>) -> Node {
        Node::new(Content::File(bytes.into()), 0o644)
    }

    /// A symbolic link.
    pub fn link(to: impl Into<String>) -> Node {
        Node::new(Content::Link(to.into()), 0o777)
    }

    /// Something of root.
    pub fn new(content: Content, mode: u32) -> Node {
        Node { content, mode, uid: 0, gid: 0, changed: Timestamp::UNIX_EPOCH }
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.content == Content::Directory
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        match &self.content {
            Content::Directory => 4096,
            Content::File(bytes) => bytes.len(),
            Content::Link(to) => to.len(),
            Content::Program(name) => 20_000 + name.len() * 1_256,
            Content::Device(_) => 0,
        }
    }

    /// Bytes of memory it takes.
    fn weight(&self) -> usize {
        match &self.content {
            Content::File(bytes) => bytes.len(),
            Content::Link(to) => to.len(),
            _ => 0,
        }
    }
}

/// Files nobody changes any more.
pub type Layer = BTreeMap<String, Node>;

/// Bytes that may still be written, counted over all trees that share it.
#[derive(Debug, Clone)]
pub struct Quota {
    left: Arc<AtomicUsize>,
    whole: usize,
}

impl Quota {
    /// So many bytes.
    pub fn new(bytes: usize) -> Quota {
        Quota { left: Arc::new(AtomicUsize::new(bytes)), whole: bytes }
    }

    /// Bytes in all, and bytes left.
    pub fn state(&self) -> (usize, usize) {
        (self.whole, self.left.load(Ordering::Relaxed))
    }

    fn take(&self, bytes: usize) -> Result<(), Errno> {
        let less = |left: usize| left.checked_sub(bytes);
        let done = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        done.map(drop).map_err(|_| Errno::NoSpace)
    }

    fn give(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What an entry costs besides its content.
const OVERHEAD: usize = 256;

/// Most bytes one tree may hold of its own.
const MOST: usize = 32 << 20;

/// A lower layer and changes.
#[derive(Debug)]
pub struct Tree {
    lower: Arc<Layer>,
    /// `None` hides what is below.
    upper: BTreeMap<String, Option<Node>>,
    used: usize,
    quota: Quota,
    /// How often anything was changed.
    turns: u64,
}

/// What a tree holds, as a value: it counts against no quota.
#[derive(Debug, Clone)]
pub struct Changes {
    lower: Arc<Layer>,
    upper: BTreeMap<String, Option<Node>>,
    used: usize,
}

impl Tree {
    /// What it holds now.
    pub fn changes(&self) -> Changes {
        let (lower, upper) = (Arc::clone(&self.lower), self.upper.clone());
        Changes { lower, upper, used: self.used }
    }

    /// Makes it hold what it held before. What fitted then fits now: nobody has more room.
    pub fn put_back(&mut self, changes: &Changes) {
        self.quota.give(self.used);
        self.used = if self.quota.take(changes.used).is_ok() { changes.used } else { 0 };
        (self.lower, self.upper) = (Arc::clone(&changes.lower), changes.upper.clone());
        self.turns += 1;
    }

    /// How often anything was changed: what was seen is still true as long as this is the same.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Starts unchanged.
    pub fn new(lower: Arc<Layer>, quota: Quota) -> Tree {
        let mut tree = Tree { lower, upper: BTreeMap::new(), used: 0, quota, turns: 0 };
        if tree.get("").is_none() {
            tree.upper.insert(String::new(), Some(Node::directory()));
        }
        tree
    }

    /// Replaces the lower layer: what is mounted from elsewhere has changed there.
    pub fn replace(&mut self, lower: Arc<Layer>) {
        self.lower = lower;
        self.turns += 1;
    }

    /// What is at a path.
    pub fn get(&self, path: &str) -> Option<&Node> {
        match self.upper.get(path) {
            Some(changed) => changed.as_ref(),
            None => self.lower.get(path),
        }
    }

    /// Whether there is anything in a directory.
    pub fn holds(&self, path: &str) -> bool {
        let prefix = format!("{path}/");
        let inside = |k: &&String| k.starts_with(&prefix);
        let (upper, lower) =
            (self.upper.range(prefix.clone()..), self.lower.range(prefix.clone()..));
        let mut upper = upper.take_while(|(k, _)| inside(k));
        let mut lower = lower.map(|(k, _)| k).take_while(inside);
        upper.any(|(_, node)| node.is_some())
            || lower.any(|key| !matches!(self.upper.get(key), Some(None)))
    }

    /// Names in a directory, in order.
    pub fn list(&self, path: &str) -> Vec<(String, Node)> {
        let prefix = format!("{path}/");
        let mut found = BTreeMap::new();
        let from = prefix.clone()..;
        let lower = self.lower.range(from.clone()).map(|(k, v)| (k, Some(v)));
        let upper = self.upper.range(from).map(|(k, v)| (k, v.as_ref()));
        let inside = |k: &&String| k.starts_with(&prefix);
        for (key, node) in lower.take_while(|(k, _)| inside(k)) {
            found.insert(key, node);
        }
        for (key, node) in upper.take_while(|(k, _)| inside(k)) {
            found.insert(key, node);
        }
        let direct = |(key, node): (&String, Option<&Node>)| {
            let name = &key[prefix.len()..];
            (!name.contains('/')).then_some((name.to_owned(), node?.clone()))
        };
        found.into_iter().filter_map(direct).collect()
    }

    /// Puts something at a path whose directory exists.
    ///
    /// # Errors
    /// No space.
    pub fn put(&mut self, path: &str, node: Node) -> Result<(), Errno> {
        let new = path.len() + OVERHEAD + node.weight();
        let old = self.cost(path);
        if self.used + new > MOST + old {
            return Err(Errno::NoSpace);
        }
        self.quota.take(new)?;
        self.quota.give(old);
        self.used = self.used + new - old;
        self.upper.insert(path.to_owned(), Some(node));
        self.turns += 1;
        Ok(())
    }

    /// Adds to the end of a file, in place as long as nobody else holds its bytes.
    ///
    /// # Errors
    /// It is no file, or no space.
    pub fn append(&mut self, path: &str, data: &[u8], now: Timestamp) -> Result<(), Errno> {
        if !matches!(self.upper.get(path), Some(Some(_))) {
            let below = self.lower.get(path).filter(|_| !self.upper.contains_key(path));
            self.put(path, below.cloned().ok_or(Errno::Missing)?)?;
        }
        let Some(Some(node)) = self.upper.get_mut(path) else { return Err(Errno::Missing) };
        let Content::File(bytes) = &mut node.content else { return Err(Errno::Invalid) };
        if self.used + data.len() > MOST {
            return Err(Errno::NoSpace);
        }
        self.quota.take(data.len())?;
        self.used += data.len();
        self.turns += 1;
        let mut whole = std::mem::take(bytes).try_into_mut().unwrap_or_else(|b| b[..].into());
        whole.extend_from_slice(data);
        (*bytes, node.changed) = (whole.freeze(), now);
        Ok(())
    }

    fn cost(&self, path: &str) -> usize {
        let changed = self.upper.get(path).map(|n| n.as_ref().map_or(0, Node::weight));
        // The root was put in without being counted.
        changed.filter(|_| !path.is_empty()).map_or(0, |weight| path.len() + OVERHEAD + weight)
    }

    /// Takes what is at a path away, with all below it.
    ///
    /// # Errors
    /// No space to note what is gone.
    pub fn remove(&mut self, path: &str) -> Result<(), Errno> {
        self.turns += 1;
        let prefix = format!("{path}/");
        let own = self.upper.range(prefix.clone()..).map(|(k, _)| k);
        let below = self.lower.range(prefix.clone()..).map(|(k, _)| k);
        let own = own.take_while(|k| k.starts_with(&prefix)).cloned();
        let below = below.take_while(|k| k.starts_with(&prefix)).cloned();
        let mut gone: Vec<String> = own.chain(below).collect();
        gone.push(path.to_owned());
        gone.sort_unstable();
        gone.dedup();
        for key in gone {
            let cost = self.cost(&key);
            self.quota.give(cost);
            self.used -= cost;
            self.upper.remove(&key);
            if self.lower.contains_key(&key) {
                let cost = key.len() + OVERHEAD;
                self.quota.take(cost)?;
                self.used += cost;
                self.upper.insert(key, None);
            }
        }
        Ok(())
    }

    /// Moves a path and all below it.
    ///
    /// # Errors
    /// No space.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let mut moved = Vec::new();
        self.collect(from, "", &mut moved);
        for (rest, node) in moved {
            self.put(&format!("{to}{rest}"), node)?;
        }
        self.remove(from)
    }

    /// Everything at and below a path, parents first.
    pub fn collect(&self, path: &str, rest: &str, into: &mut Vec<(String, Node)>) {
        let here = format!("{path}{rest}");
        let Some(node) = self.get(&here) else { return };
        into.push((rest.to_owned(), node.clone()));
        if node.is_directory() {
            for (name, _) in self.list(&here) {
                self.collect(path, &format!("{rest}/{name}"), into);
            }
        }
    }

    /// Bytes written above the lower layer, the quota, and the number of changed entries.
    pub fn usage(&self) -> (usize, &Quota, usize) {
        (self.used, &self.quota, self.upper.len())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.quota.give(self.used);
    }
}
