//! Registries, and parts of them, with rules of their own: insecure, blocked, mirrored.
//! Source: runtime-utils `pkg/registries` (what the configuration and the mirror sets amount to)
//! and openshift-apiserver `pkg/image/apiserver/importer` (what of it imports mind).
//!
//! As upstream, imports go to a source even if a mirror set says never to contact it, and do not
//! mind entries with a wildcard, except for what these say of the sources of mirror sets.

use super::order::merged;
use crate::{
    images::reference::Reference,
    object::{ObjectExt, Value},
    store::Snapshot,
};
use std::collections::BTreeMap;

/// Kinds of mirror sets: resource, list in the spec, and whether the mirrors are for digests.
const MIRROR_SETS: [(&str, &str, bool); 3] = [
    ("imagedigestmirrorsets.config.openshift.io", "spec.imageDigestMirrors", true),
    ("imagecontentsourcepolicies.operator.openshift.io", "spec.repositoryDigestMirrors", true),
    ("imagetagmirrorsets.config.openshift.io", "spec.imageTagMirrors", false),
];

/// A registry, or a path on one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scope {
    name: String,
    insecure: bool,
    blocked: bool,
    /// A mirror set says never to contact it.
    never: bool,
    mirrors: Vec<Mirror>,
}

#[derive(Clone, Debug, PartialEq)]
struct Mirror {
    location: String,
    /// For digests, or for tags.
    digests: bool,
}

/// See the module.
#[derive(Default)]
pub struct Rules(Vec<Scope>);

/// The mirrors wished for each source, in the order of the wishes.
type Wishes = BTreeMap<String, Vec<Vec<String>>>;

impl Rules {
    /// What is said now; `config` is the cluster's image configuration.
    pub fn read(snapshot: &Snapshot, config: &Value) -> Rules {
        let (mut wishes, mut never) = (<[Wishes; 2]>::default(), Vec::new());
        for (resource, list, digests) in MIRROR_SETS {
            for set in snapshot.list(resource, "").map(|e| e.value()) {
                let into = &mut wishes[usize::from(!digests)];
                for entry in set.list_at(list) {
                    wish(into, entry);
                    never.extend(uncontacted(entry));
                }
            }
        }
        let sources = |which| texts(config, &format!("spec.registrySources.{which}"));
        let (insecure, blocked) = (sources("insecureRegistries"), sources("blockedRegistries"));
        let mut rules = Rules::of(&wishes, &insecure, &blocked);
        rules.0.iter_mut().for_each(|s| s.never = never.contains(&s.name));
        rules
    }

    fn of(wishes: &[Wishes; 2], insecure: &[String], blocked: &[String]) -> Rules {
        let mut rules = Rules::default();
        for (wishes, digests) in wishes.iter().zip([true, false]) {
            for (source, lists) in wishes {
                let order = merged(source, lists).into_iter();
                let mirrors = order.map(|location| Mirror { location, digests });
                rules.scope(source).mirrors.extend(mirrors);
            }
        }
        for name in blocked {
            rules.scope(name);
        }
        for outer in insecure {
            rules.scope(outer);
            rules.inside(outer).for_each(|s| s.insecure = true);
        }
        for outer in blocked {
            rules.inside(outer).for_each(|s| s.blocked = true);
        }
        for source in wishes.iter().flat_map(BTreeMap::keys) {
            rules.inherit(source);
        }
        rules
    }

