//! Scripts and what comes of them: output, errors and exit codes, on a bare machine.

use super::{
    dns::{Code, Data, Kind, Record, Reply},
    fs::{Content, Cred, Device, Fs, Layer, Mount, Node, Quota, Tree},
    io::{Input, Output},
    machine::{Connection, Facts, Fetch, Fetched, Machine, NetError, Run, Task},
    session::{Exec, NotStarted, run},
    tty::Terminal,
};
use crate::world::{BoxFuture, Clock, StepClock};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    net::Ipv4Addr,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::sync::mpsc;

mod awk;
mod bounds;
mod network;
mod tools;

struct Bare(Facts);

const NAMESERVER: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 10);

/// `.8` refuses, everything else is silent.
fn no_way(to: Ipv4Addr) -> NetError {
    match to.octets() {
        [172, 30, 0, 8 | 9] => NetError::Refused(to),
        _ => NetError::Dropped(to),
    }
}

impl Machine for Bare {
    fn facts(&self) -> &Facts {
        &self.0
    }
    fn processes(&self) -> Vec<Task> {
        Vec::new()
    }
    fn ask(&self, server: Ipv4Addr, name: &str, kind: Kind) -> Result<Reply, NetError> {
        if server != NAMESERVER {
            return Err(NetError::Dropped(server));
        }
        let record = |name: &str, data| Record { name: name.into(), ttl: 5, data };
        let a = |last| Data::A(Ipv4Addr::new(172, 30, 0, last));
        let all = match name {
            "web.x.lab" => vec![record(name, a(9))],
            "down.x.lab" => vec![record(name, a(8))],
            "far.x.lab" => vec![record(name, a(7))],
            "alias.x.lab" => {
                vec![record(name, Data::Cname("web.x.lab".into())), record("web.x.lab", a(9))]
            }
            "_http._tcp.web.x.lab" => {
                vec![record(name, Data::Srv(100, 80, "web.x.lab".into()))]
            }
            "9.0.30.172.in-addr.arpa" => vec![record(name, Data::Ptr("web.x.lab".into()))],
            _ => return Ok(Reply { code: Code::NxDomain, ..Reply::default() }),
        };
        let fits = |r: &Record| r.data.kind() == kind || matches!(r.data, Data::Cname(_));
        let answers = all.into_iter().filter(fits).collect();
        Ok(Reply { authoritative: true, answers, ..Reply::default() })
    }
    fn fetch(&self, to: Ipv4Addr, request: Fetch) -> BoxFuture<Result<Fetched, NetError>> {
        Box::pin(async move {
            if let [172, 30, 0, 9] = to.octets() {
                let status = match request.path.as_str() {
                    "/no" => 404,
                    "/moved" => 302,
                    _ => 200,
                };
                let body = match request.body.len() {
                    0 => String::new(),
                    _ => format!(" {}", String::from_utf8_lossy(&request.body)),
                };
                return Ok(Fetched {
                    status,
                    headers: vec![("Location".into(), "/new".into())],
                    body: format!("{} {}{body}\n", request.method, request.path).into(),
                    ..Fetched::default()
                });
            }
            Err(no_way(to))
        })
    }
    fn open(&self, to: Ipv4Addr, port: u16) -> Result<Connection, NetError> {
        if to.octets() != [172, 30, 0, 9] || port != 80 {
            return Err(no_way(to));
        }
        let (into, _) = mpsc::channel(8);
        let (outgoing, from) = mpsc::channel(8);
        outgoing.try_send(bytes::Bytes::from_static(b"welcome\n")).unwrap();
        Ok((into, from))
    }
    fn listen(&self, _: u16) -> Option<mpsc::Receiver<Connection>> {
        None
    }
    fn datagram(
        &self,
        to: Ipv4Addr,
        _: u16,
        data: bytes::Bytes,
    ) -> BoxFuture<Result<Option<bytes::Bytes>, NetError>> {
        let answer = match to.octets() {
            [172, 30, 0, 9] => Ok(Some(data)),
            _ => Err(no_way(to)),
        };
        Box::pin(std::future::ready(answer))
    }
    fn command(&self, _: &[String]) -> Option<super::process::Main> {
        None
    }
    fn program(&self, _: &[String], _: &[String]) -> Option<Run> {
        None
    }
    fn serves(&self, _: Timestamp, _: &[u16]) {}
    fn runtime(&self) -> Option<Arc<dyn super::crictl::NodeRuntime>> {
        None
    }
    fn signal(&self, _: u32, _: i32) -> bool {
        false
    }
}

