//! SPDY/3.1, the server's side of it: as much as the clients of exec, attach and port-forward use.

mod connection;
mod dictionary;
pub mod frame;
pub mod headers;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Event, Opened, Writer};
