//! Where a command reads and writes: client channels, pipes, terminals, files. All of it bounded:
//! a writer waits for its reader.

use super::{
    fs::{Cred, Errno, Fs},
    tty::Terminal,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Why nothing can be written any more: nobody reads, or the file cannot take it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closed(pub Option<Errno>);

/// There is more to read than a process may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooMuch;

/// Longest line that is read, and most that is kept of anything a command must see whole.
pub const LARGEST: usize = 4 << 20;

/// Most bytes in one chunk.
const CHUNK: usize = 32 << 10;

/// Chunks that wait in a pipe.
const PIPE: usize = 4;

/// A place to write to.
#[derive(Clone)]
pub enum Output {
    /// Nowhere.
    Null,
    /// A device that has no space.
    Full,
    /// A client or the next command.
    Channel(mpsc::Sender<Bytes>),
    /// The terminal.
    Terminal(Arc<Terminal>),
    /// Kept: the text of a substitution.
    Kept(Arc<Mutex<Vec<u8>>>),
    /// Handed on at once: a log.
    Told(Arc<dyn Fn(&[u8]) + Send + Sync>),
    /// A file.
    File(Arc<OpenFile>),
}

/// A file open for writing.
pub struct OpenFile {
    /// Where.
    pub fs: Fs,
    /// Path.
    pub path: String,
    /// Who opened it.
    pub who: Cred,
    /// Time of writes.
    pub clock: Arc<dyn crate::world::Clock>,
}

impl Output {
    /// Writes everything, waiting as long as the reader needs.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub async fn write(&self, data: &[u8]) -> Result<(), Closed> {
        match self {
            Output::Null => Ok(()),
            Output::Full => Err(Closed(Some(Errno::NoSpace))),
            Output::Channel(to) => {
                for chunk in data.chunks(CHUNK) {
                    to.send(Bytes::copy_from_slice(chunk)).await.map_err(|_| Closed(None))?;
                }
                Ok(())
            }
            Output::Terminal(terminal) => terminal.write(data).await,
            Output::Kept(text) => {
                let mut text = text.lock();
                if text.len() + data.len() > LARGEST {
                    return Err(Closed(Some(Errno::NoMemory)));
                }
                text.extend_from_slice(data);
                Ok(())
            }
            Output::Told(tell) => {
                tell(data);
                Ok(())
            }
            Output::File(file) => file.add(data).map_err(|e| Closed(Some(e))),
        }
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Output::Terminal(_))
    }
}

impl OpenFile {
    fn add(&self, data: &[u8]) -> Result<(), Errno> {
        self.fs.write(&self.path, data, true, &self.who, self.clock.now())
    }
}

/// A pipe: what is written to the one comes out of the other.
pub fn pipe() -> (Output, Input) {
    let (to, from) = mpsc::channel(PIPE);
    (Output::Channel(to), Input::channel(from))
}

/// A place to read from; processes that share it take turns.
#[derive(Clone)]
pub struct Input(Arc<tokio::sync::Mutex<Reader>>);

struct Reader {
    source: Source,
    buffer: Vec<u8>,
}

enum Source {
    Empty,
    Zero,
    Channel(mpsc::Receiver<Bytes>),
    Terminal(Arc<Terminal>),
}

impl Input {
    fn new(source: Source, buffer: Vec<u8>) -> Input {
        Input(Arc::new(tokio::sync::Mutex::new(Reader { source, buffer })))
    }

    /// Nothing to read.
    pub fn empty() -> Input {
        Input::new(Source::Empty, Vec::new())
    }

    /// Zeroes without end.
    pub fn zero() -> Input {
        Input::new(Source::Zero, Vec::new())
    }

    /// These bytes.
    pub fn text(bytes: &[u8]) -> Input {
        Input::new(Source::Empty, bytes.to_vec())
    }

    /// What a client or another command sends.
    pub fn channel(from: mpsc::Receiver<Bytes>) -> Input {
        Input::new(Source::Channel(from), Vec::new())
    }

    /// What is typed.
    pub fn terminal(terminal: Arc<Terminal>) -> Input {
        Input::new(Source::Terminal(terminal), Vec::new())
    }

    /// The terminal it reads from.
    pub async fn as_terminal(&self) -> Option<Arc<Terminal>> {
        match &self.0.lock().await.source {
            Source::Terminal(terminal) => Some(Arc::clone(terminal)),
            _ => None,
        }
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&self) -> Option<Vec<u8>> {
        let mut reader = self.0.lock().await;
        if reader.buffer.is_empty() && !reader.fill().await {
            return None;
        }
        Some(std::mem::take(&mut reader.buffer))
    }

    /// The next line with its end; the last one may have none. `None` at the end.
    ///
    /// # Errors
    /// It is too long.
    pub async fn line(&self) -> Result<Option<Vec<u8>>, TooMuch> {
        let mut reader = self.0.lock().await;
        let mut seen = 0;
        loop {
            let end = reader.buffer[seen..].iter().position(|b| *b == b'\n');
            if let Some(end) = end {
                let rest = reader.buffer.split_off(seen + end + 1);
                return Ok(Some(std::mem::replace(&mut reader.buffer, rest)));
            }
            seen = reader.buffer.len();
            if seen > LARGEST {
                return Err(TooMuch);
            }
            if !reader.fill().await {
                let last = std::mem::take(&mut reader.buffer);
                return Ok((!last.is_empty()).then_some(last));
            }
        }
    }

    /// Everything to the end.
    ///
    /// # Errors
    /// There is more than may be held.
    pub async fn all(&self, most: usize) -> Result<Vec<u8>, TooMuch> {
        let mut data = Vec::new();
        while let Some(chunk) = self.chunk().await {
            data.extend_from_slice(&chunk);
            if data.len() > most {
                return Err(TooMuch);
            }
        }
        Ok(data)
    }
}

impl Reader {
    /// Gets more bytes; false at the end.
    async fn fill(&mut self) -> bool {
        let more = match &mut self.source {
            Source::Empty => None,
            Source::Zero => Some(vec![0; 4096]),
            Source::Channel(from) => from.recv().await.map(|b| b.to_vec()),
            Source::Terminal(terminal) => terminal.read().await,
        };
        let Some(more) = more else { return false };
        self.buffer.extend_from_slice(&more);
        true
    }
}
