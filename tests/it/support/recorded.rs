//! Recordings of what a real client sent and was answered, played against a fresh cluster. What
//! differs from cluster to cluster stands as `{name}` in them: `{any}` fits everything, `{uid1}`,
//! `{digest2}`, `{hash1}` are bound where they are first seen and must then be the same everywhere,
//! `{rv7}` is bound anew by every answer.

use super::{
    BOUND, Lab, Reply, eventually,
    lab::{self, get, request},
    repository,
};
use base64::{Engine, engine::general_purpose::STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use http_body_util::BodyStream;
use kube::Client;
use pocketshift::object::ObjectExt;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Where the recorded cluster was, as it stands in query strings and forms.
const RECORDED_HOST: &str = "127.0.0.1%3A16443";
const TOKENS: &str = "/apis/oauth.openshift.io/v1/oauthaccesstokens/";

/// One command.
#[derive(Deserialize)]
struct Recording {
    command: String,
    requests: Vec<Recorded>,
    /// What to wait for before the next command.
    until: Option<Until>,
}

/// What the administrator must be able to read.
#[derive(Deserialize)]
struct Until {
    path: String,
    has: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Recorded {
    method: String,
    path: String,
    accept: String,
    content_type: String,
    auth: String,
    csrf: bool,
    /// Body, if it is JSON.
    send: Option<Value>,
    /// Any other body, in base64.
    bytes: String,
    status: u16,
    answer_type: String,
    location: String,
    /// Part of the answer.
    answer: Option<Value>,
    /// Some of the answer's items or rows, in any order.
    among: Vec<Value>,
    /// Type of a watch's first event.
    event: String,
}

/// What is known of this cluster.
pub struct Replay<'a> {
    lab: &'a Lab,
    client: Client,
    host: String,
    token: String,
    code: String,
    known: Known,
}

impl<'a> Replay<'a> {
    /// A client that nobody knows yet.
    pub async fn new(lab: &'a Lab) -> Replay<'a> {
        let host = lab.address().replace(':', "%3A");
        let (client, known) = (lab.anonymous().await, Known::default());
        Replay { lab, client, host, token: String::new(), code: String::new(), known }
    }

    /// Plays all recordings of a folder in the order of their names; answers how many.
    pub async fn folder(&mut self, folder: &str) -> usize {
        let entries = std::fs::read_dir(repository(folder)).expect("recordings");
        let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
        files.sort();
        for file in &files {
            self.file(file).await;
        }
        files.len()
    }

    /// Plays one recording.
    pub async fn file(&mut self, file: &std::path::Path) {
        let text = std::fs::read_to_string(file).expect("a recording");
        let recording: Recording =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for recorded in &recording.requests {
            self.play(&recording.command, recorded).await;
        }
        if let Some(until) = &recording.until {
            let (admin, known) = (&self.lab.client, &self.known);
            eventually(&recording.command, || async {
                let found = get(admin, &until.path).await.json();
                let fits = known.clone().fits(&found, &until.has);
                if fits { Ok(()) } else { Err(found.to_string()) }
            })
            .await;
        }
    }

    async fn play(&mut self, command: &str, recorded: &Recorded) {
        let says = format!("{command}: {} {}", recorded.method, recorded.path);
        let path = self.path(&recorded.path);
        let auth = self.authorization(recorded);
        // What is compared is read as JSON; that a client would rather have protobuf is left out.
        let forms = recorded.accept.split(',').map(str::trim);
        let accept: Vec<&str> = forms.filter(|form| !form.contains("protobuf")).collect();
        let accept = accept.join(", ");
        let mut headers = vec![("accept", accept.as_str())];
        headers.push(("content-type", &recorded.content_type));
        headers.push(("authorization", &auth));
        headers.push(("x-csrf-token", if recorded.csrf { "1" } else { "" }));
        headers.retain(|(_, value)| !value.is_empty());
        let body = self.body(recorded);
        // What an administrator did is done by the cluster's own.
        let client = if recorded.auth == "admin" { &self.lab.client } else { &self.client };
        if !recorded.event.is_empty() {
            assert_eq!(first_event(client, &path, &headers).await, recorded.event, "{says}");
            return;
        }
        let reply = request(client, &recorded.method, &path, &headers, body).await;
        assert_eq!(reply.code, recorded.status, "{says}: {}", reply.text());
        assert_eq!(reply.header("content-type"), recorded.answer_type, "{says}");
        self.session(&says, recorded, &reply);
        let answer = reply.json();
        if let Some(part) = &recorded.answer {
            assert!(self.known.fits(&answer, part), "{says}\nrecorded {part}\nanswered {answer}");
        }
        let (rows, items) = (answer.list_at("rows"), answer.list_at("items"));
        for part in &recorded.among {
            let found = rows.iter().chain(items).any(|one| self.known.fits(one, part));
            assert!(found, "{says}\nrecorded {part}\nanswered {answer}");
        }
    }

    fn path(&self, recorded: &str) -> String {
        if recorded.starts_with(TOKENS) {
            let secret = self.token.trim_start_matches("sha256~");
            let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(secret));
            return format!("{TOKENS}sha256~{hash}");
        }
        self.known.filled(recorded).replace(RECORDED_HOST, &self.host)
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

    /// The body as recorded, with what this cluster has in place of the recorded one's.
    fn body(&self, recorded: &Recorded) -> Vec<u8> {
        if let Some(send) = &recorded.send {
            return self.known.filled(&send.to_string()).into_bytes();
        }
        let bytes = STANDARD.decode(&recorded.bytes).expect("base64");
        if recorded.path != "/oauth/token" {
            return bytes;
        }
        let form = String::from_utf8(bytes).expect("a form");
        let (_, rest) = form.split_once('&').expect("a code and more");
        format!("code={}&{rest}", self.code).replace(RECORDED_HOST, &self.host).into_bytes()
    }

    /// Notes the code or the token that signing in gave.
    fn session(&mut self, says: &str, recorded: &Recorded, reply: &Reply) {
        if let Some((start, _)) = recorded.location.split_once("code=") {
            let start = start.trim_start_matches("{server}");
            let (before, code) = reply.header("location").split_once("code=").expect("a code");
            assert!(before.ends_with(start), "{says}: {before}");
            self.code = code.split('&').next().unwrap_or_default().to_owned();
        }
        if recorded.path == "/oauth/token" {
            self.token = reply.json().str_at("access_token").to_owned();
            assert!(self.token.starts_with("sha256~"), "{says}: {}", reply.text());
        }
    }
}

/// What the names in braces stand for.
#[derive(Clone, Default)]
struct Known(BTreeMap<String, String>);

impl Known {
    /// A recorded text with everything known put in.
    fn filled(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Whether everything in `part` is also in `whole`; if so, new names are bound.
    fn fits(&mut self, whole: &Value, part: &Value) -> bool {
        let mut found = self.clone();
        let fits = found.fit(whole, part);
        if fits {
            *self = found;
        }
        fits
    }

    fn fit(&mut self, whole: &Value, part: &Value) -> bool {
        match (whole, part) {
            (Value::Object(whole), Value::Object(part)) => part
                .iter()
                .all(|(key, p)| whole.get(&self.filled(key)).is_some_and(|w| self.fit(w, p))),
            (Value::Array(whole), Value::Array(part)) => {
                whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| self.fit(w, p))
            }
            (Value::String(whole), Value::String(part)) => self.text(whole, part),
            _ => whole == part,
        }
    }

    /// One text against a recorded one that may have names in it.
    fn text(&mut self, whole: &str, part: &str) -> bool {
        let Some((before, name, after)) = named(part) else { return whole == part };
        let Some(rest) = whole.strip_prefix(before) else { return false };
        let bound = self.0.get(name).filter(|_| !name.starts_with("{rv"));
        if let Some(value) = bound.cloned() {
            return rest.strip_prefix(value.as_str()).is_some_and(|rest| self.text(rest, after));
        }
        // A name stands for as much as what follows leaves it.
        let ends = (0..=rest.len()).rev().filter(|end| rest.is_char_boundary(*end));
        for end in ends {
            let mut tried = self.clone();
            if name != "{any}" {
                tried.0.insert(name.into(), rest[..end].into());
            }
            if tried.text(&rest[end..], after) {
                *self = tried;
                return true;
            }
        }
        false
    }
}

/// The first `{name}` of a text, and what stands around it.
fn named(text: &str) -> Option<(&str, &str, &str)> {
    for (start, _) in text.match_indices('{') {
        let end = start + text[start..].find('}')? + 1;
        let name = &text[start + 1..end - 1];
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Some((&text[..start], &text[start..end], &text[end..]));
        }
    }
    None
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

#[test]
fn names_are_bound_where_they_are_first_seen() {
    use serde_json::json;
    let mut known = Known::default();
    assert!(known.fits(&json!({"a": "x-7f", "b": 1}), &json!({"a": "x-{hash1}"})));
    assert!(!known.fits(&json!({"a": "y-80"}), &json!({"a": "y-{hash1}"})));
    assert!(known.fits(&json!(["y-7f, 5s"]), &json!(["y-{hash1}, {any}"])));
    assert!(!known.fits(&json!(["y-7f"]), &json!(["y-{hash1}", "more"])));
    assert!(known.fits(&json!({"rv": "1"}), &json!({"rv": "{rv1}"})));
    assert!(known.fits(&json!({"rv": "2"}), &json!({"rv": "{rv1}"})));
    assert_eq!(known.filled("{hash1}@{rv1} {\"k\":1}"), "7f@2 {\"k\":1}");
}
