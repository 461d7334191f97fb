//! A small machine for the fuzz targets: a file system with bounds, a clock that moves when nothing
//! else does, and a container runtime with one image, container and pod.

pub mod decoders;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use pocketshift::{
    sim::shell::{
        Exec,
        crictl::{FsUsage, NodeContainer, NodeImage, NodeImages, NodeRuntime, Sandbox},
        fs::{Content, Cred, Device, Fs, Layer, Mount, Node, Quota, Tree},
        io::{Input, LARGEST, Output},
        machine::{Facts, Fetch, Fetched, Machine, NetError, Run, Task},
        run,
    },
    world::{BoxFuture, Clock, StepClock},
};
use std::{
    net::Ipv4Addr,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// Bytes that may be written.
const QUOTA: usize = 1 << 20;

struct Small(Facts);

impl Machine for Small {
    fn facts(&self) -> &Facts {
        &self.0
    }
    fn processes(&self) -> Vec<Task> {
        Vec::new()
    }
    fn resolve(&self, name: &str) -> Vec<Ipv4Addr> {
        if name == "web" { vec![Ipv4Addr::LOCALHOST] } else { Vec::new() }
    }
    fn fetch(&self, request: Fetch) -> BoxFuture<Result<Fetched, NetError>> {
        let known = request.host == "web";
        Box::pin(async move { if known { Ok(Fetched::default()) } else { Err(NetError::Unknown) } })
    }
    fn listens(&self, _: Ipv4Addr, port: u16) -> bool {
        port == 80
    }
    fn program(&self, _: &[String], _: &[String]) -> Option<Run> {
        None
    }
    fn runtime(&self) -> Option<Arc<dyn NodeRuntime>> {
        Some(Arc::new(Runtime))
    }
    fn signal(&self, _: u32, _: i32) -> bool {
        false
    }
}

struct Runtime;

impl NodeRuntime for Runtime {
    fn images(&self) -> Arc<dyn NodeImages> {
        Arc::new(Runtime)
    }
    fn containers(&self) -> Vec<NodeContainer> {
        let id = "c".repeat(64);
        vec![NodeContainer { id, name: "web".into(), pod: "web".into(), ..Default::default() }]
    }
    fn sandboxes(&self) -> Vec<Sandbox> {
        vec![Sandbox { id: "d".repeat(64), name: "web".into(), ..Default::default() }]
    }
    fn version(&self) -> String {
        "1".into()
    }
}

impl NodeImages for Runtime {
    fn list(&self) -> Vec<NodeImage> {
        let (tags, digests) = (vec!["a/b:c".into()], vec![format!("a/b@sha256:{:064}", 1)]);
        vec![NodeImage { id: "a".repeat(64), tags, digests, ..Default::default() }]
    }
    fn remove(&self, _: &str) -> BoxFuture<Result<(), String>> {
        Box::pin(std::future::ready(Err("in use".into())))
    }
    fn pull(&self, name: &str) -> BoxFuture<Result<String, String>> {
        Box::pin(std::future::ready(Ok(name.into())))
    }
    fn usage(&self) -> FsUsage {
        FsUsage::default()
    }
}

/// A root with every command, a folder for everybody and the runtime's socket.
fn files() -> (Fs, Quota) {
    let mut layer = Layer::new();
    for folder in ["", "/bin", "/etc", "/dev", "/run", "/run/crio"] {
        layer.insert(folder.into(), Node::directory());
    }
    layer.insert("/tmp".into(), Node::new(Content::Directory, 0o1777));
    for name in pocketshift::sim::shell::command_names() {
        let program = Content::Program(name.into());
        layer.insert(format!("/bin/{name}"), Node::new(program, 0o755));
    }
    layer.insert("/bin/sh".into(), Node::link("bash"));
    layer.insert("/etc/passwd".into(), Node::file("root:x:0:0:root:/root:/bin/bash\n"));
    layer.insert("/run/crio/crio.sock".into(), Node::file(""));
    for (name, device) in [("null", Device::Null), ("zero", Device::Zero), ("full", Device::Full)] {
        layer.insert(format!("/dev/{name}"), Node::new(Content::Device(device), 0o666));
    }
    let quota = Quota::new(QUOTA);
    let tree = Arc::new(Mutex::new(Tree::new(Arc::new(layer), quota.clone())));
    let (at, part, source) = (String::new(), String::new(), "overlay".into());
    (Fs::new(vec![Mount { at, tree, part, read_only: false, source }]), quota)
}

/// Everything outside `/tmp`, as text.
fn outside(fs: &Fs) -> String {
    let all = fs.walk("/", &Cred::root()).unwrap_or_default();
    format!("{:?}", all.iter().filter(|(path, _)| !path.starts_with("/tmp")).collect::<Vec<_>>())
}

/// Runs a command as somebody without rights and checks what must hold whatever it does: it ends,
/// its output is bounded, and nothing outside the folder for everybody has changed.
pub fn holds(argv: &[&str], input: &[u8]) {
    let (fs, quota) = files();
    let before = outside(&fs);
    let clock = StepClock::new(Timestamp::UNIX_EPOCH);
    let out = Arc::<Mutex<Vec<u8>>>::default();
    let exec = Exec {
        machine: Arc::new(Small(Facts::default())),
        fs: fs.clone(),
        clock: Arc::new(clock.clone()),
        who: Cred { uid: 1000, groups: vec![1000] },
        cwd: "/tmp".into(),
        env: vec![("PATH".into(), "/bin".into()), ("HOME".into(), "/tmp".into())],
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        pid: 7,
        stdin: Input::text(input),
        stdout: Output::Kept(Arc::clone(&out)),
        stderr: Output::Kept(Arc::clone(&out)),
        terminal: None,
    };
    finish(&clock, run(exec));
    assert!(out.lock().len() <= LARGEST, "too much output");
    assert!(quota.state().1 <= QUOTA, "more given back than taken");
    assert_eq!(outside(&fs), before, "changed what it may not");
}

/// Polls to the end; when nothing moves, lets time pass.
fn finish<T>(clock: &StepClock, future: impl Future<Output = T>) {
    let began = clock.now();
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for still in 1u32.. {
        if let Poll::Ready(_) = future.as_mut().poll(&mut cx) {
            return;
        }
        if still.is_multiple_of(3) {
            clock.advance(SignedDuration::from_secs(1 + i64::from(still)));
        }
        // A script may wait, even for years, and then it waits; it must not run on meanwhile.
        if clock.now().duration_since(began) > SignedDuration::from_hours(24 * 365 * 50) {
            return;
        }
    }
}

/// Bytes in pieces: the first byte says how large they are.
pub fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = data.first().map_or(1, |b| usize::from(*b).max(1));
    data.get(1..).unwrap_or_default().chunks(size)
}

/// Hands bytes to the decoder of a name.
pub fn decode(name: &str, data: &[u8]) {
    let (_, decode) = decoders::ALL.iter().find(|(known, _)| *known == name).expect("a decoder");
    decode(data);
}
