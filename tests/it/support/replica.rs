//! One of several replicas, with a folder of its own, the usual registries' port and what else it is told.

use super::{
    Child, Etcd,
    child::{self, Ended},
    etcd::free,
};
use std::path::PathBuf;
use tempfile::{TempDir, tempdir};

/// A running replica.
pub struct Replica {
    /// Its data folder.
    pub dir: TempDir,
    /// Its process.
    pub child: Child,
    /// Where its registries are.
    pub registry: String,
}

/// Starts a replica with these flags and variables.
pub fn replica(etcd: &Etcd, name: &str, more: &[&str], variables: &[(&str, &str)]) -> Replica {
    let (dir, port) = (tempdir().expect("a folder"), free().to_string());
    let mut command = child::program(dir.path());
    command.args(["serve", "--data-dir", &dir.path().to_string_lossy(), "--instant"]);
    command.args(["--store", &etcd.address(), "--replica", name]);
    command.args(["--secure-port", "0", "--registry-port", &port]).args(more);
    command.envs(variables.iter().copied());
    let child = Child::spawn(&mut command);
    Replica { dir, child, registry: format!("127.0.0.1:{port}") }
}

impl Replica {
    /// Its administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// Runs one of our own commands against it.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let at = self.kubeconfig();
        child::run(self.dir.path(), &[arguments, &["--kubeconfig", &at.to_string_lossy()]].concat())
    }
}
