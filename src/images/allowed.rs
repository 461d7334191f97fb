//! Which registries images may be imported from: `allowedRegistriesForImport` of the cluster's
//! image configuration. An empty list allows all.
//! Source: openshift-apiserver `pkg/image/apis/image/validation/whitelist`, and its callers in
//! `validation.go`.

use super::reference::Reference;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, name::glob},
};
use std::collections::BTreeSet;

/// Marks a stream whose registry may be asked without encryption.
const INSECURE: &str = "openshift.io/image.insecureRepository";
/// Names of Docker Hub's servers.
const HUB_SERVERS: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// Most entries that a refusal names.
const SHOWN: usize = 5;

/// Patterns of hosts and ports, the cluster's own registry first; `None` allows everything.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    patterns: Option<Vec<(String, String)>>,
    /// Repositories that are allowed all the same.
    exempt: BTreeSet<String>,
}

/// How a registry may be asked.
#[derive(Clone, Copy, PartialEq)]
enum Transport {
    /// With encryption, or without.
    Any,
    Secure,
}

impl Allowed {
    /// What the configuration (`images.config.openshift.io/cluster`) says.
    pub fn of(config: &Value) -> Allowed {
        let listed = config.list_at("spec.allowedRegistriesForImport");
        if listed.is_empty() {
            return Allowed::default();
        }
        let own = Some(config.str_at("status.internalRegistryHostname")).filter(|o| !o.is_empty());
        let entry = |r| (Value::str_at(r, "domainName"), Value::is_true(r, "insecure"));
        let mut patterns = Vec::new();
        for (name, insecure) in own.map(|o| (o, false)).into_iter().chain(listed.iter().map(entry))
        {
            let usual = if insecure { "80" } else { "443" };
            let (host, port) = name.split_once(':').unwrap_or((name, usual));
            let pattern = (host.to_owned(), port.to_owned());
            // Upstream's server does not start with a name of more colons.
            if !port.contains(':') && !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        Allowed { patterns: Some(patterns), exempt: BTreeSet::new() }
    }

    /// The same, and the repositories of these pull specs.
    fn and<'a>(&self, specs: impl IntoIterator<Item = &'a str>) -> Allowed {
        let mut more = self.clone();
        let parsed = specs.into_iter().filter_map(|s| Reference::parse(s).ok());
        more.exempt.extend(parsed.map(|r| canonical(&r)));
        more
    }

    /// Why images may not come from there.
    fn admit(&self, from: &Reference, transport: Transport) -> Result<(), String> {
        let Some(patterns) = &self.patterns else { return Ok(()) };
        if self.exempt.contains(&canonical(from)) {
            return Ok(());
        }
        let (host, port) = match transport {
            Transport::Secure => from.host_port(false),
            Transport::Any => any_port(from),
        };
        let fits = |host: &str| {
            patterns.iter().any(|(h, p)| {
                let usual = ["80", "443", "*"].contains(&p.as_str());
                glob(h, host) && if port.is_empty() { usual } else { glob(p, &port) }
            })
        };
        if HUB_SERVERS.contains(&host.as_str()) && fits("docker.io") || fits(&host) {
            return Ok(());
        }
        let name = match from.registry.as_str() {
            "" => joined(&host, &port),
            registry => registry.to_owned(),
        };
        Err(format!("registry {name:?} not allowed by {}", list(patterns)))
    }

    /// Checks where an import comes from (`path` is that of the image's or repository's entry).
    pub fn import(&self, spec: &Value, path: &str, out: &mut Causes) {
        let from = Reference::parse(spec.str_at("from.name")).unwrap_or_default();
        let (host, port) = from.host_port(spec.is_true("importPolicy.insecure"));
        let registry = joined(&host, &port);
        let named = Reference { registry: registry.clone(), ..Reference::default() };
        if let Err(why) = self.admit(&named, Transport::Secure) {
            let why = format!("importing images from registry {registry:?} is forbidden: {why}");
            out.forbidden(format!("{path}.from.name"), why);
        }
    }

    /// Checks a tag that is written by itself; `owner` is the object it is part of, `old` the tag
    /// it takes the place of.
    pub fn tag(
        &self,
        tag: &Value,
        old: Option<&Value>,
        owner: &Value,
        path: &str,
        out: &mut Causes,
    ) {
        let old = old.filter(|o| o.str_at("from.kind") == "DockerImage");
        self.and(old.map(|o| o.str_at("from.name"))).spec_tag(tag, insecure(owner), path, out);
    }

