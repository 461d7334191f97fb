//! Links behind a proxy: an answer's redirects, and the links of an HTML page that begin at the root,
//! lead back through the proxy. No crate was taken: the rewriters there are bring a CSS engine along,
//! and only start tags have to be looked at.
//! Source: k8s.io/apimachinery `pkg/util/proxy/transport.go`.

use crate::runtime::Fetched;
use bytes::Bytes;

/// Attributes that hold a link, by element.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href"]),
    ("applet", &["codebase"]),
    ("area", &["href"]),
    ("audio", &["src"]),
    ("base", &["href"]),
    ("blockquote", &["cite"]),
    ("body", &["background"]),
    ("button", &["formaction"]),
    ("command", &["icon"]),
    ("del", &["cite"]),
    ("embed", &["src"]),
    ("form", &["action"]),
    ("frame", &["longdesc", "src"]),
    ("head", &["profile"]),
    ("html", &["manifest"]),
    ("iframe", &["longdesc", "src"]),
    ("img", &["longdesc", "src", "usemap"]),
    ("input", &["src", "usemap", "formaction"]),
    ("ins", &["cite"]),
    ("link", &["href"]),
    ("object", &["classid", "codebase", "data", "usemap"]),
    ("q", &["cite"]),
    ("script", &["src"]),
    ("source", &["src"]),
    ("video", &["poster", "src"]),
];
/// Elements whose content is no HTML.
const RAW: [&str; 2] = ["script", "style"];

/// An answer as the client behind the proxy at `prefix` of `host` shall see it.
pub fn through(mut answer: Fetched, prefix: &str, host: &str) -> Fetched {
    let named =
        |wanted: &'static str| move |h: &&mut (String, String)| h.0.eq_ignore_ascii_case(wanted);
    if let Some((_, to)) = answer.headers.iter_mut().find(named("location")) {
        if let Some(back) = link(to, prefix, host) {
            *to = back;
        }
        return answer;
    }
    let of = |wanted: &str| {
        let found = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or("", |(_, value)| value.as_str())
    };
    let html = of("content-type").split(';').next().unwrap_or_default().trim() == "text/html";
    if html
        && of("content-encoding").is_empty()
        && let Ok(page) = std::str::from_utf8(&answer.body)
    {
        answer.body = Bytes::from(rewritten(page, prefix, host));
    }
    answer
}

/// A link that leads back through the proxy; `None` when it may stay as it is.
fn link(to: &str, prefix: &str, host: &str) -> Option<String> {
    let to = to.trim();
    let (foreign, path) = match to.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            (&rest[..end] != host, &rest[end..])
        }
        _ => (false, to),
    };
    if foreign || !path.starts_with('/') {
        return None;
    }
    if path.starts_with(prefix) {
        return (path.len() < to.len()).then(|| path.to_owned());
    }
    let end = path.find(['?', '#']).unwrap_or(path.len());
    Some(format!("{prefix}{}{}", clean(&path[..end]), &path[end..]))
}

/// A path without empty, `.` and `..` segments; a slash at its end stays.
fn clean(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    let slash = if path.ends_with('/') { "/" } else { "" };
    match kept.is_empty() {
        true => slash.to_owned(),
        false => format!("/{}{slash}", kept.join("/")),
    }
}

