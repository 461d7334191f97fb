//! Which tags of a repository come first when not all are imported.
//! Source: library-go `pkg/image/imageutil` (PrioritizeTags).

use semver::Version;
use std::cmp::Ordering;

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

#[cfg(test)]
mod tests {
    use super::*;

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
