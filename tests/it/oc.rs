//! What the real `oc` sends for the course's commands, recorded once (`tests/golden/oc/`, one file
//! a command) and replayed in order against a fresh cluster: every answer has the recorded status
//! and media type and contains what the recorded one said. Tokens, uids and revisions are replaced
//! by those of this cluster as they become known.

use crate::support::{
    BOUND, Lab, Reply, contains,
    lab::{self, get, request},
    repository, wait,
};
use base64::{Engine, engine::general_purpose::STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use http_body_util::BodyStream;
use kube::Client;
use pocketshift::{kinds, object::ObjectExt};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where the recorded cluster was, as it stands in query strings and forms.
const RECORDED_HOST: &str = "127.0.0.1%3A16443";
const TOKENS: &str = "/apis/oauth.openshift.io/v1/oauthaccesstokens/";

/// One command.
#[derive(Deserialize)]
struct Recording {
    command: String,
    /// What to wait for afterwards: the Deployment `observed`, or its rollout `complete`.
    settle: String,
    /// Generation and revision the Deployment then had.
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    revision: String,
    requests: Vec<Recorded>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Recorded {
    method: String,
    path: String,
    accept: String,
    content_type: String,
    auth: String,
    csrf: bool,
    body: String,
    status: u16,
    answer_type: String,
    location: String,
    /// Part of the answer.
    answer: Option<Value>,
    /// Pointers into the answer, and the uids and revisions that were there.
    learn: Vec<(String, String)>,
    /// Types of a watch's first events.
    events: Vec<String>,
}

/// What is known of this cluster.
struct Replay {
    client: Client,
    host: String,
    token: String,
    code: String,
    /// Recorded uid or revision, and ours.
    known: Vec<(String, String)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_course_as_recorded() {
    let lab = Lab::start().await;
    let host = lab.cluster.url.trim_start_matches("https://").replace(':', "%3A");
    let client = lab.anonymous().await;
    let mut replay =
        Replay { client, host, token: String::new(), code: String::new(), known: Vec::new() };
    let mut files: Vec<_> = std::fs::read_dir(repository("tests/golden/oc"))
        .expect("recordings")
        .map(|e| e.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() > 20, "recordings are missing");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a recording");
        let recording: Recording = serde_json::from_str(&text).expect("a recording");
        for recorded in &recording.requests {
            replay.play(&recording.command, recorded).await;
        }
        settle(&lab, &recording).await;
    }
    lab.stop().await;
}

/// Waits until the one Deployment of the course is where it was when the next command was given.
async fn settle(lab: &Lab, recording: &Recording) {
    let what = recording.settle.as_str();
    if what.is_empty() {
        return;
    }
    let kind = kinds::by_resource("deployments.apps").expect("a kind");
    let deployments = lab.objects(kind, "seed");
    wait::object(&deployments, "myapp2", what, |o| {
        let number = |path: &str| o.i64_at(path).unwrap_or(0);
        let wanted = number("spec.replicas");
        let counts = ["replicas", "updatedReplicas", "availableReplicas"];
        number("metadata.generation") == recording.generation
            && o.annotation("deployment.kubernetes.io/revision") == Some(&recording.revision)
            && number("status.observedGeneration") == number("metadata.generation")
            && (what == "observed"
                || counts.iter().all(|c| number(&format!("status.{c}")) == wanted))
    })
    .await;
}

impl Replay {
    async fn play(&mut self, command: &str, recorded: &Recorded) {
        let says = format!("{command}: {} {}", recorded.method, recorded.path);
        let path = self.path(&recorded.path);
        let auth = self.authorization(recorded);
        let mut headers = vec![("accept", recorded.accept.as_str())];
        headers.push(("content-type", &recorded.content_type));
        headers.push(("authorization", &auth));
        headers.push(("x-csrf-token", if recorded.csrf { "1" } else { "" }));
        headers.retain(|(_, value)| !value.is_empty());
        let body = self.body(recorded);
        if path.contains("watch=true") {
            let first = first_event(&self.client, &path, &headers).await;
            assert_eq!(recorded.events.first().map(String::as_str), Some(first.as_str()), "{says}");
            return;
        }
        let reply = request(&self.client, &recorded.method, &path, &headers, body).await;
        assert_eq!(reply.code, recorded.status, "{says}: {}", reply.text());
        assert_eq!(reply.header("content-type"), recorded.answer_type, "{says}");
        self.learn(&says, recorded, &reply);
        if let Some(part) = &recorded.answer {
            let answer = reply.json();
            assert!(contains(&answer, part), "{says}\nrecorded {part}\nanswered {answer}");
        }
    }

    fn path(&self, recorded: &str) -> String {
        if recorded.starts_with(TOKENS) {
            let secret = self.token.trim_start_matches("sha256~");
            let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(secret));
            return format!("{TOKENS}sha256~{hash}");
        }
        let mut path = recorded.replace(RECORDED_HOST, &self.host);
        for (old, new) in &self.known {
            if old.len() == 36 {
                path = path.replace(old, new);
            }
            path = path
                .replace(&format!("resourceVersion={old}&"), &format!("resourceVersion={new}&"));
        }
        path
    }

    fn authorization(&self, recorded: &Recorded) -> String {
        match recorded.auth.as_str() {
            "bearer" => format!("Bearer {}", self.token),
            "basic" if recorded.path == "/oauth/token" => {
                format!("Basic {}", STANDARD.encode("openshift-challenging-client:"))
            }
            "basic" => format!("Basic {}", STANDARD.encode("developer:developer")),
            _ => String::new(),
        }
    }

    /// The body as recorded; text has our code, host, uids and revisions in it.
    fn body(&self, recorded: &Recorded) -> Vec<u8> {
        let bytes = STANDARD.decode(&recorded.body).expect("base64");
        let Ok(mut text) = String::from_utf8(bytes.clone()) else { return bytes };
        if recorded.path == "/oauth/token" {
            let rest = text.split_once('&').map(|(_, rest)| rest.to_owned()).expect("a form");
            return format!("code={}&{rest}", self.code)
                .replace(RECORDED_HOST, &self.host)
                .into_bytes();
        }
        if recorded.content_type.contains("json") {
            for (old, new) in &self.known {
                text = text.replace(&format!("\"{old}\""), &format!("\"{new}\""));
            }
        }
        text.into_bytes()
    }

    fn learn(&mut self, says: &str, recorded: &Recorded, reply: &Reply) {
        if let Some((start, _)) = recorded.location.split_once("code=") {
            let start = start.trim_start_matches("{server}");
            let (before, code) = reply.header("location").split_once("code=").expect("a code");
            assert!(before.ends_with(start), "{says}: {before}");
            self.code = code.split('&').next().unwrap_or_default().to_owned();
        }
        let answer = reply.json();
        if recorded.path == "/oauth/token" {
            self.token = answer.str_at("access_token").to_owned();
            assert!(self.token.starts_with("sha256~"), "{says}: {answer}");
        }
        for (pointer, old) in &recorded.learn {
            if let Some(new) = answer.pointer(pointer).and_then(Value::as_str) {
                self.known.retain(|(known, _)| known != old);
                self.known.push((old.clone(), new.to_owned()));
            }
        }
    }
}

/// The type of the first event of a watch.
async fn first_event(client: &Client, path: &str, headers: &[(&str, &str)]) -> String {
    let response = lab::open(client, "GET", path, headers, Vec::new()).await;
    assert_eq!(response.status(), 200, "{path}");
    let mut chunks = BodyStream::new(response.into_body());
    let mut text = Vec::new();
    while !text.contains(&b'\n') {
        let chunk = tokio::time::timeout(BOUND, chunks.next()).await;
        let chunk = chunk.unwrap_or_else(|_| panic!("no event on {path}")).expect("an event");
        text.extend(chunk.expect("a chunk").into_data().unwrap_or_default());
    }
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let event: Value = serde_json::from_slice(line).expect("an event a line");
    event.str_at("type").to_owned()
}

/// A token works until it is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_asked_to_sign_in() {
    let lab = Lab::start().await;
    let client = lab.anonymous().await;
    assert_eq!(get(&client, "/api/v1/namespaces/default/pods").await.code, 403);
    let path = "/oauth/authorize?client_id=openshift-challenging-client&response_type=token";
    let challenge = request(&client, "GET", path, &[("x-csrf-token", "1")], vec![]).await;
    assert_eq!(challenge.code, 401);
    assert!(challenge.header("www-authenticate").starts_with("Basic "), "{challenge:?}");
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let with = |auth: String| {
        let client = client.clone();
        async move {
            let headers = [("x-csrf-token", "1"), ("authorization", auth.as_str())];
            request(&client, "GET", path, &headers, vec![]).await
        }
    };
    assert_eq!(with(basic("developer:wrong")).await.code, 401);
    let granted = with(basic("developer:developer")).await;
    assert_eq!(granted.code, 302, "{}", granted.text());
    let (_, token) = granted.header("location").split_once("access_token=").expect("a token");
    let token = token.split('&').next().unwrap_or_default().replace("%7E", "~");
    let me = get(&lab.with_token(&token).await, "/apis/user.openshift.io/v1/users/~").await;
    assert_eq!(me.expect(200).name(), "developer");
    lab.stop().await;
}
