//! SPDY/3.1 frames and their bytes. Source: the SPDY Protocol draft 3.1, sections 2.2 and 2.6.
//!
//! Data is handed on as it arrives, in pieces of a frame, so that no frame has to be held whole;
//! control frames are small or refused.

use super::headers::{self, Deflater, Inflater};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Largest control frame: far more than the header blocks clients send.
pub const MAX_CONTROL: usize = 16 << 10;

const VERSION: u16 = 3;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const SETTINGS: u16 = 4;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;
const WINDOW_UPDATE: u16 = 9;

const FLAG_FIN: u8 = 1;
const INITIAL_WINDOW: u32 = 7;

/// Why a stream is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The peer broke the protocol.
    Protocol = 1,
    /// Not wanted, before anything was done.
    Refused = 3,
    /// Not wanted any more.
    Cancel = 5,
}

/// What a client can say.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// Opens a stream.
    Open {
        /// Its number.
        stream: u32,
        /// Whether the client will send nothing on it.
        fin: bool,
        /// Names in lower case, and values.
        headers: Vec<(String, String)>,
    },
    /// Bytes of a stream, perhaps only a part of the frame; `fin` comes with the last part.
    Data {
        /// The stream's number.
        stream: u32,
        /// Whether these are the last bytes of the stream.
        fin: bool,
        /// The bytes.
        bytes: Bytes,
    },
    /// Ends a stream at once.
    Reset {
        /// Its number.
        stream: u32,
    },
    /// To be sent back as it is, if its number is odd.
    Ping(u32),
    /// How much more may be sent on a stream (0: on the connection).
    Window {
        /// The stream's number.
        stream: u32,
        /// Bytes.
        more: u32,
    },
    /// The window new streams start with.
    InitialWindow(u32),
    /// The client is leaving.
    GoAway,
    /// Understood, and of no consequence (SYN_REPLY, HEADERS, other settings).
    Other,
}

/// What breaks a connection.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A control frame or a header block is over its limit.
    #[error("a frame is too large")]
    TooLarge,
    /// Bytes that mean nothing.
    #[error("a malformed frame: {0}")]
    Malformed(&'static str),
}

/// From bytes to frames.
pub struct Decoder {
    buffer: BytesMut,
    /// The data frame being read: stream, whether it is the last, bytes to come.
    data: Option<(u32, bool, usize)>,
    inflater: Inflater,
}

impl Decoder {
    /// A decoder for a new connection.
    pub fn new() -> Decoder {
        Decoder { buffer: BytesMut::new(), data: None, inflater: Inflater::new() }
    }

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes wait for the rest of their frame.
    #[cfg(feature = "internals")]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the next bytes belong to a data frame that has begun.
    #[cfg(test)]
    pub fn is_within_data(&self) -> bool {
        self.data.is_some()
    }

