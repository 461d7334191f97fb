//! `agnhost serve-hostname`: answers with the name of its host and nothing else.

use crate::sim::containers::programs::{Call, Program, Scene};
use crate::{
    catalog::End,
    runtime::{Fetch, Fetched},
    sim::{images::process::Process, shell::process::Borrowed},
};
use bytes::Bytes;

/// Seconds it goes on serving after TERM.
const GRACE: f64 = 60.0;
/// Its port, unless a flag says another.
const PORT: u16 = 9376;

/// The program.
pub struct ServeHostname;

impl Program for ServeHostname {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let wants = |flag: &str, unless: bool| match call.flag(flag) {
            None => unless,
            Some(value) => value != "false",
        };
        let port = call.number("port").and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT);
        let (http, tcp, udp) = (wants("http", true), wants("tcp", false), wants("udp", false));
        if http && (tcp || udp) {
            return Process { ends: Some(End { after: 0.0, code: 1 }), ..Process::default() };
        }
        Process {
            serves: if http || tcp { vec![port] } else { Vec::new() },
            datagrams: if udp { vec![port] } else { Vec::new() },
            on_term: Some(End { after: GRACE, code: 0 }),
            ..known
        }
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, _: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move { scene.text(200, scene.hostname()) })
    }

    fn datagram<'a>(&'a self, scene: &'a Scene<'a>, _: &'a [u8]) -> Borrowed<'a, Option<Bytes>> {
        Box::pin(async move { Some(scene.hostname().into()) })
    }
}