    fn scope(&mut self, name: &str) -> &mut Scope {
        let at = self.0.iter().position(|s| s.name == name).unwrap_or_else(|| {
            self.0.push(Scope { name: name.into(), ..Scope::default() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    fn inside(&mut self, outer: &str) -> impl Iterator<Item = &mut Scope> {
        self.0.iter_mut().filter(move |s| is_inside(&s.name, outer))
    }

    /// Only the most exact scope counts: those inside a mirrored one get its mirrors.
    fn inherit(&mut self, source: &str) {
        let mirrors = self.scope(source).mirrors.clone();
        for inner in self.inside(source).filter(|s| s.name != source && s.mirrors.is_empty()) {
            let Some(rest) = inner.name.strip_prefix(source) else { continue };
            let below = |m: &Mirror| Mirror { location: format!("{}{rest}", m.location), ..*m };
            inner.mirrors = mirrors.iter().map(below).collect();
        }
    }

    /// Whether the certificates of a registry are not looked at, and HTTP will do.
    pub fn is_insecure(&self, registry: &str) -> bool {
        self.0.iter().find(|s| s.name == registry).is_some_and(|s| s.insecure)
    }

    /// Whether nobody imports from a registry.
    pub fn is_blocked(&self, registry: &str) -> bool {
        let mut plain = self.0.iter().filter(|s| s.mirrors.is_empty());
        plain.find(|s| s.name == registry).is_some_and(|s| s.blocked)
    }

    /// Whether a node (or the cluster's registry) trusts whoever answers for a repository, and HTTP will do.
    pub fn is_insecure_on_node(&self, repository: &str) -> bool {
        self.on_node(repository).is_some_and(|s| s.insecure)
    }

    /// The entry that keeps a repository's images from nodes.
    pub fn blocked_on_node(&self, repository: &str) -> Option<&str> {
        self.on_node(repository).filter(|s| s.blocked || s.never).map(|s| s.name.as_str())
    }

    /// Nodes and the cluster's registry, unlike imports, mind paths and wildcards; of several scopes the most exact counts.
    /// Source: containers/image `pkg/sysregistriesv2`.
    fn on_node(&self, repository: &str) -> Option<&Scope> {
        self.0.iter().filter(|s| is_inside(repository, &s.name)).max_by_key(|s| s.name.len())
    }

    /// Where an image (with its defaults filled in) is looked for, in this order; and what is
    /// wrong with the mirrors.
    pub fn sources(&self, image: &Reference) -> (Vec<Reference>, Option<String>) {
        let (whole, repository) = (image.exact(), image.clone().repository().exact());
        let fitting = self.0.iter().filter(|s| is_below(&repository, &s.name));
        // Of equals the first.
        let Some(scope) = fitting.rev().max_by_key(|s| s.name.len()) else {
            return (vec![image.clone()], None);
        };
        let usable = scope.mirrors.iter().filter(|m| m.digests != image.id.is_empty());
        let rest = &whole[scope.name.len()..];
        let rewritten = usable.map(|m| Reference::parse(&format!("{}{rest}", m.location)));
        match rewritten.collect::<Result<Vec<_>, _>>() {
            Ok(mirrors) => (mirrors.into_iter().chain([image.clone()]).collect(), None),
            Err(problem) => {
                let why = format!(
                    "unable to get all pull sources for {whole}: rewriting reference: {problem}"
                );
                (vec![image.clone()], Some(why))
            }
        }
    }
}

fn wish(into: &mut Wishes, entry: &Value) {
    if is_wish(entry) {
        let mirrors = texts(entry, "mirrors");
        into.entry(entry.str_at("source").into()).or_default().push(mirrors);
    }
}

/// A set whose only mirror is its source is none.
fn is_wish(entry: &Value) -> bool {
    texts(entry, "mirrors").iter().any(|m| m != entry.str_at("source"))
}

/// The source, if it is never to be contacted.
fn uncontacted(entry: &Value) -> Option<String> {
    let never = entry.str_at("mirrorSourcePolicy") == "NeverContactSource";
    (never && is_wish(entry)).then(|| entry.str_at("source").into())
}

fn texts(of: &Value, path: &str) -> Vec<String> {
    of.list_at(path).iter().filter_map(|t| Some(t.as_str()?.to_owned())).collect()
}

fn is_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same, where `outer` may be `*.domain`.
fn is_inside(inner: &str, outer: &str) -> bool {
    if is_below(inner, outer) {
        return true;
    }
    let Some(domain) = outer.strip_prefix('*').filter(|d| d.starts_with('.')) else {
        return false;
    };
    let host = inner.split([':', '/']).next().unwrap_or_default();
    host.ends_with(domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn rules(digests: &Value, tags: &Value, insecure: &[&str], blocked: &[&str]) -> Rules {
        let read = |of: &Value| {
            let mut wishes = Wishes::default();
            of.as_array().into_iter().flatten().for_each(|e| wish(&mut wishes, e));
            wishes
        };
        let owned = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        Rules::of(&[read(digests), read(tags)], &owned(insecure), &owned(blocked))
    }

    fn sources(rules: &Rules, image: &str) -> Vec<String> {
        let image = Reference::parse(image).unwrap().with_defaults();
        rules.sources(&image).0.iter().map(Reference::exact).collect()
    }

    #[test]
    fn mirrors_by_digest_and_by_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let rules = rules(
            &json!([{"source": "quay.io/team", "mirrors": ["a.io/team", "b.io"]},
                {"source": "docker.io", "mirrors": ["hub.local/cache"]},
                {"source": "self.io", "mirrors": ["self.io"]}]),
            &json!([{"source": "quay.io", "mirrors": ["t.io:5000/q"]},
                {"source": "quay.io/team/deep", "mirrors": ["d.io"]}]),
            &[],
            &[],
        );
        let by = |image: &str| format!("{image}@{digest}");
        let rows = [
            (by("quay.io/team/x"), vec![by("a.io/team/x"), by("b.io/x"), by("quay.io/team/x")]),
            (
                "quay.io/other/x:1".into(),
                vec!["t.io:5000/q/other/x:1".into(), "quay.io/other/x:1".into()],
            ),
            // The most exact source alone counts, and its mirrors are for digests.
            ("quay.io/team/x:1".into(), vec!["quay.io/team/x:1".into()]),
            (
                "quay.io/team/deep/x:1".into(),
                vec!["d.io/x:1".into(), "quay.io/team/deep/x:1".into()],
            ),
            (
                "quay.io/teams/x:1".into(),
                vec!["t.io:5000/q/teams/x:1".into(), "quay.io/teams/x:1".into()],
            ),
            (by("mysql"), vec![by("hub.local/cache/library/mysql"), by("docker.io/library/mysql")]),
            (by("self.io/x/y"), vec![by("self.io/x/y")]),
        ];
        for (image, expected) in rows {
            assert_eq!(sources(&rules, &image), expected, "{image}");
        }
    }

    #[test]
    fn insecure_and_blocked_registries() {
        let mirrored = json!([{"source": "m.example.com/x", "mirrors": ["a.io"]},
            {"source": "gone.io", "mirrors": ["b.io"], "mirrorSourcePolicy": "NeverContactSource"}]);
        let rules = rules(
            &json!([]),
            &mirrored,
            &["plain.io:5000", "*.example.com"],
            &["bad.io", "bad.io/not/whole", "m.example.com"],
        );
        assert!(rules.is_insecure("plain.io:5000") && !rules.is_insecure("plain.io"));
        // Wildcards are for nodes.
        assert!(!rules.is_insecure("a.example.com"));
        assert!(rules.is_blocked("bad.io") && !rules.is_blocked("good.io"));
        assert!(rules.is_blocked("m.example.com") && !rules.is_blocked("gone.io"));
        let inner = rules.0.iter().find(|s| s.name == "m.example.com/x").unwrap();
        assert!(inner.insecure && inner.blocked);
        assert!(rules.is_insecure_on_node("a.example.com/x") && !rules.is_insecure_on_node("a.io"));
        assert_eq!(rules.blocked_on_node("bad.io/not/whole/x"), Some("bad.io/not/whole"));
        assert_eq!(rules.blocked_on_node("bad.ion/x"), None);
    }

    #[test]
    fn inner_scopes_keep_the_mirrors_of_outer_ones() {
        let rules = rules(
            &json!([]),
            &json!([{"source": "quay.io", "mirrors": ["m.io/q"]}]),
            &["quay.io/team"],
            &[],
        );
        assert_eq!(sources(&rules, "quay.io/team/x:1"), ["m.io/q/team/x:1", "quay.io/team/x:1"]);
    }

    #[test]
    fn a_mirror_that_is_no_place() {
        let rules =
            rules(&json!([]), &json!([{"source": "quay.io", "mirrors": ["Bad:://"]}]), &[], &[]);
        let image = Reference::parse("quay.io/x/y:1").unwrap();
        let (sources, problem) = rules.sources(&image);
        assert_eq!(sources, [image]);
        assert!(problem.unwrap().starts_with(
            "unable to get all pull sources for quay.io/x/y:1: rewriting reference: "
        ));
    }
}
