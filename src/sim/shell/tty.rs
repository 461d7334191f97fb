//! A terminal: echo, line editing, history, Ctrl-C and Ctrl-D, and newlines as terminals want
//! them. Lines are handed to whoever reads; what is typed while nobody reads waits.

use super::io::Closed;
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::{Notify, mpsc, watch};

/// What came of asking for a line.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// A line, with its end.
    Text(Vec<u8>),
    /// Ctrl-D on an empty line, or the client has gone.
    End,
    /// Ctrl-C.
    Interrupted,
}

/// Most bytes that wait to be read; the client waits beyond it.
const TYPED: usize = 64 << 10;
/// Longest line. Source: Linux `N_TTY_BUF_SIZE`.
const LONGEST: usize = 4096;
/// Lines remembered.
const HISTORY: usize = 200;

/// A terminal with a client at its other end.
pub struct Terminal {
    state: Mutex<State>,
    arrived: Notify,
    taken: Notify,
    out: mpsc::Sender<Bytes>,
    /// Counts Ctrl-C.
    interrupts: watch::Sender<u64>,
    size: watch::Receiver<(u16, u16)>,
    /// Shells that read from it, one inside the other.
    shells: AtomicUsize,
    /// Lets one reader edit at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    typed: VecDeque<u8>,
    closed: bool,
    editing: bool,
    history: Vec<Vec<u8>>,
}

/// A line being edited.
#[derive(Default)]
struct Draft {
    text: Vec<u8>,
    /// Which line of the history is shown, counted from the newest.
    shown: usize,
    /// What has been read of an escape sequence.
    escape: Vec<u8>,
}

enum Key {
    More,
    Done(Line),
}

