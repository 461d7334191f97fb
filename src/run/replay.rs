//! Recordings: keeping one, and letting a cluster do all of it again.

use super::{
    client,
    cluster::Cluster,
    clusters,
    host::{Facts, Host, Inside, Spec},
    kubeconfig,
    sessions::Sessions,
    wait_for_signal,
};
use crate::{
    config::{Again, Recorded, Serve},
    journal::{self, Arrival, Described, Difference, Recording, Taken, difference},
    object::Value,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::{path::Path, sync::Arc};

/// Name of the cluster that does it again.
const NAME: &str = "replay";

/// What is said of a cluster at the head of its recording.
pub(super) fn described(cluster: &Cluster, flags: &Serve, now: Timestamp, rate: f64) -> Described {
    Described {
        release: cluster.server.settings.versions.openshift.to_string(),
        catalog: catalog(flags),
        seed: flags.random_seed.unwrap_or_default(),
        spec: crate::object::to_value(Spec::of(flags)).unwrap_or_default(),
        now,
        rate,
    }
}

/// A sum over what images there are outside besides the built-in ones; empty without.
fn catalog(flags: &Serve) -> String {
    let text = flags.catalog.as_ref().and_then(|path| std::fs::read(path).ok());
    text.map(|text| format!("{:x}", Sha256::digest(text))).unwrap_or_default()
}

/// Writes what has arrived at a running cluster since it began.
///
/// # Errors
/// One line for people.
pub async fn record(asked: &Recorded) -> Result<(), String> {
    let admin = clusters::admin(&asked.at.at, asked.at.cluster.as_deref()).await?;
    let answer = client::ask(&admin, "GET", "/recording").await?;
    let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    let file = answer["recording"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let file = file.ok_or("the server's answer has no recording")?;
    let steps = journal::read(&file)?.steps.len();
    let shown = asked.recording.display();
    std::fs::write(&asked.recording, &file).map_err(|e| format!("cannot write {shown}: {e}"))?;
    println!("{shown}: {} steps, {} bytes", steps.saturating_sub(1), file.len());
    Ok(())
}

/// A cluster that has begun as a recording says, and has done none of its steps yet.
pub(super) struct Replayed {
    pub host: Arc<Host>,
    pub inside: Inside,
    facts: Facts,
    recording: Arc<Recording>,
}

impl Replayed {
    /// Begins one by a file.
    ///
    /// # Errors
    /// One line for people.
    pub async fn begin(
        bytes: &[u8],
        images: Option<&Path>,
        until: Option<usize>,
    ) -> Result<Replayed, String> {
        let recording = Arc::new(journal::read(bytes)?);
        let last = recording.steps.len().saturating_sub(1);
        if until.is_some_and(|until| until > last) {
            return Err(format!("it has {last} steps only"));
        }
        let flags = Serve {
            catalog: images.map(Path::to_owned),
            openshift_version: Some(recording.start.release.clone()),
            ..Serve::passing()
        };
        if catalog(&flags) != recording.start.catalog {
            return Err("it was made with another catalogue; say which with --catalog".into());
        }
        let (host, own) = (Host::new(&flags), Arc::clone(&recording));
        let work = host.on_thread(move |host| {
            Box::pin(async move {
                let facts = host.begin_again(NAME, &own).await?;
                let inside = host.inside(NAME)?;
                Ok((facts, inside))
            })
        });
        let begun: Result<(Facts, Inside), crate::catalog::complaint::DistributionError> =
            work.await.map_err(|c| c.message)?;
        let (facts, inside) = begun.map_err(|c| format!("it does not fit: {}", c.message))?;
        Ok(Replayed { host, inside, facts, recording })
    }

    /// Does the steps, as many as are wanted, and calls somebody after each; answers how many there were.
    ///
    /// # Errors
    /// Where it first was different, and how.
    pub async fn steps(
        &self,
        until: Option<usize>,
        after: impl FnMut() -> Result<(), String>,
    ) -> Result<usize, String> {
        followed(&self.inside, &self.recording, until, after).await
    }
}

/// Lets a new cluster do all of a recording again.
///
/// # Errors
/// One line for people; more when something was different.
pub async fn replay(asked: &Again) -> Result<(), String> {
    let shown = asked.recording.display();
    let bytes = std::fs::read(&asked.recording).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let begun = Replayed::begin(&bytes, asked.catalog.as_deref(), asked.until).await;
    let again = begun.map_err(|why| format!("{shown}: {why}"))?;
    match again.steps(asked.until, || Ok(())).await {
        Err(why) => {
            again.host.stop().await;
            Err(format!("{shown}: {why}"))
        }
        Ok(steps) => {
            println!("{shown}: {steps} steps, all the same");
            if asked.until.is_some() {
                again.inside.time.drive(false);
                serve(&again.facts, asked).await?;
            }
            again.host.stop().await;
            Ok(())
        }
    }
}

/// Leaves the cluster to its user until he has done.
async fn serve(facts: &Facts, asked: &Again) -> Result<(), String> {
    println!("the cluster is at {}", facts.url);
    if let Some(file) = &asked.kubeconfig {
        kubeconfig::write(file, &facts.kubeconfig)?;
        println!("  export KUBECONFIG={}", file.display());
    }
    wait_for_signal().await
}

/// Lets a cluster that has begun do the steps of a recording, as many as are wanted; answers how many
/// there were, or where it first was different, and how.
async fn followed(
    inside: &Inside,
    recording: &Recording,
    until: Option<usize>,
    mut after: impl FnMut() -> Result<(), String>,
) -> Result<usize, String> {
    let journal = inside.server.journal.as_ref().ok_or("the cluster keeps no journal")?;
    journal.rest().await;
    let mut sessions = Sessions::default();
    let most = until.map_or(usize::MAX, |until| until.saturating_add(1));
    for (number, step) in recording.steps.iter().enumerate().take(most) {
        if number > 0 {
            sessions.once_more(inside, journal, step).await?;
        }
        let (done, _) = journal.last();
        let done = done.ok_or("nothing was done")?;
        compare(number, step, &done)?;
        after()?;
    }
    Ok(recording.steps.len().min(most).saturating_sub(1))
}

/// Whether a step was the same.
fn compare(number: usize, recorded: &Taken, done: &Taken) -> Result<(), String> {
    let said = said(&recorded.arrival);
    if recorded.at != done.at {
        return Err(format!("step {number} ({said}) came at {}, not at {}", done.at, recorded.at));
    }
    if let Some(found) = difference(&recorded.changes, &done.changes) {
        let Difference { what, recorded, replayed } = found;
        return Err(format!(
            "step {number} ({said}) is different: {what}\n  recorded: {recorded}\n  replayed: {replayed}"
        ));
    }
    if recorded.code != done.code {
        let (was, is) = (recorded.code, done.code);
        return Err(format!("step {number} ({said}) was answered {is}, not {was}"));
    }
    Ok(())
}

/// An arrival in a word.
fn said(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Beginning => "the beginning".into(),
        Arrival::Pause => "a pause".into(),
        Arrival::Request(sent) => format!("{} {}", sent.method, sent.uri),
        Arrival::Clock { order } => format!("time {order}"),
        Arrival::Session(sent) => format!("a session at {}", sent.uri),
        Arrival::Keys { session, .. } => format!("keys of session {session}"),
        Arrival::Left { session } => format!("the end of session {session}"),
        Arrival::Commit { .. } => "a commit".into(),
    }
}
