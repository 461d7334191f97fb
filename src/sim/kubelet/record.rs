//! One container's entry in a pod's status, as the kubelet works with it: read from the stored
//! status, changed, written back.

use crate::{
    controllers::Run,
    object::{ObjectExt, Value, json, time},
};
use jiff::Timestamp;

/// What a container is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not running, for a reason.
    Waiting(String, String),
    /// Running since.
    Running(Timestamp),
    /// Ended.
    Terminated(Ended),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Exit code.
    pub code: i64,
    /// `Completed`, `Error` …
    pub reason: String,
    /// Text, perhaps empty.
    pub message: String,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Timestamp,
    /// The runtime's id of it.
    pub container: String,
}

impl Ended {
    /// The usual end of a process.
    pub fn new(code: i64, started: Timestamp, finished: Timestamp, container: &str) -> Ended {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Ended {
            code,
            reason: reason.into(),
            message: String::new(),
            started: Some(started),
            finished,
            container: container.into(),
        }
    }

    fn read(v: &Value) -> Option<Ended> {
        Some(Ended {
            code: v.i64_at("exitCode")?,
            reason: v.str_at("reason").into(),
            message: v.str_at("message").into(),
            started: time::parse(v.str_at("startedAt")),
            finished: time::parse(v.str_at("finishedAt"))?,
            container: v.str_at("containerID").into(),
        })
    }

    fn write(&self) -> Value {
        let started = self.started.map_or(Value::Null, |t| json!(time::seconds(t)));
        let mut v = json!({"exitCode": self.code, "finishedAt": time::seconds(self.finished),
            "reason": self.reason, "startedAt": started});
        if !self.container.is_empty() {
            v["containerID"] = json!(self.container);
        }
        if !self.message.is_empty() {
            v["message"] = json!(self.message);
        }
        json!({"terminated": v})
    }
}

/// A container's status.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Name.
    pub name: String,
    /// What it does.
    pub state: State,
    /// How its last run ended.
    pub last: Option<Ended>,
    /// How often it was restarted.
    pub restarts: i64,
    /// Whether its startup probe (if any) has succeeded.
    pub started: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// The runtime's name of the image; as in the spec before the first start.
    pub image: String,
    /// `repository@digest`, or empty before the first start.
    pub image_id: String,
    /// The runtime's id of the container.
    pub container: String,
    /// What the status says of it while its hook after the start goes on.
    pub shown: Option<Box<Record>>,
    /// What went wrong with that hook, in the look that found it.
    pub unhooked: Option<String>,
}

impl Record {
    /// A container nothing was done for yet.
    pub fn fresh(spec: &Value, reason: &str) -> Record {
        Record {
            name: spec.name_field().into(),
            state: State::Waiting(reason.into(), String::new()),
            last: None,
            restarts: 0,
            started: false,
            ready: false,
            image: spec.str_at("image").into(),
            image_id: String::new(),
            container: String::new(),
            shown: None,
            unhooked: None,
        }
    }

    /// Reads an entry of `containerStatuses`.
    pub fn read(v: &Value) -> Record {
        let waiting = || {
            State::Waiting(
                v.str_at("state.waiting.reason").into(),
                v.str_at("state.waiting.message").into(),
            )
        };
        let ended = v.at("state.terminated").and_then(Ended::read).map(State::Terminated);
        let running = time::parse(v.str_at("state.running.startedAt")).map(State::Running);
        Record {
            name: v.name_field().into(),
            state: ended.or(running).unwrap_or_else(waiting),
            last: v.at("lastState.terminated").and_then(Ended::read),
            restarts: v.i64_at("restartCount").unwrap_or(0),
            started: v.is_true("started"),
            ready: v.is_true("ready"),
            image: v.str_at("image").into(),
            image_id: v.str_at("imageID").into(),
            container: v.str_at("containerID").into(),
            shown: None,
            unhooked: None,
        }
    }

    /// What the status is to say.
    pub fn to_show(&self) -> &Record {
        self.shown.as_deref().filter(|_| self.running().is_some()).unwrap_or(self)
    }

    /// Writes it back; `spec` is the container's spec.
    pub fn write(&self, spec: &Value) -> Value {
        let state = match &self.state {
            State::Running(since) => json!({"running": {"startedAt": time::seconds(*since)}}),
            State::Terminated(ended) => ended.write(),
            State::Waiting(reason, message) if message.is_empty() => {
                json!({"waiting": {"reason": reason}})
            }
            State::Waiting(reason, message) => {
                json!({"waiting": {"message": message, "reason": reason}})
            }
        };
        let mut v = json!({
            "image": self.image, "imageID": self.image_id,
            "lastState": self.last.as_ref().map_or(json!({}), Ended::write),
            "name": self.name, "ready": self.ready, "restartCount": self.restarts,
            "started": self.started, "state": state,
        });
        if !self.container.is_empty() {
            v["containerID"] = json!(self.container);
        }
        if !self.container.is_empty() {
            runtime_facts(&mut v, spec);
        }
        v
    }

    /// The runtime's id of it, bare.
    pub fn id(&self) -> &str {
        self.container.split("://").last().unwrap_or("")
    }

    /// Its run, as the runtime is asked about it.
    pub fn run<'a>(&'a self, pod: &'a Value) -> Run<'a> {
        let (namespace, id) = (pod.namespace(), self.id());
        Run { namespace, pod: pod.name(), container: &self.name, id }
    }

    /// The moment it started, if it runs.
    pub fn running(&self) -> Option<Timestamp> {
        match self.state {
            State::Running(since) => Some(since),
            _ => None,
        }
    }

    /// Its end, if it has ended.
    pub fn ended(&self) -> Option<&Ended> {
        match &self.state {
            State::Terminated(ended) => Some(ended),
            _ => None,
        }
    }

    /// Whether it ever ran.
    pub fn has_run(&self) -> bool {
        self.last.is_some() || !matches!(self.state, State::Waiting(..))
    }

    /// The reason it waits for, or empty.
    pub fn waiting(&self) -> &str {
        match &self.state {
            State::Waiting(reason, _) => reason,
            _ => "",
        }
    }
}

/// What the runtime reports of a created container besides its state.
fn runtime_facts(v: &mut Value, spec: &Value) {
    let resources = spec.at("resources").cloned().unwrap_or(json!({}));
    if let Some(requests) = resources.at("requests").filter(|r| !r.is_null()) {
        v["allocatedResources"] = requests.clone();
    }
    v["resources"] = resources;
    let mounts: Vec<Value> = spec.list_at("volumeMounts").iter().map(mount).collect();
    if !mounts.is_empty() {
        v["volumeMounts"] = json!(mounts);
    }
}

fn mount(spec: &Value) -> Value {
    let mut m = json!({"mountPath": spec.str_at("mountPath"), "name": spec.name_field()});
    if spec.is_true("readOnly") {
        m["readOnly"] = json!(true);
        m["recursiveReadOnly"] = json!("Disabled");
    }
    m
}

/// `name` of a list item such as a container (objects have theirs in `metadata`).
pub trait Named {
    /// The field `name`.
    fn name_field(&self) -> &str;
}

impl Named for Value {
    fn name_field(&self) -> &str {
        self.str_at("name")
    }
}