const QUOTA: usize = 1 << 20;

/// A root with every command, `/tmp`, `/etc/passwd` and devices.
fn files() -> (Fs, Quota) {
    let mut layer = Layer::new();
    for folder in
        ["", "/bin", "/tmp", "/etc", "/dev", "/data", "/proc", "/proc/sys", "/proc/sys/kernel"]
    {
        layer.insert(folder.into(), Node::directory());
    }
    layer.insert("/tmp".into(), Node::new(Content::Directory, 0o1777));
    for (name, _) in super::commands::TABLE {
        let program = Content::Program((*name).into());
        layer.insert(format!("/bin/{name}"), Node::new(program, 0o755));
    }
    layer.insert("/bin/sh".into(), Node::link("bash"));
    let passwd = "root:x:0:0:root:/root:/bin/bash\nme:x:1000:0::/:/bin/sh\n";
    layer.insert("/etc/passwd".into(), Node::file(passwd));
    layer.insert("/etc/group".into(), Node::file("root:x:0:\n"));
    let resolv = format!("search x.lab lab\nnameserver {NAMESERVER}\noptions ndots:5\n");
    layer.insert("/etc/resolv.conf".into(), Node::file(resolv));
    layer
        .insert("/etc/hosts".into(), Node::file("127.0.0.1 localhost\n10.0.0.5\tbox.x.lab\tbox\n"));
    layer.insert("/proc/sys/kernel/shm_rmid_forced".into(), Node::file("1\n"));
    layer.insert("/etc/secret".into(), Node::new(Content::File("s\n".into()), 0o600));
    layer.insert("/dev/null".into(), Node::new(Content::Device(Device::Null), 0o666));
    layer.insert("/dev/zero".into(), Node::new(Content::Device(Device::Zero), 0o666));
    layer.insert("/dev/full".into(), Node::new(Content::Device(Device::Full), 0o666));
    let quota = Quota::new(QUOTA);
    let tree = Arc::new(Mutex::new(Tree::new(Arc::new(layer), quota.clone())));
    let mount = Mount {
        at: String::new(),
        tree,
        part: String::new(),
        read_only: false,
        source: "overlay".into(),
    };
    (Fs::new(vec![mount]), quota)
}

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

struct Outcome {
    out: String,
    err: String,
    code: Result<i32, NotStarted>,
    took: SignedDuration,
}

fn exec(
    argv: &[&str],
    uid: u32,
    input: Input,
    clock: &StepClock,
) -> (Exec, [Arc<Mutex<Vec<u8>>>; 2]) {
    let kept = [Arc::<Mutex<Vec<u8>>>::default(), Arc::default()];
    let exec = Exec {
        machine: Arc::new(Bare(Facts {
            hostname: "box".into(),
            booted: start(),
            addresses: vec![Ipv4Addr::new(10, 217, 2, 9)],
            ..Facts::default()
        })),
        fs: files().0,
        clock: Arc::new(clock.clone()),
        who: Cred { uid, groups: vec![0] },
        cwd: "/".into(),
        env: [("PATH", "/bin"), ("HOME", "/tmp")].map(|(k, v)| (k.into(), v.into())).to_vec(),
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        pid: 7,
        stdin: input,
        stdout: Output::Kept(Arc::clone(&kept[0])),
        stderr: Output::Kept(Arc::clone(&kept[1])),
        terminal: None,
        signals: Arc::default(),
    };
    (exec, kept)
}

