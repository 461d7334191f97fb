//! Types, and complaints in upstream's words.

use super::check;
use crate::cel::{
    parse::parse,
    source::shown,
    types::{self, Type},
};
use std::sync::Arc;

fn typed(source: &str) -> String {
    let map = Type::Map(Arc::new(types::STRING), Arc::new(types::INT));
    let variables = [
        ("i".to_owned(), types::INT),
        ("s".to_owned(), types::STRING),
        ("l".to_owned(), Type::list(types::STRING)),
        ("m".to_owned(), map),
        ("d".to_owned(), Type::Dyn),
    ];
    let parsed = parse(source).unwrap_or_else(|e| panic!("{}", shown(source, e)));
    match check(parsed, &variables) {
        Ok(checked) => checked.types[checked.root.id].to_string(),
        Err(complaints) => shown(source, complaints),
    }
}

#[test]
fn expressions_have_types() {
    for (source, wanted) in [
        ("i + 1 > 2 && s == 'a'", "bool"),
        ("l.map(x, x.size())", "list(int)"),
        ("m.transformMap(k, v, double(v))", "map(string, double)"),
        ("l.filter(x, x in m)", "list(string)"),
        ("[]", "list(dyn)"),
        ("{'a': [1, 2]}", "map(string, list(int))"),
        ("optional.of(i).optMap(x, string(x))", "optional_type(string)"),
        ("m.?a.orValue(3)", "int"),
        ("d.a.b[0]", "dyn"),
        ("type(i) == int", "bool"),
        ("l.sortBy(x, x.size())", "list(string)"),
        ("d.size() + 1", "int"),
        ("[[1], []].flatten()", "list(int)"),
        ("ip('1.2.3.4').family()", "int"),
        ("d > 1 ? d : 'a'", "dyn"),
        ("'%d %s'.format([1, 'a'])", "string"),
        ("url(s).getQuery()", "map(string, list(string))"),
    ] {
        assert_eq!(typed(source), wanted, "{source}");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    for (source, wanted) in [
        (
            "i > s",
            "ERROR: <input>:1:3: found no matching overload for '_>_' applied to '(int, string)'\n | i > s\n | ..^",
        ),
        ("q == 1", "ERROR: <input>:1:1: undeclared reference to 'q' (in container '')"),
        ("s.foo()", "ERROR: <input>:1:6: undeclared reference to 'foo' (in container '')"),
        (
            "s.startsWith(1)",
            "found no matching overload for 'startsWith' applied to 'string.(int)'",
        ),
        ("i.a", "ERROR: <input>:1:2: type 'int' does not support field selection"),
        ("[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'"),
        ("i && true", "ERROR: <input>:1:1: expected type 'bool' but found 'int'"),
        (
            "i.all(x, true)",
            "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        ("duration('x') > duration('1s')", "ERROR: <input>:1:10: invalid duration argument"),
        ("s.matches('(')", "invalid matches argument"),
        ("'%d'.format(['a'])", "decimal clause can only be used on integers, was given string"),
        ("'%s'.format([1, 2])", "too many arguments supplied to string.format (expected 1, got 2)"),
        ("Foo{}", "undeclared reference to 'Foo' (in container '')"),
    ] {
        let text = typed(source);
        assert!(text.contains(wanted), "{source}: {text}");
    }
}
