//! `agnhost mounttest`: says of files and mounts what it is asked, in an order of its own.

use crate::sim::{
    containers::programs::{Call, Program, flag},
    images::process::Process,
    shell::{
        fs::{Content, Errno, Node},
        process::{Done, Main, Process as Running, Stop},
    },
};
use jiff::SignedDuration;

/// What new files contain, and what a loop waits for.
const CONTENT: &str = "mount-tester new file\n";

/// Flags that make a file, with its mode.
const NEW: [(&str, u32); 4] = [
    ("new_file_0644", 0o644),
    ("new_file_0666", 0o666),
    ("new_file_0660", 0o660),
    ("new_file_0777", 0o777),
];

/// Numbers of file systems as `statfs` has them.
const OVERLAY: &str = "2035054128";
const XFS: &str = "1481003842";
const CGROUP: &str = "1667723888";

/// The program.
pub struct Mounttest;

impl Program for Mounttest {
    fn facts(&self, _: &Call<'_>, known: Process) -> Process {
        known
    }

    fn main(&self) -> Option<Main> {
        Some(|p, argv| Box::pin(run(p, argv)))
    }
}

async fn run(p: &mut Running, argv: &[String]) -> Done {
    let path = |name: &str| flag(argv, name).filter(|p| !p.is_empty()).map(str::to_owned);
    let mut well = true;
    if let Some(path) = path("fs_type") {
        well &= kind(p, &path).await?;
    }
    for (name, mode) in NEW {
        if let Some(path) = path(name) {
            well &= create(p, &path, mode).await?;
        }
    }
    for name in ["file_mode", "file_perm", "file_owner"] {
        if let Some(path) = path(name) {
            well &= describe(p, name, &path).await?;
        }
    }
    if let Some(path) = path("file_content") {
        well &= content(p, &path).await?;
    }
    if let Some(path) = path("file_content_in_loop") {
        let seconds = flag(argv, "retry_time").and_then(|s| s.parse().ok()).unwrap_or(180);
        let breaks = flag(argv, "break_on_expected_content") != Some("false");
        well &= repeat(p, &path, seconds, breaks).await?;
    }
    Ok(i32::from(!well))
}

/// Why a file cannot be used, as Go says it.
fn because(operation: &str, path: &str, why: Errno) -> String {
    format!("{operation} {path}: {}", why.to_string().to_lowercase())
}

async fn kind(p: &Running, path: &str) -> Result<bool, Stop> {
    match p.fs.mount_of(path, &p.who) {
        Ok((_, mount)) => {
            let kind = match mount.kind() {
                "tmpfs" => "tmpfs",
                "overlay" => OVERLAY,
                "cgroup2" => CGROUP,
                _ => XFS,
            };
            p.out(format!("mount type of {path:?}: {kind}\n")).await?;
            Ok(true)
        }
        Err(why) => {
            let why = why.to_string().to_lowercase();
            p.out(format!("error from statfs({path:?}): {why}\n")).await?;
            Ok(false)
        }
    }
}

async fn create(p: &Running, path: &str, mode: u32) -> Result<bool, Stop> {
    let now = p.clock.now();
    let made = match p.fs.create(path, Content::File(CONTENT.into()), mode, &p.who, now) {
        Err(Errno::Exists) => p.fs.write(path, CONTENT.as_bytes(), false, &p.who, now),
        other => other,
    };
    if let Err(why) = made {
        let why = because("open", path, why);
        p.out(format!("error writing new file {path:?}: {why}\n")).await?;
        return Ok(false);
    }
    content(p, path).await
}

async fn content(p: &Running, path: &str) -> Result<bool, Stop> {
    match p.fs.read(path, &p.who) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            p.out(format!("content of file {path:?}: {text}\n")).await?;
            Ok(true)
        }
        Err(why) => {
            let why = because("open", path, why);
            p.out(format!("error reading file content for {path:?}: {why}\n")).await?;
            Ok(false)
        }
    }
}

async fn describe(p: &Running, what: &str, path: &str) -> Result<bool, Stop> {
    let node = match p.fs.stat(path, &p.who) {
        Ok(node) => node,
        Err(why) => {
            let (call, operation) =
                if what == "file_owner" { ("stat", "stat") } else { ("Stat", "stat") };
            let why = because(operation, path, why);
            p.out(format!("error from {call}({path:?}): {why}\n")).await?;
            return Ok(false);
        }
    };
    let text = match what {
        "file_mode" => format!("mode of file {path:?}: {}\n", mode(&node)),
        "file_perm" => format!("perms of file {path:?}: -{}\n", bits(node.mode)),
        _ => format!("owner UID of {path:?}: {}\nowner GID of {path:?}: {}\n", node.uid, node.gid),
    };
    p.out(text).await?;
    Ok(true)
}

/// Nine letters.
fn bits(mode: u32) -> String {
    (0..9).map(|i| if mode & (0o400 >> i) != 0 { b"rwx"[i % 3] as char } else { '-' }).collect()
}

/// A mode as Go writes it: letters for what it is, then nine for who may.
fn mode(node: &Node) -> String {
    let mut text = String::new();
    match &node.content {
        Content::Directory => text.push('d'),
        Content::Link(_) => text.push('L'),
        Content::Device(_) => text.push_str("Dc"),
        _ => {}
    }
    for (bit, letter) in [(0o4000, 'u'), (0o2000, 'g'), (0o1000, 't')] {
        if node.mode & bit != 0 {
            text.push(letter);
        }
    }
    if text.is_empty() {
        text.push('-');
    }
    text + &bits(node.mode)
}

/// Shows a file every two seconds until it says what is expected.
async fn repeat(p: &mut Running, path: &str, seconds: i64, breaks: bool) -> Result<bool, Stop> {
    let start = p.clock.now();
    let mut well = true;
    while p.clock.now().duration_since(start).as_secs() < seconds {
        p.step().await?;
        match p.fs.read(path, &p.who) {
            Err(why) => {
                well = false;
                let why = because("open", path, why);
                p.out(format!("Error reading file {path}: {why}, retrying\n")).await?;
            }
            Ok(bytes) => {
                well = true;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                p.out(format!("content of file {path:?}: {text}\n")).await?;
                if breaks && text == CONTENT {
                    return Ok(true);
                }
                if breaks {
                    p.out(format!("Unexpected content. Expected: {CONTENT}. Retrying\n")).await?;
                }
            }
        }
        p.sleep(SignedDuration::from_secs(2)).await;
    }
    Ok(well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_go_writes_them() {
        let node = |content, mode| Node::new(content, mode);
        let rows = [
            (node(Content::File("".into()), 0o644), "-rw-r--r--"),
            (node(Content::Directory, 0o1777), "dtrwxrwxrwx"),
            (node(Content::Directory, 0o755), "drwxr-xr-x"),
            (node(Content::Link("x".into()), 0o777), "Lrwxrwxrwx"),
            (node(Content::File("".into()), 0o2400), "gr--------"),
        ];
        for (node, expected) in rows {
            assert_eq!(mode(&node), expected);
        }
    }
}
