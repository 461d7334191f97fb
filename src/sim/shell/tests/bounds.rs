//! What no script may do: last for ever, use more than it may, or cut what it hands on.

use super::*;
use crate::sim::shell::io;
use proptest::prelude::*;

#[test]
fn nothing_lasts_forever() {
    for text in [
        "while :; do :; done",
        "while true; do echo x; done > /dev/null",
        "f() { f; }; f",
        "f() { f | f; }; f",
        "x=a; while :; do x=$x$x; done",
        "x=$(yes)",
        "yes > /tmp/x",
        "cat /dev/zero | tail -n 1",
        "for i in {1..20000}; do for j in {1..20000}; do :; done; done",
        "for i in {1..20000}; do mkdir -p /tmp/$i/$i; done; echo",
        "echo $(echo $(echo $(seq 1000000)))",
        "ln -s /tmp/l /tmp/l; cat /tmp/l",
        "sh -c 'sh $0 $0' /bin/sh",
        ":(){ :|:& };:",
    ] {
        let clock = StepClock::new(start());
        let (fs, quota) = files();
        let (mut exec, [out, _]) = exec(&["sh", "-c", text], 0, Input::empty(), &clock);
        exec.fs = fs;
        // Whatever the code: it ends, and what it wrote is bounded.
        let _ = finish(&clock, run(exec));
        assert!(out.lock().len() <= io::LARGEST, "{text}");
        assert!(quota.state().1 <= QUOTA, "{text}");
    }
}

#[test]
fn what_is_written_counts() {
    let got = script("yes > /tmp/x; ls /tmp; rm /tmp/x; echo y > /tmp/y && cat /tmp/y");
    assert_eq!(got.out, "x\ny\n");
    assert!(got.err.contains("No space left on device"), "{}", got.err);
}

#[test]
fn what_cannot_be_held_is_said_and_not_cut() {
    let rows = [
        ("cat /dev/zero | sort", "", "sort: memory exhausted", 2),
        ("cat /dev/zero | tail -n 1", "", "tail: memory exhausted", 1),
        ("cat /dev/zero | grep x", "", "grep: memory exhausted", 2),
        ("cat /dev/zero | while read x; do :; done", "", "read: memory exhausted", 0),
        ("x=$(yes); echo $?", "1\n", "yes: write error: Cannot allocate memory", 0),
        ("head -c 5000000 /dev/zero | wc -c", "5000000\n", "", 0),
        ("head -c 9000000 /dev/zero | tail -c 3 | wc -c", "3\n", "", 0),
        ("head -c 9000000 /dev/zero | tail -c +8999999 | wc -c", "2\n", "", 0),
        (
            "seq 3 | tail -n 2; seq 3 | tail -n +3; seq 3 | tail -n 0; seq 3 | tail -c 2",
            "2\n3\n3\n3\n",
            "",
            0,
        ),
        (
            "printf 'a b\\nc' | tail -n1; printf 'a  bé\\n' | wc",
            "c      1       2       7\n",
            "",
            0,
        ),
        (
            "printf abc | sha256sum",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n",
            "",
            0,
        ),
    ];
    for (text, out, err, code) in rows {
        let got = script(text);
        assert_eq!((got.out.as_str(), got.code), (out, Ok(code)), "{text}: {}", got.err);
        assert!(
            got.err.contains(err) && got.err.is_empty() == err.is_empty(),
            "{text}: {}",
            got.err
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any text is a script that ends: nothing panics, and no more is used than allowed.
    #[test]
    fn any_script_ends(words in proptest::collection::vec(prop_oneof![
        "[ -~]{0,6}",
        proptest::sample::select(vec![
            "echo", "$x", "${x:-", "}", "$(", ")", "`", "'", "\"", "|", "&&", "||", ";", "&", "\n",
            "if", "then", "fi", "while", "do", "done", "for", "in", "case", "esac", ";;", "{", "(",
            "<<E", "E", ">", "<", "2>&1", "$((", "))", "[[", "]]", "*", "x=", "f()", "é", "\\",
            "sleep 1", "cat", "sed s/a/b/", "grep", "sort", "printf %d", "test", "find /", "{1..9}",
            "tar c /etc", "head -c", "tr", "cut", "xargs", "read x", "break", "return", "exit",
            "set -e", "trap", "eval", "exec", "rm -rf", "/tmp/a", "ln -s", "kill", "date +", "awk",
        ]).prop_map(str::to_owned),
    ], 0..24)) {
        let text = words.join(" ");
        let clock = StepClock::new(start());
        let (exec, [out, _]) = exec(&["sh", "-c", &text], 1000, Input::text(b"a\nb\n"), &clock);
        let _ = finish(&clock, run(exec));
        prop_assert!(out.lock().len() <= io::LARGEST);
    }

    /// Any bytes are a script for a shell that reads from a pipe, and keys for a terminal.
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let clock = StepClock::new(start());
        let (exec, _) = exec(&["sh"], 1000, Input::text(&bytes), &clock);
        let _ = finish(&clock, run(exec));
    }
}