/// Polls to the end; when nothing moves, lets a second pass. Nothing needs more than an hour.
fn finish<T>(clock: &StepClock, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let mut still = 0;
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(done) => return done,
            Poll::Pending => still += 1,
        }
        if still % 3 == 0 {
            clock.advance(SignedDuration::from_millis(500));
        }
        assert!(still < 3_000_000, "never ends");
    }
}

fn with(argv: &[&str], uid: u32, input: &str) -> Outcome {
    let clock = StepClock::new(start());
    let (exec, [out, err]) = exec(argv, uid, Input::text(input.as_bytes()), &clock);
    let code = finish(&clock, run(exec));
    let text = |kept: &Mutex<Vec<u8>>| String::from_utf8_lossy(&kept.lock()).into_owned();
    let took = clock.now().duration_since(start());
    Outcome { out: text(&out), err: text(&err), code, took }
}

fn script(text: &str) -> Outcome {
    with(&["sh", "-c", text], 0, "")
}

fn check(rows: &[(&str, &str, i32)]) {
    for (text, expected, code) in rows {
        let got = script(text);
        assert_eq!((got.out.as_str(), got.code), (*expected, Ok(*code)), "{text}\n{}", got.err);
    }
}

#[test]
fn words_are_expanded() {
    check(&[
        ("echo a  b 'c  d' \"e  f\"", "a b c  d e  f\n", 0),
        ("x=1; echo $x ${x} \"$x\" '$x'", "1 1 1 $x\n", 0),
        ("echo ${none:-word} ${none-a b} ${none:+no}.", "word a b .\n", 0),
        ("x=; echo ${x:-empty} ${x-set}.", "empty .\n", 0),
        ("x=a.tar.gz; echo ${x#*.} ${x##*.} ${x%.*} ${x%%.*} ${#x}", "tar.gz gz a.tar a 8\n", 0),
        (
            "x=abcabc; echo ${x/b/X} ${x//b/X} ${x:1:2} ${x: -2} ${x^^}",
            "aXcabc aXcaXc bc bc ABCABC\n",
            0,
        ),
        (": ${y:=new}; echo $y", "new\n", 0),
        ("echo $((1+2*3)) $(echo hi) `echo ho`", "7 hi ho\n", 0),
        ("x=5; echo $((x*2)) $(( $x + 1 ))", "10 6\n", 0),
        ("echo $(echo a; echo b)", "a b\n", 0),
        ("echo \"$(echo a; echo b)\"", "a\nb\n", 0),
        ("echo {1..4} {a,b}c x{1,2}y", "1 2 3 4 ac bc x1y x2y\n", 0),
        ("x='a b'; for w in $x; do echo [$w]; done", "[a]\n[b]\n", 0),
        ("x='a b'; for w in \"$x\"; do echo [$w]; done", "[a b]\n", 0),
        ("IFS=:; x=a:b::c; for w in $x; do echo [$w]; done", "[a]\n[b]\n[]\n[c]\n", 0),
        ("set -- a 'b c'; echo $#; for w in \"$@\"; do echo [$w]; done", "2\n[a]\n[b c]\n", 0),
        ("echo ~ ~/x a~", "/tmp /tmp/x a~\n", 0),
        ("cd /tmp; touch a1 a2 b; echo a* \"a*\" ?1 [ab]* z*", "a1 a2 a* a1 a1 a2 b z*\n", 0),
        ("echo /e*/pass*", "/etc/passwd\n", 0),
        ("echo $'a\\tb'", "a\tb\n", 0),
        ("echo a\\ b \\$x", "a b $x\n", 0),
        ("echo a # comment", "a\n", 0),
        ("echo one\\\ntwo", "onetwo\n", 0),
    ]);
}