impl Terminal {
    /// A terminal that writes to `out`.
    pub fn new(out: mpsc::Sender<Bytes>, size: watch::Receiver<(u16, u16)>) -> Arc<Terminal> {
        Arc::new(Terminal {
            state: Mutex::default(),
            arrived: Notify::new(),
            taken: Notify::new(),
            out,
            interrupts: watch::Sender::new(0),
            size,
            shells: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        match *self.size.borrow() {
            (0, _) | (_, 0) => (80, 24),
            known => known,
        }
    }

    /// Takes in what the client types until it leaves.
    pub async fn pump(&self, mut from: mpsc::Receiver<Bytes>) {
        while let Some(chunk) = from.recv().await {
            for byte in chunk {
                self.typed(byte).await;
            }
            self.arrived.notify_one();
            while self.state.lock().typed.len() > TYPED {
                self.taken.notified().await;
            }
        }
        self.close();
    }

    /// No more will be typed.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Ctrl-C reaches what runs even when nobody reads.
    async fn typed(&self, byte: u8) {
        let busy = {
            let mut state = self.state.lock();
            let busy = !state.editing && matches!(byte, 3 | 28);
            if busy {
                state.typed.clear();
            } else {
                state.typed.push_back(byte);
            }
            busy
        };
        if busy {
            // The client may have gone; then nobody needs to see it.
            let _ = self.write(if byte == 3 { b"^C" } else { b"^\\" }).await;
            self.interrupts.send_modify(|n| *n += 1);
        }
    }

    /// Whoever waits for Ctrl-C.
    pub fn interrupts(&self) -> watch::Receiver<u64> {
        self.interrupts.subscribe()
    }

    /// A shell begins to read here; answers how many there are now.
    pub fn enter(&self) -> usize {
        self.shells.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A shell has ended.
    pub fn leave(&self) {
        self.shells.fetch_sub(1, Ordering::Relaxed);
    }

    /// The innermost shell.
    pub fn innermost(&self) -> usize {
        self.shells.load(Ordering::Relaxed)
    }

    /// Writes, each newline as carriage return and line feed.
    ///
    /// # Errors
    /// When the client has gone.
    pub async fn write(&self, data: &[u8]) -> Result<(), Closed> {
        for chunk in data.chunks(16 << 10) {
            let mut out = Vec::with_capacity(chunk.len() + 16);
            for byte in chunk {
                if *byte == b'\n' {
                    out.push(b'\r');
                }
                out.push(*byte);
            }
            self.raw(&out).await?;
        }
        Ok(())
    }

    async fn raw(&self, data: &[u8]) -> Result<(), Closed> {
        if data.is_empty() {
            return Ok(());
        }
        self.out.send(Bytes::copy_from_slice(data)).await.map_err(|_| Closed(None))
    }

    /// A line for a program that is not a shell: `None` at the end of what is typed.
    pub async fn read(&self) -> Option<Vec<u8>> {
        match self.line("").await {
            Line::Text(text) => Some(text),
            Line::End => None,
            Line::Interrupted => {
                self.interrupts.send_modify(|n| *n += 1);
                None
            }
        }
    }

    /// Shows a prompt and lets the client edit a line.
    pub async fn line(&self, prompt: &str) -> Line {
        let _turn = self.turn.lock().await;
        if self.write(prompt.as_bytes()).await.is_err() {
            return Line::End;
        }
        let _editing = Editing::begin(self);
        let mut draft = Draft::default();
        loop {
            let (echo, done, closed) = self.burst(&mut draft, prompt);
            if !echo.is_empty() && self.raw(&echo).await.is_err() {
                return Line::End;
            }
            match done {
                Some(line) => return line,
                None if closed => return Line::End,
                None => {
                    self.taken.notify_one();
                    self.arrived.notified().await;
                }
            }
        }
    }

    /// Takes all that is typed by now, up to the end of the line: what it echoes travels together.
    fn burst(&self, draft: &mut Draft, prompt: &str) -> (Vec<u8>, Option<Line>, bool) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let mut echo = Vec::new();
        while let Some(byte) = state.typed.pop_front() {
            let (shown, key) = draft.key(byte, prompt, &mut state.history);
            echo.extend_from_slice(&shown);
            if let Key::Done(line) = key {
                return (echo, Some(line), state.closed);
            }
        }
        (echo, None, state.closed)
    }
}

/// Marks that a line is being edited, also when the reader is dropped half-way.
struct Editing<'a>(&'a Terminal);

impl<'a> Editing<'a> {
    fn begin(terminal: &'a Terminal) -> Editing<'a> {
        terminal.state.lock().editing = true;
        Editing(terminal)
    }
}

impl Drop for Editing<'_> {
    fn drop(&mut self) {
        self.0.state.lock().editing = false;
    }
}

impl Draft {
    /// What one key does: what is echoed, and whether the line is done.
    fn key(&mut self, byte: u8, prompt: &str, history: &mut Vec<Vec<u8>>) -> (Vec<u8>, Key) {
        if !self.escape.is_empty() || byte == 0x1b {
            return (self.sequence(byte, prompt, history), Key::More);
        }
        let echo = match byte {
            b'\r' | b'\n' => {
                let mut line = std::mem::take(&mut self.text);
                remember(history, &line);
                line.push(b'\n');
                return (b"\r\n".to_vec(), Key::Done(Line::Text(line)));
            }
            3 => return (b"^C\r\n".to_vec(), Key::Done(Line::Interrupted)),
            4 if self.text.is_empty() => return (Vec::new(), Key::Done(Line::End)),
            8 | 0x7f => self.erase(1),
            0x15 => self.erase(usize::MAX),
            0x17 => {
                let text = String::from_utf8_lossy(&self.text).into_owned();
                let kept = text.trim_end().rfind(' ').map_or(0, |i| i + 1);
                self.erase(text[kept..].chars().count())
            }
            0x0c => [b"\x1b[H\x1b[2J", prompt.as_bytes(), &self.text].concat(),
            b'\t' => vec![7],
            0..=31 => Vec::new(),
            _ if self.text.len() >= LONGEST => vec![7],
            other => {
                self.text.push(other);
                vec![other]
            }
        };
        (echo, Key::More)
    }

