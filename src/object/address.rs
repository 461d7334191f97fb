//! Addresses (URLs) as Go's `net/url` reads them, with its words for what it cannot read.

/// The parts of an address.
#[derive(Debug, Default, PartialEq)]
pub struct Address {
    /// In lower case.
    pub scheme: String,
    /// Name and password, as written; `None` without an `@`.
    pub user: Option<String>,
    /// Host and port.
    pub host: String,
    /// After the `?`.
    pub query: String,
    /// After the `#`.
    pub fragment: String,
}

/// Where percent signs stand, which decides what they may stand for.
#[derive(Clone, Copy, PartialEq)]
enum Escaping {
    Host,
    Path,
}

/// Reads an address.
///
/// # Errors
/// Go's text, which begins with `parse`.
pub fn parse(text: &str) -> Result<Address, String> {
    let (front, fragment) = text.split_once('#').unwrap_or((text, ""));
    let said = |why: String| format!("parse {front:?}: {why}");
    let mut address = front_part(front).map_err(said)?;
    address.fragment =
        unescaped(fragment, Escaping::Path).map_err(|why| format!("parse {text:?}: {why}"))?;
    Ok(address)
}

fn front_part(text: &str) -> Result<Address, String> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let mut found = Address::default();
    if text == "*" {
        return Ok(found);
    }
    let (scheme, rest) = scheme(text)?;
    found.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    found.query = query.into();
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Ok(found);
        }
        if rest.split('/').next().unwrap_or_default().contains(':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let whole = !scheme.is_empty() || !rest.starts_with("///");
    let path = match rest.strip_prefix("//").filter(|_| whole) {
        None => rest,
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let (user, host) = match authority.rsplit_once('@') {
                Some((user, host)) => (Some(user), host),
                None => (None, authority),
            };
            found.host = host_part(host)?;
            if user.is_some_and(|user| !user.chars().all(may_name)) {
                return Err("net/url: invalid userinfo".into());
            }
            found.user = user.map(str::to_owned);
            path
        }
    };
    unescaped(path, Escaping::Path)?;
    Ok(found)
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i == 0 => return Err("missing protocol scheme".into()),
            ':' => return Ok((&text[..i], &text[i + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn may_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c)
}

fn host_part(host: &str) -> Result<String, String> {
    let after = match (host.starts_with('['), host.rfind(']')) {
        (true, None) => return Err("missing ']' in host".into()),
        (true, Some(end)) => &host[end + 1..],
        (false, _) => host.rfind(':').map_or("", |at| &host[at..]),
    };
    let port = after.strip_prefix(':');
    let fits = after.is_empty() || port.is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !fits {
        return Err(format!("invalid port {after:?} after host"));
    }
    unescaped(host, Escaping::Host)
}

fn unescaped(text: &str, place: Escaping) -> Result<String, String> {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(i) {
        if byte == b'%' {
            let digits = text.get(i + 1..i + 3);
            let value = digits
                .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|d| u8::from_str_radix(d, 16).ok());
            // A host is written with such signs only where it could not be otherwise.
            let kept = value.filter(|v| place == Escaping::Path || *v >= 0x80 || *v == b'%');
            let Some(value) = kept else {
                let shown: String = text[i..].chars().take(3).collect();
                return Err(format!("invalid URL escape {shown:?}"));
            };
            out.push(value);
            i += 3;
            continue;
        }
        let c = char::from(byte);
        let plain = c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"".contains(c);
        if place == Escaping::Host && byte < 0x80 && !plain {
            return Err(format!("invalid character {:?} in host name", c.to_string()));
        }
        out.push(byte);
        i += 1;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let all = parse("HTTPS://me:pw@example.com:8443/a%20b?q=1#f").unwrap();
        assert_eq!((all.scheme.as_str(), all.host.as_str()), ("https", "example.com:8443"));
        assert_eq!(all.user.as_deref(), Some("me:pw"));
        assert_eq!((all.query.as_str(), all.fragment.as_str()), ("q=1", "f"));
        for text in ["", "*", "a/b", "/tmp", "mailto:x", "https://[::1]:1/", "//host/x"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn words_of_go() {
        let rows = [
            ("50%", r#"invalid URL escape "%""#),
            ("::1", "missing protocol scheme"),
            ("10.0.0.1:80", "first path segment in URL cannot contain colon"),
            ("https://a b/", r#"invalid character " " in host name"#),
            ("https://a:x", r#"invalid port ":x" after host"#),
            ("https://[::1", "missing ']' in host"),
            ("https://%41/", r#"invalid URL escape "%41""#),
            ("a\u{1}", "net/url: invalid control character in URL"),
        ];
        for (text, why) in rows {
            assert_eq!(parse(text), Err(format!("parse {text:?}: {why}")));
        }
    }
}
