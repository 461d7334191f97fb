//! Small commands: what they print.

use super::{check, script};

#[test]
fn bytes_are_shown_as_numbers() {
    check(&[
        (
            "printf 'hello\\n' | hexdump -C",
            "00000000  68 65 6c 6c 6f 0a                                 |hello.|\n00000006\n",
            0,
        ),
        ("printf ab | hexdump", "0000000 6261                                   \n0000002\n", 0),
        ("printf 'a\\n' | od -c", "0000000   a  \\n\n0000002\n", 0),
        ("printf '\\001' | od -An -tx1", " 01\n", 0),
        ("printf hi | xxd", "00000000: 6869                                     hi\n", 0),
        ("printf hi | xxd -p", "6869\n", 0),
        ("head -c 64 /dev/zero | hexdump -C | tail -n 2", "*\n00000040\n", 0),
    ]);
}

#[test]
fn settings_of_the_kernel_are_files() {
    check(&[
        ("sysctl kernel.shm_rmid_forced", "kernel.shm_rmid_forced = 1\n", 0),
        ("sysctl -n kernel/shm_rmid_forced", "1\n", 0),
        ("sysctl -a", "kernel.shm_rmid_forced = 1\n", 0),
        ("sysctl -e no.such", "", 0),
    ]);
    let missing = script("sysctl no.such");
    assert_eq!(missing.err, "sysctl: cannot stat /proc/sys/no/such: No such file or directory\n");
    let refused = script("sysctl -w kernel.shm_rmid_forced=0");
    assert_eq!(refused.err, "sysctl: permission denied on key \"kernel.shm_rmid_forced\"\n");
}

#[test]
fn interfaces_can_be_seen_and_not_changed() {
    check(&[
        ("ip -br addr show eth0", "eth0@if42        UP             10.217.2.9/23 \n", 0),
        ("ip addr | grep -c inet", "2\n", 0),
        ("ip route | head -n 1", "default via 10.217.2.1 dev eth0 \n", 0),
        (
            "ip-busybox link add dummy0 type dummy 2>&1",
            "ip: RTNETLINK answers: Operation not permitted\n",
            1,
        ),
        ("ip link add dummy0 type dummy 2>&1", "RTNETLINK answers: Operation not permitted\n", 2),
    ]);
}

#[test]
fn busybox_calls_its_applets() {
    check(&[
        ("busybox echo hi", "hi\n", 0),
        ("busybox sh -c 'echo $0'", "sh\n", 0),
        ("busybox wget -qO- http://web/", "GET /\n", 0),
        ("busybox curl 2>&1", "curl: applet not found\n", 127),
        ("busybox --list | grep -cx awk", "1\n", 0),
    ]);
}

#[test]
fn busybox_has_words_of_its_own() {
    let here = "mkdir -p /usr/bin; : >/usr/bin/busybox; cd /tmp; ";
    let rows = [
        ("ls no", "ls: no: No such file or directory\n"),
        ("cat no", "cat: can't open 'no': No such file or directory\n"),
        ("rm no", "rm: can't remove 'no': No such file or directory\n"),
        ("mkdir /tmp", "mkdir: can't create directory '/tmp': File exists\n"),
        ("cp no x", "cp: can't stat 'no': No such file or directory\n"),
        ("mv no x", "mv: can't rename 'no': No such file or directory\n"),
        ("tail no", "tail: can't open 'no': No such file or directory\n"),
        ("wc no", "wc: no: No such file or directory\n"),
    ];
    for (text, expected) in rows {
        assert_eq!(script(&format!("{here}{text}")).err, expected, "{text}");
    }
    let gnu = script("ls no; tail no; cat no").err;
    assert_eq!(
        gnu,
        "ls: cannot access 'no': No such file or directory\ntail: cannot open 'no' for reading: No \
         such file or directory\ncat: no: No such file or directory\n"
    );
}

