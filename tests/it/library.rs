//! The library as a test suite uses it.

use crate::support::WEB;
use pocketshift::{Cluster, cluster::Error};
use std::time::Duration;

const MAP: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: default}, data: {a: b}}";

async fn has_map(cluster: &Cluster) -> bool {
    match cluster.get("v1", "ConfigMap", "default", "m").await {
        Ok(map) => map["data"]["a"] == "b",
        Err(Error::Refused(status)) => {
            assert_eq!(status["code"], 404);
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_cluster_is_used_kept_forked_and_put_back() {
    let cluster = Cluster::builder().nodes(1).start().await.expect("a cluster");
    cluster.apply(MAP).await.expect("applied");
    let kept = cluster.checkpoint().await.expect("a checkpoint");
    let fork = cluster.fork().await.expect("a fork");
    // Nobody there learns where the original answers.
    let known: String = fork.objects().into_iter().map(|(_, text)| text).collect();
    for address in [cluster.url().trim_start_matches("https://"), cluster.registry()] {
        assert!(!known.contains(address) && !fork.trail().contains(address), "{address}");
    }
    cluster.reset().await.expect("reset");
    assert!(!has_map(&cluster).await && has_map(&fork).await);
    cluster.reset_to(&kept).await.expect("reset");
    assert!(has_map(&cluster).await);
    fork.stop().await;
    assert!(
        tokio::net::TcpStream::connect(cluster.url().trim_start_matches("https://")).await.is_ok()
    );
}

/// Keys that were queued for controllers since the cluster began.
async fn queued(cluster: &Cluster) -> u64 {
    let client = cluster.client().expect("a client");
    let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let text = client.request_text(request).await.expect("metrics");
    let counts = text.lines().filter(|l| l.starts_with("workqueue_adds_total{"));
    counts.filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn a_copy_goes_on_where_its_template_rested() {
    let cluster = Cluster::start().await.expect("a cluster");
    cluster.settled().await;
    let looks = queued(&cluster).await;
    let fork = cluster.fork().await.expect("a fork");
    fork.settled().await;
    let again = queued(&fork).await;
    assert!(looks < 60 && again < 60, "{looks} and {again} keys, where little is to be done");
}

#[tokio::test]
async fn from_any_runtime_and_any_thread() {
    let clusters: Vec<_> = (0..3)
        .map(|_| {
            std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    let cluster = Cluster::start().await.expect("a cluster");
                    cluster.apply(MAP).await.expect("applied");
                    cluster
                })
            })
        })
        .collect();
    let clusters: Vec<Cluster> =
        clusters.into_iter().map(|c| c.join().expect("no panic")).collect();
    for cluster in &clusters {
        assert!(has_map(cluster).await, "it outlives the runtime it was made from");
    }
}