    /// Checks a stream that is to take the place of `old`. What that refers to stays allowed.
    pub fn stream(&self, stream: &Value, old: Option<&Value>, out: &mut Causes) {
        if self.patterns.is_none() {
            return;
        }
        let known = old.map(references).unwrap_or_default();
        let allowed = self.and(known.iter().map(String::as_str));
        let insecure = insecure(stream);
        let transport = if insecure { Transport::Any } else { Transport::Secure };
        let repository = Reference::parse(stream.str_at("spec.dockerImageRepository"));
        let repository = repository.ok().filter(|r| r.tag.is_empty() && r.id.is_empty());
        if let Some(Err(why)) = repository.map(|r| allowed.admit(&r, transport)) {
            out.forbidden("spec.dockerImageRepository", why);
        }
        for tag in stream.list_at("spec.tags") {
            let path = format!("spec.tags[{}]", tag.str_at("name"));
            allowed.spec_tag(tag, insecure, &path, out);
        }
        allowed.items(stream, out);
    }

    /// Checks the items of a written status. Those that were there stay allowed, and only they.
    pub fn status(&self, stream: &Value, old: &Value, out: &mut Causes) {
        let known: BTreeSet<&str> = items(old).map(|(.., spec)| spec).collect();
        let mut rest = stream.clone();
        if let Some(tags) = rest.at_mut("status.tags").as_array_mut() {
            for items in tags.iter_mut().filter_map(|t| t.get_mut("items")?.as_array_mut()) {
                let blank = items.iter_mut();
                blank
                    .filter(|i| known.contains(i.str_at("dockerImageReference")))
                    .for_each(|i| drop(i.remove_at("dockerImageReference")));
            }
        }
        self.items(&rest, out);
    }

    fn items(&self, stream: &Value, out: &mut Causes) {
        for (tag, at, spec) in items(stream) {
            let Ok(from) = Reference::parse(spec) else { continue };
            let asked = super::resolve::spec_tag(stream, tag);
            let any = insecure(stream) || asked.is_some_and(|t| t.is_true("importPolicy.insecure"));
            let transport = if any { Transport::Any } else { Transport::Secure };
            if let Err(why) = self.admit(&from, transport) {
                let path = format!("status.tags[{tag}].items[{at}].dockerImageReference");
                out.forbidden(path, why);
            }
        }
    }

    fn spec_tag(&self, tag: &Value, insecure: bool, path: &str, out: &mut Causes) {
        let name = tag.str_at("from.name");
        let parsed = Reference::parse(name);
        if tag.str_at("from.kind") != "DockerImage" || parsed.is_err() && !name.is_empty() {
            return;
        }
        let any = insecure || tag.is_true("importPolicy.insecure");
        let transport = if any { Transport::Any } else { Transport::Secure };
        if let Err(why) = self.admit(&parsed.unwrap_or_default(), transport) {
            out.forbidden(format!("{path}.from.name"), why);
        }
    }
}

fn insecure(owner: &Value) -> bool {
    owner.annotation(INSECURE) == Some("true")
}

/// Tag, place and pull spec of every item.
fn items(stream: &Value) -> impl Iterator<Item = (&str, usize, &str)> {
    stream.list_at("status.tags").iter().flat_map(|tag| {
        let items = tag.list_at("items").iter().enumerate();
        items.map(move |(i, item)| (tag.str_at("tag"), i, item.str_at("dockerImageReference")))
    })
}

/// Every pull spec of a stream.
fn references(stream: &Value) -> BTreeSet<String> {
    let tags = stream.list_at("spec.tags").iter();
    let external = tags.filter(|t| t.str_at("from.kind") == "DockerImage");
    let spec = external.map(|t| t.str_at("from.name"));
    let all = spec.chain(items(stream).map(|(.., spec)| spec));
    all.chain([stream.str_at("spec.dockerImageRepository")]).map(str::to_owned).collect()
}

fn canonical(of: &Reference) -> String {
    of.clone().with_defaults().repository().exact()
}

/// Host and port as written; without a port both usual ones are meant.
fn any_port(of: &Reference) -> (String, String) {
    match of.registry.split_once(':') {
        Some((host, port)) if !host.is_empty() && !port.is_empty() => (host.into(), port.into()),
        _ if of.registry.is_empty() => (of.host_port(false).0, String::new()),
        _ => (of.registry.clone(), String::new()),
    }
}

fn joined(host: &str, port: &str) -> String {
    if port.is_empty() { host.into() } else { format!("{host}:{port}") }
}

