//! Linux and macOS.

use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};
use tokio::signal::unix::{SignalKind, signal};

/// Makes a folder, and those above it, that is its owner's alone.
///
/// # Errors
/// The system's.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A file that is made with these options is its owner's alone.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Sees to it that the names in a folder outlive a power cut.
///
/// # Errors
/// The system's.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What a file is, whatever it is called.
///
/// # Errors
/// The system's.
pub fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|m| (m.dev(), m.ino()))
}

/// How much room the disk of a folder has, if that can be told.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|s| s.f_bavail.saturating_mul(s.f_frsize))
}

/// Lets this process go on whatever becomes of the terminal it was started from.
pub fn leave_terminal() {
    // Who leads its session already has none to leave.
    let _ = rustix::process::setsid();
}

/// Asks a process to end.
///
/// # Errors
/// The system's.
pub fn end(process: u32) -> io::Result<()> {
    let known = i32::try_from(process).ok().and_then(Pid::from_raw);
    let pid = known.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(rustix::process::kill_process(pid, Signal::TERM)?)
}

/// Becomes another program; only comes back when that fails.
pub fn become_program(command: &mut Command) -> io::Error {
    command.exec()
}

/// Makes a link to a file.
///
/// # Errors
/// The system's.
pub fn link(to: &Path, at: &Path) -> io::Result<()> {
    symlink(to, at)
}

/// Lets the process have as many files open as it may.
pub fn many_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // Without more it goes on with what it has.
    let _ =
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Lets the calling thread give way to others by so much. Linux keeps this for each thread; elsewhere it would
/// be the whole process.
pub fn give_way(niceness: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!(%error, "the thread keeps its priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

/// Lets the process end, as other programs do, when nobody reads any more what it prints (`| head`). Not
/// for servers.
pub fn end_with_reader() {
    sigpipe::reset();
}

/// Ends when somebody asks this process to end.
///
/// # Errors
/// The system's.
pub async fn asked_to_end() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// What the machine is called.
pub fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