#[tokio::test]
async fn time_is_moved_and_what_was_due_is_done() {
    let cluster = Cluster::builder().clock_stopped_at("2030-01-01T00:00:00Z").start().await;
    let cluster = cluster.expect("a cluster");
    let job = r#"{apiVersion: batch/v1, kind: CronJob, metadata: {name: tick, namespace: default},
        spec: {schedule: "* * * * *", successfulJobsHistoryLimit: 10, jobTemplate: {spec: {template: {spec: {
            restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"]}]}}}}}}"#;
    cluster.apply(job).await.expect("applied");
    cluster.time().advance(Duration::from_secs(301)).await.expect("moved");
    assert_eq!(cluster.time().now(), "2030-01-01T00:05:01Z");
    let tick = cluster.get("batch/v1", "CronJob", "default", "tick").await.expect("it is there");
    assert_eq!(tick["status"]["lastScheduleTime"], "2030-01-01T00:05:00Z", "{tick}");
    assert!(matches!(cluster.time().set_rate(-1.0).await, Err(Error::Unclear(_))));
    let past = cluster.time().advance_until("2029-01-01T00:00:00Z").await;
    assert!(
        matches!(past, Err(Error::Unclear(why)) if why == "it is 2030-01-01T00:05:01Z already")
    );
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let odd = Cluster::builder().clock_stopped_at("noon").start().await.map(drop);
    assert!(matches!(odd, Err(Error::Unclear(why)) if why == "\"noon\" is no moment"));
    let many = Cluster::builder().nodes(5000).start().await.map(drop);
    assert!(matches!(many, Err(Error::Cluster(why)) if why == "nodes: at most 1000"));
    for (flag, why) in [
        ("--rockets=3", "unexpected argument '--rockets' found"),
        ("--kubeconfig=x", "--kubeconfig: that is said of a server, not of one cluster"),
    ] {
        let odd = Cluster::builder().flags([flag]).start().await.map(drop);
        assert!(matches!(&odd, Err(Error::Unclear(said)) if said == why), "{odd:?}");
    }
    let cluster = Cluster::start().await.expect("a cluster");
    let unknown = cluster.apply("{apiVersion: v9, kind: Thing, metadata: {name: t}}").await;
    assert!(matches!(unknown, Err(Error::Unclear(why)) if why.contains("no matches for kind")));
    let refused = cluster.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: A}}").await;
    assert!(matches!(refused, Err(Error::Refused(status)) if status["code"] == 422));
    // All of a text, or nothing: also where one stands in a namespace that another makes.
    let good = "{apiVersion: v1, kind: Namespace, metadata: {name: new}}\n---\n\
                {apiVersion: v1, kind: ConfigMap, metadata: {name: good, namespace: new}}\n";
    cluster.settled().await;
    let before = cluster.objects();
    let wrong = format!("{good}---\n{}", "{apiVersion: v1, kind: ConfigMap, metadata: {name: A}}");
    let refused = cluster.apply(&wrong).await;
    assert!(matches!(refused, Err(Error::Refused(status)) if status["code"] == 422));
    assert_eq!(cluster.objects(), before);
    cluster.apply(good).await.expect("applied");
    cluster.get("v1", "ConfigMap", "new", "good").await.expect("it is there");
}

/// What the command line can say of a cluster, also of one that is opened again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_of_the_command_line_are_words_here() {
    let home = tempfile::tempdir().expect("a folder");
    let kept = Cluster::builder().data_dir(home.path()).routes_ports(0, 0);
    let kept = kept.flags(["--nodes=1", "--openshift-version=4.16"]);
    for again in [false, true] {
        let cluster = kept.clone().start().await.expect("a cluster");
        assert_eq!(has_map(&cluster).await, again);
        let (http, https) = cluster.routes();
        for at in [http, https] {
            tokio::net::TcpStream::connect(at.expect("a port")).await.expect("an answer");
        }
        let node = cluster.get("v1", "Node", "", "crc").await.expect("one node");
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.29.5");
        cluster.apply(MAP).await.expect("applied");
        let fork = cluster.fork().await.expect("a fork");
        assert_eq!(fork.routes(), (None, None), "nobody else can have its ports");
        assert!(has_map(&fork).await);
        fork.stop().await;
        cluster.stop().await;
    }
}

/// Names, uids, addresses, events and revisions: everything but what a cluster's own authority, address
/// and the machine's clock are in.
#[tokio::test]
async fn the_same_seed_and_inputs_give_the_same_bytes() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let cluster = Cluster::builder().seed(7).clock_stopped_at("2030-01-01T00:00:00Z");
        let cluster = cluster.start().await.expect("a cluster");
        cluster.settled().await;
        for manifest in [WEB, MAP] {
            cluster.apply(manifest).await.expect("applied");
            cluster.settled().await;
        }
        cluster.time().advance(Duration::from_secs(600)).await.expect("moved");
        cluster.apply(&WEB.replace("replicas: 3", "replicas: 5")).await.expect("applied");
        cluster.settled().await;
        seen.push(cluster.objects());
    }
    let differ = |row: &(String, String)| !seen[1].contains(row);
    let different: Vec<_> = seen[0].iter().filter(|row| differ(row)).map(|(key, _)| key).collect();
    let own =
        ["-ca.crt", "extension-apiserver-authentication", "console-public", "clocks.internal"];
    let own = |key: &&String| own.iter().any(|part| key.contains(part));
    let strange: Vec<_> = different.into_iter().filter(|key| !own(key)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert_eq!(seen[0].len(), seen[1].len());
}

/// The example of the README for Rust, line by line (a test compares).
#[tokio::test]
async fn the_readmes_example() -> Result<(), Error> {
    let manifests = WEB;
    let cluster = pocketshift::Cluster::start().await?;
    cluster.apply(manifests).await?;
    cluster.settled().await;
    let web = cluster.get("apps/v1", "Deployment", "default", "web").await?;
    assert_eq!(web["status"]["readyReplicas"], 3);
    cluster.time().advance(Duration::from_secs(900)).await?;
    Ok(())
}

/// Watches, streams and a shell in a container, all of it without a port.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_port() {
    use futures_util::TryStreamExt;
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use kube::api::{Api, AttachParams, WatchEvent, WatchParams};
    use tokio::io::AsyncReadExt;
    let cluster = Cluster::builder().nodes(1).start().await.expect("a cluster");
    let client = cluster.client().expect("a client");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let by_name = WatchParams::default().fields("metadata.name=m");
    let watch = maps.watch(&by_name, "0").await.expect("a watch");
    let mut watch = std::pin::pin!(watch);
    cluster.apply(MAP).await.expect("applied");
    let event = watch.try_next().await.expect("an event");
    assert!(
        matches!(event, Some(WatchEvent::Added(map)) if map.metadata.name.as_deref() == Some("m"))
    );
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {containers: [{name: c, \
               image: busybox, command: [sleep, inf]}]}}";
    cluster.apply(pod).await.expect("applied");
    cluster.settled().await;
    let pods: Api<Pod> = Api::namespaced(client, "default");
    let wanted = AttachParams::default().stderr(false);
    let mut session = pods.exec("p", ["echo", "hello"], &wanted).await.expect("a session");
    let mut said = String::new();
    session.stdout().expect("its output").read_to_string(&mut said).await.expect("text");
    assert_eq!(said, "hello\n");
    cluster.stop().await;
    assert!(maps.get("m").await.is_err(), "with the cluster everything of it ends");
}

