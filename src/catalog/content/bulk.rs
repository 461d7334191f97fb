//! Layers of a given size that nobody stores: a tar with one file of zeros in a gzip of stored
//! blocks, made as it is read. An image gets its true size from a few of them, and like real base
//! layers they are the same in many images.
//!
//! Their digests are a table (computing them means hashing half a gigabyte); a test computes it.

use super::layer::{self, BLOCK, HEADER, OVERHEAD};
use bytes::{BufMut, Bytes, BytesMut};
use std::{ops::Range, sync::OnceLock};

/// One such layer.
#[derive(Debug, PartialEq)]
pub struct Bulk {
    /// Bytes of the tar.
    tar: u64,
    /// Digest of the compressed layer.
    pub digest: &'static str,
    /// Digest of the tar.
    pub diff_id: &'static str,
    /// CRC-32 of the tar.
    crc: u32,
}

/// Bytes of the smallest tar; each further layer is twice as large.
const SMALLEST: u64 = 64 << 10;
/// Most bulk layers of one image: its size is rounded to this many binary digits.
const DIGITS: u32 = 4;

include!("bulk.table");

/// Name of the file inside.
const INSIDE: &str = "usr/lib/content";

impl Bulk {
    /// The layer with this digest.
    pub fn by_digest(digest: &str) -> Option<&'static Bulk> {
        BULKS.iter().find(|b| b.digest == digest)
    }

    /// Layers that together are about `size` bytes, the largest first.
    pub fn of_size(size: u64) -> Vec<&'static Bulk> {
        let units = rounded(size / SMALLEST);
        let largest = BULKS.len() - 1;
        let repeated = (units >> (largest + 1)) as usize * 2;
        let mut found = vec![&BULKS[largest]; repeated];
        found.extend((0..=largest).rev().filter(|k| units >> k & 1 == 1).map(|k| &BULKS[k]));
        found
    }

    /// Bytes of the compressed layer.
    pub fn size(&self) -> u64 {
        layer::size(self.tar)
    }

    /// The bytes in `range` of the compressed layer, piece by piece.
    pub fn read(&'static self, range: Range<u64>) -> impl Iterator<Item = Bytes> + Send + 'static {
        let first = range.start.saturating_sub(HEADER.len() as u64) / (BLOCK + OVERHEAD);
        let mut at = if first == 0 { 0 } else { HEADER.len() as u64 + first * (BLOCK + OVERHEAD) };
        let mut index = if first == 0 { None } else { Some(first) };
        std::iter::from_fn(move || {
            while at < range.end.min(self.size()) {
                let piece = self.piece(index);
                let (start, end) = (at, at + piece.len() as u64);
                at = end;
                index = Some(index.map_or(0, |i| i + 1));
                let (from, to) = (range.start.max(start), range.end.min(end));
                if from < to {
                    return Some(piece.slice((from - start) as usize..(to - start) as usize));
                }
            }
            None
        })
    }

    /// The gzip header (`None`), a stored block, or after the last of them the trailer.
    fn piece(&self, index: Option<u64>) -> Bytes {
        let Some(index) = index else { return Bytes::from_static(&HEADER) };
        let start = index * BLOCK;
        if start >= self.tar {
            return Bytes::copy_from_slice(&layer::trailer(self.crc, self.tar));
        }
        let length = BLOCK.min(self.tar - start);
        if index > 0 && length == BLOCK && start + length < self.tar {
            return zeros();
        }
        let mut out = BytesMut::with_capacity((length + OVERHEAD) as usize);
        out.put_slice(&layer::block(length as u16, start + length == self.tar));
        if index == 0 {
            out.put_slice(&self.head());
        }
        out.resize((length + OVERHEAD) as usize, 0);
        out.freeze()
    }

    /// The tar's one header.
    fn head(&self) -> [u8; 512] {
        layer::head(INSIDE, self.tar - layer::FRAME)
    }
}

/// A full block of zeros that is not the last.
fn zeros() -> Bytes {
    static ONCE: OnceLock<Bytes> = OnceLock::new();
    let make = || {
        let mut block = layer::block(BLOCK as u16, false).to_vec();
        block.resize((BLOCK + OVERHEAD) as usize, 0);
        Bytes::from(block)
    };
    ONCE.get_or_init(make).clone()
}

