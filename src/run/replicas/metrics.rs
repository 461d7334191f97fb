//! What a monitoring system asks of this replica, at a port of its own: plain HTTP, one request to a
//! connection. What its clusters do each of them tells itself.

use super::{MAIN, Replica};
use crate::{
    config::Serve,
    run::equip,
    world::{SystemClock, within},
};
use jiff::SignedDuration;
use std::{
    collections::BTreeSet,
    fmt::Write,
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How long a request may take, and most bytes of one.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);
const LARGEST: usize = 8 << 10;

/// What has happened since this replica began.
#[derive(Default)]
pub(super) struct Counts {
    taken: AtomicU64,
    carried: AtomicU64,
    carrying: AtomicU64,
}

/// A connection on its way to another replica.
pub(super) struct Carrying(Arc<Counts>);

impl Counts {
    /// Notes that clusters were taken.
    pub fn took(&self, clusters: usize) {
        self.taken.fetch_add(clusters as u64, Ordering::Relaxed);
    }

    /// Notes that a connection is carried, until what this answers goes.
    pub fn carry(self: &Arc<Self>) -> Carrying {
        self.carried.fetch_add(1, Ordering::Relaxed);
        self.carrying.fetch_add(1, Ordering::Relaxed);
        Carrying(Arc::clone(self))
    }
}

impl Drop for Carrying {
    fn drop(&mut self) {
        self.0.carrying.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Begins to answer, if that is asked for.
///
/// # Errors
/// One line for people.
pub(super) fn listen(replica: &Arc<Replica>, flags: &Serve) -> Result<(), String> {
    let Some(port) = flags.etcd.metrics_port else { return Ok(()) };
    let (listener, at) = equip::bind(flags.bind_address, port, "--metrics-port")?;
    tracing::info!(%at, "metrics of this replica");
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    let listener = TcpListener::from_std(listener).map_err(|e| e.to_string())?;
    let me = Arc::downgrade(replica);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // Whoever says nothing, or hangs up, hears nothing.
            tokio::spawn(within(&SystemClock, PATIENCE, answer(me.clone(), client)));
        }
    });
    Ok(())
}

async fn answer(replica: Weak<Replica>, mut client: TcpStream) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    let path = loop {
        let read = client.read(&mut piece).await?;
        head.extend_from_slice(&piece[..read]);
        if read == 0 || head.len() > LARGEST {
            return Ok(());
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) if request.method == Some("GET") => {
                break request.path.unwrap_or_default().to_owned();
            }
            Ok(httparse::Status::Partial) => {}
            _ => break String::new(),
        }
    };
    let Some(replica) = replica.upgrade() else { return Ok(()) };
    let (status, text) = match &*path {
        "/metrics" => ("200 OK", replica.metrics()),
        "/healthz" | "/livez" => ("200 OK", "ok".to_owned()),
        "" => ("400 Bad Request", "400 Bad Request".to_owned()),
        _ => ("404 Not Found", "404 page not found\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// What is told of a replica: name, kind and help.
const METRICS: [(&str, &str, &str); 7] = [
    ("lease_held", "gauge", "Whether etcd surely holds the lease of this replica."),
    ("drained", "gauge", "Whether this replica gives its clusters away."),
    ("members", "gauge", "Replicas that live."),
    ("clusters", "gauge", "Clusters of this replica."),
    (
        "takeovers_total",
        "counter",
        "Clusters that this replica has taken, those of its start included.",
    ),
    ("forwarded_connections", "gauge", "Connections that are carried to other replicas now."),
    ("forwarded_connections_total", "counter", "Connections that were carried to other replicas."),
];

impl Replica {
    /// The Prometheus text form. Who owns a cluster is told as upstream tells who leads.
    pub(super) fn metrics(&self) -> String {
        let (chart, me) = (self.atlas.now(), self.atlas.process());
        let main = MAIN.to_owned();
        let clusters: BTreeSet<&String> =
            chart.cards.keys().chain(chart.owners.keys()).chain([&main]).collect();
        let mut out = "# HELP leader_election_master_status [ALPHA] Gauge of if the reporting system is the leader of the relevant lease, 0 indicates backup, 1 indicates leader. 'name' is the string used to identify the lease. Please make sure to group by name.\n# TYPE leader_election_master_status gauge\n".to_owned();
        for cluster in clusters {
            let mine = u64::from(chart.owners.get(cluster).is_some_and(|owner| owner == me));
            // Text in memory: this cannot fail.
            let _ = writeln!(out, "leader_election_master_status{{name=\"{cluster}\"}} {mine}");
        }
        let (lease, counts) = (self.keeper.lease(), &self.counts);
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let values = [
            u64::from(lease.holds_as(lease.id())),
            u64::from(self.atlas.me().drained),
            chart.members.len() as u64,
            chart.load(me) as u64,
            count(&counts.taken),
            count(&counts.carrying),
            count(&counts.carried),
        ];
        for ((name, kind, help), value) in METRICS.into_iter().zip(values) {
            let name = format!("pocketshift_replica_{name}");
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        out
    }
}
