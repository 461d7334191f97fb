//! Transcripts: what a real OpenShift was sent and what it answered, one file each. `# ` begins a
//! remark, `@ ` says who sends from here on, `! ` does something to the registry or lets time pass, `> ` begins a
//! request (method and path, then headers; its body follows), `< ` its answer (code, then headers;
//! its body follows). What differs from cluster to cluster stands as a name in braces: `{u1}` a uid,
//! `{d1}` a digest (and
//! `{e1}` and `{f1}` the beginning of one), `{r1}` a revision (bound anew by every answer), `{t}` a time, `{a}` an age,
//! `{h}` a hash, `{n}` some letters and digits, `{registry}` where the images are, `{server}` where
//! the cluster is. A body that is not text is in base64. What the
//! transcript left out stands as `…`: as a key of an object that has more keys, or as the last item
//! of a list that has more items; a list that ends in `∗` has its items in any order.

use super::{Lab, Reply, lab::request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::Client;
use regex::Regex;
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// One request and its answer.
#[derive(Debug, Default)]
pub struct Step {
    /// Who sends it.
    pub caller: String,
    /// What is done to the registry before it.
    pub before: String,
    /// Method and path.
    pub request: String,
    headers: Vec<(String, String)>,
    body: String,
    code: u16,
    wanted: Vec<(String, String)>,
    answer: String,
}

/// Where a line belongs.
#[derive(PartialEq)]
enum Part {
    Between,
    Request,
    Answer,
}

/// Reads a transcript.
pub fn read(text: &str) -> Vec<Step> {
    let (mut steps, mut part, mut next) = (Vec::<Step>::new(), Part::Between, Step::default());
    for line in text.lines() {
        let mark = line.get(..2).unwrap_or(line);
        let rest = line.get(2..).unwrap_or("");
        match (mark, &part) {
            ("@ ", Part::Between) => next.caller = rest.into(),
            ("! ", Part::Between) => next.before = rest.into(),
            ("> ", Part::Between) => {
                next.request = rest.into();
                let caller = next.caller.clone();
                steps.push(std::mem::replace(&mut next, Step { caller, ..Step::default() }));
                part = Part::Request;
            }
            ("# ", Part::Between) | ("", Part::Between) => {}
            ("", Part::Answer) => part = Part::Between,
            _ => {
                let step = steps.last_mut().expect("a request before its parts");
                part = step.line(mark, rest, line, part);
            }
        }
    }
    steps
}

impl Step {
    fn line(&mut self, mark: &str, rest: &str, line: &str, part: Part) -> Part {
        let header = || {
            let (name, value) = rest.split_once(": ").unwrap_or((rest, ""));
            (name.to_owned(), value.to_owned())
        };
        match (mark, part) {
            ("> ", Part::Request) => self.headers.push(header()),
            ("< ", Part::Request) => {
                self.code = rest.parse().expect("a code");
                return Part::Answer;
            }
            ("< ", Part::Answer) => self.wanted.push(header()),
            (_, Part::Request) => {
                self.body += line;
                self.body += "\n";
                return Part::Request;
            }
            (_, part) => {
                self.answer += line;
                self.answer += "\n";
                return part;
            }
        }
        if self.code == 0 { Part::Request } else { Part::Answer }
    }
}

/// A transcript being replayed.
pub struct Replay<'a> {
    lab: &'a Lab,
    clients: BTreeMap<String, Client>,
    known: BTreeMap<String, String>,
}

