//! `agnhost porter`: listens on the ports its variables name, and answers with their values.

use super::Answer;
use crate::{
    object::json,
    runtime::Fetch,
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
        shell::process::Borrowed,
    },
};
use bytes::Bytes;

/// The program.
pub struct Porter;

/// What a port carries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Carries {
    Http,
    Https,
    Datagrams,
}

/// Beginnings of variables, the longest first.
const BEGINNINGS: [(&str, Carries); 4] = [
    ("SERVE_TCP_PORT_", Carries::Http),
    ("SERVE_TLS_PORT_", Carries::Https),
    ("SERVE_UDP_PORT_", Carries::Datagrams),
    ("SERVE_PORT_", Carries::Http),
];

fn port(name: &str) -> Option<(u16, Carries)> {
    let found = BEGINNINGS.iter().find_map(|(b, carries)| Some((name.strip_prefix(b)?, *carries)));
    let (number, carries) = found?;
    Some((number.parse().ok()?, carries))
}

/// The value of the variable of a port.
fn value(scene: &Scene<'_>, datagrams: bool) -> Option<String> {
    let fits = |name: &str| {
        port(name).is_some_and(|(number, carries)| {
            number == scene.port() && (carries == Carries::Datagrams) == datagrams
        })
    };
    let mut all = scene.call.variables().iter();
    all.find(|(name, _)| fits(name)).map(|(_, value)| value.clone())
}

impl Program for Porter {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let ports = || call.variables().iter().filter_map(|(name, _)| port(name));
        let of = |datagrams: bool| {
            let fitting = ports().filter(|(_, c)| (*c == Carries::Datagrams) == datagrams);
            fitting.map(|(number, _)| number).collect()
        };
        Process { serves: of(false), datagrams: of(true), ends: None, on_term: None, ..known }
    }

    fn secure_ports(&self, call: &Call<'_>) -> Option<Vec<u16>> {
        let ports = call.variables().iter().filter_map(|(name, _)| port(name));
        Some(ports.filter(|(_, c)| *c == Carries::Https).map(|(number, _)| number).collect())
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move {
            let value = value(scene, false).unwrap_or_default();
            if super::is_on(scene.call.flag("json-response")) {
                // In the order of upstream's fields.
                let text =
                    format!("{{\"Method\":{},\"Body\":{}}}", json!(request.method), json!(value));
                return scene.answer(200, "application/json", text);
            }
            scene.sniffed(200, value)
        })
    }

    fn datagram<'a>(&'a self, scene: &'a Scene<'a>, _: &'a [u8]) -> Borrowed<'a, Option<Bytes>> {
        let answer = value(scene, true).map(Bytes::from);
        Box::pin(std::future::ready(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_ports() {
        let rows = [
            ("SERVE_PORT_80", Some((80, Carries::Http))),
            ("SERVE_TLS_PORT_443", Some((443, Carries::Https))),
            ("SERVE_UDP_PORT_53", Some((53, Carries::Datagrams))),
            ("SERVE_PORT_x", None),
            ("PORT_80", None),
        ];
        for (name, expected) in rows {
            assert_eq!(port(name), expected, "{name}");
        }
    }
}