/// A number with at most [`DIGITS`] significant binary digits.
fn rounded(n: u64) -> u64 {
    let drop = (u64::BITS - n.leading_zeros()).saturating_sub(DIGITS);
    if drop == 0 { n } else { ((n >> (drop - 1)) + 1) >> 1 << drop }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::content::sha256;
    use std::io::Read;

    fn all(bulk: &'static Bulk) -> Vec<u8> {
        bulk.read(0..bulk.size()).flatten().collect()
    }

    /// A row of the table as it must be.
    fn computed(k: u32) -> (String, String, u32) {
        let tar = SMALLEST << k;
        let bulk: &'static Bulk =
            Box::leak(Box::new(Bulk { tar, digest: "", diff_id: "", crc: crc(tar) }));
        let mut whole = ring::digest::Context::new(&ring::digest::SHA256);
        bulk.read(0..bulk.size()).for_each(|piece| whole.update(&piece));
        let mut inside = ring::digest::Context::new(&ring::digest::SHA256);
        inside.update(&bulk.head());
        let zeros = vec![0; 1 << 16];
        let mut left = tar - 512;
        while left > 0 {
            let n = left.min(zeros.len() as u64);
            inside.update(&zeros[..n as usize]);
            left -= n;
        }
        let text = |c: ring::digest::Context| super::super::named(c.finish().as_ref());
        (text(whole), text(inside), bulk.crc)
    }

    /// CRC of a tar: that of its header, and of zeros by doubling.
    fn crc(tar: u64) -> u32 {
        let mut sum = flate2::Crc::new();
        sum.update(&layer::head(INSIDE, tar - layer::FRAME));
        let (mut left, mut power) = (tar - 512, {
            let mut one = flate2::Crc::new();
            one.update(&[0]);
            one
        });
        while left > 0 {
            if left & 1 == 1 {
                sum.combine(&power);
            }
            let mut double = flate2::Crc::new();
            double.combine(&power);
            double.combine(&power);
            (power, left) = (double, left >> 1);
        }
        sum.sum()
    }

    #[test]
    fn the_table_is_computed() {
        for (k, bulk) in BULKS.iter().enumerate() {
            let (digest, diff_id, crc) = computed(k as u32);
            let right = (bulk.digest, bulk.diff_id, bulk.crc, bulk.tar);
            assert_eq!(right, (digest.as_str(), diff_id.as_str(), crc, SMALLEST << k), "{k}");
        }
    }

    #[test]
    fn a_layer_is_a_gzip_of_a_tar() {
        let bulk = &BULKS[2];
        let bytes = all(bulk);
        assert_eq!(bytes.len() as u64, bulk.size());
        assert_eq!(sha256(&bytes), bulk.digest);
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut tar).unwrap();
        assert_eq!(sha256(&tar), bulk.diff_id);
        let mut archive = tar::Archive::new(&tar[..]);
        let entries: Vec<_> = archive.entries().unwrap().map(|e| e.unwrap().size()).collect();
        assert_eq!(entries, [bulk.tar - layer::FRAME]);
    }

    #[test]
    fn any_range_is_a_part_of_the_whole() {
        let bulk = &BULKS[2];
        let whole = all(bulk);
        for (from, to) in [(0, 1), (3, 70_000), (65_549, 65_551), (65_540, 131_090), (9, 11)] {
            let part: Vec<u8> = bulk.read(from..to).flatten().collect();
            assert_eq!(part, &whole[from as usize..to as usize], "{from}..{to}");
        }
        let end = bulk.size();
        let tail: Vec<u8> = bulk.read(end - 9..end).flatten().collect();
        assert_eq!(tail, &whole[whole.len() - 9..]);
    }

    #[test]
    fn sizes_are_met_within_a_sixteenth() {
        for size in [742_784, 4_493_213, 334_276_608, 889_192_448, 3_000_000_000] {
            let layers = Bulk::of_size(size);
            let sum: u64 = layers.iter().map(|b| b.size()).sum();
            assert!(sum.abs_diff(size) <= size / 16, "{size}: {sum}");
        }
        assert!(Bulk::of_size(10_072).is_empty());
    }
}
