//! What several table cells share. Knows no kind.

use crate::{
    kinds::{CellCx, Column, columns::AGE},
    object::{ObjectExt, Value, json},
};

/// The only column of kinds without a printer of their own upstream: the raw time of creation.
pub const CREATED_AT: Column = Column {
    name: "Created At",
    kind: "date",
    cell: |o, _| text(o, "metadata.creationTimestamp"),
    ..AGE
};

/// The string at `path`.
pub fn text(o: &Value, path: &str) -> Value {
    json!(o.str_at(path))
}

/// The string at `path`, or `instead` when it is absent or empty.
pub fn text_or(o: &Value, path: &str, instead: &str) -> Value {
    let s = o.str_at(path);
    json!(if s.is_empty() { instead } else { s })
}

/// The boolean at `path`, or `default` when it is absent.
pub fn flag(o: &Value, path: &str, default: bool) -> Value {
    json!(o.at(path).and_then(Value::as_bool).unwrap_or(default))
}

/// The strings at `path`, joined.
pub fn joined(o: &Value, path: &str, separator: &str) -> String {
    let items: Vec<&str> = o.list_at(path).iter().filter_map(Value::as_str).collect();
    items.join(separator)
}

/// Time since the moment written at `path`.
pub fn since(o: &Value, path: &str, cx: &CellCx) -> Value {
    json!(cx.age(o.str_at(path)))
}

/// The first three of `items`, then how many are left (` + N more...`); `empty` for none.
/// Source: kubernetes `pkg/printers/internalversion`.
pub fn first_three(items: impl Iterator<Item = String>, count: usize, empty: &str) -> String {
    const SHOWN: usize = 3;
    let shown = || items.take(SHOWN).collect::<Vec<_>>().join(",");
    match count {
        0 => empty.to_owned(),
        n if n <= SHOWN => shown(),
        n => format!("{} + {} more...", shown(), n - SHOWN),
    }
}

/// Addresses of `status.loadBalancer.ingress`, sorted, each once.
pub fn balancer_addresses(o: &Value) -> Vec<&str> {
    let mut all: Vec<&str> = o
        .list_at("status.loadBalancer.ingress")
        .iter()
        .map(|i| if i.str_at("ip").is_empty() { i.str_at("hostname") } else { i.str_at("ip") })
        .filter(|a| !a.is_empty())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A map of labels as `k=v,k2=v2`; `<none>` when empty.
pub fn labels(o: &Value, path: &str) -> Value {
    let pairs: Vec<String> = o
        .map_at(path)
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("")))
        .collect();
    json!(if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") })
}

/// A label selector object as `k=v,k2 in (a,b),!k3`; `<none>` when empty.
/// Source: apimachinery `FormatLabelSelector`.
pub fn label_selector(o: &Value, path: &str) -> Value {
    let exact = o.map_at(&format!("{path}.matchLabels")).into_iter().flatten();
    let mut parts: Vec<(String, String)> =
        exact.map(|(k, v)| (k.to_string(), format!("{k}={}", v.as_str().unwrap_or("")))).collect();
    for e in o.list_at(&format!("{path}.matchExpressions")) {
        let key = e.str_at("key");
        let mut values: Vec<&str> = e.list_at("values").iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let text = match e.str_at("operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        };
        parts.push((key.to_owned(), text));
    }
    parts.sort();
    let all: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    json!(if all.is_empty() { "<none>".to_owned() } else { all.join(",") })
}

/// Access modes in their short forms (`RWO,RWX`), each once, in upstream's order.
pub fn access_modes(o: &Value, path: &str) -> String {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes = o.list_at(path);
    let short = SHORT.iter().filter(|(long, _)| modes.iter().any(|m| m == long));
    short.map(|(_, s)| *s).collect::<Vec<_>>().join(",")
}
