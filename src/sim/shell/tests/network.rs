//! Commands of the network: what they say, and how they end.

use super::{check, script};
use jiff::SignedDuration;

/// Output and errors together.
fn all(rows: &[(&str, &str, i32)]) {
    for (text, expected, code) in rows {
        let got = script(&format!("{{ {text}; }} 2>&1"));
        assert_eq!((got.out.as_str(), got.code), (*expected, Ok(*code)), "{text}");
    }
}

#[test]
fn names_are_searched_and_asked_for() {
    check(&[
        ("dig +noall +answer +search web A", "web.x.lab.\t\t5\tIN\tA\t172.30.0.9\n", 0),
        ("dig +notcp +noall +answer web A", "", 0),
        ("dig +short alias.x.lab CNAME", "web.x.lab.\n", 0),
        ("dig +short alias.x.lab", "web.x.lab.\n172.30.0.9\n", 0),
        ("dig +short _http._tcp.web.x.lab SRV", "0 100 80 web.x.lab.\n", 0),
        ("dig +short -x 172.30.0.9", "web.x.lab.\n", 0),
        ("test -n \"$(dig +tcp +noall +answer +search web A)\" && echo OK", "OK\n", 0),
        ("getent hosts box", "10.0.0.5        box.x.lab box\n", 0),
        ("getent hosts 172.30.0.9", "172.30.0.9      web.x.lab\n", 0),
        ("getent hosts nobody; echo $?", "2\n", 0),
        ("getent passwd me", "me:x:1000:0::/:/bin/sh\n", 0),
        ("host web", "web.x.lab has address 172.30.0.9\n", 0),
        (
            "nslookup alias | tail -n +4",
            "alias.x.lab\tcanonical name = web.x.lab.\nName:\tweb.x.lab\nAddress: 172.30.0.9\n\n",
            0,
        ),
        (
            "nslookup nobody",
            "Server:\t\t172.30.0.10\nAddress:\t172.30.0.10#53\n\n** server can't find nobody: \
             NXDOMAIN\n\n",
            1,
        ),
    ]);
}

#[test]
fn connections_fail_in_the_words_of_each_tool() {
    all(&[
        (
            "nc -v -w 2 web 80 </dev/null",
            "Ncat: Version 7.92 ( https://nmap.org/ncat )\nNcat: Connected to 172.30.0.9:80.\nwelcome\n",
            0,
        ),
        (
            "nc-openbsd -v -t -w 2 web 80 </dev/null",
            "Connection to web (172.30.0.9) 80 port [tcp/http] succeeded!\nwelcome\n",
            0,
        ),
        (
            "nc-openbsd -zv web 80",
            "Connection to web (172.30.0.9) 80 port [tcp/http] succeeded!\n",
            0,
        ),
        (
            "nc-openbsd -zv down 80",
            "nc: connect to down (172.30.0.8) port 80 (tcp) failed: Connection refused\n",
            1,
        ),
        (
            "nc-openbsd -w 2 -v far 80",
            "nc: connect to far (172.30.0.7) port 80 (tcp) timed out: Operation in progress\n",
            1,
        ),
        ("nc-openbsd -w 2 down 80", "", 1),
        (
            "nc-busybox down 81",
            "nc: can't connect to remote host (172.30.0.8): Connection refused\n",
            1,
        ),
        ("nc-busybox nobody 81", "nc: bad address 'nobody'\n", 1),
        ("nc-busybox -w 1 far 81", "nc: timed out\n", 1),
        ("echo hostname | nc-openbsd -u -w 5 web 81", "hostname\n", 0),
        (
            "curl -sS far --connect-timeout 2",
            "curl: (28) Connection timed out after 2001 milliseconds\n",
            28,
        ),
        (
            "curl-8 -sS http://down/",
            "curl: (7) Failed to connect to down port 80 after 0 ms: Could not connect to server\n",
            7,
        ),
        (
            "curl -q -g -s --connect-timeout 2 --max-time 60 --interface 10.0.0.1 172.30.0.9:80/x",
            "GET /x\n",
            0,
        ),
        ("curl -s -d a=1 -d b=2 web/form", "POST /form a=1&b=2\n", 0),
        ("curl -s -L web/moved", "GET /new\n", 0),
        ("curl -sG -d a=1 web/form", "GET /form?a=1\n", 0),
        ("wget-busybox -O- -q --post-data=TEXT http://web/", "POST / TEXT\n", 0),
        (
            "wget-busybox -qO- http://down/",
            "wget: can't connect to remote host (172.30.0.8): Connection refused\n",
            1,
        ),
        ("wget-busybox -T 1 -qO- http://far/", "wget: download timed out\n", 1),
        ("wget-busybox http://nobody:8080/", "wget: bad address 'nobody:8080'\n", 1),
        (
            "wget -nv -O /dev/null http://nobody/",
            "wget: unable to resolve host address ‘nobody’\n",
            4,
        ),
    ]);
}

#[test]
fn waiting_takes_the_time_it_takes() {
    let rows = [("curl -sS -m 3 far", 3), ("nc-openbsd -w 7 far 1", 7), ("curl -s far", 127)];
    for (text, seconds) in rows {
        let took = script(text).took.as_secs();
        assert!((seconds..seconds + 2).contains(&took), "{text} took {took}");
    }
}

#[test]
fn an_unknown_name_server_is_waited_for() {
    let got =
        script("echo nameserver 1.1.1.1 >/etc/resolv.conf; dig +time=1 +tries=2 web; echo $?");
    assert!(got.out.ends_with(";; no servers could be reached\n9\n"), "{}", got.out);
    assert!(got.took >= SignedDuration::from_secs(2));
}
