//! The order of versions: `v10 > v2 > v1 > v1beta2 > v1beta1 > v1alpha1 >` all others by name.
//! Source: apimachinery `pkg/version`.

use std::cmp::Ordering;

/// Compares two versions; the greater is the more stable, then the newer.
pub fn compare(a: &str, b: &str) -> Ordering {
    match (parts(a), parts(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

/// Stability, major and minor.
fn parts(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest[..digits].parse().ok()?;
    let (stability, minor) = match &rest[digits..] {
        "" => return Some((3, major, 0)),
        tail => match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(minor), _) => (2, minor),
            (_, Some(minor)) => (1, minor),
            _ => return None,
        },
    };
    Some((stability, major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        let mut versions =
            ["v1alpha1", "foo1", "v1", "v10", "v1beta1", "v2", "v1beta2", "foo10", "v12alpha1"];
        versions.sort_by(|a, b| compare(b, a));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v1beta2", "v1beta1", "v12alpha1", "v1alpha1", "foo1", "foo10"]
        );
    }
}
