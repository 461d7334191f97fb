//! `agnhost liveness`: well for ten seconds, then not.

use super::{Answer, Query};
use crate::{
    runtime::Fetch,
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
    },
};

/// Its port.
const PORT: u16 = 8080;
/// Seconds it is well.
const WELL: f64 = 10.0;

/// The program.
pub struct Liveness;

impl Program for Liveness {
    fn facts(&self, _: &Call<'_>, known: Process) -> Process {
        Process { serves: vec![PORT], ends: None, on_term: None, ..known }
    }

    fn is_choosy(&self) -> bool {
        true
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move {
            let query = Query::of(request);
            let age = scene.now().duration_since(scene.started()).as_secs_f64();
            match query.path.as_str() {
                "/healthz" if age > WELL => scene.text(500, format!("error: {age}")),
                "/healthz" => scene.text(200, "ok"),
                "/started" => scene.text(200, format!("{age}s")),
                "/redirect" => scene.redirect(302, query.get("loc")),
                _ => scene.text(404, "404 page not found\n"),
            }
        })
    }
}
