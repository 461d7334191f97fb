//! The drop-in for envtest: a folder with `etcd`, `kube-apiserver` and `kubectl`, all three this
//! program, which looks at the name it was called by. Suites that start those programs find
//! upstream's API server alone: no controllers, none of OpenShift, plain roles.
//!
//! Sources: sigs.k8s.io/controller-runtime `pkg/envtest` and `pkg/internal/testing`, fabric8
//! `junit/kube-api-test`; k8s.io/kubernetes `cmd/kube-apiserver`.

mod api_server;
mod etcd;
mod flags;
mod install;
mod kubectl;

pub use install::install;

use flags::Given;
use std::path::Path;

/// What the program is when it is called by another name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// `etcd`.
    Etcd,
    /// `kube-apiserver`.
    ApiServer,
    /// `kubectl`.
    Kubectl,
}

/// Every part with its name.
const PARTS: &[(&str, Part)] =
    &[("etcd", Part::Etcd), ("kube-apiserver", Part::ApiServer), ("kubectl", Part::Kubectl)];

impl Part {
    /// The part a program is by the name it was called by.
    pub fn named(program: &str) -> Option<Part> {
        let name = Path::new(program).file_stem()?;
        PARTS.iter().find(|(part, _)| name == *part).map(|(_, part)| *part)
    }

    /// Does what the program of that name does, with the words behind the name.
    ///
    /// # Errors
    /// One line for people.
    pub async fn run(self, words: impl Iterator<Item = String>) -> Result<(), String> {
        match self {
            Part::Etcd => etcd::serve(words).await,
            Part::ApiServer => api_server::serve(words).await,
            Part::Kubectl => kubectl::hand_over(words),
        }
    }
}

/// Tells which flags were not understood.
fn warn(program: &str, given: &Given) {
    for word in &given.strange {
        eprintln!("{program}: {word} is not known here and has no effect");
    }
}
