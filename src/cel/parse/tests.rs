//! What is read, and what is refused in which words.

use super::parse;
use crate::cel::source::shown;

fn refusal(source: &str) -> String {
    shown(source, parse(source).expect_err(source))
}

#[test]
fn what_is_no_expression_is_refused() {
    for (source, wanted) in [
        ("self = 1", "ERROR: <input>:1:6: Syntax error: token recognition error at: '= '"),
        ("a.b.", "ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting IDENTIFIER"),
        ("1 +", "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!',"),
        ("a b", "ERROR: <input>:1:3: Syntax error: extraneous input 'b' expecting <EOF>"),
        ("has(a)", "ERROR: <input>:1:5: invalid argument to has() macro"),
        ("[1].all(1, true)", "ERROR: <input>:1:9: argument must be a simple name"),
        ("if", "ERROR: <input>:1:1: reserved identifier: if"),
        ("99999999999999999999", "ERROR: <input>:1:1: invalid int literal"),
    ] {
        assert!(refusal(source).contains(wanted), "{source}: {}", refusal(source));
    }
}

#[test]
fn what_is_an_expression_is_read() {
    for source in [
        "a.b[0].?c == -1 ? !x : y || z && w",
        "[1, 2u, 0x1F, 1.5e3, ?a]",
        "{'a': 1, ?'b': c}",
        "r'\\d' + \"\\x41\\u00e9\" + '''long\n'text''' ",
        "b'\\xff' == bytes('a')",
        "Object{spec: Object.spec{a: 1}}",
        "self.`a-b/c`",
        "-9223372036854775808",
        "x.all(i, v, v > i) // a comment",
        "a - -1",
    ] {
        assert!(parse(source).is_ok(), "{source}: {}", refusal(source));
    }
}

#[test]
fn depth_and_length_have_ends() {
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100));
    let long = format!("1{}", "+1".repeat(1000));
    let doubled = format!("a{}", ".optMap(x, x)".repeat(100));
    for source in [deep, long, doubled, "a".repeat(100_001)] {
        let complaints = parse(&source).expect_err("too much");
        assert!(complaints[0].message.contains("exce"), "{complaints:?}");
    }
    assert!(parse(&format!("a{}", " && a".repeat(10_000))).is_ok(), "logic is balanced");
}
