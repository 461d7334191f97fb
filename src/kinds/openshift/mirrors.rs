//! What mirror sets may look like, in the words of the API server for custom resources.
//! Source: openshift/api `config/v1/types_image_digest_mirror_set.go` (kubebuilder markers).

use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};
use regex::Regex;
use std::{collections::BTreeSet, sync::OnceLock};

/// `host[:port]`, paths below one, or `*.domain`.
const SOURCE: &str = r"^\*(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+$|^((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+)?(?::[0-9]+)?)(?:(?:/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?$";
/// The same without wildcards.
const MIRROR: &str = r"^((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+)?(?::[0-9]+)?)(?:(?:/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?$";
const POLICIES: [&str; 2] = ["NeverContactSource", "AllowContactingSource"];

/// Checks the entries of the list at `list`.
pub fn check(set: &Value, list: &str, out: &mut Causes) {
    static PATTERNS: [OnceLock<Option<Regex>>; 2] = [OnceLock::new(), OnceLock::new()];
    for (i, entry) in set.list_at(list).iter().enumerate() {
        let path = format!("{list}[{i}]");
        matching(&PATTERNS[0], SOURCE, entry.str_at("source"), &format!("{path}.source"), out);
        let mut seen = BTreeSet::new();
        for (j, mirror) in entry.list_at("mirrors").iter().enumerate() {
            let (path, text) = (format!("{path}.mirrors[{j}]"), mirror.as_str().unwrap_or(""));
            matching(&PATTERNS[1], MIRROR, text, &path, out);
            if !seen.insert(text) {
                out.duplicate(path, mirror);
            }
        }
        let policy = entry.str_at("mirrorSourcePolicy");
        if !policy.is_empty() && !POLICIES.contains(&policy) {
            out.unsupported(format!("{path}.mirrorSourcePolicy"), &json!(policy), &POLICIES);
        }
    }
}

fn matching(
    known: &OnceLock<Option<Regex>>,
    pattern: &str,
    text: &str,
    path: &str,
    out: &mut Causes,
) {
    let regex = known.get_or_init(|| Regex::new(pattern).ok());
    if !regex.as_ref().is_some_and(|r| r.is_match(text)) {
        let why = format!("{path} in body should match '{pattern}'");
        out.invalid(path, &json!(text), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_in_upstreams_words() {
        let rows = [
            (json!({"source": "quay.io/a/b", "mirrors": ["m.io:5000/x"]}), vec![]),
            (json!({"source": "*.quay.io", "mirrorSourcePolicy": "NeverContactSource"}), vec![]),
            (json!({"source": ""}), vec!["l[0].source"]),
            (json!({"source": "a.io", "mirrors": ["*.b.io"]}), vec!["l[0].mirrors[0]"]),
            (json!({"source": "a.io", "mirrors": ["b", "b"]}), vec!["l[0].mirrors[1]"]),
            (
                json!({"source": "a.io", "mirrorSourcePolicy": "No"}),
                vec!["l[0].mirrorSourcePolicy"],
            ),
        ];
        for (entry, expected) in rows {
            let mut out = Causes::default();
            check(&json!({"l": [entry]}), "l", &mut out);
            let fields: Vec<&str> = out.0.iter().map(|c| c.field.as_str()).collect();
            assert_eq!(fields, expected, "{entry}");
        }
    }
}
