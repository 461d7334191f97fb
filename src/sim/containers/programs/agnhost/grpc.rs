//! `agnhost grpc-health-checking`: the health service of gRPC, and two paths that change what it
//! says. Source: `grpc/health/v1/health.proto`.

use super::{Answer, Query, klog};
use crate::{
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
    },
};

/// Its ports, unless flags say others.
const GRPC: u16 = 5000;
const HTTP: u16 = 8080;

/// The program.
pub struct Grpc;

/// What was asked of it last: nothing, to be well, or not to be.
#[derive(Default)]
struct Forced(Option<bool>);

fn port(call: &Call<'_>, flag: &str, own: u16) -> u16 {
    call.number(flag).and_then(|p| u16::try_from(p).ok()).unwrap_or(own)
}

impl Program for Grpc {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let serves = vec![port(call, "http-port", HTTP), port(call, "port", GRPC)];
        Process { serves, ends: None, on_term: None, ..known }
    }

    fn is_choosy(&self) -> bool {
        true
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move {
            match scene.port() == port(&scene.call, "port", GRPC) {
                true => called(scene, request),
                false => told(scene, request),
            }
        })
    }
}

fn told(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    let (well, word) = match Query::of(request).path.as_str() {
        "/make-serving" => (true, "healthy"),
        "/make-not-serving" => (false, "unhealthy"),
        _ => return scene.text(404, "404 page not found\n"),
    };
    scene.say(&klog(scene.now(), &format!("Mark as {word}")));
    scene.memory(|forced: &mut Forced| forced.0 = Some(well));
    let age = scene.now().duration_since(scene.started());
    scene.text(200, format!("{}s", age.as_secs_f64()))
}

/// A call of gRPC: its body is a message behind five bytes, its outcome a trailer.
fn called(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    let outcome = |status: &str, message: &str, body: Vec<u8>| {
        let mut answer = scene.answer(200, "application/grpc", body);
        answer.headers.push(("grpc-status".into(), status.into()));
        answer.headers.push(("grpc-message".into(), message.into()));
        answer
    };
    if request.path != "/grpc.health.v1.Health/Check" {
        return outcome("12", "unimplemented", Vec::new());
    }
    let began = scene.started();
    let line = format!("Serving the Check request for health check, started at {began}");
    scene.say(&klog(scene.now(), &line));
    if service(&request.body) != scene.call.flag("service").unwrap_or("") {
        return outcome("5", "unknown service", Vec::new());
    }
    let age = scene.now().duration_since(began).as_secs();
    let late = scene.call.number("delay-unhealthy-sec").is_some_and(|d| d >= 0 && age >= d);
    let forced = scene.memory(|forced: &mut Forced| forced.0);
    // `status` is the first field: 1 is serving, 2 is not.
    let status = if forced == Some(false) || late { 2 } else { 1 };
    outcome("0", "", vec![0, 0, 0, 0, 2, 0x08, status])
}

/// The service a request asks for: the first field of its message.
fn service(body: &[u8]) -> String {
    let text = match body.get(5..) {
        Some([0x0a, length, rest @ ..]) => rest.get(..usize::from(*length)).unwrap_or_default(),
        _ => &[],
    };
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_from_messages() {
        assert_eq!(service(&[0, 0, 0, 0, 0]), "");
        assert_eq!(service(&[0, 0, 0, 0, 5, 0x0a, 3, b'a', b'b', b'c']), "abc");
        assert_eq!(service(&[0x0a, 9]), "");
    }
}