#[test]
fn control_flow() {
    check(&[
        ("true && echo yes || echo no", "yes\n", 0),
        ("false && echo yes || echo no", "no\n", 0),
        ("! true; echo $?", "1\n", 0),
        ("if [ 1 = 2 ]; then echo a; elif true; then echo b; else echo c; fi", "b\n", 0),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done", "1\n2\n3\n", 0),
        ("until false; do echo x; break; done", "x\n", 0),
        (
            "for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done",
            "1\n3\n",
            0,
        ),
        ("for ((i=0; i<3; i++)); do echo $i; done", "0\n1\n2\n", 0),
        ("case abc in a*) echo one;; *) echo two;; esac", "one\n", 0),
        ("case x in (a|x) echo in ;; esac", "in\n", 0),
        ("f() { echo $1; return 3; }; f hi; echo $?", "hi\n3\n", 0),
        ("function g { local x=in; echo $x; }; x=out; g; echo $x", "in\nout\n", 0),
        ("(x=1; cd /tmp; exit 4); echo $? $x $PWD", "4\n", 0),
        ("{ echo a; echo b; } | wc -l", "2\n", 0),
        ("set -e; false; echo never", "", 1),
        ("set -e; false || true; echo on", "on\n", 0),
        ("trap 'echo bye' EXIT; echo hi; exit 3", "hi\nbye\n", 3),
        ("exit 300", "", 44),
        ("[[ abc == a* && 3 -gt 2 ]] && echo ok", "ok\n", 0),
        ("[[ v1.2 =~ ^v[0-9]+ ]] && echo ok", "ok\n", 0),
        ("((3 > 2)) && echo big", "big\n", 0),
        ("eval 'x=5; echo $x'", "5\n", 0),
        ("x=1 env | grep ^x", "x=1\n", 0),
        ("export A=1; sh -c 'echo $A'; B=2; sh -c 'echo [$B]'", "1\n[]\n", 0),
        ("sh -c 'echo $0 $1' name arg", "name arg\n", 0),
        ("echo a; echo b >&2; echo c", "a\nc\n", 0),
        ("sleep 1 & echo $?; wait; echo done", "0\ndone\n", 0),
        ("set -o pipefail; false | true; echo $?", "1\n", 0),
    ]);
}

#[test]
fn files_and_redirections() {
    check(&[
        ("echo hi > /tmp/f; cat /tmp/f; echo more >> /tmp/f; wc -l < /tmp/f", "hi\n2\n", 0),
        ("cat <<E\na $HOME\nE", "a /tmp\n", 0),
        ("cat <<'E'\na $HOME\nE", "a $HOME\n", 0),
        ("cat <<-E\n\ta\n\tE\necho b", "a\nb\n", 0),
        ("cat <<< text", "text\n", 0),
        ("ls /none 2>&1", "ls: cannot access '/none': No such file or directory\n", 2),
        ("ls /none 2>/dev/null; echo $?", "2\n", 0),
        ("ls /none >/dev/null 2>&1 || echo failed", "failed\n", 0),
        ("echo x &> /tmp/o; cat /tmp/o", "x\n", 0),
        ("mkdir -p /tmp/a/b; touch /tmp/a/b/c; find /tmp/a -type f", "/tmp/a/b/c\n", 0),
        (
            "mkdir /tmp/d; mkdir /tmp/d 2>&1",
            "mkdir: cannot create directory '/tmp/d': File exists\n",
            1,
        ),
        ("cd /tmp; echo 1 > x; cp x y; mv y z; cat z; ls", "1\nx\nz\n", 0),
        (
            "cd /tmp; ln -s /etc/passwd p; readlink p; head -1 p | cut -d: -f1",
            "/etc/passwd\nroot\n",
            0,
        ),
        (
            "rm /tmp/none 2>&1; rm -f /tmp/none; echo $?",
            "rm: cannot remove '/tmp/none': No such file or directory\n0\n",
            0,
        ),
        ("cd /tmp; mkdir q; rm q 2>&1; rm -r q; ls", "rm: cannot remove 'q': Is a directory\n", 0),
        ("cat /none 2>&1", "cat: /none: No such file or directory\n", 1),
        ("echo x > /dev/full 2>&1; echo $?", "1\n", 0),
        (
            "cd /nowhere 2>&1; echo $?",
            "sh: line 1: cd: /nowhere: No such file or directory\n1\n",
            0,
        ),
        ("cd /tmp && pwd; cd - ; cd ..; pwd", "/tmp\n/\n/\n", 0),
        ("printf '#!/bin/sh\\necho run $1\\n' > /tmp/s; chmod +x /tmp/s; /tmp/s it", "run it\n", 0),
        (
            "echo echo hi > /tmp/s; /tmp/s 2>&1; sh /tmp/s; . /tmp/s",
            "sh: line 1: /tmp/s: Permission denied\nhi\nhi\n",
            0,
        ),
        (
            "cd /tmp; mkdir s; echo 1 > s/f; tar cf - s | tar tf -; mkdir t; tar cf - s | tar xmf - -C t; cat t/s/f",
            "s/\ns/f\n1\n",
            0,
        ),
        (
            "cd /tmp; mkdir -p s/x; touch s/a.o s/x/b.o s/x/c; tar --exclude=*.o -cf - s | tar tf -",
            "s/\ns/x/\ns/x/c\n",
            0,
        ),
        ("cd /tmp; mkdir -p s/x; touch s/x/c; tar -cf - s --exclude=x | tar tf -", "s/\n", 0),
        ("tar --version | head -n 1", "tar (GNU tar) 1.34\n", 0),
        (
            "cd /tmp; mkdir s; echo 1 > s/f; tar czf a.tgz s && rm -r s && tar xzf a.tgz && cat s/f",
            "1\n",
            0,
        ),
    ]);
}

