//! The table of routes. Source: openshift-apiserver `pkg/route/printers`.

use crate::kinds::Column;
use crate::kinds::cluster::cells;
use crate::object::{ObjectExt, Value, json};

pub(super) const COLUMNS: &[Column] = &[
    Column::text("Host/Port", "Host as the routers admitted it.", |o, _| json!(host(o))),
    Column::text("Path", "Path the route is for.", |o, _| cells::text(o, "spec.path")),
    Column::text("Services", "Services behind the route.", |o, _| json!(services(o))),
    Column::text("Port", "Port of the service.", |o, _| {
        json!(match o.at("spec.port.targetPort") {
            Some(Value::String(s)) => s.clone(),
            Some(port) => port.to_string().into(),
            None => "<all>".into(),
        })
    }),
    Column::text("Termination", "Who ends TLS, and what happens without.", |o, _| {
        json!(match (
            o.str_at("spec.tls.termination"),
            o.str_at("spec.tls.insecureEdgeTerminationPolicy")
        ) {
            (term, "") => term.to_owned(),
            ("", insecure) => format!("default/{insecure}"),
            (term, insecure) => format!("{term}/{insecure}"),
        })
    }),
    Column::text("Wildcard", "Wildcard policy.", |o, _| cells::text(o, "spec.wildcardPolicy")),
];

fn admission(ingress: &Value) -> Option<&Value> {
    ingress.list_at("conditions").iter().find(|c| c.str_at("type") == "Admitted")
}

fn host(route: &Value) -> String {
    let wanted = route.str_at("spec.host");
    if route.at("status.ingress").is_none_or(Value::is_null) {
        return wanted.to_owned();
    }
    let (mut host, mut reason, mut admitted, mut rejected) = (wanted, "", 0, 0);
    let mut matched = false;
    for ingress in route.list_at("status.ingress") {
        let Some(condition) = admission(ingress) else { continue };
        match condition.str_at("status") {
            "True" => {
                admitted += 1;
                if !matched {
                    host = ingress.str_at("host");
                    matched = host == wanted;
                }
            }
            "False" => {
                reason = condition.str_at("reason");
                rejected += 1;
            }
            _ => {}
        }
    }
    match (admitted, rejected) {
        (0, 0) => "Pending".into(),
        (0, _) => reason.to_owned(),
        (1, 0) => host.to_owned(),
        (n, 0) => format!("{host} ... {} more", n - 1),
        (_, n) => format!("{host} ... {n} rejected"),
    }
}

fn services(route: &Value) -> String {
    let first = route.at("spec.to").into_iter();
    let all: Vec<&Value> = first.chain(route.list_at("spec.alternateBackends")).collect();
    let total: i64 = all.iter().filter_map(|b| b.i64_at("weight")).sum();
    let one = |backend: &&Value| {
        let name = backend.str_at("name");
        match backend.i64_at("weight") {
            None => name.to_owned(),
            Some(_) if all.len() == 1 && total != 0 => name.to_owned(),
            Some(_) if total == 0 => format!("{name}(0%)"),
            Some(weight) => format!("{name}({}%)", weight * 100 / total),
        }
    };
    all.iter().map(one).collect::<Vec<_>>().join(",")
}