    /// The next frame, or part of one; `None` until more has arrived.
    ///
    /// # Errors
    /// When the connection cannot be understood any more.
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(state) = self.data {
            return Ok(self.part(state));
        }
        let Some(&[a, b, c, d, flags, l1, l2, l3]) = self.buffer.first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([0, l1, l2, l3]) as usize;
        if a & 0x80 == 0 {
            let stream = u32::from_be_bytes([a, b, c, d]);
            if stream == 0 {
                return Err(FrameError::Malformed("data on stream 0"));
            }
            self.buffer.advance(8);
            return Ok(self.part((stream, flags & FLAG_FIN != 0, length)));
        }
        if u16::from_be_bytes([a & 0x7f, b]) != VERSION {
            return Err(FrameError::Malformed("not version 3"));
        }
        if length > MAX_CONTROL {
            return Err(FrameError::TooLarge);
        }
        if self.buffer.len() < 8 + length {
            return Ok(None);
        }
        self.buffer.advance(8);
        let body = self.buffer.split_to(length).freeze();
        self.control(u16::from_be_bytes([c, d]), flags, body).map(Some)
    }

    /// As much of a data frame as is there.
    fn part(&mut self, (stream, fin, left): (u32, bool, usize)) -> Option<Frame> {
        let n = left.min(self.buffer.len());
        self.data = (left > n).then_some((stream, fin, left - n));
        if n == 0 && left > 0 {
            return None;
        }
        let bytes = self.buffer.split_to(n).freeze();
        Some(Frame::Data { stream, fin: fin && left == n, bytes })
    }

    fn control(&mut self, kind: u16, flags: u8, mut body: Bytes) -> Result<Frame, FrameError> {
        let mut number = || body.try_get_u32().map_err(|_| FrameError::Malformed("too short"));
        let stream = |n: u32| match n & 0x7fff_ffff {
            0 => Err(FrameError::Malformed("stream 0")),
            n => Ok(n),
        };
        Ok(match kind {
            SYN_STREAM => {
                let stream = stream(number()?)?;
                number()?;
                body.try_get_u16().map_err(|_| FrameError::Malformed("too short"))?;
                let block = self.inflater.inflate(&body)?;
                let headers = headers::parse(block)?;
                Frame::Open { stream, fin: flags & FLAG_FIN != 0, headers }
            }
            // Their blocks belong to the compression's state even if nobody wants them.
            SYN_REPLY | HEADERS => {
                number()?;
                self.inflater.inflate(&body)?;
                Frame::Other
            }
            RST_STREAM => Frame::Reset { stream: stream(number()?)? },
            PING => Frame::Ping(number()?),
            GOAWAY => Frame::GoAway,
            WINDOW_UPDATE => {
                Frame::Window { stream: number()? & 0x7fff_ffff, more: number()? & 0x7fff_ffff }
            }
            SETTINGS => {
                let count = number()?;
                let mut entries = (0..count).map_while(|_| {
                    Some((body.try_get_u32().ok()? & 0xff_ffff, body.try_get_u32().ok()?))
                });
                let window = entries.find(|(id, _)| *id == INITIAL_WINDOW);
                window.map_or(Frame::Other, |(_, value)| Frame::InitialWindow(value))
            }
            _ => Frame::Other,
        })
    }
}

fn control(kind: u16, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(8 + body.len());
    out.put_u16(0x8000 | VERSION);
    out.put_u16(kind);
    // Flags are 0; no control frame sent here comes near the 24 bits of a length.
    out.put_u32(u32::try_from(body.len()).unwrap_or(0) & 0xff_ffff);
    out.put_slice(body);
    out.freeze()
}

fn numbers<const N: usize>(kind: u16, values: [u32; N]) -> Bytes {
    let body: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    control(kind, &body)
}

/// Accepts a stream.
pub fn reply(stream: u32, deflater: &mut Deflater) -> Bytes {
    let mut body = stream.to_be_bytes().to_vec();
    body.extend(deflater.deflate(&headers::block(&[])));
    control(SYN_REPLY, &body)
}

/// Ends a stream at once.
pub fn reset(stream: u32, why: Reset) -> Bytes {
    numbers(RST_STREAM, [stream, why as u32])
}

/// Answers a ping.
pub fn ping(id: u32) -> Bytes {
    numbers(PING, [id])
}

/// Says that no stream after `last` was looked at, and that the connection ends.
pub fn go_away(last: u32) -> Bytes {
    numbers(GOAWAY, [last, 0])
}

/// Allows the client to send more on a stream (0: on the connection).
pub fn window(stream: u32, more: u32) -> Bytes {
    numbers(WINDOW_UPDATE, [stream, more])
}

/// Most bytes of a data frame.
pub const MAX_DATA: usize = 64 << 10;

/// Bytes of a stream, at most [`MAX_DATA`].
pub fn data(stream: u32, fin: bool, bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(8 + bytes.len());
    out.put_u32(stream & 0x7fff_ffff);
    out.put_u8(u8::from(fin));
    out.put_uint(bytes.len() as u64, 3);
    out.put_slice(bytes);
    out.freeze()
}
