//! How objects are called: the key of a stored object, names that may be used, and generated
//! name suffixes.

/// The key of an object inside its resource: `namespace/name`, or `name` for cluster scope.
///
/// Keys sort as upstream's etcd keys do (`/` before `-` would differ: `a-b/x` sorts before `a/x`).
pub fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}

/// Splits a key made by [`key`] into namespace (empty for cluster scope) and name.
pub fn split_key(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}

/// Characters of generated suffixes and hashes: no vowels and no look-alikes.
/// Source: k8s.io/apimachinery `pkg/util/rand`.
pub const SAFE_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Writes a number in [`SAFE_ALPHABET`], digit by digit of its decimal form, as upstream's
/// `SafeEncodeString` does.
pub fn safe_encode(text: &str) -> String {
    text.bytes().map(|b| SAFE_ALPHABET[b as usize % SAFE_ALPHABET.len()] as char).collect()
}

/// 32-bit FNV-1a, the hash upstream uses for pod templates and revisions.
pub fn fnv1a(parts: &[&[u8]]) -> u32 {
    parts
        .iter()
        .flat_map(|p| p.iter())
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

const LABEL_MESSAGE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const UNDERSCORED_MESSAGE: &str = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const SUBDOMAIN_MESSAGE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_VALUE_MESSAGE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED_MESSAGE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

fn is_label(s: &str) -> bool {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = s.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(a), Some(z)) if edge(*a) && edge(*z))
        && bytes.iter().all(|b| edge(*b) || *b == b'-')
}

fn is_word(s: &str) -> bool {
    let edge = |b: u8| b.is_ascii_alphanumeric();
    let bytes = s.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(a), Some(z)) if edge(*a) && edge(*z))
        && bytes.iter().all(|b| edge(*b) || matches!(b, b'-' | b'_' | b'.'))
}

fn too_long(max: usize) -> String {
    format!("must be no more than {max} characters")
}

/// How the rules of labels put it (apimachinery `pkg/api/validate/content`).
fn too_many_bytes(max: usize) -> String {
    format!("must be no more than {max} bytes")
}

/// Whether a text fits a pattern in which `*` stands for any characters and `?` for one.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // The latest star, and how far the text had come: where to go on with one character more.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Problems of `s` as an RFC 1123 label; empty when it is one.
/// Source: k8s.io/apimachinery `pkg/util/validation`.
pub fn label_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 63 {
        out.push(too_long(63));
    }
    if !is_label(s) {
        if s.contains('.') && s.split('.').all(is_label) {
            out.push("must not contain dots".into());
        } else {
            out.push(LABEL_MESSAGE.into());
        }
    }
    out
}

/// Problems of `s` as an RFC 1035 label: an RFC 1123 one that begins with a letter.
pub fn dns1035_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 63 {
        out.push(too_long(63));
    }
    if !(is_label(s) && s.starts_with(|c: char| c.is_ascii_lowercase())) {
        out.push("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')".into());
    }
    out
}

/// Problems of `s` as an RFC 1123 subdomain; empty when it is one.
pub fn subdomain_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 253 {
        out.push(too_long(253));
    }
    if !s.split('.').all(is_label) {
        out.push(SUBDOMAIN_MESSAGE.into());
    }
    out
}

/// Problems of `s` as a subdomain that may have underscores.
pub fn underscored_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 253 {
        out.push(too_long(253));
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = |label: &str| {
        let label = label.strip_prefix('_').unwrap_or(label).as_bytes();
        label.first().is_some_and(|b| inner(*b))
            && label.last().is_some_and(|b| inner(*b))
            && label.iter().all(|b| inner(*b) || matches!(b, b'-' | b'_'))
    };
    if !s.split('.').all(fits) {
        out.push(UNDERSCORED_MESSAGE.into());
    }
    out
}

/// Problems of `s` as a label value.
pub fn label_value_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 63 {
        out.push(too_many_bytes(63));
    }
    if !s.is_empty() && !is_word(s) {
        out.push(LABEL_VALUE_MESSAGE.into());
    }
    out
}

