//! The server in the background, as its user sees it.

use crate::support::{child::run, lab::get};
use std::path::Path;
use tempfile::tempdir;

const PORTS: [&str; 8] = [
    "--secure-port",
    "0",
    "--registry-port",
    "0",
    "--router-http-port",
    "off",
    "--router-https-port",
    "off",
];

/// Stops what a test leaves behind.
struct Stopped<'a>(&'a Path, String);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        run(self.0, &["stop", "--data-dir", &self.1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_is_looked_at_and_stops() {
    let home = tempdir().expect("a folder");
    let folder = home.path().join("data").to_string_lossy().into_owned();
    let say = |words: &[&str]| run(home.path(), &[words, &["--data-dir", &folder]].concat());
    let none = say(&["status"]);
    let nobody = "pocketshift: no server runs in the background\n";
    assert_eq!((none.code, none.err.as_str()), (Some(1), nobody));
    assert_eq!(say(&["stop"]).out, "no server runs in the background\n");

    let guard = Stopped(home.path(), folder.clone());
    let began = say(&[&["start", "--instant", "--set-context"][..], &PORTS].concat());
    assert_eq!(began.code, Some(0), "{began:?}");
    assert!(began.out.contains("is ready at https://127.0.0.1:"), "{began:?}");
    let status = say(&["status"]);
    assert!(status.out.starts_with("running (process "), "{status:?}");
    let again = say(&["start"]);
    assert!(again.out.starts_with("it runs already (process "), "{again:?}");
    let own = std::fs::read_to_string(home.path().join(".kube/config")).expect("a kubeconfig");
    let client = crate::support::lab::client(&own, None).await;
    assert_eq!(get(&client, "/readyz").await.code, 200);
    let logs = say(&["logs"]);
    assert!(logs.out.contains("is ready at"), "{logs:?}");

    assert_eq!(say(&["stop"]).out, "stopped\n");
    assert_eq!(say(&["status"]).code, Some(1));
    assert!(say(&["logs"]).out.contains("stopping"));
    drop(guard);
    let gone = say(&["reset"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_start_says_why() {
    let home = tempdir().expect("a folder");
    let folder = home.path().join("data").to_string_lossy().into_owned();
    let say = |words: &[&str]| run(home.path(), &[words, &["--data-dir", &folder]].concat());
    let wrong = say(&[&["start", "--node-disk", "x"][..], &PORTS].concat());
    let why = "pocketshift: --node-disk: \"x\" is no size\n";
    assert_eq!((wrong.code, wrong.err.as_str()), (Some(1), why));
    let both = say(&["start", "--set-context", "--kubeconfig", "x"]);
    let why = "pocketshift: say --kubeconfig FILE or --set-context, not both\n";
    assert_eq!((both.code, both.err.as_str()), (Some(1), why));
    assert_eq!(say(&["status"]).code, Some(1));
    let logs = say(&["logs"]);
    assert!(logs.code == Some(0) && logs.out.contains("is no size"), "{logs:?}");
}