    /// Takes characters off the end.
    fn erase(&mut self, characters: usize) -> Vec<u8> {
        let mut echo = Vec::new();
        for _ in 0..characters {
            let Some(mut byte) = self.text.pop() else { break };
            // The bytes that continue a character go with its first.
            while byte & 0xc0 == 0x80 {
                let Some(next) = self.text.pop() else { break };
                byte = next;
            }
            echo.extend_from_slice(b"\x08 \x08");
        }
        echo
    }

    /// Arrow keys: up and down walk through the history, the others do nothing.
    fn sequence(&mut self, byte: u8, prompt: &str, history: &[Vec<u8>]) -> Vec<u8> {
        self.escape.push(byte);
        let complete = match self.escape.as_slice() {
            [0x1b] | [0x1b, b'[' | b'O'] => false,
            [0x1b, b'[' | b'O', .., last] => (0x40..=0x7e).contains(last) || self.escape.len() > 8,
            _ => true,
        };
        if !complete {
            return Vec::new();
        }
        let key = std::mem::take(&mut self.escape);
        match key.as_slice() {
            [0x1b, b'[' | b'O', b'A'] if self.shown < history.len() => self.shown += 1,
            [0x1b, b'[' | b'O', b'B'] if self.shown > 0 => self.shown -= 1,
            _ => return Vec::new(),
        }
        let index = history.len() - self.shown;
        self.text = history.get(index).cloned().unwrap_or_default();
        [b"\r", prompt.as_bytes(), self.text.as_slice(), b"\x1b[K"].concat()
    }
}

fn remember(history: &mut Vec<Vec<u8>>, line: &[u8]) {
    let blank = line.iter().all(u8::is_ascii_whitespace);
    if blank || history.last().is_some_and(|last| last == line) {
        return;
    }
    if history.len() == HISTORY {
        history.remove(0);
    }
    history.push(line.to_vec());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> (Vec<u8>, Option<Line>) {
        let mut draft = Draft::default();
        let (mut echo, mut history) = (Vec::new(), vec![b"older".to_vec(), b"old".to_vec()]);
        for key in keys {
            let (out, step) = draft.key(*key, "$ ", &mut history);
            echo.extend(out);
            if let Key::Done(line) = step {
                return (echo, Some(line));
            }
        }
        (echo, None)
    }

    #[test]
    fn keys_edit_a_line() {
        let text = |t: &str| Some(Line::Text(t.as_bytes().to_vec()));
        let rows: &[(&[u8], &[u8], Option<Line>)] = &[
            (b"ls\r", b"ls\r\n", text("ls\n")),
            (b"lx\x7fs\r", b"lx\x08 \x08s\r\n", text("ls\n")),
            ("ö\x7fo\r".as_bytes(), b"\xc3\xb6\x08 \x08o\r\n", text("o\n")),
            (b"ab\x15c\r", b"ab\x08 \x08\x08 \x08c\r\n", text("c\n")),
            (b"a bc\x17d\r", b"a bc\x08 \x08\x08 \x08d\r\n", text("a d\n")),
            (b"ab\x03", b"ab^C\r\n", Some(Line::Interrupted)),
            (b"\x04", b"", Some(Line::End)),
            (b"a\x04\r", b"a\r\n", text("a\n")),
            (b"\x1b[A\r", b"\r$ old\x1b[K\r\n", text("old\n")),
            (b"\x1b[A\x1b[A\x1b[A\r", b"\r$ old\x1b[K\r$ older\x1b[K\r\n", text("older\n")),
            (b"\x1b[A\x1b[B\r", b"\r$ old\x1b[K\r$ \x1b[K\r\n", text("\n")),
            (b"\x1b[Dx\r", b"x\r\n", text("x\n")),
        ];
        for (keys, echo, line) in rows {
            let (out, done) = typed(keys);
            assert_eq!((out.as_slice(), &done), (*echo, line), "{keys:?}");
        }
    }
}
