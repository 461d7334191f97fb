//! `agnhost guestbook`: keeps values, passes them on to its replicas, and as a front end asks the
//! services of both.

use super::{Answer, Query, address, get, klog};
use crate::{
    object::json,
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
    },
};
use std::collections::BTreeMap;

/// Its ports, unless flags say others.
const PORT: u16 = 80;
const BACKEND: u16 = 6379;

/// Most values and replicas that are kept.
const MOST: usize = 10_000;

/// The services a front end asks. Source: its README.
const PRIMARY: &str = "agnhost-primary";
const REPLICA: &str = "agnhost-replica";

/// The program.
pub struct Guestbook;

#[derive(Default)]
struct Store {
    values: BTreeMap<String, String>,
    replicas: Vec<String>,
    /// Whether a replica has told the primary of itself.
    registered: bool,
}

impl Program for Guestbook {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let port = call.number("http-port").and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT);
        Process { serves: vec![port], ends: None, on_term: None, ..known }
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move {
            register(scene).await;
            let query = Query::of(request);
            let known = ["cmd", "host", "key", "value"];
            let shown = known.iter().filter(|n| !query.get(n).is_empty() || **n == "key");
            let shown: Vec<String> = shown.map(|n| format!("{n}={}", query.get(n))).collect();
            scene.say(&klog(scene.now(), &format!("GET {}?{}", query.path, shown.join("&"))));
            match query.path.as_str() {
                "/register" => registered(scene, &query),
                "/get" => read(scene, query.get("key")),
                "/set" => write(scene, &query).await,
                "/guestbook" => front(scene, &query).await,
                _ => scene.text(404, "404 page not found\n"),
            }
        })
    }
}

fn backend(scene: &Scene<'_>) -> u16 {
    scene.call.number("backend-port").and_then(|p| u16::try_from(p).ok()).unwrap_or(BACKEND)
}

/// A replica tells the primary of itself before its first answer, and gets what it has.
async fn register(scene: &Scene<'_>) {
    let Some(primary) = scene.call.flag("replicaof").filter(|h| !h.is_empty()) else { return };
    if scene.memory(|s: &mut Store| s.registered) {
        return;
    }
    let Ok(to) = address(scene, primary).await else { return };
    let path = format!("/register?host={}", scene.address());
    let Ok(text) = get(scene, to, primary, backend(scene), &path).await else { return };
    let answer: crate::object::Value = serde_json::from_str(&text).unwrap_or_default();
    let values = answer["data"].as_object().into_iter().flatten();
    let values: BTreeMap<String, String> =
        values.map(|(k, v)| (k.to_string(), v.as_str().unwrap_or("").to_owned())).collect();
    scene.memory(|s: &mut Store| {
        s.registered = true;
        s.values.extend(values);
    });
    scene.say(&klog(scene.now(), &format!("Registered to node: {primary}")));
}

fn registered(scene: &Scene<'_>, query: &Query) -> Fetched {
    let host = query.get("host").to_owned();
    let values = scene.memory(|s: &mut Store| {
        if s.replicas.len() < MOST && !s.replicas.contains(&host) {
            s.replicas.push(host.clone());
        }
        s.values.clone()
    });
    scene.say(&klog(scene.now(), &format!("Node '{host}' registered.")));
    scene.text(200, json!({"data": values}).to_string())
}

fn read(scene: &Scene<'_>, key: &str) -> Fetched {
    let data = scene.memory(|s: &mut Store| match key {
        "" => json!(s.values),
        key => json!(s.values.get(key).map_or("", String::as_str)),
    });
    scene.text(200, json!({"data": data}).to_string())
}

async fn write(scene: &Scene<'_>, query: &Query) -> Fetched {
    let (key, value) = (query.get("key").to_owned(), query.get("value").to_owned());
    if key.is_empty() {
        return scene.text(400, "cannot set with empty key.\n");
    }
    let path = format!("/set?{}", pair(&key, &value));
    let replicas = scene.memory(|s: &mut Store| {
        if s.values.len() < MOST || s.values.contains_key(&key) {
            s.values.insert(key, value);
        }
        s.replicas.clone()
    });
    for replica in replicas {
        let Ok(to) = replica.parse() else { continue };
        if let Err(why) = get(scene, to, &replica, backend(scene), &path).await {
            let text = format!("encountered error while propagating to replica '{replica}': {why}");
            return scene.text(417, text + "\n");
        }
    }
    scene.text(200, json!({"message": "Updated"}).to_string())
}

fn pair(key: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("key", key).append_pair("value", value);
    query.finish()
}

async fn front(scene: &Scene<'_>, query: &Query) -> Fetched {
    let command = query.get("cmd").to_lowercase();
    let (key, value) = (query.get("key"), query.get("value"));
    let host = match command.as_str() {
        "get" => REPLICA,
        "set" => PRIMARY,
        _ => return scene.text(400, format!("unsupported cmd: '{command}'\n")),
    };
    if command == "set" && key.is_empty() {
        return scene.text(400, "cannot set with empty key.\n");
    }
    let to = match address(scene, host).await {
        Ok(to) => to,
        Err(why) => {
            let text = format!("host and/or port param are invalid. {why}\n");
            return scene.text(400, text);
        }
    };
    let path = format!("/{command}?{}", pair(key, value));
    match get(scene, to, host, backend(scene), &path).await {
        Ok(text) => scene.text(200, text),
        Err(why) => scene.text(417, format!("encountered error: {why}\n")),
    }
}
