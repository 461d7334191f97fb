//! What a client sends to build from: an archive, or one file. Of its content only what decides the
//! image is kept: a digest, the paths of folders, and Dockerfiles.

use super::script::Input;
use crate::object::hex;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

/// Most bytes an archive may have when it is unpacked.
const LARGEST: u64 = 256 << 20;
/// Most files in it.
const MOST: usize = 20_000;
/// Most bytes of a file whose text is kept.
const LARGEST_TEXT: u64 = super::dockerfile::LARGEST as u64;

/// Reads what was sent; `file` is the name it is to have, if it is no archive.
pub fn read(bytes: &[u8], file: &str) -> Input {
    if !file.is_empty() {
        let mut input = Input { digest: digest(bytes), ..Input::default() };
        if let Ok(text) = std::str::from_utf8(bytes)
            && bytes.len() as u64 <= LARGEST_TEXT
        {
            input.dockerfiles.insert(file.to_owned(), text.to_owned());
        }
        return input;
    }
    unpacked(bytes).unwrap_or_else(|broken| Input { broken, ..Input::default() })
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn unpacked(bytes: &[u8]) -> Result<Input, String> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Err("zip archives are not unpacked here".into());
    }
    let plain: Box<dyn Read + '_> = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(GzDecoder::new(bytes)),
        false => Box::new(bytes),
    };
    let mut archive = tar::Archive::new(plain.take(LARGEST));
    let failed = |e: std::io::Error| e.to_string();
    let (mut input, mut contents) = (Input::default(), BTreeMap::new());
    let mut folders = BTreeSet::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let path = entry.path().map_err(failed)?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").trim_matches('/').to_owned();
        if contents.len() >= MOST {
            return Err("the archive has too many files".into());
        }
        let mut folder = path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            folders.insert(above.to_owned());
            folder = above;
        }
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            folders.insert(path);
            continue;
        }
        let mode = entry.header().mode().unwrap_or(0) & 0o777;
        let small = entry.size() <= LARGEST_TEXT;
        let last = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        if small && (last.contains("dockerfile") || last.contains("containerfile")) {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(failed)?;
            contents.insert(path.clone(), (mode, digest(text.as_bytes())));
            input.dockerfiles.insert(path, text);
            continue;
        }
        let mut hasher = Sha256::new();
        std::io::copy(&mut entry, &mut hasher).map_err(failed)?;
        contents.insert(path, (mode, hex(&hasher.finalize())));
    }
    if contents.is_empty() && folders.is_empty() {
        return Err("unexpected EOF".into());
    }
    let mut all = Sha256::new();
    for (path, (mode, content)) in &contents {
        all.update(format!("{path} {mode:o} {content}\n"));
    }
    input.digest = hex(&all.finalize());
    input.paths = folders.into_iter().collect();
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn the_digest_follows_from_the_content_alone() {
        let one = read(&archive(&[("a/Dockerfile", "FROM x"), ("b", "1")]), "");
        let other = read(&archive(&[("b", "1"), ("./a/Dockerfile", "FROM x")]), "");
        assert_eq!(one, other);
        assert_eq!(one.dockerfiles["a/Dockerfile"], "FROM x");
        assert_eq!(one.paths, ["a"]);
        assert_ne!(read(&archive(&[("b", "2")]), "").digest, one.digest);
    }

    #[test]
    fn what_is_no_archive_is_told() {
        assert!(!read(b"hello", "").broken.is_empty());
        assert!(!read(b"", "").broken.is_empty());
        assert!(read(b"hello", "a.war").broken.is_empty());
    }
}