/// Problems of `s` as a qualified name: `[prefix/]name`, the form of label and annotation keys.
pub fn qualified_name_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    let name = match s.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            let what = QUALIFIED_MESSAGE.replacen("name part", "a valid label key", 1);
            let also = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("{what} {also}")];
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                out.push("prefix part must be non-empty".into());
            } else {
                if prefix.len() > 253 {
                    out.push(format!("prefix part {}", too_many_bytes(253)));
                }
                if !prefix.split('.').all(is_label) {
                    out.push(format!("prefix part {SUBDOMAIN_MESSAGE}"));
                }
            }
            name
        }
        None => s,
    };
    if name.is_empty() {
        out.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        out.push(format!("name part {}", too_many_bytes(63)));
    }
    if !is_word(name) {
        out.push(QUALIFIED_MESSAGE.into());
    }
    out
}

/// Problems of `s` as a path segment, the rule for names of RBAC objects.
pub fn path_segment_problems(s: &str) -> Vec<String> {
    if s == "." || s == ".." {
        return vec![format!("may not be '{s}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|c| s.contains(**c))
        .map(|c| format!("may not contain '{c}'"))
        .collect()
}

/// Longest name of a sysctl.
pub const SYSCTL_LENGTH: usize = 253;
/// What names of sysctls look like, as errors say it.
pub const SYSCTL_NAME: &str =
    "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
/// What patterns of sysctls look like, as errors say it.
pub const SYSCTL_PATTERN: &str =
    "([a-z0-9]([-_a-z0-9]*[a-z0-9])?\\.)*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]";

fn is_sysctl_segment(s: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let outer = |c: Option<char>| c.is_some_and(|c| inner(c) && !"-_".contains(c));
    s.chars().all(inner) && outer(s.chars().next()) && outer(s.chars().last())
}

/// Whether `s` can be the name of a sysctl; slashes separate as dots do.
pub fn is_sysctl(s: &str) -> bool {
    s.len() <= SYSCTL_LENGTH && s.split(['.', '/']).all(is_sysctl_segment)
}

/// Whether `s` is a sysctl's name or a beginning of one with a star behind it.
pub fn is_sysctl_pattern(s: &str) -> bool {
    let Some(beginning) = s.strip_suffix('*') else {
        return s.len() <= SYSCTL_LENGTH && s.split('.').all(is_sysctl_segment);
    };
    let (whole, last) = beginning.rsplit_once('.').unwrap_or(("", beginning));
    // What stands before the star need not end as a segment does.
    let ended = last.is_empty() || is_sysctl_segment(&format!("{last}0"));
    let before = !beginning.contains('.') || whole.split('.').all(is_sysctl_segment);
    s.len() <= SYSCTL_LENGTH && ended && before
}

/// Problems of `s` as the name of an address: an IP address as its family writes it.
pub fn address_problems(s: &str) -> Vec<String> {
    match s.parse::<std::net::IpAddr>() {
        Err(_) => vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".into()],
        Ok(ip) if ip.to_string() != s => {
            vec![format!("must be in canonical form ({:?})", ip.to_string())]
        }
        Ok(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysctls() {
        let rows = [
            ("kernel.shm_rmid_forced", true, true),
            ("net/ipv4/tcp_syncookies", true, false),
            ("*", false, true),
            ("net.*", false, true),
            ("net.ipv4_*", false, true),
            ("net..*", false, false),
            (".*", false, false),
            ("Net", false, false),
            ("a-", false, false),
            ("", false, false),
        ];
        for (text, name, pattern) in rows {
            assert_eq!((is_sysctl(text), is_sysctl_pattern(text)), (name, pattern), "{text:?}");
        }
    }

    #[test]
    fn patterns() {
        let rows = [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("*.io", "a.b.io", true),
            ("r?", "r1", true),
            ("r?", "r", false),
            ("**a*", "bab", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn names() {
        let rows: &[(&str, bool, bool)] = &[
            ("web", true, true),
            ("web-1", true, true),
            ("Bad_Name", false, false),
            ("a.b", false, true),
            ("-a", false, false),
            ("", false, false),
        ];
        for (s, label, subdomain) in rows {
            assert_eq!(label_problems(s).is_empty(), *label, "label {s:?}");
            assert_eq!(subdomain_problems(s).is_empty(), *subdomain, "subdomain {s:?}");
        }
        assert!(qualified_name_problems("kubernetes.io/change-cause").is_empty());
        assert!(!qualified_name_problems("/x").is_empty());
        assert!(!label_value_problems("a b").is_empty());
    }

    #[test]
    fn hash_alphabet() {
        assert_eq!(safe_encode("0123456789").len(), 10);
        assert_eq!(fnv1a(&[b"a"]), 0xe40c_292c);
    }
}