#[test]
fn text_commands() {
    check(&[
        ("printf 'b\\na\\nb\\n' | sort | uniq -c", "      1 a\n      2 b\n", 0),
        ("printf '10\\n9\\n' | sort -n; printf '10\\n9\\n' | sort -rn", "9\n10\n10\n9\n", 0),
        ("seq 5 | head -n 2; seq 5 | tail -n 2; seq 5 | tail -n +4", "1\n2\n4\n5\n4\n5\n", 0),
        ("seq 2 2 6 | tr '\\n' ' '", "2 4 6 ", 0),
        ("echo hello | tr a-z A-Z | rev", "OLLEH\n", 0),
        ("echo a:b:c | cut -d: -f2-; echo abc | cut -c2", "b:c\nb\n", 0),
        ("printf 'x1\\ny2\\n' | grep -n y; printf 'x\\n' | grep -c z; echo $?", "2:y2\n0\n1\n", 0),
        (
            "echo aXbX | sed 's/X/-/; s/X/+/'; seq 3 | sed -n 2p; seq 3 | sed 1d",
            "a-b+\n2\n2\n3\n",
            0,
        ),
        ("echo 'k=v' | sed -E 's/(.)=(.)/\\2=\\1/'", "v=k\n", 0),
        ("echo hi | wc; echo -n abc | wc -c", "      1       1       3\n3\n", 0),
        ("echo hi | tee /tmp/t; cat /tmp/t", "hi\nhi\n", 0),
        ("echo aGkK | base64 -d; echo hi | base64", "hi\naGkK\n", 0),
        ("echo a b c | xargs -n1 echo x", "x a\nx b\nx c\n", 0),
        ("printf 'a b\\n' | while read x y; do echo $y $x; done", "b a\n", 0),
        ("yes | head -n 2", "y\ny\n", 0),
        ("date -u +%Y-%m-%d; date -d @0 +%s", "2026-01-02\n0\n", 0),
        ("basename /a/b.c .c; dirname /a/b.c", "b\n/a\n", 0),
        (
            "hostname; whoami; id; uname",
            "box\nroot\nuid=0(root) gid=0(root) groups=0(root)\nLinux\n",
            0,
        ),
        ("which ls; command -v cd; type cd", "/bin/ls\ncd\ncd is a shell builtin\n", 0),
        ("expr 2 + 3", "5\n", 0),
        ("timeout 1 sleep 10; echo $?", "124\n", 0),
    ]);
}

