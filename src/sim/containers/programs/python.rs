//! `python -m http.server`: the one thing of Python that is simulated.

use super::{Call, Program, Scene, webroot};
use crate::{
    runtime::{Fetch, Fetched},
    sim::{images::process::Process, shell::process::Borrowed},
};

/// Its port, unless an argument says another.
const PORT: u16 = 8000;

/// The module.
const MODULE: &str = "http.server";

/// `python -m …`
pub struct Module;

fn is_server(argv: &[String]) -> bool {
    argv.iter().any(|a| a == MODULE || a == "SimpleHTTPServer")
}

impl Program for Module {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        if !is_server(call.argv) {
            return known;
        }
        let given = call.argv.iter().skip(3).find_map(|a| a.parse().ok());
        Process { serves: vec![given.unwrap_or(PORT)], boot: 0.2, ends: None, ..known }
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move {
            if !is_server(scene.call.argv) {
                return scene.page(request);
            }
            let own = scene.call.flag("directory").or(scene.call.flag("d"));
            let spec = &scene.place().spec;
            let root = own.or(spec["workingDir"].as_str()).unwrap_or("/").trim_end_matches('/');
            let answer = webroot::go(scene, root, request);
            let when = scene.now().strftime("%d/%b/%Y %H:%M:%S");
            let (method, path) = (&request.method, &request.path);
            scene.say(&format!(
                "{} - - [{when}] \"{method} {path} HTTP/1.1\" {} -",
                scene.client, answer.status
            ));
            answer
        })
    }

    fn logs_requests(&self) -> bool {
        true
    }
}
