//! Commands, copies, logs and forwarded ports with clients written by others, over both protocols.

use crate::support::{
    clients::{Kubectl, Place, blocking},
    repository, tools,
};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Output, Stdio},
};

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: nginx, image: 'registry.access.redhat.com/ubi9/nginx-120:1-86'}
";

/// A pod somebody can attach to.
const SHELL: &str = "
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  restartPolicy: Never
  containers:
  - {name: sh, image: 'registry.access.redhat.com/ubi9/ubi', command: [sh], stdin: true, stdinOnce: true}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_over_websocket() {
    everything("true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_over_spdy() {
    everything("false").await;
}

async fn everything(websockets: &'static str) {
    let place = Place::start().await;
    let home = place.folder.path().to_owned();
    let files = [place.file("pod.yaml", POD), place.file("shell.yaml", SHELL)];
    blocking(move || {
        let k = Kubectl::new(home.clone())
            .with("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets)
            .with("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets);
        for file in files {
            k.run(&format!("apply -f {file}"));
        }
        k.run("wait --for=condition=Ready pod/web pod/shell --timeout=60s");
        executes(&k);
        attaches(&k);
        copies(&k, home);
        forwards(&k);
        logs(&k);
    })
    .await;
    place.lab.stop().await;
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(out: &Output) -> (Option<i32>, String, String) {
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

fn executes(k: &Kubectl) {
    let out = k.pipe(&["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"], b"");
    let told = "err\ncommand terminated with exit code 3\n";
    assert_eq!(shown(&out), (Some(3), "out\n".into(), told.into()));
    let input = vec![b'x'; 1_000_000];
    let out = k.pipe(&["exec", "-i", "web", "--", "wc", "-c"], &input);
    assert_eq!(text(&out.stdout).trim(), "1000000", "{out:?}");
    let out = k.pipe(&["exec", "-i", "web", "--", "cat"], &input);
    assert!(out.stdout == input, "{} bytes came back", out.stdout.len());
    let refused = k.fails("exec web -c nobody -- true");
    assert!(refused.contains("container nobody is not valid for pod web"), "{refused}");
    let missing = k.fails("exec nobody -- true");
    assert_eq!(missing, "Error from server (NotFound): pods \"nobody\" not found\n");
    let raw = k.fails("get --raw /api/v1/namespaces/default/pods/web/exec?command=id");
    assert_eq!(raw, "Error from server (BadRequest): Upgrade request required\n");
}

fn attaches(k: &Kubectl) {
    let out = k.pipe(&["attach", "-i", "-q", "shell"], b"echo attached; hostname\n");
    assert_eq!(shown(&out).1, "attached\nshell\n", "{out:?}");
    k.run("wait --for=jsonpath={.status.phase}=Succeeded pod/shell --timeout=60s");
    let over = k.fails("exec shell -- true");
    assert!(over.contains("cannot exec into a container in a completed pod"), "{over}");
    assert_eq!(k.run("logs shell"), "attached\nshell\n");
}

fn copies(k: &Kubectl, home: PathBuf) {
    let (there, back) = (home.join("there"), home.join("back"));
    fs::create_dir_all(there.join("inner")).expect("a folder");
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(there.join("inner/large"), &bytes).expect("a file");
    fs::write(there.join("small"), "text\n").expect("a file");
    k.run(&format!("cp {} web:/tmp/there", there.display()));
    assert_eq!(k.run("exec web -- cat /tmp/there/small"), "text\n");
    k.run(&format!("cp web:/tmp/there {}", back.display()));
    assert!(fs::read(back.join("inner/large")).expect("a copy") == bytes);
}

/// A client that runs until it is let go of.
struct Running(Child);

impl Running {
    fn start(k: &Kubectl, arguments: &[&str]) -> Running {
        let mut command = k.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().expect("kubectl runs"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a web server on a port of this machine; an error when it hangs up.
fn ask(port: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn forwards(k: &Kubectl) {
    let mut forward = Running::start(k, &["port-forward", "web", ":8080", ":81"]);
    // Held to the end: a client that cannot print any more ends.
    let mut out = BufReader::new(forward.0.stdout.take().expect("its output"));
    let mut ports = Vec::new();
    while ports.len() < 2 {
        let mut line = String::new();
        assert!(out.read_line(&mut line).expect("a line") > 0, "it ended");
        if let Some(rest) = line.strip_prefix("Forwarding from 127.0.0.1:") {
            ports.push(rest.split(' ').next().unwrap_or_default().to_owned());
        }
    }
    let port = &ports[0];
    let answers: Vec<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..10).map(|_| scope.spawn(|| ask(port))).collect();
        asking.into_iter().map(|a| a.join().expect("it ends").expect("an answer")).collect()
    });
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("web"), "{answer}");
    }
    // Nobody listens on port 81: the client gives up, as it does on a real cluster.
    assert_eq!(ask(&ports[1]).unwrap_or_default(), "");
    let mut said = String::new();
    let mut err = forward.0.stderr.take().expect("its errors");
    err.read_to_string(&mut said).expect("text");
    assert!(said.contains("error forwarding port 81 to pod web"), "{said}");
}

/// Two containers of which one restarts, behind a service.
const PAIR: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: pair}
spec:
  selector: {matchLabels: {app: pair}}
  template:
    metadata: {labels: {app: pair}}
    spec:
      containers:
      - {name: nginx, image: 'registry.access.redhat.com/ubi9/nginx-120:1-86'}
      - {name: side, image: 'registry.access.redhat.com/ubi9/ubi', command: [sh, -c, 'echo begins; sleep 1; echo ends; exit 3']}
---
apiVersion: v1
kind: Service
metadata: {name: pair}
spec: {selector: {app: pair}, ports: [{port: 80, targetPort: 8080}]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_of_several_containers() {
    let place = Place::start().await;
    let home = place.folder.path().to_owned();
    let file = place.file("pair.yaml", PAIR);
    blocking(move || {
        let k = Kubectl::new(home.clone());
        k.run(&format!("apply -f {file}"));
        let restarted = "{.items[0].status.containerStatuses[1].restartCount}";
        k.run("wait --for=jsonpath={.status.replicas}=1 deployment/pair --timeout=60s");
        k.run("wait --for=jsonpath={.status.containerStatuses[1].restartCount}=1 pod -l app=pair --timeout=60s");
        assert_ne!(k.run(&format!("get pods -l app=pair -o jsonpath={restarted}")), "0");
        let pod = k.run("get pods -l app=pair -o jsonpath={.items[0].metadata.name}");
        assert_eq!(k.run(&format!("logs {pod} -c side --previous")), "begins\nends\n");
        let all = k.run("logs -l app=pair --all-containers --prefix --tail=1");
        for name in ["nginx", "side"] {
            assert!(all.contains(&format!("[pod/{pod}/{name}] ")), "{all}");
        }
        assert!(k.run("logs deployment/pair -c nginx").contains("start worker processes"));
        assert!(!k.run(&format!("logs {pod} -c nginx --since=1h")).is_empty());
        assert_eq!(k.run(&format!("logs {pod} -c nginx --since-time=2999-01-01T00:00:00Z")), "");
        for target in ["service/pair", "deployment/pair"] {
            let ports = if target.starts_with("service") { ":80" } else { ":8080" };
            let mut forward = Running::start(&k, &["port-forward", target, ports]);
            let mut out = BufReader::new(forward.0.stdout.take().expect("its output"));
            let mut line = String::new();
            out.read_line(&mut line).expect("a line");
            let begin = "Forwarding from 127.0.0.1:";
            let port = line.strip_prefix(begin).and_then(|l| l.split(' ').next());
            let answer = ask(port.expect("a port")).expect("an answer");
            assert!(answer.contains(&pod), "{target}: {answer}");
        }
        let text = home.join("text");
        fs::write(&text, "copied\n").expect("a file");
        k.run(&format!("cp --retries=2 -c nginx {} {pod}:/tmp/text", text.display()));
        let back = home.join("text-back");
        k.run(&format!("cp --retries=2 -c nginx {pod}:/tmp/text {}", back.display()));
        assert_eq!(fs::read_to_string(back).expect("a copy"), "copied\n");
    })
    .await;
    place.lab.stop().await;
}

fn logs(k: &Kubectl) {
    let all = k.run("logs web");
    assert!(all.contains("\"GET / HTTP/1.1\" 200"), "{all}");
    let last = all.lines().last().expect("a line");
    assert_eq!(k.run("logs web --tail=1"), format!("{last}\n"));
    let stamped = k.run("logs web --tail=1 --timestamps");
    assert!(stamped.ends_with(&format!("Z {last}\n")), "{stamped}");
    assert_eq!(k.run("logs web --limit-bytes=10"), all[..10]);
    let refused = k.fails("logs web --previous");
    assert!(
        refused.ends_with("previous terminated container \"nginx\" in pod \"web\" not found\n")
    );
    // Following ends with the container.
    let mut follow = Running::start(k, &["logs", "-f", "web"]);
    let mut out = BufReader::new(follow.0.stdout.take().expect("its output"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    assert!(all.starts_with(&first), "{first}");
    k.run("delete pod web --now --timeout=60s");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert!(follow.0.wait().expect("it ends").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_with_the_server() {
    let place = Place::start().await;
    let home = place.folder.path().to_owned();
    let file = place.file("pod.yaml", POD);
    let mut sessions = blocking(move || {
        let k = Kubectl::new(home);
        k.run(&format!("apply -f {file}"));
        k.run("wait --for=condition=Ready pod/web --timeout=60s");
        let mut session = Running::start(&k, &["exec", "-i", "web", "--", "cat"]);
        session.0.stdin.as_mut().expect("its input").write_all(b"hello\n").expect("written");
        let mut line = String::new();
        let out = session.0.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "hello\n");
        let follow = Running::start(&k, &["logs", "-f", "web"]);
        [session, follow]
    })
    .await;
    place.lab.stop().await;
    blocking(move || {
        for session in &mut sessions {
            session.0.wait().expect("it ends");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() {
    let place = Place::start().await;
    let program = blocking(tools::python).await;
    place.script(program, repository("tests/clients/python/streams.py")).await;
    place.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node() {
    let place = Place::start().await;
    let folder = blocking(tools::node).await;
    place.script("node".into(), folder.join("streams.mjs")).await;
    place.lab.stop().await;
}
