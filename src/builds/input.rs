//! What a client sends to build from: an archive, or one file. Of its content only what decides the
//! image is kept: a digest, the paths of folders, and Dockerfiles. It is read in pieces, however large it
//! is, and more of it is never in memory than what is kept.

use super::script::Input;
use crate::object::hex;
use bytes::Bytes;
use flate2::read::GzDecoder;
use ring::digest::{Context, SHA256};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    sync::Arc,
};
use tar::EntryType;

/// Most bytes an archive may have when it is unpacked.
const LARGEST: u64 = 4 << 30;
/// Most files in it.
const MOST: usize = 200_000;
/// Most bytes of a file whose text is kept, and of all of them.
const LARGEST_TEXT: u64 = super::dockerfile::LARGEST as u64;
const TEXTS: u64 = 2 * LARGEST_TEXT;
/// Most bytes of the paths that are kept, those of the upper folders before others.
const PATHS: usize = 256 << 10;
/// Most bytes that an archive may spend on the name of a file, and on the list of its files.
const LARGEST_NAME: u64 = 64 << 10;
const LARGEST_LIST: u64 = 16 << 20;
/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;

/// What was sent.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Digest of its bytes.
    digest: String,
    content: Parcel,
}

#[derive(Clone, Debug)]
enum Parcel {
    Memory(Bytes),
    /// A file without a name: it goes when nobody reads it any more.
    File(Arc<File>),
}

/// Where an upload is read from.
trait Rewindable: Read + Seek {}
impl<T: Read + Seek> Rewindable for T {}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Upload {
        let digest = hex(ring::digest::digest(&SHA256, &bytes).as_ref());
        Upload { digest, content: Parcel::Memory(bytes) }
    }
}

impl Upload {
    /// What was received into a file, and hashed on the way.
    pub fn received(file: File, hash: Context) -> Upload {
        Upload { digest: hex(hash.finish().as_ref()), content: Parcel::File(Arc::new(file)) }
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether it is small enough to be read at once.
    pub fn is_small(&self) -> bool {
        matches!(self.content, Parcel::Memory(_))
    }

    fn source(&self) -> io::Result<Box<dyn Rewindable + '_>> {
        Ok(match &self.content {
            Parcel::Memory(bytes) => Box::new(Cursor::new(bytes)),
            Parcel::File(file) => {
                let mut file: &File = file;
                file.rewind()?;
                Box::new(BufReader::with_capacity(PIECE, file))
            }
        })
    }
}

/// Reads what was sent; `file` is the name it is to have, if it is no archive.
pub fn read(sent: &Upload, file: &str) -> Input {
    let read = match file {
        "" => unpacked(sent),
        file => whole(sent, file),
    };
    read.unwrap_or_else(|broken| Input { broken, ..Input::default() })
}

fn whole(sent: &Upload, file: &str) -> Result<Input, String> {
    let mut input = Input { digest: sent.digest().to_owned(), ..Input::default() };
    let mut text = Vec::new();
    let source = sent.source().map_err(failed)?;
    source.take(LARGEST_TEXT + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 <= LARGEST_TEXT
        && let Ok(text) = String::from_utf8(text)
    {
        input.dockerfiles.insert(file.to_owned(), text);
    }
    Ok(input)
}

fn unpacked(sent: &Upload) -> Result<Input, String> {
    let mut found = Contents::default();
    let mut source = sent.source().map_err(failed)?;
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic).map_err(failed)?;
    source.seek(SeekFrom::Start(0)).map_err(failed)?;
    match magic[..] {
        [b'P', b'K', 3, 4] => found.zip(source)?,
        [0x1f, 0x8b, ..] => found.tar(GzDecoder::new(source))?,
        _ => found.tar(source)?,
    }
    if found.files.is_empty() && found.folders.is_empty() {
        return Err("unexpected EOF".into());
    }
    let mut all = Context::new(&SHA256);
    for (path, (mode, content)) in &found.files {
        all.update(format!("{path} {mode:o} {}\n", hex(content)).as_bytes());
    }
    Ok(Input {
        digest: hex(all.finish().as_ref()),
        dockerfiles: found.dockerfiles,
        paths: upper(found.folders),
        broken: String::new(),
    })
}

/// As many of these folders as are kept.
fn upper(folders: BTreeSet<String>) -> Vec<String> {
    let mut folders: Vec<String> = folders.into_iter().collect();
    // In the order of their names where they are equally deep.
    folders.sort_by_key(|path| path.matches('/').count());
    let mut left = PATHS;
    let fits = |path: &String| {
        let before = left;
        left = left.saturating_sub(path.len());
        before > path.len()
    };
    let mut kept: Vec<String> = folders.into_iter().take_while(fits).collect();
    kept.sort();
    kept
}

fn failed(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// A source of which only so much is read, until that is said to be over.
struct Rationed<'a, R> {
    source: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Rationed<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(to)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or_else(|| io::Error::other("the list of its files is too large"))?);
        Ok(read)
    }
}

