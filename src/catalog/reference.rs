//! Image names as people write them and as the container runtime understands them.
//! Source: github.com/distribution/reference, CRI-O's short-name mode.

/// A fully qualified image name.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Registry host and port.
    pub host: String,
    /// Path of the repository.
    pub path: String,
    /// Tag; `latest` when neither tag nor digest was written, empty when only a digest was.
    pub tag: String,
    /// `sha256:…`, or empty.
    pub digest: String,
}

/// Registries searched for names without a host, in order.
pub const SEARCH: [&str; 3] = ["registry.access.redhat.com", "registry.redhat.io", "docker.io"];

impl Reference {
    /// Reads a name. A name without a registry yields one reference per searched registry.
    ///
    /// # Errors
    /// The runtime's words for what is wrong with it.
    pub fn candidates(text: &str) -> Result<Vec<Reference>, String> {
        let (name, digest) = text.split_once('@').unwrap_or((text, ""));
        // What begins with its mark must be there.
        if text.ends_with('@') || name.ends_with(':') {
            return Err("invalid reference format".into());
        }
        let (name, tag) = split_tag(name);
        check(name, tag, digest)?;
        let tag = if tag.is_empty() && digest.is_empty() { "latest" } else { tag };
        let make = |host: &str, path: String| Reference {
            host: host.into(),
            path,
            tag: tag.into(),
            digest: digest.into(),
        };
        if let Some((host, path)) = name.split_once('/')
            && is_host(host)
        {
            return Ok(vec![make(host, in_hub(host, path))]);
        }
        Ok(SEARCH.iter().map(|h| make(h, in_hub(h, name))).collect())
    }

    /// `host/path`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// The whole name, as the runtime reports it.
    pub fn full(&self) -> String {
        match (self.tag.as_str(), self.digest.as_str()) {
            (tag, "") => format!("{}:{tag}", self.repository()),
            (_, digest) => format!("{}@{digest}", self.repository()),
        }
    }

    /// The name in the short form used in `docker://` locations.
    pub fn familiar(&self) -> String {
        let full = self.full();
        match full.strip_prefix("docker.io/") {
            Some(rest) => rest.strip_prefix("library/").unwrap_or(rest).to_owned(),
            None => full,
        }
    }

    /// Tag, or digest when that was written.
    pub fn version(&self) -> &str {
        if self.digest.is_empty() { &self.tag } else { &self.digest }
    }
}

fn in_hub(host: &str, path: &str) -> String {
    if host == "docker.io" && !path.contains('/') {
        format!("library/{path}")
    } else {
        path.to_owned()
    }
}

fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => (before, tag),
        _ => (name, ""),
    }
}

fn check(name: &str, tag: &str, digest: &str) -> Result<(), String> {
    let path = match name.split_once('/') {
        Some((host, rest)) if is_host(host) => rest,
        _ => name,
    };
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        let shown = if name.contains('/') { name.to_owned() } else { format!("library/{name}") };
        return Err(format!("repository name ({shown}) must be lowercase"));
    }
    let part_ok = |p: &str| {
        !p.is_empty()
            && p.starts_with(|c: char| c.is_ascii_alphanumeric())
            && p.ends_with(|c: char| c.is_ascii_alphanumeric())
            && p.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    let tag_ok = |t: &str| {
        t.len() <= 128 && t.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let hex = digest.strip_prefix("sha256:").unwrap_or("");
    let digest_ok =
        digest.is_empty() || (hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if path.split('/').all(part_ok) && tag_ok(tag) && digest_ok {
        Ok(())
    } else {
        Err("invalid reference format".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_the_runtime_does() {
        let rows = [
            ("quay.io/keycloak/keycloak:20.0", "quay.io/keycloak/keycloak:20.0"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
            ("ubi9/nginx-120:1-86", "registry.access.redhat.com/ubi9/nginx-120:1-86"),
        ];
        for (text, full) in rows {
            assert_eq!(Reference::candidates(text).unwrap()[0].full(), full);
        }
        let short = Reference::candidates("nginx").unwrap();
        assert_eq!(short[2].full(), "docker.io/library/nginx:latest");
        assert_eq!(short[2].familiar(), "nginx:latest");
    }

    #[test]
    fn wrong_names_have_the_runtimes_words() {
        let rows = [
            ("Nginx", "repository name (library/Nginx) must be lowercase"),
            ("a b", "invalid reference format"),
            ("nginx:", "invalid reference format"),
            ("nginx@", "invalid reference format"),
            ("nginx:@sha256:12", "invalid reference format"),
            ("nginx@sha256:12", "invalid reference format"),
            ("", "invalid reference format"),
        ];
        for (text, problem) in rows {
            let got = Reference::candidates(text).map_or_else(|e| e, |_| "ok".into());
            assert_eq!(got, problem, "{text:?}");
        }
    }
}