#[tokio::test]
async fn faults_and_what_happened() {
    let cluster = Cluster::builder().nodes(1).start().await.expect("a cluster");
    let rule = "{kind: Fault, metadata: {name: once}, spec: {match: {verbs: [create], resources: [configmaps]}, \
                times: 1, effect: {status: 503}}}";
    assert_eq!(cluster.add_faults(rule).await.expect("added"), ["once"]);
    let client = cluster.client().expect("a client");
    let body: k8s_openapi::api::core::v1::ConfigMap = serde_norway::from_str(MAP).expect("a map");
    let maps = kube::Api::namespaced(client, "default");
    let refused = maps.create(&Default::default(), &body).await.expect_err("a fault");
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 503));
    maps.create(&Default::default(), &body).await.expect("the second time");
    assert_eq!(cluster.faults()[0]["status"]["applied"], 1);
    let trail = cluster.trail();
    assert!(trail.contains("configmaps default/ refused"), "{trail}");
    assert!(trail.contains("configmaps default/m created"), "{trail}");
    cluster.remove_faults(&["once".to_owned()]).await.expect("removed");
    let wrong = cluster.add_faults("{spec: {effect: {status: 200}}}").await;
    assert!(matches!(wrong, Err(Error::Unclear(why)) if why.contains("from 400 to 599")));
    assert!(cluster.faults().is_empty());
    let wrong = cluster.trail_since("yesterday");
    assert!(
        matches!(wrong, Err(Error::Unclear(why)) if why.contains("must be a revision or a moment"))
    );
}

#[tokio::test]
async fn a_folder_an_image_file_and_a_template() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("one");
    let first = Cluster::builder().nodes(1).data_dir(&folder).start().await.expect("a cluster");
    first.apply(MAP).await.expect("applied");
    let template = first.checkpoint().await.expect("a checkpoint");
    first.stop().await;
    let again = Cluster::builder().data_dir(&folder).start().await.expect("the same cluster");
    assert!(has_map(&again).await, "it lasts");
    let copy = Cluster::builder().template(&template).start().await.expect("a copy");
    assert!(has_map(&copy).await);
    assert_eq!(copy.client().map(drop).map_err(|e| e.to_string()), Ok(()));
    let nodes = copy.objects().into_iter().filter(|(key, _)| key.starts_with("nodes/"));
    assert_eq!(nodes.count(), 1, "it has the settings of its template");
    let odd = Cluster::builder().nodes(2).template(&template).start().await.map(drop);
    let why = "a cluster that begins as another was has its settings and its clock";
    assert!(matches!(odd, Err(Error::Cluster(said)) if said == why));
    let missing = Cluster::builder().catalog(dir.path().join("none.yaml")).start().await.map(drop);
    assert!(matches!(missing, Err(Error::Cluster(said)) if said.starts_with("cannot read ")));
}