#[test]
fn requests_stay_inside() {
    check(&[
        ("curl -s http://web/x", "GET /x\n", 0),
        ("curl -s -o /dev/null -w '%{http_code}\\n' http://web/no", "404\n", 0),
        ("curl -sf http://web/no; echo $?", "22\n", 0),
        ("curl -s http://nobody/; echo $?", "6\n", 0),
        (
            "curl http://down/ 2>&1",
            "curl: (7) Failed to connect to down port 80: Connection refused\n",
            7,
        ),
        ("wget -qO- http://web/y", "GET /y\n", 0),
        ("getent hosts web", "172.30.0.9      web.x.lab\n", 0),
    ]);
}

#[test]
fn the_shell_says_what_went_wrong() {
    let rows = [
        ("nope", "sh: line 1: nope: command not found\n", 127),
        ("true\n\nnope", "sh: line 3: nope: command not found\n", 127),
        ("/none", "sh: line 1: /none: No such file or directory\n", 127),
        ("/tmp", "sh: line 1: /tmp: Is a directory\n", 126),
        ("echo )", "sh: line 1: syntax error near unexpected token `)'\n", 2),
        ("if true", "sh: line 1: syntax error: unexpected end of file\n", 2),
        ("echo 'a", "sh: line 1: syntax error: unexpected end of file\n", 2),
        ("echo $((1/0))", "sh: line 1: 1/0: division by 0\n", 1),
        ("set -u; echo $no", "sh: line 1: no: unbound variable\n", 1),
        ("readonly x=1; x=2", "sh: line 1: x: readonly variable\n", 1),
        ("echo x > /none/f", "sh: line 1: /none/f: No such file or directory\n", 1),
        ("exit x", "sh: line 1: exit: x: numeric argument required\n", 2),
        ("ls -Y", "ls: invalid option -- 'Y'\nTry 'ls --help' for more information.\n", 2),
        ("kill 99999", "sh: line 1: kill: (99999) - No such process\n", 1),
        ("${x!}", "sh: line 1: bad substitution\n", 2),
    ];
    for (text, err, code) in rows {
        let got = script(text);
        assert_eq!((got.err.as_str(), got.code), (err, Ok(code)), "{text}");
    }
}

#[test]
fn only_the_owner_and_root_may() {
    let rows = [
        ("cat /etc/secret", "cat: /etc/secret: Permission denied\n", 1),
        ("echo x > /etc/x", "sh: line 1: /etc/x: Permission denied\n", 1),
        ("rm /etc/passwd", "rm: cannot remove '/etc/passwd': Permission denied\n", 1),
        (
            "chmod 777 /etc/passwd",
            "chmod: changing permissions of '/etc/passwd': Operation not permitted\n",
            1,
        ),
        (
            "chroot /tmp",
            "chroot: cannot change root directory to '/tmp': Operation not permitted\n",
            125,
        ),
        ("echo x > /tmp/mine && rm /tmp/mine", "", 0),
    ];
    for (text, err, code) in rows {
        let got = with(&["sh", "-c", text], 1000, "");
        assert_eq!((got.err.as_str(), got.code), (err, Ok(code)), "{text}");
    }
}

#[test]
fn commands_run_without_a_shell_and_scripts_from_a_pipe() {
    let got = with(&["echo", "$x", "*"], 0, "");
    assert_eq!((got.out.as_str(), got.code), ("$x *\n", Ok(0)));
    assert_eq!(with(&["none"], 0, "").code, Err(NotStarted::NotFound));
    let got =
        with(&["sh"], 0, "echo a\nread x\nline\necho [$x]\nif true; then\necho b\nfi\nexit 5\n");
    assert_eq!((got.out.as_str(), got.code), ("a\n[line]\nb\n", Ok(5)));
    let got = with(&["cat"], 0, "in");
    assert_eq!(got.out, "in");
}

