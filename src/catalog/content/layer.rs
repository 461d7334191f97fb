//! Layers as bytes: a tar of a few files in a gzip of stored blocks. Nothing is compressed, so that
//! the bytes (and their digests) are the same whatever compressor this program is built with.

use super::sha256;
use bytes::Bytes;

/// Bytes of a full stored block.
pub(super) const BLOCK: u64 = 0xffff;
/// Bytes before the content of a stored block.
pub(super) const OVERHEAD: u64 = 5;
/// A gzip header without name and time.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Bytes of a tar with one file beside the file: its header, and two empty records.
pub(super) const FRAME: u64 = 3 * 512;

/// A layer.
pub(super) struct Layer {
    /// The compressed bytes.
    pub bytes: Bytes,
    /// Digest of the tar.
    pub diff_id: String,
}

/// Bytes of a gzip of `tar` bytes.
pub(super) fn size(tar: u64) -> u64 {
    HEADER.len() as u64 + tar + tar.div_ceil(BLOCK) * OVERHEAD + 8
}

/// The bytes before the content of a stored block.
pub(super) fn block(length: u16, last: bool) -> [u8; 5] {
    let [a, b] = length.to_le_bytes();
    [u8::from(last), a, b, !a, !b]
}

/// The end of a gzip.
pub(super) fn trailer(crc: u32, tar: u64) -> [u8; 8] {
    let mut out = [0; 8];
    out[..4].copy_from_slice(&crc.to_le_bytes());
    out[4..].copy_from_slice(&(tar as u32).to_le_bytes());
    out
}

/// The tar header of a file.
pub(super) fn head(path: &str, size: u64) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    // Only paths of ours come here, all of them short enough.
    let _ = header.set_path(path);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    *header.as_bytes()
}

/// A layer of small files.
pub(super) fn of_files<P: AsRef<str>>(files: &[(P, String)]) -> Layer {
    let mut tar = Vec::new();
    for (path, text) in files {
        tar.extend_from_slice(&head(path.as_ref(), text.len() as u64));
        tar.extend_from_slice(text.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut crc = flate2::Crc::new();
    crc.update(&tar);
    let mut gzip = HEADER.to_vec();
    let mut blocks = tar.chunks(BLOCK as usize).peekable();
    while let Some(content) = blocks.next() {
        gzip.extend_from_slice(&block(content.len() as u16, blocks.peek().is_none()));
        gzip.extend_from_slice(content);
    }
    gzip.extend_from_slice(&trailer(crc.sum(), tar.len() as u64));
    Layer { bytes: gzip.into(), diff_id: sha256(&tar) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn files_come_out_as_they_went_in() {
        let long = "x".repeat(70_000);
        let layer = of_files(&[("etc/os-release", "ID=rhel\n".into()), ("opt/long", long.clone())]);
        assert_eq!(layer.bytes.len() as u64, size(512 * 4 + 512 * 137 + 512));
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&layer.bytes[..]).read_to_end(&mut tar).unwrap();
        assert_eq!(sha256(&tar), layer.diff_id);
        let mut archive = tar::Archive::new(&tar[..]);
        let read = |e: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut e = e.unwrap();
            let mut text = String::new();
            e.read_to_string(&mut text).unwrap();
            (e.path().unwrap().display().to_string(), text)
        };
        let files: Vec<_> = archive.entries().unwrap().map(read).collect();
        assert_eq!(files[0], ("etc/os-release".into(), "ID=rhel\n".into()));
        assert_eq!(files[1], ("opt/long".into(), long));
    }
}
