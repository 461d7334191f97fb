//! What a request is about, read from its path alone: also for what is not served.
//! Source: k8s.io/apiserver `pkg/endpoints/request/requestinfo.go`.

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Whether it is about a resource.
    pub resource_request: bool,
    /// Verb of the API; for other paths the method in lower case.
    pub verb: String,
    /// API group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// Plural.
    pub resource: String,
    /// Subresource, or empty.
    pub sub: String,
    /// Namespace, or empty.
    pub namespace: String,
    /// Name, or empty.
    pub name: String,
    /// The path itself.
    pub path: String,
}

/// Subresources that a namespace itself has.
const OF_NAMESPACES: &[&str] = &["status", "finalize"];

impl Target {
    /// Reads a path, decoded. `watch` and `named` are what the query says: whether to watch, and the
    /// one name its field selector leaves.
    pub fn of(method: &str, path: &str, watch: bool, named: Option<&str>) -> Target {
        let mut found =
            Target { verb: method.to_lowercase(), path: path.to_owned(), ..Target::default() };
        let all: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, mut parts) = match all.as_slice() {
            ["api", rest @ ..] if rest.len() >= 2 => ("", rest),
            ["apis", group, rest @ ..] if rest.len() >= 2 => (*group, rest),
            _ => return found,
        };
        let version = parts[0];
        parts = &parts[1..];
        let special = match parts {
            [word @ ("watch" | "proxy"), rest @ ..] if !rest.is_empty() => {
                parts = rest;
                Some(*word)
            }
            _ => None,
        };
        found.resource_request = true;
        (found.group, found.version) = (group.into(), version.into());
        found.verb = special.unwrap_or_else(|| verb(method)).into();
        if let ["namespaces", namespace, rest @ ..] = parts {
            found.namespace = (*namespace).into();
            if rest.first().is_some_and(|next| !OF_NAMESPACES.contains(next)) {
                parts = rest;
            }
        }
        let part = |i: usize| parts.get(i).map_or_else(String::new, |p| (*p).to_owned());
        (found.resource, found.name) = (part(0), part(1));
        if special != Some("proxy") {
            found.sub = part(2);
        }
        if found.name.is_empty() && matches!(found.verb.as_str(), "get" | "watch") {
            found.name = named.unwrap_or_default().into();
            if special.is_none() {
                found.verb = if watch { "watch" } else { "list" }.into();
            }
        } else if found.name.is_empty() && found.verb == "delete" {
            found.verb = "deletecollection".into();
        }
        found
    }
}

fn verb(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_upstream_reads_them() {
        // Method, path, whether it watches, and verb, group, resource, sub, namespace, name.
        let rows = [
            ("GET", "/api/v1/nodes", false, "list||nodes|||"),
            ("GET", "/api/v1/nodes", true, "watch||nodes|||"),
            ("GET", "/api/v1/watch/nodes", false, "watch||nodes|||"),
            ("GET", "/api/v1/namespaces", false, "list||namespaces|||"),
            ("GET", "/api/v1/namespaces/a", false, "get||namespaces||a|a"),
            ("PUT", "/api/v1/namespaces/a/finalize", false, "update||namespaces|finalize|a|a"),
            ("POST", "/api/v1/namespaces/a/pods/p/exec", false, "create||pods|exec|a|p"),
            ("DELETE", "/api/v1/namespaces/a/pods", false, "deletecollection||pods||a|"),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/a/deployments/d/scale",
                false,
                "patch|apps|deployments|scale|a|d",
            ),
            ("OPTIONS", "/api/v1/nodes", false, "||nodes|||"),
            ("GET", "/api/v1/proxy/namespaces/a/pods/p/x/y", false, "proxy||pods||a|p"),
            ("HEAD", "/api/v1", false, "head|||||"),
            ("GET", "/apis/apps/v1", false, "get|||||"),
            ("GET", "/version", false, "get|||||"),
        ];
        for (method, path, watch, expected) in rows {
            let t = Target::of(method, path, watch, None);
            let found =
                [&t.verb, &t.group, &t.resource, &t.sub, &t.namespace, &t.name].map(String::as_str);
            assert_eq!(found.join("|"), expected, "{method} {path}");
            assert_eq!(t.resource_request, !t.resource.is_empty());
        }
        assert_eq!(Target::of("GET", "/api/v1/pods", false, Some("x")).name, "x");
        assert_eq!(Target::of("DELETE", "/api/v1/pods", false, Some("x")).name, "");
    }
}
