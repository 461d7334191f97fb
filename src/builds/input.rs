//! What a client sends to build from: an archive, or one file. Of its content only what decides the
//! image is kept: a digest, the paths of folders, and Dockerfiles.

use super::script::Input;
use crate::object::hex;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Cursor, Read},
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
    let mut found = Contents::default();
    match bytes {
        [b'P', b'K', 3, 4, ..] => found.zip(bytes)?,
        [0x1f, 0x8b, ..] => found.tar(GzDecoder::new(bytes))?,
        _ => found.tar(bytes)?,
    }
    if found.files.is_empty() && found.folders.is_empty() {
        return Err("unexpected EOF".into());
    }
    let mut all = Sha256::new();
    for (path, (mode, content)) in &found.files {
        all.update(format!("{path} {mode:o} {content}\n"));
    }
    Ok(Input {
        digest: hex(&all.finalize()),
        dockerfiles: found.dockerfiles,
        paths: found.folders.into_iter().collect(),
        broken: String::new(),
    })
}

fn failed(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// What an archive holds.
#[derive(Default)]
struct Contents {
    /// Mode and digest of each file.
    files: BTreeMap<String, (u32, String)>,
    folders: BTreeSet<String>,
    dockerfiles: BTreeMap<String, String>,
}

impl Contents {
    fn tar(&mut self, packed: impl Read) -> Result<(), String> {
        let mut archive = tar::Archive::new(packed.take(LARGEST));
        for entry in archive.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            let path = entry.path().map_err(failed)?.to_string_lossy().into_owned();
            let mode = entry.header().mode().unwrap_or(0);
            match entry.header().entry_type().is_dir() {
                true => self.folder(&path),
                false => self.file(&path, mode, entry.size(), &mut entry)?,
            }
        }
        Ok(())
    }

    fn zip(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(failed)?;
        let mut left = LARGEST;
        for at in 0..archive.len().min(MOST + 1) {
            let mut entry = archive.by_index(at).map_err(failed)?;
            let path = entry.name().map_err(failed)?.into_owned();
            if entry.is_dir() {
                self.folder(&path);
                continue;
            }
            let (mode, size) = (entry.unix_mode().unwrap_or(0o644), entry.size());
            left = left.checked_sub(size).ok_or("the archive is too large")?;
            // Nothing is read beyond what the archive says of a file.
            self.file(&path, mode, size, &mut (&mut entry).take(size))?;
        }
        Ok(())
    }

    fn folder(&mut self, path: &str) {
        let path = path.trim_start_matches("./").trim_matches('/');
        self.folders.insert(path.to_owned());
        self.above(path);
    }

    fn above(&mut self, path: &str) {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            self.folders.insert(above.to_owned());
            folder = above;
        }
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), String> {
        if self.files.len() >= MOST {
            return Err("the archive has too many files".into());
        }
        let path = path.trim_start_matches("./").trim_matches('/').to_owned();
        self.above(&path);
        let last = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        let named = last.contains("dockerfile") || last.contains("containerfile");
        let content = match named && size <= LARGEST_TEXT {
            true => {
                let mut text = String::new();
                content.read_to_string(&mut text).map_err(failed)?;
                let digest = digest(text.as_bytes());
                self.dockerfiles.insert(path.clone(), text);
                digest
            }
            false => {
                let mut hasher = Sha256::new();
                std::io::copy(content, &mut hasher).map_err(failed)?;
                hex(&hasher.finalize())
            }
        };
        self.files.insert(path, (mode & 0o777, content));
        Ok(())
    }
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

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in files {
            let options = zip::write::SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Stored)
                .unix_permissions(0o644);
            writer.start_file(*path, options).unwrap();
            std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn how_it_is_packed_does_not_matter() {
        let files = [("a/Dockerfile", "FROM x"), ("b", "1")];
        assert_eq!(read(&zipped(&files), ""), read(&archive(&files), ""));
        let broken = &zipped(&files)[..40];
        assert!(!read(broken, "").broken.is_empty());
    }

    #[test]
    fn what_is_no_archive_is_told() {
        assert!(!read(b"hello", "").broken.is_empty());
        assert!(!read(b"", "").broken.is_empty());
        assert!(read(b"hello", "a.war").broken.is_empty());
    }
}
