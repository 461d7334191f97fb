//! The default router: admits routes, and says in their status under which host they are reached.
//! Source: openshift/router `pkg/router/controller` (host_admitter, unique_host, status).

mod certificates;
mod claims;
mod policy;
#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    object::{ObjectExt, Value, json, time},
    store::{Change, Entry},
};
use claims::RouteClaim;
use std::sync::Arc;

const ROUTES: &str = "routes.route.openshift.io";
/// What the router calls itself in a route's status.
const NAME: &str = "default";
/// Seconds after which upstream's router goes through its routes though nothing has changed.
const RESYNC: i64 = 30 * 60;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "router",
    user: "system:serviceaccount:openshift-ingress:router",
    manager: "openshift-router",
    watches: &[
        Watch::Map(ROUTES, concerned),
        Watch::Map(policy::CONTROLLERS, |view, _| {
            view.objects.list(ROUTES, "").map(|e| e.key.to_string()).collect()
        }),
        Watch::Map("secrets", shown_by),
    ],
    reconcile,
    ..Controller::BASE
};

/// The route itself, and every other that wants a host it has or had.
fn concerned(view: &View, change: &Change) -> Vec<String> {
    let hosts: Vec<String> = [Some(&change.entry), change.before.as_ref()]
        .into_iter()
        .flatten()
        .map(|e| e.lens::<RouteClaim>().host(view))
        .filter(|host| !host.is_empty())
        .collect();
    let claims = change.deleted || !claims::is_same(change);
    let mut keys = vec![change.entry.key.to_string()];
    if claims {
        let routes = view.objects.list(ROUTES, "");
        let rivals = routes.filter(|e| hosts.contains(&e.lens::<RouteClaim>().host(view)));
        keys.extend(rivals.map(|e| e.key.to_string()));
    }
    keys
}

/// The routes that show the certificate of a secret.
fn shown_by(view: &View, change: &Change) -> Vec<String> {
    let (secret, routes) =
        (&change.entry.meta, view.objects.list(ROUTES, &change.entry.meta.namespace));
    let shows = |e: &&Arc<Entry>| *e.lens::<RouteClaim>().secret() == *secret.name;
    routes.filter(shows).map(|e| e.key.to_string()).collect()
}

/// The domain of hosts that nobody names.
fn domain(view: &View) -> String {
    let config = view.get("ingresses.config.openshift.io", "cluster").map(|e| e.value());
    let own = config.as_ref().map_or("", |c| c.str_at("spec.domain"));
    if own.is_empty() { view.settings.apps_domain.clone() } else { own.to_owned() }
}

/// Why a route is not admitted: reason and message.
type RouteRefusal = (&'static str, String);

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(ROUTES, key).filter(|e| !e.meta.deleting) else {
        return Plan::none();
    };
    let route = entry.value();
    let (wanted, known) = (ingress(view, &entry.lens::<RouteClaim>()), own(&route));
    let judge = |whole: &Value| {
        claims::refusal(view, entry, known).or_else(|| {
            let why = certificates::problem(whole, view.now)?;
            Some(("ExtendedValidationFailed", why))
        })
    };
    let (problem, refusal) = match certificates::complete(view, &route) {
        Err(why) => (Some(why), None),
        Ok(whole) => (None, judge(&whole)),
    };
    if certificates::secret_of(&route).is_empty() {
        return told(route, refuse(wanted, refusal));
    }
    // A secret is looked at again with each change of it or of the route; whether the router may is
    // asked anew then, and now and then besides.
    let mut plan = Plan::none();
    plan.look_again(time::plus_seconds(view.now, RESYNC));
    plan.all(certificates::ask(&route), false);
    plan.then = Some(Box::new(move |outcome| {
        let mut found = certificates::lacking(outcome);
        found.extend(problem);
        let invalid = certificates::aggregate(found);
        let refusal = match invalid {
            Some(why) => Some(("ExternalCertificateValidationFailed", why)),
            None => refusal,
        };
        told(route, refuse(wanted, refusal))
    }));
    plan
}

/// What the router has said of a route.
fn own(route: &Value) -> Option<&Value> {
    route.list_at("status.ingress").iter().find(|i| i.str_at("routerName") == NAME)
}

/// Says of a route what is to be said, if it is not said already.
fn told(mut route: Value, wanted: Value) -> Plan {
    let mut plan = Plan::none();
    if own(&route).is_some_and(|k| without_time(k.clone()) == without_time(wanted.clone())) {
        return plan;
    }
    let mut all = route.list_at("status.ingress").to_vec();
    match all.iter_mut().find(|i| i.str_at("routerName") == NAME) {
        Some(own) => *own = wanted,
        None => all.push(wanted),
    }
    route.set_at("status.ingress", all);
    plan.write(Write::status(ROUTES, route));
    plan
}

fn is_admitted(ingress: &Value) -> bool {
    let mut conditions = ingress.list_at("conditions").iter();
    conditions.any(|c| c.str_at("type") == "Admitted" && c.str_at("status") == "True")
}

/// What the router says of a route that it admits.
fn ingress(view: &View, route: &RouteClaim) -> Value {
    json!({
        "host": route.host(view), "routerName": NAME,
        "routerCanonicalHostname": format!("router-{NAME}.{}", domain(view)),
        "wildcardPolicy": if route.is_wildcard() { "Subdomain" } else { "None" },
        "conditions": [{"type": "Admitted", "status": "True",
            "lastTransitionTime": time::seconds(view.now)}],
    })
}

/// The same of one that it refuses, if it does.
fn refuse(mut ingress: Value, refusal: Option<RouteRefusal>) -> Value {
    if let Some((reason, message)) = refusal {
        let condition = &mut ingress["conditions"][0];
        condition["status"] = json!("False");
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    ingress
}

fn without_time(mut ingress: Value) -> Value {
    for condition in ingress.at_mut("conditions").as_array_mut().into_iter().flatten() {
        condition.remove_at("lastTransitionTime");
    }
    ingress
}
