//! Which tags of a repository come first when not all are imported, and which mirrors are asked
//! first when several lists name some.
//! Source: library-go `pkg/image/imageutil` (PrioritizeTags), runtime-utils `pkg/registries`.

use semver::Version;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, VecDeque},
};

/// How much a tag is worth, the smaller the more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Latest,
    /// `5.1`, `v5.1`, `5.1-rc1`.
    Minor,
    /// `5.1.3`, `v5.1.3-rc1`.
    Full,
    Other,
}

struct Ranked {
    class: Class,
    version: Option<Version>,
    prefixed: bool,
    tag: String,
}

/// `latest`, then minor versions, then full ones, the newest of each first, then the rest by name.
pub fn prioritized(tags: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut ranked: Vec<Ranked> = tags.into_iter().map(rank).collect();
    ranked.sort_by(|a, b| {
        let newer = match (&a.version, &b.version) {
            (Some(a), Some(b)) => b.cmp_precedence(a),
            _ => Ordering::Equal,
        };
        let by_class = a.class.cmp(&b.class);
        by_class.then(newer).then(a.prefixed.cmp(&b.prefixed)).then_with(|| match a.class {
            Class::Other => a.tag.cmp(&b.tag),
            _ => Ordering::Equal,
        })
    });
    ranked.into_iter().map(|r| r.tag).collect()
}

fn rank(tag: String) -> Ranked {
    let short = tag.strip_prefix('v');
    let prefixed = short.is_some();
    let short = short.unwrap_or(&tag);
    let (class, version) = if tag == "latest" {
        (Class::Latest, None)
    } else if let Ok(full) = Version::parse(short) {
        (Class::Full, Some(full))
    } else if let Some(minor) = minor(short) {
        (Class::Minor, Some(minor))
    } else {
        (Class::Other, None)
    };
    let prefixed = prefixed && class != Class::Other;
    Ranked { class, version, prefixed, tag }
}

/// `5.1` and `5.1-rc1` as full versions.
fn minor(text: &str) -> Option<Version> {
    let (numbers, suffix) = text.split_once('-').unwrap_or((text, ""));
    let (major, minor) = numbers.split_once('.')?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(major) || !digits(minor) {
        return None;
    }
    let dash = if suffix.is_empty() { "" } else { "-" };
    if text.contains('-') && suffix.is_empty() || suffix.contains(['-', '.']) {
        return None;
    }
    Version::parse(&format!("{numbers}.0{dash}{suffix}")).ok()
}

/// One order of the mirrors in all `lists`, each list's own order kept where they agree. The source
/// comes after them unless a list says otherwise; at the end it goes without saying.
pub fn merged(source: &str, lists: &[Vec<String>]) -> Vec<String> {
    let mut before: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in lists {
        let last = (!list.iter().any(|m| m == source)).then_some(source);
        let names: Vec<&str> = list.iter().map(String::as_str).chain(last).collect();
        for name in &names {
            before.entry(name).or_default();
        }
        for pair in names.windows(2) {
            before.entry(pair[1]).or_default().insert(pair[0]);
        }
    }
    let mut ready: VecDeque<&str> =
        before.iter().filter(|(_, b)| b.is_empty()).map(|(n, _)| *n).collect();
    let mut order = Vec::new();
    // Lists that contradict each other make a circle, which ends at the first name in it.
    while let Some(next) = ready.pop_front().or_else(|| before.keys().next().copied()) {
        before.remove(next);
        order.push(next.to_owned());
        for (name, waits) in &mut before {
            if waits.remove(next) && waits.is_empty() {
                ready.push_back(name);
            }
        }
    }
    if order.last().is_some_and(|last| last == source) {
        order.pop();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_mirrors() {
        let rows: [(&[&str], &str); 6] = [
            (&["b c", "a b"], "a b c"),
            (&["a b", "a c"], "a b c"),
            (&["c", "a"], "a c"),
            (&["a s b"], "a s b"),
            (&["a b", "b a"], "a b"),
            (&["a", "a"], "a"),
        ];
        for (lists, expected) in rows {
            let split = |l: &&str| l.split(' ').map(String::from).collect();
            let lists: Vec<Vec<String>> = lists.iter().map(split).collect();
            assert_eq!(merged("s", &lists).join(" "), expected, "{lists:?}");
        }
    }

    #[test]
    fn the_order_of_tags() {
        let given = [
            "3",
            "5.1.3",
            "v5.1",
            "5.0",
            "latest",
            "5.1",
            "abc",
            "5.1.4-rc1",
            "5.1.4",
            "10.0",
            "5.1-rc1",
            "v5.1.4",
            "1-86",
            "05.1",
            "vnext",
        ];
        let expected = [
            "latest",
            "10.0",
            "5.1",
            "v5.1",
            "5.1-rc1",
            "5.0",
            "5.1.4",
            "v5.1.4",
            "5.1.4-rc1",
            "5.1.3",
            "05.1",
            "1-86",
            "3",
            "abc",
            "vnext",
        ];
        assert_eq!(prioritized(given.map(String::from)), expected);
    }
}
