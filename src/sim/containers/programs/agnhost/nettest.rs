//! `agnhost nettest`: counts who wrote to it. Its own search for peers is left out.

use super::Answer;
use crate::{
    catalog::End,
    object::{Value, json},
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
    },
};
use std::collections::BTreeMap;

/// Its port, unless a flag says another.
const PORT: u16 = 8080;

/// Most writers that are counted.
const MOST: usize = 10_000;

/// The program.
pub struct Nettest;

#[derive(Default)]
struct State {
    received: BTreeMap<String, u64>,
    errors: Vec<String>,
}

impl Program for Nettest {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        if call.flag("service").is_some_and(str::is_empty) {
            return Process { ends: Some(End { after: 0.0, code: 1 }), ..Process::default() };
        }
        let port = call.number("port").and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT);
        Process { serves: vec![port], ends: None, on_term: None, ..known }
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move {
            match request.path.split('?').next() {
                Some("/quit") => {
                    scene.exit(0);
                    scene.text(200, "")
                }
                Some("/read") => read(scene),
                Some("/write") => write(scene, request),
                Some("/status") => {
                    let peers = scene.call.number("peers").unwrap_or(8).max(0) as usize;
                    let enough = scene.memory(|s: &mut State| s.received.len() >= peers);
                    scene.text(200, if enough { "pass" } else { "running" })
                }
                _ => scene.text(404, "404 page not found\n"),
            }
        })
    }
}

fn read(scene: &Scene<'_>) -> Fetched {
    let state = scene.memory(|s: &mut State| {
        json!({"Hostname": scene.hostname(), "Sent": {}, "Received": s.received,
            "Errors": s.errors, "Log": [], "StillContactingPeers": true})
    });
    scene.text(200, serde_json::to_string_pretty(&state).unwrap_or_default().replace("  ", "\t"))
}

fn write(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let source = body["Source"].as_str().unwrap_or("").to_owned();
    let hostname = scene.hostname();
    scene.memory(|s: &mut State| {
        if source.is_empty() && s.errors.len() < MOST {
            s.errors.push(format!("{hostname}: Got request with no source"));
        } else if s.received.len() < MOST || s.received.contains_key(&source) {
            *s.received.entry(source).or_default() += 1;
        }
    });
    scene.text(200, json!({"Hostname": hostname}).to_string() + "\n")
}