#[test]
fn shells_say_what_they_cannot_open() {
    let rows = [
        (["ash", "-c", "echo x >/no/x"], "ash: can't create /no/x: nonexistent directory\n"),
        (["/bin/ash", "-c", "cat </no"], "/bin/ash: can't open /no: no such file\n"),
        (["dash", "-c", "echo x >/no/x"], "dash: 1: cannot create /no/x: Directory nonexistent\n"),
        (["bash", "-c", "cat </no"], "bash: line 1: /no: No such file or directory\n"),
    ];
    for (argv, expected) in rows {
        assert_eq!(super::with(&argv, 0, "").err, expected, "{argv:?}");
    }
}

#[test]
fn blocks_and_packed_bytes_go_from_place_to_place() {
    check(&[
        ("dd if=/dev/zero of=/tmp/x bs=1024 count=4 status=none; wc -c </tmp/x", "4096\n", 0),
        ("printf abcdef | dd bs=1 skip=2 count=3 2>/dev/null", "cde", 0),
        (
            "printf abc >/tmp/y; printf X | dd of=/tmp/y seek=1 bs=1 conv=notrunc 2>&1 | head -n 1; \
          cat /tmp/y",
            "1+0 records in\naXc",
            0,
        ),
        ("dd oops 2>&1", "dd: unrecognized operand 'oops'\n", 1),
        ("printf hello | gzip | gunzip", "hello", 0),
        ("printf hello >/tmp/z; gzip /tmp/z && zcat /tmp/z.gz; ls /tmp/z 2>/dev/null", "hello", 2),
        ("printf no | gunzip 2>&1 | tail -n 1", "gzip: stdin: not in gzip format\n", 0),
    ]);
}

#[test]
fn sums_are_printed_and_checked() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let file = "printf abc > /tmp/a; ";
    let rows = [
        ("sha256sum -b /tmp/a", format!("{abc} */tmp/a\n"), 0),
        ("sha256sum --binary --tag /tmp/a", format!("SHA256 (/tmp/a) = {abc}\n"), 0),
        ("sha256sum -t /tmp/a | sha256sum -c", "/tmp/a: OK\n".into(), 0),
        ("sha256sum -b /tmp/a > /tmp/l; sha256sum -c /tmp/l", "/tmp/a: OK\n".into(), 0),
        ("sha256sum --tag /tmp/a | sha256sum -c --quiet -", String::new(), 0),
        ("sha1sum /tmp/a", "a9993e364706816aba3e25717850c26c9cd0d89d  /tmp/a\n".into(), 0),
        ("md5sum /tmp/a", "900150983cd24fb0d6963f7d28e17f72  /tmp/a\n".into(), 0),
        ("sha512sum /tmp/a | cut -c 1-16", "ddaf35a193617aba\n".into(), 0),
        (
            "sha256sum /tmp/a > /tmp/l; echo x > /tmp/a; sha256sum -c /tmp/l 2>&1",
            String::new()
                + "/tmp/a: FAILED\nsha256sum: WARNING: 1 computed checksum did NOT match\n",
            1,
        ),
        (
            "sha256sum /tmp/a > /tmp/l; rm /tmp/a; sha256sum -c --status /tmp/l 2> /dev/null",
            String::new(),
            1,
        ),
        (
            "sha256sum -c /tmp/a 2>&1",
            String::new()
                + "sha256sum: /tmp/a: no properly formatted SHA256 checksum lines found\n",
            1,
        ),
        ("sha256sum -y /tmp/a 2>&1 | head -n 1", "sha256sum: invalid option -- 'y'\n".into(), 0),
    ];
    for (text, out, code) in rows {
        check(&[(&format!("{file}{text}"), &out, code)]);
    }
}

#[test]
fn options_are_no_names() {
    check(&[
        ("basename -s .txt /a/b.txt; basename -a /x/y z", "b\ny\nz\n", 0),
        ("basename /a/b.txt .txt; basename -- -n; dirname /a/b c/d", "b\n-n\n/a\nc\n", 0),
        (
            "printf abc > /tmp/a; ln -s a /tmp/l; readlink -n /tmp/l; readlink -e /tmp/l",
            "a/tmp/a\n",
            0,
        ),
        ("printf 'a\\nb\\n' | tac -b", "b\na\n", 0),
    ]);
}
