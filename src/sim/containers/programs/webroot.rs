//! Files of a container as web servers show them.

use super::Scene;
use crate::{
    runtime::{Fetch, Fetched},
    sim::shell::fs::{Content, Errno},
};
use bytes::Bytes;

/// The type of a file by its name.
pub fn kind(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    Some(match end {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

/// Beginnings of pages; a blank or the end of the tag follows. Source: Go's `net/http` sniffer.
const TAGS: &[&str] = &[
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a",
    "<style",
    "<title",
    "<b",
    "<body",
    "<br",
    "<p",
];

/// The type of some bytes by how they begin, as Go finds it.
pub fn sniffed(bytes: &[u8]) -> &'static str {
    let start = bytes.trim_ascii_start();
    let html = |tag: &&str| {
        let ends = start.get(tag.len()).is_some_and(|b| matches!(b, b' ' | b'>'));
        ends && start[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
    };
    if start.starts_with(b"<!--") || TAGS.iter().any(html) {
        return "text/html; charset=utf-8";
    }
    let binary = |b: &u8| *b < 9 || (14..=26).contains(b) || (28..32).contains(b);
    let head = &bytes[..bytes.len().min(512)];
    if head.iter().any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

/// What a path leads to.
pub enum Found {
    /// A file and its name.
    File(String, Bytes),
    /// A folder: its names, folders with a slash.
    Folder(Vec<String>),
    /// Why there is nothing to show.
    Nothing(Errno),
}

/// Looks a path up below a root.
pub fn find(scene: &Scene<'_>, root: &str, path: &str) -> Found {
    let who = scene.who();
    let fs = scene.files();
    let plain = decoded(path.split('?').next().unwrap_or(""));
    let whole = crate::sim::shell::fs::absolute("/", &format!("{root}/{plain}"));
    // What lies above the root is not there.
    if !root.is_empty() && whole != root && !whole.starts_with(&format!("{root}/")) {
        return Found::Nothing(Errno::Missing);
    }
    let node = match fs.stat(&whole, who) {
        Ok(node) => node,
        Err(why) => return Found::Nothing(why),
    };
    if node.is_directory() {
        return match fs.list(&whole, who) {
            Ok(list) => Found::Folder(
                list.into_iter()
                    .map(|(name, node)| if node.is_directory() { name + "/" } else { name })
                    .collect(),
            ),
            Err(why) => Found::Nothing(why),
        };
    }
    let name = whole.rsplit('/').next().unwrap_or("").to_owned();
    match node.content {
        Content::Program(_) => Found::File(name, Bytes::from_static(b"\x7fELF\x02\x01\x01\x00")),
        _ => match fs.read(&whole, who) {
            Ok(bytes) => Found::File(name, bytes),
            Err(why) => Found::Nothing(why),
        },
    }
}

/// A path with its `%20`s undone.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let hex = |at: usize| bytes.get(at).and_then(|b| (*b as char).to_digit(16));
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Answers a request as Go's file server does.
pub fn go(scene: &Scene<'_>, root: &str, request: &Fetch) -> Fetched {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    match find(scene, root, path) {
        Found::File(..) if path.ends_with("/index.html") => scene.redirect(301, "./"),
        Found::File(_, _) if path.ends_with('/') => {
            let up = path.trim_end_matches('/').rsplit('/').next().unwrap_or("");
            scene.redirect(301, &format!("../{up}"))
        }
        Found::File(name, bytes) => {
            scene.answer(200, kind(&name).unwrap_or_else(|| sniffed(&bytes)), bytes)
        }
        Found::Folder(_) if !path.ends_with('/') => {
            let last = path.rsplit('/').next().unwrap_or("");
            let mark = if query.is_empty() { "" } else { "?" };
            scene.redirect(301, &format!("{last}/{mark}{query}"))
        }
        Found::Folder(names) => match find(scene, root, &format!("{path}index.html")) {
            Found::File(_, bytes) => scene.answer(200, "text/html; charset=utf-8", bytes),
            _ => scene.answer(200, "text/html; charset=utf-8", listing(&names)),
        },
        Found::Nothing(Errno::Missing) => scene.text(404, "404 page not found\n"),
        Found::Nothing(Errno::Denied) => scene.text(403, "403 Forbidden\n"),
        Found::Nothing(_) => scene.text(500, "500 Internal Server Error\n"),
    }
}

fn listing(names: &[String]) -> String {
    let lines: String =
        names.iter().map(|n| format!("<a href=\"{0}\">{0}</a>\n", escaped(n))).collect();
    let head = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n";
    format!("{head}<pre>\n{lines}</pre>\n")
}

/// Text as HTML shows it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_names_and_beginnings() {
        assert_eq!(kind("data.json"), Some("application/json"));
        assert_eq!(kind("README"), None);
        assert_eq!(sniffed(b"  <HTML>x"), "text/html; charset=utf-8");
        assert_eq!(sniffed(b"<a href=x>"), "text/html; charset=utf-8");
        assert_eq!(sniffed(b"<all>x"), "text/plain; charset=utf-8");
        assert_eq!(sniffed(b"a\0b"), "application/octet-stream");
        assert_eq!(decoded("a%20b%2fc%"), "a b/c%");
    }
}