fn list(patterns: &[(String, String)]) -> String {
    let shown: Vec<String> = patterns.iter().map(|(h, p)| format!("{:?}", joined(h, p))).collect();
    if shown.len() <= SHOWN {
        return format!("whitelist: {}", shown.join(", "));
    }
    let rest = shown.len() + 1 - SHOWN;
    format!("whitelist: {}, and {rest} more ...", shown[..SHOWN - 1].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn config(entries: &[(&str, bool)]) -> Value {
        let listed: Vec<Value> = entries
            .iter()
            .map(|(name, insecure)| json!({"domainName": name, "insecure": insecure}))
            .collect();
        json!({"spec": {"allowedRegistriesForImport": listed},
            "status": {"internalRegistryHostname": "own.svc:5000"}})
    }

    #[test]
    fn registries_with_patterns_and_ports() {
        let allowed = Allowed::of(&config(&[
            ("quay.io", false),
            ("plain.io", true),
            ("*.example.com:*", false),
            ("docker.io", false),
            ("r?.io:5000", false),
        ]));
        let rows = [
            ("quay.io/a/b", false, true),
            ("quay.io/a/b", true, true),
            ("quay.io:443/a/b", false, true),
            ("quay.io:8443/a/b", false, false),
            ("plain.io/a/b", false, false),
            ("plain.io/a/b", true, true),
            ("a.example.com:7/x", false, true),
            ("example.com/x", false, false),
            ("a/b:1", false, true),
            ("docker.io/a/b", false, true),
            ("r1.io:5000/x", false, true),
            ("r1.io/x", true, false),
            ("own.svc:5000/n/s", false, true),
            ("other.io/a", true, false),
        ];
        for (spec, insecure, expected) in rows {
            let tag = json!({"from": {"kind": "DockerImage", "name": spec},
                "importPolicy": {"insecure": insecure}});
            let mut out = Causes::default();
            allowed.tag(&tag, None, &json!({}), "tag", &mut out);
            assert_eq!(out.is_empty(), expected, "{spec} {insecure}");
        }
        let mut out = Causes::default();
        let anything = json!({"from": {"kind": "DockerImage", "name": "x.io/y"}});
        Allowed::of(&json!({})).tag(&anything, None, &json!({}), "tag", &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn refusals_in_upstreams_words() {
        let said = |allowed: &Allowed, name: &str, insecure: bool| {
            let mut out = Causes::default();
            let spec = json!({"from": {"name": name}, "importPolicy": {"insecure": insecure}});
            allowed.import(&spec, "spec.images[0]", &mut out);
            out.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect::<String>()
        };
        let few = Allowed::of(&config(&[("a.io", false)]));
        assert_eq!(
            said(&few, "quay.io/x/y:1", false),
            "spec.images[0].from.name: Forbidden: importing images from registry \"quay.io:443\" is forbidden: registry \"quay.io:443\" not allowed by whitelist: \"own.svc:5000\", \"a.io:443\""
        );
        assert!(said(&few, "a.io/x", true).contains("\"a.io:80\" is forbidden"));
        assert_eq!(said(&few, "a.io/x", false), "");
        let many: Vec<String> = (0..6).map(|i| format!("r{i}.io")).collect();
        let many: Vec<(&str, bool)> = many.iter().map(|n| (n.as_str(), false)).collect();
        let text = said(&Allowed::of(&config(&many)), "mysql", false);
        assert!(
            text.ends_with("registry \"docker.io:443\" not allowed by whitelist: \"own.svc:5000\", \"r0.io:443\", \"r1.io:443\", \"r2.io:443\", and 3 more ..."),
            "{text}"
        );
    }

    #[test]
    fn what_a_stream_had_stays_allowed() {
        let allowed = Allowed::of(&config(&[("a.io", false)]));
        let stream = |spec: &str, item: &str| {
            json!({"spec": {"tags": [{"name": "1",
                    "from": {"kind": "DockerImage", "name": spec}}]},
                "status": {"tags": [{"tag": "1", "items": [{"dockerImageReference": item}]}]}})
        };
        let fields = |out: Causes| out.0.into_iter().map(|c| c.field).collect::<Vec<_>>();
        let (item, spec) =
            ("status.tags[1].items[0].dockerImageReference", "spec.tags[1].from.name");
        let old = stream("b.io/x/y:1", "c.io/x/y:1");
        let rows = [
            (stream("b.io/x/y:2", "c.io/x/y:2"), Some(&old), vec![]),
            (stream("b.io/x/z:1", "a.io/x"), Some(&old), vec![spec]),
            (stream("b.io/x/y:1", "c.io/x/y:1"), None, vec![spec, item]),
        ];
        for (new, old, expected) in rows {
            let mut out = Causes::default();
            allowed.stream(&new, old, &mut out);
            assert_eq!(fields(out), expected, "{new}");
        }
        // In a written status the same pull spec counts, not the same repository.
        let rows = [("c.io/x/y:1", vec![]), ("c.io/x/y:2", vec![item]), ("a.io/q:1", vec![])];
        for (new, expected) in rows {
            let mut out = Causes::default();
            allowed.status(&stream("b.io/x/y:1", new), &old, &mut out);
            assert_eq!(fields(out), expected, "{new}");
        }
        let mut out = Causes::default();
        let tag = json!({"from": {"kind": "DockerImage", "name": "b.io/x/y:3"}});
        allowed.tag(&tag, Some(&old["spec"]["tags"][0]), &json!({}), "tag", &mut out);
        assert!(out.is_empty());
    }
}
