//! The console's files: what a browser is given under `/console`. ES modules, styles and one page,
//! written by hand and part of the program; nothing is built, and nothing comes from elsewhere.
//!
//! Everything the console knows it asks of the API with the token of whoever signed in at the
//! cluster's own OAuth server (the OAuthClient `console`, with a code and PKCE). The token lies in
//! the tab's own storage and ends with the tab or with signing out. The policy that comes with
//! every file lets scripts come from this server alone and lets no text become markup
//! (`trusted-types`): names of objects are shown as text and nothing else. The one text that may become
//! a script's address is that of the worker that reads for the page, and it says so itself.

/// The first segment of the console's paths.
pub const ROOT: &str = "console";

/// What browsers are told to allow.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types reader";

/// A file of the console.
#[derive(Debug)]
pub struct File {
    /// Its name behind `/console/`.
    pub name: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// The files of a folder, by their names.
macro_rules! files {
    ($($name:literal)*) => {
        &[$(File { name: $name, bytes: include_bytes!(concat!("files/", $name)) }),*]
    };
}

/// Every file.
pub static FILES: &[File] = files! {
    "index.html"
    "api.js"
    "console.css"
    "diff.js"
    "dom.js"
    "history.js"
    "icon.svg"
    "main.js"
    "manifests.js"
    "objects.js"
    "pods.js"
    "reader.js"
    "reading.js"
    "rollouts.js"
    "screen.js"
    "session.js"
    "shown.js"
    "streams.js"
    "timeline.js"
    "trail.js"
    "view.js"
    "watch.js"
    "wires.js"
    "workloads.js"
    "views/clock.js"
    "views/events.js"
    "views/labs.js"
    "views/logs.js"
    "views/nodes.js"
    "views/object.js"
    "views/projects.js"
    "views/registries.js"
    "views/rollout.js"
    "views/terminal.js"
    "views/topology.js"
};

impl File {
    /// The file of a path behind the first slash; the page itself where the console begins.
    pub fn at(path: &str) -> Option<&'static File> {
        let name = match path.strip_prefix(ROOT)? {
            "" | "/" => "index.html",
            rest => rest.strip_prefix('/')?,
        };
        FILES.iter().find(|file| file.name == name)
    }

    /// Its media type, by the end of its name.
    pub fn media_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map_or("", |(_, end)| end) {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn every_file_of_the_folder_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/files");
        let (mut folders, mut there) = (vec![root.clone()], BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(&root).unwrap().to_string_lossy();
                        there.insert(name.replace('\\', "/"));
                    }
                }
            }
        }
        let served: BTreeSet<String> = FILES.iter().map(|f| f.name.to_owned()).collect();
        assert_eq!(served, there);
    }

    #[test]
    fn paths() {
        let name = |path: &str| File::at(path).map(|f| f.name);
        for (path, file) in [
            ("console", Some("index.html")),
            ("console/", Some("index.html")),
            ("console/main.js", Some("main.js")),
            ("console/../main.js", None),
            ("console/nothing.js", None),
            ("consoles", None),
            ("", None),
        ] {
            assert_eq!(name(path), file, "{path}");
        }
        assert!(FILES.iter().all(|f| f.media_type() != "application/octet-stream"));
    }

    #[test]
    fn no_file_makes_markup_of_text_or_asks_elsewhere() {
        const NEVER: &[&str] = &[
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "setInterval",
            "http://",
            "https://",
            "style=\"",
            " onclick=",
        ];
        for file in FILES.iter().filter(|f| f.name != "icon.svg") {
            let text = std::str::from_utf8(file.bytes).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for word in NEVER {
                assert!(!text.contains(word), "{} has {word}", file.name);
            }
            assert!(text.lines().count() <= 500, "{} is too long", file.name);
        }
    }
}
