//! A file system in memory: layers, mounts, links, owners and modes, with a limit on what may be
//! written. Nothing of the machine's own files is ever reachable from here: there is no path to
//! one, only keys of a map.

mod tree;
mod view;

pub use tree::{Changes, Content, Device, Layer, Node, Quota, Tree};
pub use view::{Fs, Mount};

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Cred {
    /// User.
    pub uid: u32,
    /// Groups, the first being the process's own.
    pub groups: Vec<u32>,
}

impl Cred {
    /// The superuser.
    #[cfg(any(test, feature = "internals"))]
    pub fn root() -> Cred {
        Cred { uid: 0, groups: vec![0] }
    }
}

/// Why something could not be done, in the words of `strerror`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Errno {
    /// ENOENT
    #[error("No such file or directory")]
    Missing,
    /// EEXIST
    #[error("File exists")]
    Exists,
    /// ENOTDIR
    #[error("Not a directory")]
    NotDirectory,
    /// EISDIR
    #[error("Is a directory")]
    IsDirectory,
    /// EACCES
    #[error("Permission denied")]
    Denied,
    /// EPERM
    #[error("Operation not permitted")]
    NotPermitted,
    /// EROFS
    #[error("Read-only file system")]
    ReadOnly,
    /// ENOTEMPTY
    #[error("Directory not empty")]
    NotEmpty,
    /// ENOSPC
    #[error("No space left on device")]
    NoSpace,
    /// ELOOP
    #[error("Too many levels of symbolic links")]
    Loop,
    /// ENAMETOOLONG
    #[error("File name too long")]
    TooLong,
    /// EBUSY
    #[error("Device or resource busy")]
    Busy,
    /// ENOMEM
    #[error("Cannot allocate memory")]
    NoMemory,
    /// EINVAL
    #[error("Invalid argument")]
    Invalid,
}

/// A path without `.`, `..` and doubled slashes, by its text alone; relative ones begin at `base`.
pub fn absolute(base: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{base}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The folder a path is in, and its last part.
pub fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => (".", path),
    }
}