/// A page whose links lead back.
fn rewritten(page: &str, prefix: &str, host: &str) -> String {
    let mut out = String::with_capacity(page.len() + page.len() / 8);
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            let end = rest.find("-->").map_or(rest.len(), |end| end + 3);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let name_end =
            rest[1..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |e| e + 1);
        let name = rest[1..name_end].to_ascii_lowercase();
        out.push_str(&rest[..name_end]);
        rest = &rest[name_end..];
        if name.is_empty() {
            continue;
        }
        rest = tag(rest, &name, &mut out, prefix, host);
        if RAW.contains(&name.as_str()) {
            let closes = |at: &usize| {
                let behind = rest.as_bytes().get(at + 2..at + 2 + name.len());
                behind.is_some_and(|b| b.eq_ignore_ascii_case(name.as_bytes()))
            };
            let end = rest.match_indices("</").map(|(at, _)| at).find(closes);
            let end = end.unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Writes the attributes of a start tag; answers what follows it.
fn tag<'a>(text: &'a str, name: &str, out: &mut String, prefix: &str, host: &str) -> &'a str {
    let links =
        ATTRIBUTES.iter().find(|(element, _)| *element == name).map_or(&[][..], |(_, a)| *a);
    let mut rest = text;
    loop {
        let gap = rest.find(|c: char| !c.is_ascii_whitespace() && c != '/').unwrap_or(rest.len());
        out.push_str(&rest[..gap]);
        rest = &rest[gap..];
        if rest.is_empty() {
            return rest;
        }
        if let Some(after) = rest.strip_prefix('>') {
            out.push('>');
            return after;
        }
        // An attribute may begin with anything, even with the sign that ends others.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
        let end = rest[first..].find(ends).map_or(rest.len(), |e| e + first);
        let attribute = rest[..end].to_ascii_lowercase();
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        let Some(value) = rest.trim_ascii_start().strip_prefix('=') else { continue };
        let value = value.trim_ascii_start();
        out.push_str(&rest[..rest.len() - value.len()]);
        let (quote, inner) = match value.chars().next() {
            Some(q @ ('"' | '\'')) => (Some(q), &value[1..]),
            _ => (None, value),
        };
        let end = match quote {
            Some(q) => inner.find(q).unwrap_or(inner.len()),
            None => {
                inner.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(inner.len())
            }
        };
        out.extend(quote);
        let back = links.contains(&attribute.as_str()).then(|| link(&inner[..end], prefix, host));
        out.push_str(back.flatten().as_deref().unwrap_or(&inner[..end]));
        rest = &inner[end..];
        if let Some(q) = quote
            && let Some(after) = rest.strip_prefix(q)
        {
            out.push(q);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFIX: &str = "/api/v1/namespaces/n/pods/p:80/proxy";

    #[test]
    fn links_lead_back_through_the_proxy() {
        let rows = [
            ("/x", Some("/x")),
            ("/", Some("/")),
            ("/a/../b//c/?q=/d#e", Some("/b/c/?q=/d#e")),
            ("https://api:6443/x", Some("/x")),
            ("//api:6443/x", Some("/x")),
            ("https://other/x", None),
            ("x/y", None),
            ("#here", None),
            ("mailto:a@b", None),
            ("", None),
        ];
        for (to, expected) in rows {
            let expected = expected.map(|e| format!("{PREFIX}{e}"));
            assert_eq!(link(to, PREFIX, "api:6443"), expected, "{to}");
        }
        assert_eq!(link(&format!("{PREFIX}/x"), PREFIX, "h"), None);
        assert_eq!(link(&format!("http://h{PREFIX}/x"), PREFIX, "h"), Some(format!("{PREFIX}/x")));
    }

    #[test]
    fn pages_are_rewritten() {
        let page = r#"<!DOCTYPE html><A class="/c" HREF = '/x'>/y</a><img src=/i.png><!-- <a href="/no"> -->
<script>var a = "<a href='/no'>";</script><form action="/f" method=post><p title="/no"><br/><a href>5 < 6"#;
        let expected = page
            .replacen("'/x'", &format!("'{PREFIX}/x'"), 1)
            .replace("/i.png", &format!("{PREFIX}/i.png"))
            .replace("\"/f\"", &format!("\"{PREFIX}/f\""));
        assert_eq!(rewritten(page, PREFIX, "h"), expected);
    }

    #[test]
    fn only_pages_and_redirects_change() {
        let of = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            let body = Bytes::from_static(b"<a href=/x>");
            through(Fetched { status: 200, headers, body, ..Fetched::default() }, PREFIX, "h")
        };
        assert_eq!(
            of(&[("Content-Type", "text/html; charset=utf-8")]).body,
            format!("<a href={PREFIX}/x>")
        );
        assert_eq!(of(&[("content-type", "text/plain")]).body, "<a href=/x>");
        let packed = of(&[("content-type", "text/html"), ("content-encoding", "br")]);
        assert_eq!(packed.body, "<a href=/x>");
        assert_eq!(of(&[("location", "/y")]).headers[0].1, format!("{PREFIX}/y"));
    }

    proptest! {
        #[test]
        fn nonsense_without_links_stays(page in "[<>a-c ='\"/!-]{0,80}") {
            let kept = rewritten(&page, "", "h");
            prop_assert!(kept.len() <= page.len());
        }
    }
}
