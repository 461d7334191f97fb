//! Holds two API servers against each other: the same random manifests and the same random
//! sequences of writes go to both, and what differs is grouped by kind of difference.
//!
//! ```sh
//! cargo run --release --example differential -- --left pocketshift.kubeconfig --right other.kubeconfig
//! ```
//!
//! Everything follows from `--seed` and a case's number, so `--case N` shows one case again with both
//! answers. Nothing is left behind: manifests are sent as dry runs, sequences delete what they made.
//! The starting points are the project's fixtures, one for each kind (`--corpus` names other ones);
//! kinds that one of the two does not serve are left out.

mod answer;
mod compare;
mod corpus;
mod mutate;
mod report;
mod sequence;

use answer::Side;
use clap::Parser;
use corpus::Corpus;
use futures_util::{StreamExt, stream};
use rand::{SeedableRng, rngs::StdRng};
use report::Report;
use std::{error::Error, path::PathBuf};

/// Send the same random requests to two API servers and group what differs.
#[derive(Parser)]
pub struct Flags {
    /// Kubeconfig of the server under test.
    #[arg(long)]
    left: PathBuf,
    /// Kubeconfig of the server it is held against.
    #[arg(long)]
    right: PathBuf,
    /// Where all chance comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Random manifests to send.
    #[arg(long, default_value_t = 10_000)]
    manifests: u64,
    /// Random sequences of writes to play.
    #[arg(long, default_value_t = 5_000)]
    sequences: u64,
    /// Only these resources (`pods`, `deployments.apps`), comma-separated.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Folder of manifests to start from.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/kinds"))]
    corpus: PathBuf,
    /// Requests under way at once.
    #[arg(long, default_value_t = 8)]
    workers: usize,
    /// Groups of differences to print.
    #[arg(long, default_value_t = 60)]
    top: usize,
    /// Paths of objects that are not compared (`.spec.containers[*].securityContext`), comma-separated:
    /// what one side has controllers or admission for and the other does not.
    #[arg(long, value_delimiter = ',')]
    ignore: Vec<String>,
    /// Show one manifest (`m17`) or one sequence (`s17`) with both answers, and nothing else.
    #[arg(long)]
    case: Option<String>,
}

/// The namespace everything happens in, on both sides.
const NAMESPACE: &str = "differential";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let (left, right) = (Side::connect(&flags.left).await?, Side::connect(&flags.right).await?);
    let corpus = Corpus::load(&flags.corpus, &left, &right, &flags.kinds).await?;
    eprintln!("{} kinds on both sides", corpus.subjects.len());
    for side in [&left, &right] {
        side.namespace(NAMESPACE).await?;
        side.namespace(&format!("{NAMESPACE}-limits")).await?;
    }
    if let Some(case) = &flags.case {
        return show(case, &flags, &corpus, &left, &right).await;
    }
    let mut manifests = Report::new("manifests");
    let mut answers = stream::iter(0..flags.manifests)
        .map(|n| manifest(n, &flags, &corpus, &left, &right, false))
        .buffer_unordered(flags.workers);
    while let Some(outcome) = answers.next().await {
        manifests.add(outcome?);
    }
    let mut sequences = Report::new("sequences");
    let mut answers = stream::iter(0..flags.sequences)
        .map(|n| sequence::play(n, &flags, &corpus, &left, &right, false))
        .buffer_unordered(flags.workers);
    while let Some(outcome) = answers.next().await {
        sequences.add(outcome?);
    }
    manifests.print(flags.top);
    sequences.print(flags.top);
    Ok(())
}

/// What came of one case.
pub struct Outcome {
    /// `m17`, `s17`.
    pub case: String,
    /// `plural.group`.
    pub resource: String,
    /// What differs, empty when nothing does.
    pub differences: Vec<String>,
}

/// The source of chance of one case.
pub fn chance(flags: &Flags, stream: u64, case: u64) -> StdRng {
    StdRng::seed_from_u64(flags.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (case << 1 | stream))
}

/// One random manifest, as a dry run.
async fn manifest(
    number: u64,
    flags: &Flags,
    corpus: &Corpus,
    left: &Side,
    right: &Side,
    loud: bool,
) -> Result<Outcome, Box<dyn Error>> {
    let mut chance = chance(flags, 0, number);
    let subject = corpus.pick(&mut chance);
    let mut object = subject.object.clone();
    mutate::object(&mut object, subject, corpus, &mut chance);
    let query = ["Warn", "Strict", "Ignore"][mutate::below(&mut chance, 3)];
    let path = format!("{}?dryRun=All&fieldValidation={query}", subject.path(NAMESPACE));
    let (ours, theirs) = tokio::try_join!(
        left.send("POST", &path, "application/json", &object),
        right.send("POST", &path, "application/json", &object),
    )?;
    if loud {
        println!(
            "POST {path}\n{object:#}\n--- left {}\n--- right {}",
            ours.shown(),
            theirs.shown()
        );
    }
    Ok(Outcome {
        case: format!("m{number}"),
        resource: subject.resource.clone(),
        differences: compare::answers(&ours, &theirs, compare::Depth::Whole, &flags.ignore),
    })
}

/// One case again, with everything that was said.
async fn show(
    case: &str,
    flags: &Flags,
    corpus: &Corpus,
    left: &Side,
    right: &Side,
) -> Result<(), Box<dyn Error>> {
    let number = case.get(1..).unwrap_or_default().parse()?;
    let outcome = if case.starts_with('m') {
        manifest(number, flags, corpus, left, right, true).await?
    } else {
        sequence::play(number, flags, corpus, left, right, true).await?
    };
    for difference in &outcome.differences {
        println!("differs: {difference}");
    }
    Ok(())
}
