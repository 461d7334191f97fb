//! The names of clusters among replicas: one becomes free when nothing is left of what had it, whoever of
//! the replicas dies meanwhile.

use crate::support::{
    Etcd, child, eventually,
    replica::{Replica, replica},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A server of an empty bucket that tells what is in it when it may.
struct SlowBucket {
    at: String,
    asked: Arc<AtomicUsize>,
    tells: watch::Sender<bool>,
}

impl SlowBucket {
    async fn start() -> SlowBucket {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = format!("http://{}", listener.local_addr().expect("an address"));
        let (asked, tells) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(false));
        let (count, may) = (Arc::clone(&asked), tells.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&count), may.clone()));
            }
        });
        SlowBucket { at, asked, tells }
    }

    /// Ends when it was asked so often what is in it.
    async fn until_asked(&self, times: usize) {
        eventually("the bucket to be asked", || async {
            let asked = self.asked.load(Ordering::Relaxed);
            if asked >= times { Ok(()) } else { Err(asked) }
        })
        .await;
    }
}

async fn answer(client: TcpStream, asked: Arc<AtomicUsize>, mut may: watch::Receiver<bool>) {
    let mut client = BufReader::new(client);
    let mut first = String::new();
    let mut line = String::new();
    while client.read_line(&mut line).await.is_ok_and(|read| read > 2) {
        if first.is_empty() {
            first.clone_from(&line);
        }
        line.clear();
    }
    if first.contains("list-type") {
        asked.fetch_add(1, Ordering::Relaxed);
        // Whoever asked may have gone.
        let _ = may.wait_for(|may| *may).await;
    }
    let said = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
    let said = if first.starts_with("HEAD") { said.to_owned() } else { format!("{said}<list/>") };
    let _ = client.write_all(said.as_bytes()).await;
}

/// All keys at one moment.
fn keys(etcd: &Etcd) -> String {
    etcd.ctl(&["get", "--prefix", "--keys-only", "/pocketshift/"])
}

fn is_refused(at: &Replica) {
    let ended = at.run(&["cluster", "create", "two"]);
    assert!(ended.code == Some(1) && ended.err.contains("there is a cluster two"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_free_when_nothing_is_left_of_its_cluster() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let bucket = SlowBucket::start().await;
    let variables = [
        ("AWS_ENDPOINT_URL", &*bucket.at),
        ("AWS_ACCESS_KEY_ID", "one"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let place = ["--blob-store", "s3://layers"];
    let (a, b) = (replica(&etcd, "a", &place, &variables), replica(&etcd, "b", &place, &variables));
    let made = a.run(&["cluster", "create", "two"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let (home, file) = (a.dir.path().to_owned(), a.kubeconfig());
    let deleting = tokio::task::spawn_blocking(move || {
        let file = file.to_string_lossy();
        child::run(&home, &["cluster", "delete", "two", "--kubeconfig", &file])
    });
    bucket.until_asked(1).await;
    // Half of it is gone, and nobody can have its name.
    assert!(keys(&etcd).contains("/clusters/two/head"), "{}", keys(&etcd));
    is_refused(&a);
    is_refused(&b);
    let list = a.run(&["cluster", "list"]).out;
    assert!(!list.contains("two"), "{list}");
    // Who was about to delete it dies: the other goes on with that.
    b.child.kill();
    let ended = deleting.await.expect("it ends");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    bucket.until_asked(2).await;
    is_refused(&a);
    bucket.tells.send_replace(true);
    eventually("the name to be free", || async {
        let left = keys(&etcd);
        let named = left.contains("/cards/two");
        assert!(named || !left.contains("two"), "{left}");
        if named { Err(left) } else { Ok(()) }
    })
    .await;
    let made = a.run(&["cluster", "create", "two"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(a.run(&["cluster", "list"]).out.contains("two"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_replica_left_half_created_goes() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    etcd.ctl(&["put", "/pocketshift/format", r#"{"pocketshift":1}"#]);
    etcd.ctl(&["put", "/pocketshift/map/cards/half", r#"{"unfinished":true}"#]);
    etcd.ctl(&["put", "/pocketshift/clusters/half/secrets", "{}"]);
    let a = replica(&etcd, "a", &[], &[]);
    eventually("the name to be free", || async {
        let left = keys(&etcd);
        if left.contains("half") { Err(left) } else { Ok(()) }
    })
    .await;
    let made = a.run(&["cluster", "create", "half"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    // What it is was said once more when it was whole.
    let card = etcd.ctl(&["get", "--print-value-only", "/pocketshift/map/cards/half"]);
    assert!(card.contains("\"mark\"") && !card.contains("unfinished"), "{card}");
    assert_eq!(a.run(&["cluster", "delete", "half"]).code, Some(0));
    assert!(!keys(&etcd).contains("half"));
}

/// Whoever cannot be opened, here because a later version has written what it is, can be deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_open_can_be_deleted() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let a = replica(&etcd, "a", &[], &[]);
    etcd.ctl(&["put", "/pocketshift/map/cards/odd", r#"{"spec":{"later":1},"apiPort":"x"}"#]);
    etcd.ctl(&["put", "/pocketshift/clusters/odd/secrets", "{}"]);
    let made = a.run(&["cluster", "create", "odd"]);
    assert!(made.err.contains("there is a cluster odd"), "{made:?}");
    let ended = a.run(&["cluster", "delete", "odd"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!keys(&etcd).contains("odd"));
    let again = a.run(&["cluster", "delete", "odd"]);
    assert!(again.err.contains("there is no cluster"), "{again:?}");
}