impl<'a> Replay<'a> {
    /// Against a cluster whose images are in `registry`; the first digests are known.
    pub fn new(lab: &'a Lab, registry: &str, digests: &[String]) -> Replay<'a> {
        let mut known = BTreeMap::from([("{registry}".to_owned(), registry.to_owned())]);
        let server = lab.address().to_owned();
        known.insert("{server}".to_owned(), server);
        for (n, digest) in (1..).zip(digests) {
            let hex = digest.trim_start_matches("sha256:");
            known.insert(format!("{{d{n}}}"), digest.clone());
            known.insert(format!("{{e{n}}}"), format!("sha256:{}", &hex[..7]));
            known.insert(format!("{{f{n}}}"), hex[..8].to_owned());
        }
        Replay { lab, clients: BTreeMap::new(), known }
    }

    /// Sends a request, when everything before it is done unless that is held up; answers what is
    /// not as recorded.
    pub async fn play(&mut self, step: &Step, held: bool) -> Vec<String> {
        if !held {
            self.lab.server().world.activity.calm().await;
        }
        let client = self.client(&step.caller).await;
        let (method, path) = step.request.split_once(' ').expect("method and path");
        let (path, body) = (self.filled(path), self.filled(&step.body));
        let body = match body.trim_end().strip_prefix("base64:") {
            Some(bytes) => STANDARD.decode(bytes).expect("base64"),
            None => body.trim_end().as_bytes().to_vec(),
        };
        let mut headers = vec![("accept", "application/json"), ("user-agent", "recorder/1")];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        for (name, value) in &step.headers {
            let name = name.to_lowercase();
            headers.retain(|(known, _)| *known != name);
            let name = ["accept", "user-agent", "content-type"].into_iter().find(|n| *n == name);
            headers.push((name.expect("a header that is known"), value));
        }
        let reply = request(&client, method, &path, &headers, body).await;
        self.compare(step, &reply)
    }

    fn compare(&mut self, step: &Step, reply: &Reply) -> Vec<String> {
        let mut out = Vec::new();
        if reply.code != step.code {
            out.push(format!("code: {} was {}: {}", reply.code, step.code, reply.text()));
        }
        for (name, value) in &step.wanted {
            let mut all = reply.headers.get_all(name.as_str()).iter();
            if !all.any(|v| v.to_str().is_ok_and(|v| v == value)) {
                out.push(format!("header {name}: {:?} was {value:?}", reply.header(name)));
            }
        }
        let recorded = step.answer.trim_end();
        match (recorded.is_empty(), serde_json::from_str(recorded)) {
            (true, _) => {}
            (_, Ok(recorded)) => self.fit(&reply.json(), &recorded, "", &mut out),
            (_, Err(_)) => self.fit(
                &Value::String(reply.text().trim_end().into()),
                &Value::String(recorded.into()),
                "",
                &mut out,
            ),
        }
        out
    }

    async fn client(&mut self, caller: &str) -> Client {
        if let Some(known) = self.clients.get(caller) {
            return known.clone();
        }
        let made = match caller {
            "" | "admin" => self.lab.client.clone(),
            "nobody" => self.lab.with_token("nonsense").await,
            user => self.lab.signed_in(user).await,
        };
        self.clients.insert(caller.into(), made.clone());
        made
    }

    /// A recorded text with everything known put in.
    fn filled(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    fn fit(&mut self, whole: &Value, part: &Value, at: &str, out: &mut Vec<String>) {
        match (whole, part) {
            (Value::Object(whole), Value::Object(part)) => {
                for (key, p) in part.iter().filter(|(key, _)| *key != "…") {
                    match whole.get(&self.filled(key)) {
                        Some(w) => self.fit(w, p, &format!("{at}.{key}"), out),
                        None => out.push(format!("{at}.{key}: missing, was {p}")),
                    }
                }
                if !part.contains_key("…") {
                    let known: Vec<String> = part.keys().map(|key| self.filled(key)).collect();
                    for (key, w) in whole.iter().filter(|(key, _)| !known.contains(key)) {
                        out.push(format!("{at}.{key}: {w} was not there"));
                    }
                }
            }
            (Value::Array(whole), Value::Array(part)) => self.fit_list(whole, part, at, out),
            (Value::String(whole), Value::String(part)) if self.text(whole, part) => {}
            _ if whole == part => {}
            _ => out.push(format!("{at}: {whole} was {part}")),
        }
    }

    fn fit_list(&mut self, whole: &[Value], part: &[Value], at: &str, out: &mut Vec<String>) {
        if let Some((_, shown)) = part.split_last().filter(|(last, _)| **last == "∗") {
            if whole.len() != shown.len() {
                out.push(format!("{at}: {} items were {}", whole.len(), shown.len()));
            }
            for p in shown {
                if !whole.iter().any(|w| self.fits(w, p, at)) {
                    out.push(format!("{at}: no item is {p}"));
                }
            }
            return;
        }
        let Some((_, shown)) = part.split_last().filter(|(last, _)| **last == "…") else {
            if whole.len() != part.len() {
                out.push(format!("{at}: {} items were {}", whole.len(), part.len()));
            }
            for (i, (w, p)) in whole.iter().zip(part).enumerate() {
                self.fit(w, p, &format!("{at}[{i}]"), out);
            }
            return;
        };
        let mut rest = whole.iter();
        for p in shown {
            if !rest.any(|w| self.fits(w, p, at)) {
                return out.push(format!("{at}: no item is {p}"));
            }
        }
    }

    /// Whether a value is as recorded; if so, names in it that are new are bound.
    fn fits(&mut self, whole: &Value, part: &Value, at: &str) -> bool {
        let (known, mut problems) = (self.known.clone(), Vec::new());
        self.fit(whole, part, at, &mut problems);
        if !problems.is_empty() {
            self.known = known;
        }
        problems.is_empty()
    }

    /// Whether a text is as recorded; if so, names in it that are new are bound.
    fn text(&mut self, whole: &str, part: &str) -> bool {
        static NAME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\{([udrtahn])\d*\}").expect("a pattern"));
        let (mut pattern, mut names, mut end) = ("(?s)^".to_owned(), Vec::new(), 0);
        for found in NAME.captures_iter(part) {
            let (name, kind) = (found.get(0).expect("all of it"), &found[1]);
            pattern += &regex::escape(&self.filled(&part[end..name.start()]));
            let bound = self.known.get(name.as_str()).filter(|_| kind != "r" && kind != "n");
            pattern +=
                &bound.map_or_else(|| form(kind).to_owned(), |b| format!("({})", regex::escape(b)));
            names.push(name.as_str());
            end = name.end();
        }
        pattern += &regex::escape(&self.filled(&part[end..]));
        let pattern = Regex::new(&(pattern + "$")).expect("a pattern");
        let Some(found) = pattern.captures(whole) else { return false };
        for (i, name) in names.into_iter().enumerate() {
            // Times, ages and the like have no number: they are not the same everywhere.
            if name.len() > 3 {
                self.known.insert(name.into(), found[i + 1].into());
            }
        }
        true
    }
}

/// What a kind of name stands for.
fn form(kind: &str) -> &'static str {
    match kind {
        "u" => "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
        "d" => "(sha256:[0-9a-f]{64})",
        "r" => "([0-9]+)",
        "t" => r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z)",
        "a" => "(Less than a second ago|[0-9]+ (?:second|minute)s? ago|(?:[0-9]+[dhms])+)",
        "h" => "([0-9A-Fa-f]+)",
        _ => "([A-Za-z0-9_-]+)",
    }
}

#[test]
fn what_a_transcript_looks_like() {
    let text = "# a remark\n@ developer\n> GET /a\n> Accept: b\n< 200\n< c: d\n{\"x\":\"{t}\"}\n\n> PUT /b\nbody\n< 409\n";
    let steps = read(text);
    assert_eq!(steps.len(), 2);
    assert_eq!((steps[0].request.as_str(), steps[0].code), ("GET /a", 200));
    assert_eq!(steps[0].headers, [("Accept".to_owned(), "b".to_owned())]);
    assert_eq!(steps[0].wanted, [("c".to_owned(), "d".to_owned())]);
    assert_eq!(steps[0].answer, "{\"x\":\"{t}\"}\n");
    assert_eq!((steps[1].caller.as_str(), steps[1].body.as_str()), ("developer", "body\n"));
    assert_eq!((steps[1].code, steps[1].answer.as_str()), (409, ""));
}
