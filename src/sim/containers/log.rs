//! A container's log: the newest lines, each with its moment, and streams that follow it.

use crate::runtime::LogOptions;
use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::watch;

/// Most bytes kept; the oldest lines go first, as when a runtime rotates its files.
const LARGEST: usize = 512 << 10;
/// Longest line; longer ones are cut. Source: CRI-O `log_size` line buffer.
const LONGEST: usize = 8 << 10;
/// Most bytes handed on in one chunk.
const CHUNK: usize = 32 << 10;

/// A log.
#[derive(Debug)]
pub struct Log {
    ring: Mutex<Ring>,
    grown: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// With their ends; the last line of a process may have none.
    lines: VecDeque<(Timestamp, Bytes)>,
    /// Number of the first line kept.
    first: u64,
    bytes: usize,
    /// What has been written of a line that has no end yet.
    open: [Vec<u8>; 2],
}

/// Which output something was written to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// Standard output.
    Out = 0,
    /// Standard error.
    Err = 1,
}

impl Default for Log {
    fn default() -> Log {
        Log { ring: Mutex::default(), grown: watch::Sender::new(0) }
    }
}

impl Ring {
    fn push(&mut self, at: Timestamp, line: &[u8]) {
        self.bytes += line.len() + 64;
        self.lines.push_back((at, Bytes::copy_from_slice(line)));
        while self.bytes > LARGEST {
            let Some((_, old)) = self.lines.pop_front() else { break };
            self.bytes -= old.len() + 64;
            self.first += 1;
        }
    }
}

impl Log {
    /// Adds what was written at a moment, line by line.
    pub fn write(&self, at: Timestamp, source: Source, data: &[u8]) {
        let mut ring = self.ring.lock();
        let mut rest = data;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let mut line = std::mem::take(&mut ring.open[source as usize]);
            line.extend_from_slice(&rest[..end.min(LONGEST)]);
            line.truncate(LONGEST);
            line.push(b'\n');
            ring.push(at, &line);
            rest = &rest[end + 1..];
        }
        let open = &mut ring.open[source as usize];
        let room = LONGEST.saturating_sub(open.len()).min(rest.len());
        open.extend_from_slice(&rest[..room]);
        drop(ring);
        self.grown.send_modify(|n| *n += 1);
    }

    /// Ends what has no end of line.
    pub fn close(&self, at: Timestamp) {
        let mut ring = self.ring.lock();
        for i in 0..2 {
            let line = std::mem::take(&mut ring.open[i]);
            if !line.is_empty() {
                ring.push(at, &line);
            }
        }
    }

    /// The end of it: so many lines and bytes at most.
    pub fn tail(&self, lines: usize, bytes: usize) -> Vec<u8> {
        let ring = self.ring.lock();
        let from = ring.lines.len().saturating_sub(lines);
        let mut text: Vec<u8> = ring.lines.range(from..).flat_map(|(_, l)| l.to_vec()).collect();
        text.drain(..text.len().saturating_sub(bytes));
        text
    }

    /// Fires whenever something was added.
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }

    /// Where a reader with these options begins.
    pub fn start(&self, options: &LogOptions) -> Cursor {
        let ring = self.ring.lock();
        let since = options.since.unwrap_or(Timestamp::MIN);
        let skipped = ring.lines.iter().take_while(|(at, _)| *at < since).count() as u64;
        let mut next = ring.first + skipped;
        if let Some(tail) = options.tail_lines {
            let end = ring.first + ring.lines.len() as u64;
            next = next.max(end.saturating_sub(tail));
        }
        Cursor { next, left: options.limit_bytes, timestamps: options.timestamps }
    }

    /// The next lines for a reader; `None` when there are none now.
    pub fn read(&self, cursor: &mut Cursor) -> Option<Bytes> {
        let ring = self.ring.lock();
        // Whoever is slower than the ring goes on with the oldest line there is.
        cursor.next = cursor.next.max(ring.first);
        let mut out = Vec::new();
        let lines = ring.lines.iter().skip((cursor.next - ring.first) as usize);
        for (at, line) in lines {
            if out.len() > CHUNK || cursor.left == Some(0) {
                break;
            }
            let start = out.len();
            if cursor.timestamps {
                out.extend_from_slice(
                    at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string().as_bytes(),
                );
            }
            out.extend_from_slice(line);
            cursor.next += 1;
            if let Some(left) = &mut cursor.left {
                let kept = (out.len() - start).min(usize::try_from(*left).unwrap_or(usize::MAX));
                out.truncate(start + kept);
                *left -= kept as u64;
            }
        }
        (!out.is_empty()).then(|| out.into())
    }
}

/// A reader's place.
#[derive(Debug, Clone)]
pub struct Cursor {
    next: u64,
    /// Bytes it may still get.
    pub left: Option<u64>,
    timestamps: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn all(log: &Log, options: LogOptions) -> String {
        let mut cursor = log.start(&options);
        let mut text = Vec::new();
        while let Some(chunk) = log.read(&mut cursor) {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn options_choose_lines() {
        let log = Log::default();
        log.write(at(1), Source::Out, b"one\ntw");
        log.write(at(2), Source::Err, b"error\n");
        log.write(at(3), Source::Out, b"o\nthree\nlast");
        log.close(at(4));
        let none = LogOptions::default;
        let rows = [
            (none(), "one\nerror\ntwo\nthree\nlast"),
            (LogOptions { tail_lines: Some(2), ..none() }, "three\nlast"),
            (LogOptions { tail_lines: Some(0), ..none() }, ""),
            (LogOptions { since: Some(at(3)), ..none() }, "two\nthree\nlast"),
            (LogOptions { limit_bytes: Some(6), ..none() }, "one\ner"),
            (
                LogOptions { tail_lines: Some(1), timestamps: true, ..none() },
                "1970-01-01T00:00:04.000000000Z last",
            ),
        ];
        for (options, text) in rows {
            assert_eq!(all(&log, options.clone()), text, "{options:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_readers_catch_up() {
        let log = Log::default();
        let mut cursor = log.start(&LogOptions::default());
        for i in 0..20_000 {
            log.write(at(i), Source::Out, format!("{i} {}\n", "x".repeat(100)).as_bytes());
        }
        log.write(at(30_000), Source::Out, &vec![b'y'; 1 << 20]);
        let first = log.read(&mut cursor).unwrap();
        assert!(!first.starts_with(b"0 "));
        assert_eq!(log.tail(2, 5), b"xxxx\n");
        let kept = log.ring.lock();
        assert!(kept.bytes <= LARGEST && kept.open[0].len() <= LONGEST);
    }
}
