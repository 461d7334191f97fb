//! `agnhost test-webserver`: serves the files of its container.

use super::Answer;
use crate::{
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, Scene, webroot},
        images::process::Process,
    },
};

/// Its port, unless a flag says another.
const PORT: u16 = 80;

/// The program.
pub struct Files;

impl Program for Files {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let port = call.number("port").and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT);
        Process { serves: vec![port], ends: None, on_term: None, ..known }
    }

    fn is_choosy(&self) -> bool {
        true
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move { served(scene, request) })
    }
}

/// Headers that let pages of other places use it.
const OPEN: [(&str, &str); 5] = [
    ("Access-Control-Allow-Credentials", "true"),
    (
        "Access-Control-Allow-Headers",
        "DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type",
    ),
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "private"),
];

fn served(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    let mut answer = webroot::go(scene, "", request);
    let open = OPEN.map(|(name, value)| (name.to_owned(), value.to_owned()));
    answer.headers.extend(open);
    answer
}
