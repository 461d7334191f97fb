//! Many clusters in one process: created, forked, kept, put back and ended, none knowing of another.

use crate::support::{
    Child, Wire,
    child::run,
    eventually,
    lab::{client, get, host, open, send},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::AttachParams};
use pocketshift::{
    object::ObjectExt,
    run::{Host, host::Spec},
};
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::AsyncReadExt;

async fn created(host: &Host, name: &str) -> Client {
    let facts = host.create(name, &Spec::default()).await.expect("a cluster");
    client(&facts.kubeconfig, None).await
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn put_map(client: &Client, name: &str) -> Value {
    send(client, "POST", MAPS, "", Some(&config_map(name))).await.expect(201)
}

async fn has_map(client: &Client, name: &str) -> bool {
    get(client, &format!("{MAPS}/{name}")).await.code == 200
}

fn web(replicas: u64) -> Value {
    let labels = json!({"app": "web"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                {"name": "c", "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}}}})
}

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments";

async fn until_ready(client: &Client, replicas: u64) {
    eventually("the rollout", || async {
        let web = get(client, &format!("{WEB}/web")).await.json();
        if web["status"]["readyReplicas"] == replicas { Ok(()) } else { Err(web.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cluster_is_whole_and_knows_only_itself() {
    let host = host();
    let (one, two) = (created(&host, "one").await, created(&host, "two").await);
    put_map(&one, "mine").await;
    assert!(has_map(&one, "mine").await && !has_map(&two, "mine").await);
    send(&two, "POST", WEB, "", Some(&web(3))).await.expect(201);
    until_ready(&two, 3).await;
    assert_eq!(get(&one, &format!("{WEB}/web")).await.code, 404);
    let nodes = get(&one, "/api/v1/nodes").await.expect(200);
    for node in nodes["items"].as_array().expect("nodes") {
        assert_eq!(node.condition("Ready").expect("a condition")["status"], "True");
    }
    host.delete("one").await.expect("it was there");
    assert!(host.look("one").is_err());
    assert!(has_map(&two, "kube-root-ca.crt").await, "the other goes on");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_puts_everything_back_and_ends_watches() {
    let host = host();
    let client = created(&host, "lab").await;
    put_map(&client, "kept").await;
    host.checkpoint("lab", "lesson").await.expect("a checkpoint");
    let before = get(&client, &format!("{MAPS}/kept")).await.bytes;
    let list = get(&client, MAPS).await.expect(200);
    let watched =
        format!("{MAPS}?watch=1&resourceVersion={}", list.str_at("metadata.resourceVersion"));
    let watch = open(&client, "GET", &watched, &[], Vec::new()).await;

    put_map(&client, "late").await;
    send(&client, "DELETE", &format!("{MAPS}/kept"), "", None).await.expect(200);
    send(&client, "POST", WEB, "", Some(&web(3))).await.expect(201);
    until_ready(&client, 3).await;
    host.reset("lab", Some("lesson")).await.expect("reset");

    let said = watch.into_body().collect_bytes().await.expect("the watch ends");
    let said = String::from_utf8_lossy(&said).into_owned();
    let last: Value = serde_json::from_str(said.lines().last().expect("an event")).expect("JSON");
    assert_eq!((last.str_at("type"), &last["object"]["code"]), ("ERROR", &json!(410)), "{said}");
    get(&client, &watched).await.expect(410);

    assert_eq!(get(&client, &format!("{MAPS}/kept")).await.bytes, before, "the same bytes");
    assert!(!has_map(&client, "late").await);
    assert_eq!(get(&client, &format!("{WEB}/web")).await.code, 404);
    let pods = get(&client, "/api/v1/namespaces/default/pods").await.expect(200);
    assert_eq!(pods["items"], json!([]));
    let now = get(&client, MAPS).await.expect(200);
    let rev =
        |list: &Value| list.str_at("metadata.resourceVersion").parse::<u64>().expect("a number");
    assert!(rev(&now) > rev(&list), "no revision is given out twice");

    // Controllers work on what is there now.
    send(&client, "POST", WEB, "", Some(&web(2))).await.expect(201);
    until_ready(&client, 2).await;
    host.reset("lab", None).await.expect("back to its start");
    assert!(!has_map(&client, "kept").await);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_begins_as_its_original_is_and_goes_its_own_way() {
    let host = host();
    let original = created(&host, "first").await;
    put_map(&original, "shared").await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"clusterIP": "172.30.7.7", "ports": [{"port": 80}]}});
    let services = "/api/v1/namespaces/default/services";
    send(&original, "POST", services, "", Some(&service)).await.expect(201);
    let facts = host.fork("first", "second").await.expect("a fork");
    let fork = client(&facts.kubeconfig, None).await;
    assert!(has_map(&fork, "shared").await);
    put_map(&fork, "new").await;
    assert!(!has_map(&original, "new").await);
    let mut other = service.clone();
    other["metadata"]["name"] = json!("t");
    let refused = send(&fork, "POST", services, "", Some(&other)).await;
    assert!(refused.text().contains("already allocated"), "{}", refused.text());
    send(&original, "DELETE", &format!("{services}/s"), "", None).await.expect(200);
    assert_eq!(get(&fork, &format!("{services}/s")).await.code, 200);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_one_opens_another() {
    let host = host();
    let one = host.create("one", &Spec::default()).await.expect("a cluster");
    let (two, fork) = (
        host.create("two", &Spec::default()).await.expect("a cluster"),
        host.fork("one", "three").await.expect("a fork"),
    );
    assert_ne!(one.kubeadmin_password, two.kubeadmin_password);
    let admin = client(&one.kubeconfig, None).await;
    let body =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let token = send(&admin, "POST", path, "", Some(&body)).await.expect(201);
    let token = token.str_at("status.token").to_owned();
    let secrets = |client: Client| async move {
        let password = get(&client, "/api/v1/namespaces/kube-system/secrets/kubeadmin").await;
        let clients = get(&client, "/apis/oauth.openshift.io/v1/oauthclients").await.expect(200);
        let ca = get(&client, &format!("{MAPS}/kube-root-ca.crt")).await.expect(200);
        let clients = clients.list_at("items").iter().map(|c| c.str_at("secret").to_owned());
        let clients: Vec<_> = clients.filter(|s| !s.is_empty()).collect();
        (password.expect(200)["data"].clone(), clients, ca["data"].clone())
    };
    let own = secrets(admin).await;
    for other in [&two, &fork] {
        let theirs = secrets(client(&other.kubeconfig, None).await).await;
        assert!(own.0 != theirs.0 && own.1 != theirs.1 && own.2 != theirs.2);
        assert_eq!(theirs.1.len(), own.1.len());
        // One's token at another's address.
        let mut config: Value = serde_norway::from_str(&other.kubeconfig).expect("YAML");
        config["users"][0]["user"] = json!({ "token": token });
        let stranger = client(&config.to_string(), None).await;
        assert_eq!(get(&stranger, "/api").await.code, 401);
        // One's certificate there: the handshake fails, or nobody is known by it.
        let mine: Value = serde_norway::from_str(&one.kubeconfig).expect("YAML");
        config["users"][0]["user"] = mine["users"][0]["user"].clone();
        let stranger = client(&config.to_string(), None).await;
        let request = http::Request::get("/api").body(Vec::new()).expect("a request");
        assert!(stranger.request_text(request).await.is_err());
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_of_its_own() {
    let host = host();
    let time = "2031-01-02T03:04:05Z".parse().expect("a moment");
    let spec = Spec { time: Some(time), ..Spec::default() };
    let facts = host.create("later", &spec).await.expect("a cluster");
    let client = client(&facts.kubeconfig, None).await;
    let made = put_map(&client, "m").await;
    assert_eq!(made.str_at("metadata.creationTimestamp"), "2031-01-02T03:04:05Z");
    send(&client, "POST", WEB, "", Some(&web(1))).await.expect(201);
    until_ready(&client, 1).await;
    host.checkpoint("later", "still").await.expect("a checkpoint");
    for to in [Some("still"), None] {
        host.reset("later", to).await.expect("reset");
        let made = put_map(&client, "again").await;
        assert_eq!(made.str_at("metadata.creationTimestamp"), "2031-01-02T03:04:05Z", "{to:?}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_changes_nothing() {
    let host = host();
    created(&host, "one").await;
    let long = "x".repeat(64);
    for name in ["", "One", "a.b", "-a", "../a", long.as_str()] {
        let refused = host.create(name, &Spec::default()).await.expect_err(name);
        assert!(refused.message.starts_with(&format!("name {name:?}: ")), "{}", refused.message);
    }
    let message = |refused: pocketshift::catalog::complaint::DistributionError| refused.message;
    let twice = host.create("one", &Spec::default()).await.map(drop).map_err(message);
    assert_eq!(twice, Err("there is a cluster one".into()));
    let rows = [
        (Spec { nodes: Some(1001), ..Spec::default() }, "nodes: at most 1000"),
        (Spec { node_disk: Some("x".into()), ..Spec::default() }, "--node-disk: \"x\" is no size"),
        (Spec { pace: Some(10_001), ..Spec::default() }, "pace: at most 10000"),
    ];
    for (spec, why) in rows {
        assert_eq!(host.create("two", &spec).await.map(drop).map_err(message), Err(why.into()));
    }
    let none = Err("there is no cluster \"two\"".to_owned());
    assert_eq!(host.delete("two").await.map_err(message), none);
    assert_eq!(host.reset("two", None).await.map_err(message), none);
    assert_eq!(host.fork("two", "three").await.map(drop).map_err(message), none);
    let reset = host.reset("one", Some("nowhere")).await.map_err(message);
    assert_eq!(reset, Err("one has no checkpoint \"nowhere\"".into()));
    assert!(host.delete("main").await.is_err());
    let names: Vec<String> = host.list().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["one"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_does_all_of_it() {
    let home = tempdir().expect("a folder");
    let folder = home.path().to_string_lossy().into_owned();
    let say = |arguments: &[&str]| {
        let ended = run(home.path(), &[&["cluster"], arguments, &["--data-dir", &folder]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.out
    };
    let child = Child::start(home.path(), &[]);
    assert!(
        say(&["create", "one", "--nodes", "1"]).starts_with("one created at https://127.0.0.1:")
    );
    let one = client(&say(&["kubeconfig", "one"]), None).await;
    let nodes = get(&one, "/api/v1/nodes").await.expect(200);
    assert_eq!(nodes["items"].as_array().map(Vec::len), Some(1));
    let by_token = client(&say(&["kubeconfig", "one", "--token"]), None).await;
    assert_eq!(get(&by_token, "/api/v1/secrets").await.code, 200);
    put_map(&one, "m").await;
    assert_eq!(say(&["checkpoint", "one", "with-map"]), "one: checkpoint with-map is set\n");
    assert_eq!(say(&["reset", "one"]), "one is as it was when it was created\n");
    assert!(!has_map(&one, "m").await);
    assert_eq!(say(&["reset", "one", "--to", "with-map"]), "one is as it was with-map\n");
    assert!(has_map(&one, "m").await);
    say(&["fork", "one", "two"]);
    let listed = say(&["list"]);
    let names: Vec<_> = listed.lines().map(|l| l.split(' ').next().unwrap_or("")).collect();
    assert_eq!(names, ["NAME", "main", "one", "two"]);
    let stop = ["time", "stop", "--cluster", "two", "--data-dir", &folder];
    assert!(run(home.path(), &stop).out.contains("(stands still"));
    let show = ["time", "show", "--cluster", "one", "--data-dir", &folder];
    assert!(run(home.path(), &show).out.contains("(runs"));
    assert_eq!(say(&["delete", "two"]), "two is gone\n");
    let rows: [(&[&str], &str); 4] = [
        (&["delete", "two"], "there is no cluster \"two\""),
        (&["delete", "main"], "main ends with the program"),
        (&["create", "T"], "name \"T\": "),
        (&["reset", "main"], "main was not created here; say which checkpoint"),
    ];
    for (arguments, why) in rows {
        let ended = run(home.path(), &[&["cluster"], arguments, &["--data-dir", &folder]].concat());
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.starts_with(&format!("pocketshift: {why}")), "{}", ended.err);
    }

    // The first cluster is put back on disk, too.
    let main = child.client(home.path()).await;
    put_map(&main, "kept").await;
    say(&["checkpoint", "main", "start"]);
    put_map(&main, "late").await;
    send(&main, "DELETE", &format!("{MAPS}/kept"), "", None).await.expect(200);
    say(&["reset", "main", "--to", "start"]);
    assert!(has_map(&main, "kept").await && !has_map(&main, "late").await);
    child.kill();
    let child = Child::start(home.path(), &[]);
    let main = child.client(home.path()).await;
    assert!(has_map(&main, "kept").await && !has_map(&main, "late").await);
    put_map(&main, "again").await;
    child.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_clusters_administrator_gives_orders() {
    let lab = crate::support::Lab::start().await;
    // A cluster that nobody hosts has no such path.
    let wire = Wire::to(&lab).as_admin(&lab);
    assert_eq!(wire.get("/clusters").await.code, 404);
    lab.stop().await;
    let home = tempdir().expect("a folder");
    let child = Child::start(home.path(), &[]);
    let folder = home.path().to_string_lossy().into_owned();
    let made = run(home.path(), &["cluster", "create", "one", "--data-dir", &folder]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let text = run(home.path(), &["cluster", "kubeconfig", "one", "--data-dir", &folder]).out;
    let other = home.path().join("one");
    std::fs::write(&other, text).expect("a file");
    // The administrator of another cluster is nobody here: his cluster runs no others.
    let other = other.to_string_lossy().into_owned();
    let refused = run(home.path(), &["cluster", "list", "--kubeconfig", &other]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
    child.kill();
}

/// What a shell in the first container of a pod prints.
async fn shell(client: &Client, pod: &str, script: &str) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let wanted = AttachParams::default().stdout(true).stderr(false);
    let mut session = pods.exec(pod, ["sh", "-c", script], &wanted).await.expect("a session");
    let mut out = String::new();
    session.stdout().expect("its output").read_to_string(&mut out).await.expect("a text");
    session.join().await.expect("its end");
    out
}

/// Files in containers, in volumes and what a main process writes there once: all of it goes with a
/// fork, and comes back with a checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_and_forked() {
    let host = host();
    let one = created(&host, "one").await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "busybox", "volumeMounts": [{"name": "v", "mountPath": "/data"}],
            "command": ["sh", "-c", "echo begun >> /data/log; sleep inf"]}],
        "volumes": [{"name": "v", "emptyDir": {}}]}});
    send(&one, "POST", "/api/v1/namespaces/default/pods", "", Some(&pod)).await.expect(201);
    eventually("the pod", || async {
        let pod = get(&one, "/api/v1/namespaces/default/pods/p").await.json();
        if pod["status"]["phase"] == "Running" { Ok(()) } else { Err(pod.to_string()) }
    })
    .await;
    shell(&one, "p", "echo mine >> /data/log; echo x > /tmp/x").await;
    let all = "cat /data/log /tmp/x 2>/dev/null";
    assert_eq!(shell(&one, "p", all).await, "begun\nmine\nx\n");
    host.checkpoint("one", "written").await.expect("a checkpoint");
    let facts = host.fork("one", "two").await.expect("a fork");
    let two = client(&facts.kubeconfig, None).await;
    assert_eq!(shell(&two, "p", all).await, "begun\nmine\nx\n");
    shell(&two, "p", "echo other >> /data/log").await;
    shell(&one, "p", "rm /data/log /tmp/x").await;
    assert_eq!(shell(&one, "p", all).await, "");
    host.reset("one", Some("written")).await.expect("reset");
    assert_eq!(shell(&one, "p", all).await, "begun\nmine\nx\n");
    assert_eq!(shell(&two, "p", all).await, "begun\nmine\nother\nx\n");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_who_is_not_used_ends() {
    let host = host();
    let facts = host.create("free", &Spec::default()).await.expect("a cluster");
    let free = client(&facts.kubeconfig, None).await;
    let store = host.inside("free").expect("it is there").server.store.snapshot();
    let there: usize = store.resources().map(|(_, count)| count).sum();
    drop(free);
    let spec = Spec { max_objects: Some(there + 20), ..Spec::default() };
    let facts = host.create("small", &spec).await.expect("a cluster");
    let client = client(&facts.kubeconfig, None).await;
    let mut refused = None;
    for n in 0..40 {
        let map = config_map(&format!("m{n}"));
        let reply = send(&client, "POST", MAPS, "", Some(&map)).await;
        if reply.code != 201 {
            refused = Some((n, reply.expect(403)));
            break;
        }
    }
    let (made, status) = refused.expect("a limit");
    let words = format!("the cluster may hold no more than {} objects", there + 20);
    assert!(made > 0 && status.str_at("message").ends_with(&words), "{status}");
    // What goes makes room.
    send(&client, "DELETE", &format!("{MAPS}/m0"), "", None).await.expect(200);
    put_map(&client, "again").await;

    let spec = Spec { max_streams: Some(2), ..Spec::default() };
    let facts = host.create("quiet", &spec).await.expect("a cluster");
    let quiet = self::client(&facts.kubeconfig, None).await;
    let watch = format!("{MAPS}?watch=1");
    let one = open(&quiet, "GET", &watch, &[], Vec::new()).await;
    let two = open(&quiet, "GET", &watch, &[], Vec::new()).await;
    assert_eq!((one.status().as_u16(), two.status().as_u16()), (200, 200));
    assert_eq!(open(&quiet, "GET", &watch, &[], Vec::new()).await.status(), 429);
    assert_eq!(get(&quiet, MAPS).await.code, 200, "what does not last is not counted");
    drop(one);
    eventually("a place", || async {
        match open(&quiet, "GET", &watch, &[], Vec::new()).await.status().as_u16() {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;

    let spec = Spec { ttl: Some("1s".into()), ..Spec::default() };
    host.create("brief", &spec).await.expect("a cluster");
    eventually("its end", || async {
        match host.look("brief") {
            Ok(_) => Err("it is there".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
    let spec = Spec { ttl: Some("soon".into()), ..Spec::default() };
    let refused = host.create("odd", &spec).await.expect_err("no duration");
    assert_eq!(refused.message, "ttl: \"soon\" is no duration such as 90s, 15m or 1h30m");
    host.stop().await;
}
