//! A shell for simulated containers: `sh` and the small commands, in memory.
//!
//! Nothing here touches the machine it runs on. Files are entries of maps ([`fs`]), other hosts are
//! answers of a [`machine::Machine`], time is a [`crate::world::Clock`], and a process is a future
//! that is polled. What a session may use is bounded: steps ([`process::Budget`]), memory
//! ([`fs::Quota`], [`io::LARGEST`]), nesting ([`process::DEEPEST`]) and output, which waits for its
//! reader.
//!
//! A script goes from characters (`lexer`) over commands (`parser`, `ast`) to what they do
//! (`expand`, `interpreter`); commands are found in files like anywhere else, so an image
//! without a shell has none.

mod arithmetic;
mod ast;
mod builtins;
mod call;
mod commands;
pub mod crictl;
pub mod dns;
mod escapes;
mod expand;
pub mod fs;
mod interpreter;
mod invoke;
pub mod io;
mod jobs;
mod lexer;
pub mod machine;
mod options;
mod outlook;
mod parser;
mod pattern;
pub mod process;
mod redirect;
mod session;
pub mod signals;
mod test;
#[cfg(test)]
mod tests;
mod tty;
mod words;

pub use commands::resolved;
pub use outlook::{Outlook, calls, outlook};
pub use session::{Exec, NotStarted, run};
pub use tty::Terminal;

/// Names of the commands that are found in files.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    commands::TABLE.iter().map(|(name, _)| *name)
}
