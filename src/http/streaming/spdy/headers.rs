//! SPDY/3.1 header blocks: names and values, compressed with zlib and a dictionary both sides know.
//! Source: the SPDY Protocol draft 3.1, section 2.6.10.

use super::{dictionary::DICTIONARY, frame::FrameError};
use bytes::{Buf, BufMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Most bytes of a block when it is unpacked: clients send a few dozen.
const MAX_BLOCK: usize = 32 << 10;
/// Most headers of a block.
const MAX_HEADERS: u32 = 100;

/// Unpacks the blocks of one direction of a connection.
pub struct Inflater {
    zlib: Decompress,
    space: Vec<u8>,
}

impl Inflater {
    /// For a new connection.
    pub fn new() -> Inflater {
        Inflater { zlib: Decompress::new(true), space: Vec::new() }
    }

    /// Unpacks one block.
    ///
    /// # Errors
    /// When it is damaged or too large.
    pub fn inflate(&mut self, mut packed: &[u8]) -> Result<&[u8], FrameError> {
        const DAMAGED: FrameError = FrameError::Malformed("damaged header block");
        self.space.clear();
        self.space.reserve(MAX_BLOCK + 1);
        loop {
            let (read, made) = (self.zlib.total_in(), self.space.len());
            let result = self.zlib.decompress_vec(packed, &mut self.space, FlushDecompress::Sync);
            let consumed = usize::try_from(self.zlib.total_in() - read).unwrap_or(packed.len());
            packed = packed.get(consumed..).unwrap_or_default();
            match result {
                Err(e) if e.needs_dictionary().is_some() => {
                    self.zlib.set_dictionary(&DICTIONARY).map_err(|_| DAMAGED)?;
                }
                Err(_) | Ok(Status::StreamEnd) => return Err(DAMAGED),
                Ok(_) if self.space.len() > MAX_BLOCK => return Err(FrameError::TooLarge),
                Ok(_) if packed.is_empty() => return Ok(&self.space),
                Ok(_) if consumed == 0 && self.space.len() == made => return Err(DAMAGED),
                Ok(_) => {}
            }
        }
    }
}

/// Packs the blocks of one direction of a connection.
pub struct Deflater(Compress);

impl Deflater {
    /// For a new connection.
    pub fn new() -> Deflater {
        let mut zlib = Compress::new(Compression::fast(), true);
        // Refused only in the middle of a stream, and this is its beginning.
        let _ = zlib.set_dictionary(&DICTIONARY);
        Deflater(zlib)
    }

    /// Packs one block, so that it can be unpacked without what follows.
    pub fn deflate(&mut self, block: &[u8]) -> Vec<u8> {
        // Room for the worst: stored blocks, the stream's head and the flush.
        let mut out = Vec::with_capacity(block.len() + 64);
        // With enough room neither input nor output runs out.
        let _ = self.0.compress_vec(block, &mut out, FlushCompress::Sync);
        out
    }
}

/// The block of these headers.
pub fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u32(headers.len() as u32);
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        out.put_u32(text.len() as u32);
        out.put_slice(text.as_bytes());
    }
    out
}

/// Reads an unpacked block. Of several values of a name the first counts.
///
/// # Errors
/// When it is not one.
pub fn parse(mut block: &[u8]) -> Result<Vec<(String, String)>, FrameError> {
    let short = |_| FrameError::Malformed("short header block");
    let count = block.try_get_u32().map_err(short)?;
    if count > MAX_HEADERS {
        return Err(FrameError::TooLarge);
    }
    let mut text = || {
        let length = block.try_get_u32().map_err(short)? as usize;
        let missing = FrameError::Malformed("short header block");
        let (head, rest) = block.split_at_checked(length).ok_or(missing)?;
        block = rest;
        Ok(String::from_utf8_lossy(head).into_owned())
    };
    (0..count)
        .map(|_| {
            let (name, value) = (text()?, text()?);
            let first = value.split('\0').next().unwrap_or_default();
            Ok((name.to_ascii_lowercase(), first.to_owned()))
        })
        .collect()
}