#[test]
fn time_is_the_clocks() {
    assert!(script("sleep 90").took >= SignedDuration::from_secs(90));
    assert!(script("sleep 30 & sleep 30 & wait").took < SignedDuration::from_secs(40));
    assert!(script("sleep 5 | sleep 5").took < SignedDuration::from_secs(8));
}

/// A terminal session: what is typed, and everything that is shown.
async fn typed(clock: &StepClock, keys: &[&str]) -> (String, i32) {
    let (to, mut shown) = tokio::sync::mpsc::channel(64);
    let (keyboard, from) = tokio::sync::mpsc::channel(64);
    let (_size, sizes) = tokio::sync::watch::channel((80, 24));
    let terminal = Terminal::new(to, sizes);
    let (mut exec, _) = exec(&["/bin/sh"], 0, Input::terminal(Arc::clone(&terminal)), clock);
    exec.stdout = Output::Terminal(Arc::clone(&terminal));
    exec.stderr = exec.stdout.clone();
    exec.terminal = Some(Arc::clone(&terminal));
    let pump = {
        let terminal = Arc::clone(&terminal);
        async move { terminal.pump(from).await }
    };
    drop(terminal);
    let typing = async {
        for key in keys {
            keyboard.send(bytes::Bytes::copy_from_slice(key.as_bytes())).await.unwrap();
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
        std::future::pending::<()>().await;
    };
    let session = async {
        tokio::select! {
            code = run(exec) => code.unwrap(),
            () = async { tokio::join!(pump, typing); } => unreachable!(),
        }
    };
    let collect = async {
        let mut all = Vec::new();
        while let Some(chunk) = shown.recv().await {
            all.extend_from_slice(&chunk);
        }
        String::from_utf8(all).unwrap()
    };
    let (code, all) = tokio::join!(session, collect);
    (all, code)
}

#[tokio::test]
async fn terminals_show_prompts_and_echo() {
    let clock = StepClock::new(start());
    let rows: &[(&[&str], &str, i32)] = &[
        (&["echo hi\r", "exit\r"], "sh-5.1# echo hi\r\nhi\r\nsh-5.1# exit\r\nexit\r\n", 0),
        (&["\x04"], "sh-5.1# exit\r\n", 0),
        (
            &["ech\x7fho a\r", "exit 3\r"],
            "sh-5.1# ech\x08 \x08ho a\r\na\r\nsh-5.1# exit 3\r\nexit\r\n",
            3,
        ),
        (
            &["ab\x03", "echo $?\r", "\x04"],
            "sh-5.1# ab^C\r\nsh-5.1# echo $?\r\n130\r\nsh-5.1# exit\r\n",
            0,
        ),
        (
            &["sleep 100\r", "\x03", "exit\r"],
            "sh-5.1# sleep 100\r\n^C\r\nsh-5.1# exit\r\nexit\r\n",
            130,
        ),
        (
            &["for i in 1 2\r", "do echo $i; done\r", "\x04"],
            "sh-5.1# for i in 1 2\r\n> do echo $i; done\r\n1\r\n2\r\nsh-5.1# exit\r\n",
            0,
        ),
        (
            &["cat\r", "line\r", "\x04", "exit\r"],
            "sh-5.1# cat\r\nline\r\nline\r\nsh-5.1# exit\r\nexit\r\n",
            0,
        ),
        (
            &["PS1='> '\r", "sh\r", "exit 4\r", "echo $?\r", "\x04"],
            "sh-5.1# PS1='> '\r\n> sh\r\nsh-5.1# exit 4\r\nexit\r\n> echo $?\r\n4\r\n> exit\r\n",
            0,
        ),
    ];
    for (keys, shown, code) in rows {
        let (got, ended) = typed(&clock, keys).await;
        assert_eq!((got.as_str(), ended), (*shown, *code), "{keys:?}");
    }
}
