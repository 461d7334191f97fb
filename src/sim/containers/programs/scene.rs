//! Where a program stands when somebody asks it something.

use super::Call;
use crate::{
    controllers::View,
    object::ObjectExt,
    runtime::{Fetch, Fetched},
    sim::{
        containers::{Runtime, instance::Instance, network::Answerer, place::Place},
        shell::{
            self, NotStarted,
            fs::{Cred, Fs},
            io::{Input, Output},
            machine::Machine,
        },
    },
};
use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{any::Any, sync::Arc};

/// A question and what the program has at hand to answer it.
pub struct Scene<'a> {
    /// All objects now.
    pub view: &'a View,
    /// The container, and what is known of it.
    pub answerer: &'a Answerer,
    /// Address of who asks.
    pub client: &'a str,
    /// How the program was called.
    pub call: Call<'a>,
    pub(in crate::sim::containers) runtime: &'a Arc<Runtime>,
    pub(in crate::sim::containers) instance: &'a Arc<Instance>,
}

impl Scene<'_> {
    /// The container.
    pub fn place(&self) -> &Place {
        &self.answerer.backend.place
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.view.now
    }

    /// When the container started.
    pub fn started(&self) -> Timestamp {
        self.place().running().unwrap_or(self.view.now)
    }

    /// Its host name.
    pub fn hostname(&self) -> String {
        super::super::hostname(self.place())
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.place().pod.str_at("status.podIP").to_owned()
    }

    /// Whether it has been asked to stop.
    pub fn is_leaving(&self) -> bool {
        self.place().asked_to_stop().is_some_and(|at| at <= self.view.now)
    }

    /// Lets seconds pass.
    pub async fn wait(&self, seconds: i64) {
        self.pause(jiff::SignedDuration::from_secs(seconds)).await;
    }

    /// Lets time pass.
    pub async fn pause(&self, time: jiff::SignedDuration) {
        let clock = Arc::clone(&self.runtime.world.clock);
        let until = clock.now().saturating_add(time).unwrap_or(Timestamp::MAX);
        clock.sleep_until(until).await;
    }

    /// The port that was asked.
    pub fn port(&self) -> u16 {
        self.answerer.backend.port
    }

    /// The container's files, as they are now.
    pub fn files(&self) -> &Fs {
        self.instance.files.keep_up(self.runtime, self.view, self.place());
        &self.instance.files.fs
    }

    /// Who the program runs as.
    pub fn who(&self) -> &Cred {
        self.instance.who()
    }

    /// What it can reach.
    pub fn machine(&self) -> Arc<dyn Machine> {
        Arc::clone(&self.instance.machine) as Arc<dyn Machine>
    }

    /// Works with what the program remembers from one question to the next; gone with its run.
    pub fn memory<T: Any + Default + Send, R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut memory = self.instance.memory.lock();
        if memory.as_ref().is_none_or(|m| !m.is::<T>()) {
            *memory = Some(Box::new(T::default()));
        }
        match memory.as_mut().and_then(|m| m.downcast_mut()) {
            Some(kept) => work(kept),
            None => work(&mut T::default()),
        }
    }

    /// Writes a line to the log.
    pub fn say(&self, line: &str) {
        let source = super::super::log::Source::Err;
        self.instance.log.write(self.view.now, source, format!("{line}\n").as_bytes());
    }

    /// Ends the container's main process.
    pub fn exit(&self, code: i32) {
        self.instance.exit(self.runtime, code);
    }

    /// Runs a command in the container: what it wrote to both outputs, and its code.
    ///
    /// # Errors
    /// It could not be started.
    pub async fn run(&self, argv: Vec<String>) -> Result<(Vec<u8>, i32), NotStarted> {
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let output = || Output::Kept(Arc::clone(&kept));
        let streams = (Input::empty(), output(), output());
        let clock = Arc::clone(&self.runtime.world.clock);
        let place = self.place();
        let exec = self.instance.exec(self.view, place, argv, Some(streams), clock);
        let code = shell::run(exec).await?;
        let written = std::mem::take(&mut *kept.lock());
        Ok((written, code))
    }

    /// An answer with the headers every server sends.
    pub fn answer(&self, status: u16, kind: &str, body: impl Into<Bytes>) -> Fetched {
        let body = body.into();
        let mut headers = vec![
            ("Date".to_owned(), date(self.now())),
            ("Content-Type".into(), kind.into()),
            ("Content-Length".into(), body.len().to_string()),
        ];
        if !self.answerer.words.server.is_empty() {
            headers.insert(0, ("Server".into(), self.answerer.words.server.clone()));
        }
        let address = self.place().pod.str_at("status.podIP").parse().ok();
        Fetched { status, headers, body, address }
    }

    /// An answer of plain text.
    pub fn text(&self, status: u16, body: impl Into<Bytes>) -> Fetched {
        self.answer(status, "text/plain; charset=utf-8", body)
    }

    /// An answer whose type follows from how it begins.
    pub fn sniffed(&self, status: u16, body: impl Into<Bytes>) -> Fetched {
        let body = body.into();
        self.answer(status, super::webroot::sniffed(&body), body)
    }

    /// An answer that sends elsewhere, as Go's servers write it.
    pub fn redirect(&self, status: u16, location: &str) -> Fetched {
        let reason = Fetched { status, ..Fetched::default() }.reason();
        let text = format!("<a href=\"{}\">{reason}</a>.\n\n", super::webroot::escaped(location));
        let mut answer = self.answer(status, "text/html; charset=utf-8", text);
        answer.headers.push(("Location".into(), location.into()));
        answer
    }

    /// The page of a program nothing is known of: which pod, image and digest answers.
    pub fn page(&self, request: &Fetch) -> Fetched {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let status = if known.contains(&request.method.as_str()) { 200 } else { 405 };
        if request.path.split('?').next() == Some("/hostname") {
            return self.text(status, self.hostname());
        }
        if let Some(page) = self.answerer.page.get() {
            return self.text(status, page.clone());
        }
        let place = self.place();
        let digest = place.status.str_at("imageID").split('@').next_back().unwrap_or("");
        let greeting = match self.answerer.words.greeting.as_str() {
            "" => String::new(),
            text => self.answerer.words.line(text, &self.answerer.facts, self.now()) + "\n",
        };
        let body = format!(
            "{greeting}pod: {}/{}\nimage: {}\ndigest: {digest}\n",
            place.pod.namespace(),
            place.pod.name(),
            place.status.str_at("image"),
        );
        let body = Bytes::from(body);
        if !self.answerer.words.greeting.contains('{') {
            // Whoever asked at the same time has made the same.
            let _ = self.answerer.page.set(body.clone());
        }
        self.text(status, body)
    }
}

/// A moment as servers write it (RFC 9110).
fn date(at: Timestamp) -> String {
    super::words::once_a_second("", at, || {
        let printed = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at);
        printed.unwrap_or_default()
    })
}
