//! Windows. Files are as private as the folder they are in; those of a profile are its owner's alone.

use std::{
    fs::OpenOptions,
    io,
    os::windows::fs::{MetadataExt, symlink_file},
    path::Path,
    process::{Command, exit},
};

/// Makes a folder, and those above it.
///
/// # Errors
/// The system's.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// A file that is made with these options belongs to whom the folder belongs to.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The system keeps the names in a folder by itself.
///
/// # Errors
/// None.
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What a file is: when it was made. A file that is open cannot be replaced here.
///
/// # Errors
/// The system's.
pub fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|m| (m.creation_time(), 0))
}

/// How much room the disk of a folder has cannot be told.
pub fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// A process that was started without a console has none to leave.
pub fn leave_terminal() {}

/// Ends a process. It is not asked first: there is no signal that a process without a console hears. What
/// it has answered is on disk.
///
/// # Errors
/// The system's.
pub fn end(process: u32) -> io::Result<()> {
    let id = process.to_string();
    let ended = Command::new("taskkill").args(["/F", "/PID", &id]).output()?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).trim().to_owned())),
    }
}

/// Runs another program in place of this one and ends as it does; only comes back when that fails.
pub fn become_program(command: &mut Command) -> io::Error {
    match command.status() {
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

/// Makes a link to a file, which only some may.
///
/// # Errors
/// The system's.
pub fn link(to: &Path, at: &Path) -> io::Result<()> {
    symlink_file(to, at)
}

/// There is no such limit.
pub fn many_files() {}

/// Threads keep their priority.
pub fn give_way(_: i32) {}

/// There is no such signal.
pub fn end_with_reader() {}

/// Ends when somebody asks this process to end.
///
/// # Errors
/// The system's.
pub async fn asked_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// What the machine is called.
pub fn machine() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