impl<R: Seek> Seek for Rationed<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// What an archive holds.
#[derive(Default)]
struct Contents {
    /// Mode and digest of each file.
    files: BTreeMap<String, (u32, Box<[u8]>)>,
    folders: BTreeSet<String>,
    dockerfiles: BTreeMap<String, String>,
    /// Bytes of Dockerfiles.
    texts: u64,
}

/// The path that an archive says of the next file where its head has no room for it.
fn long_path(kind: EntryType, text: &[u8]) -> Result<Option<String>, String> {
    if kind.is_gnu_longname() {
        return Ok(Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()));
    }
    for pair in tar::PaxExtensions::new(text) {
        let pair = pair.map_err(failed)?;
        if pair.key_bytes() == b"path" {
            return Ok(Some(String::from_utf8_lossy(pair.value_bytes()).into_owned()));
        }
    }
    Ok(None)
}

impl Contents {
    fn tar(&mut self, packed: impl Read) -> Result<(), String> {
        let mut archive = tar::Archive::new(packed.take(LARGEST));
        let mut long = None;
        // One by one as they are written: otherwise long names are read whole, however long they are.
        for entry in archive.entries().map_err(failed)?.raw(true) {
            let mut entry = entry.map_err(failed)?;
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                if entry.size() > LARGEST_NAME {
                    return Err("a file in the archive has too long a name".into());
                }
                let mut text = Vec::new();
                entry.read_to_end(&mut text).map_err(failed)?;
                long = long_path(kind, &text)?.or(long);
                continue;
            }
            if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
                continue;
            }
            let path = match long.take() {
                Some(path) => path,
                None => entry.path().map_err(failed)?.to_string_lossy().into_owned(),
            };
            let mode = entry.header().mode().unwrap_or(0);
            match kind.is_dir() {
                true => self.folder(&path),
                false => self.file(&path, mode, entry.size(), &mut entry)?,
            }
        }
        Ok(())
    }

    fn zip(&mut self, source: impl Read + Seek) -> Result<(), String> {
        let ration = Cell::new(LARGEST_LIST);
        let source = Rationed { source, left: &ration };
        let mut archive = zip::ZipArchive::new(source).map_err(failed)?;
        ration.set(u64::MAX);
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
        let digest = match named && size <= LARGEST_TEXT && self.texts + size <= TEXTS {
            true => {
                let mut text = String::new();
                content.read_to_string(&mut text).map_err(failed)?;
                self.texts += size;
                let digest = ring::digest::digest(&SHA256, text.as_bytes());
                self.dockerfiles.insert(path.clone(), text);
                digest
            }
            false => {
                let (mut hash, mut piece) = (Context::new(&SHA256), vec![0; PIECE]);
                loop {
                    match content.read(&mut piece).map_err(failed)? {
                        0 => break hash.finish(),
                        read => hash.update(&piece[..read]),
                    }
                }
            }
        };
        self.files.insert(path, (mode & 0o777, digest.as_ref().into()));
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

    fn read(bytes: &[u8], file: &str) -> Input {
        let in_memory = super::read(&Upload::from(Bytes::copy_from_slice(bytes)), file);
        let mut kept = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut kept, bytes).unwrap();
        let mut hash = Context::new(&SHA256);
        hash.update(bytes);
        assert_eq!(super::read(&Upload::received(kept, hash), file), in_memory);
        in_memory
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

    #[test]
    fn long_names_are_read_as_far_as_names_go() {
        let path = format!("{}/Dockerfile", "long".repeat(40));
        assert_eq!(read(&archive(&[(&path, "FROM x")]), "").dockerfiles[&path], "FROM x");
        let mut pax = tar::Builder::new(Vec::new());
        pax.append_pax_extensions([("path", b"other/Dockerfile".as_slice())]).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(6);
        pax.append_data(&mut header, "short", b"FROM y".as_slice()).unwrap();
        let found = read(&pax.into_inner().unwrap(), "");
        assert_eq!(
            (&*found.dockerfiles["other/Dockerfile"], &*found.paths[0]),
            ("FROM y", "other")
        );
        let mut endless = tar::Header::new_gnu();
        endless.set_entry_type(EntryType::GNULongName);
        endless.set_size(1 << 20);
        endless.set_cksum();
        let mut bytes = endless.as_bytes().to_vec();
        bytes.resize(2 << 20, b'a');
        assert_eq!(read(&bytes, "").broken, "a file in the archive has too long a name");
    }

    #[test]
    fn of_many_folders_the_upper_ones_are_kept() {
        let deep = (0..40_000).map(|n| format!("app/modules/{n}/a"));
        let folders = deep.chain(["app".into(), "app/modules".into(), "z".into()]).collect();
        let kept = upper(folders);
        assert!(["app", "app/modules", "z"].iter().all(|path| kept.iter().any(|k| k == path)));
        assert!(kept.iter().map(String::len).sum::<usize>() <= PATHS);
    }
}
