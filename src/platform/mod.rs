//! What one system does otherwise than another: private files, signals, links, processes. Where a system has
//! no such thing, the nearest it has. And what a machine's connections to itself are known by.

mod ends;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use ends::{NotedEnd, OwnEnds};
#[cfg(unix)]
pub use unix::{
    asked_to_end, become_program, end, end_with_reader, free_bytes, give_way, identity,
    leave_terminal, link, machine, many_files, private, private_folder, sync_folder,
};
#[cfg(windows)]
pub use windows::{
    asked_to_end, become_program, end, end_with_reader, free_bytes, give_way, identity,
    leave_terminal, link, machine, many_files, private, private_folder, sync_folder,
};
