//! Who has which host: it belongs to the project of the oldest route that names it, and there every
//! path to its oldest route.
//! Source: openshift/router `pkg/router/controller/{unique_host,host_admitter}.go`, `hostindex`.

use super::{ROUTES, RouteRefusal, domain, is_admitted, policy::RouteAdmission};
use crate::{
    controllers::View,
    object::{ObjectExt, Value, name},
    store::{Change, Entry},
};
use serde::Deserialize;
use std::sync::Arc;

/// What of a route decides about its host, read once per revision.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RouteClaim {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    creation_timestamp: String,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    host: String,
    subdomain: String,
    path: String,
    wildcard_policy: String,
    tls: ClaimedTls,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct ClaimedTls {
    external_certificate: SecretName,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(default)]
struct SecretName {
    name: String,
}

impl RouteClaim {
    /// The host the route wants; empty when it names none.
    pub fn host(&self, view: &View) -> String {
        match (self.spec.host.as_str(), self.spec.subdomain.as_str()) {
            ("", "") => String::new(),
            ("", subdomain) => format!("{subdomain}.{}", domain(view)),
            (host, _) => host.to_owned(),
        }
    }

    /// The secret whose certificate it shows; empty when it names none.
    pub fn secret(&self) -> &str {
        &self.spec.tls.external_certificate.name
    }

    /// Whether it is for everything below its host's domain.
    pub fn is_wildcard(&self) -> bool {
        self.spec.wildcard_policy == "Subdomain"
    }
}

/// Whether a change leaves what the route claims as it was.
pub fn is_same(change: &Change) -> bool {
    let same = |before: &Arc<Entry>| {
        before.lens::<RouteClaim>().spec == change.entry.lens::<RouteClaim>().spec
            && before.meta.uid == change.entry.meta.uid
            && before.meta.deleting == change.entry.meta.deleting
    };
    change.before.as_ref().is_some_and(same)
}

/// What decides who is older.
fn age(entry: &Entry) -> (String, String) {
    (entry.lens::<RouteClaim>().metadata.creation_timestamp.clone(), entry.meta.uid.to_string())
}

/// Why a route is not admitted, if it is not. `before`: what the router said of it last.
pub fn refusal(view: &View, entry: &Arc<Entry>, before: Option<&Value>) -> Option<RouteRefusal> {
    let (route, policy) = (entry.lens::<RouteClaim>(), RouteAdmission::of(view));
    if route.is_wildcard() && !policy.wildcards {
        return Some(("RouteNotAdmitted", "wildcard routes are not allowed".into()));
    }
    let host = route.host(view);
    if host.is_empty() {
        return Some(("NoHostValue", "no host value was defined for the route".into()));
    }
    if let Some(why) = invalid(&host) {
        return Some(("InvalidHost", format!("host name validation errors: {why}")));
    }
    let mine = age(entry);
    // What is for all names below a domain has nothing to do with what is for one of them.
    let same = |other: &RouteClaim| {
        other.is_wildcard() == route.is_wildcard()
            && match route.is_wildcard() {
                true => below(&other.host(view)) == below(&host),
                false => other.host(view) == host,
            }
    };
    let rivals = view.objects.list(ROUTES, "").filter(|e| {
        let lens = e.lens::<RouteClaim>();
        !e.meta.deleting && same(&lens) && age(e) < mine
    });
    let mut older: Vec<&Arc<Entry>> = rivals.collect();
    older.sort_by_key(|e| age(e));
    let owner = older.first()?;
    let taken = |by: &Entry, message: String| {
        // Who loses what he had is told so, and told nothing else afterwards.
        let replaced = format!("replaced by older route {}", by.meta.name);
        let lost = before.is_some_and(|b| is_admitted(b) || said(b) == replaced);
        Some(("HostAlreadyClaimed", if lost { replaced } else { message }))
    };
    if owner.meta.namespace != entry.meta.namespace && !policy.shared {
        let name = &entry.meta.name;
        let text = format!("a route in another namespace holds {host} and is older than {name}");
        return taken(owner, text);
    }
    let same_path = older.into_iter().find(|e| {
        (policy.shared || e.meta.namespace == entry.meta.namespace)
            && e.lens::<RouteClaim>().spec.path == route.spec.path
    })?;
    let text = format!("route {} already exposes {host} and is older", same_path.meta.name);
    taken(same_path, text)
}

/// What is wrong with a host. Most are never stored; what a lenient route names, and what comes of a
/// subdomain, is seen here first.
fn invalid(host: &str) -> Option<String> {
    let whole = "host must conform to DNS 952 subdomain conventions";
    let whole = (!name::subdomain_problems(host).is_empty()).then(|| whole.to_owned());
    let labels = host.split('.').flat_map(name::label_problems);
    let all = whole.into_iter().chain(labels.map(|why| why.to_string()));
    let said: Vec<_> =
        all.map(|why| format!("spec.host: Invalid value: {host:?}: {why}")).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// The domain of a host.
fn below(host: &str) -> &str {
    host.split_once('.').map_or("", |(_, domain)| domain)
}

fn said(ingress: &Value) -> &str {
    ingress.list_at("conditions").first().map_or("", |c| c.str_at("message"))
}
