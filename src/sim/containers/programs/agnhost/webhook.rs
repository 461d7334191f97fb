//! `agnhost webhook` and `agnhost crd-conversion-webhook`: reviews of admission and conversion over
//! TLS.

use super::{Answer, review};
use crate::{
    object::{ObjectExt, Value, json},
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
    },
};

/// The port of both, unless a flag says another.
const PORT: u16 = 443;

fn port(call: &Call<'_>) -> u16 {
    call.number("port").and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT)
}

/// A program that answers reviews over TLS.
pub struct Reviewer {
    answer: for<'a> fn(&'a Scene<'a>, &'a Fetch) -> Answer<'a>,
}

/// `webhook`
pub static WEBHOOK: Reviewer =
    Reviewer { answer: |scene, request| Box::pin(reviewed(scene, request)) };
/// `crd-conversion-webhook`
pub static CONVERSION: Reviewer =
    Reviewer { answer: |scene, request| Box::pin(async move { converted(scene, request) }) };

impl Program for Reviewer {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        Process { serves: vec![port(call)], ends: None, on_term: None, ..known }
    }

    fn secure_ports(&self, call: &Call<'_>) -> Option<Vec<u16>> {
        Some(vec![port(call)])
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        (self.answer)(scene, request)
    }
}

async fn reviewed(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    let path = request.path.split('?').next().unwrap_or("");
    if path == "/readyz" {
        return scene.text(200, "ok");
    }
    if request.header("content-type") != Some("application/json") {
        return scene.text(200, "");
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if body.str_at("kind") != "AdmissionReview" {
        return scene.text(400, "Request could not be decoded: no kind is registered\n");
    }
    let asked = body.at("request").unwrap_or(&Value::Null);
    let sidecar = scene.call.flag("sidecar-image").unwrap_or("");
    let mut response = match review::decide(path, asked, sidecar) {
        review::ReviewAnswer::Response(response) => response,
        review::ReviewAnswer::Late(seconds, response) => {
            scene.wait(seconds).await;
            response
        }
        review::ReviewAnswer::Silence => std::future::pending().await,
        review::ReviewAnswer::NoSuchPath => return scene.text(404, "404 page not found\n"),
    };
    response["uid"] = asked.at("uid").cloned().unwrap_or_default();
    let whole = json!({"kind": "AdmissionReview", "apiVersion": body.str_at("apiVersion"),
        "response": response});
    scene.answer(200, "application/json", whole.to_string())
}

fn converted(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    match request.path.split('?').next() {
        Some("/readyz") => return scene.text(200, "ok"),
        Some("/crdconvert") => {}
        _ => return scene.text(404, "404 page not found\n"),
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else {
        return scene.text(400, "failed to deserialize body\n");
    };
    let to = body.str_at("request.desiredAPIVersion").to_owned();
    let objects = body.list_at("request.objects");
    let made: Result<Vec<Value>, String> =
        objects.iter().map(|o| review::convert(o, &to)).collect();
    let uid = body.at("request.uid").cloned().unwrap_or_default();
    body["response"] = match made {
        Ok(made) => json!({"uid": uid, "convertedObjects": made,
            "result": {"metadata": {}, "status": "Success"}}),
        Err(why) => json!({"uid": uid, "convertedObjects": null,
            "result": {"metadata": {}, "status": "Failure", "message": why}}),
    };
    body["request"] = json!({"uid": "", "desiredAPIVersion": "", "objects": null});
    scene.answer(200, "application/json", body.to_string())
}
