//! Certificates for services that ask for one, signed by the cluster.
//! Source: openshift/service-ca-operator `pkg/controller/servingcert`.

pub mod bundles;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    api::PatchType,
    object::{ObjectExt, Value, json, name, time},
    store::{Change, Entry},
    tls::{self, Pair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

/// On services: the secret that gets the certificate. The second form is older.
const ASKED: [&str; 2] = [
    "service.beta.openshift.io/serving-cert-secret-name",
    "service.alpha.openshift.io/serving-cert-secret-name",
];
const SIGNED_BY: [&str; 2] = [
    "service.beta.openshift.io/serving-cert-signed-by",
    "service.alpha.openshift.io/serving-cert-signed-by",
];
const ERROR: [&str; 2] = [
    "service.beta.openshift.io/serving-cert-generation-error",
    "service.alpha.openshift.io/serving-cert-generation-error",
];
/// On secrets: whose certificate they hold.
const NAME: [&str; 2] = [
    "service.beta.openshift.io/originating-service-name",
    "service.alpha.openshift.io/originating-service-name",
];
const UID: [&str; 2] = [
    "service.beta.openshift.io/originating-service-uid",
    "service.alpha.openshift.io/originating-service-uid",
];
const EXPIRY: [&str; 2] = ["service.beta.openshift.io/expiry", "service.alpha.openshift.io/expiry"];
/// Seconds before the end of a certificate at which there is a new one.
const BEFORE: i64 = 3600;
/// Seconds until a secret of somebody else is looked at again.
const LATER: i64 = 60;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "service-serving-cert-controller",
    user: "system:serviceaccount:openshift-service-ca:service-ca",
    manager: "service-ca-operator",
    watches: &[Watch::Itself("services"), Watch::Map("secrets", of_secret)],
    reconcile,
    ..Controller::BASE
};

/// The service a secret holds the certificate of.
fn of_secret(_: &View, change: &Change) -> Vec<String> {
    let secret = change.entry.lean();
    let service = first(&secret, &NAME).map(|s| name::key(&change.entry.meta.namespace, s));
    service.into_iter().collect()
}

fn first<'a>(object: &'a Value, annotations: &[&str]) -> Option<&'a str> {
    annotations.iter().find_map(|a| object.annotation(a)).filter(|v| !v.is_empty())
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get("services", key) else { return plan };
    let service = entry.lean();
    let Some(named) = first(&service, &ASKED).filter(|_| !service.is_deleting()) else {
        return plan;
    };
    let stored = view.named("secrets", service.namespace(), named);
    let old = stored.map(|e| e.lean());
    if let Some(old) = &old {
        if first(old, &UID) != Some(service.uid()) {
            // Nothing says when it no longer stands in the way.
            let mut plan = fail(entry, &service, named, old);
            plan.look_again(time::plus_seconds(view.now, LATER));
            return plan;
        }
        let renew = ends(old).map(|end| time::plus_seconds(end, -BEFORE));
        if let Some(at) = renew.filter(|at| view.now < *at) {
            plan.look_again(at);
            return note(plan, entry, &service, view.now);
        }
    }
    match secret(view, &service, named) {
        Ok(made) if stored.is_none() => drop(plan.write(Write::create("secrets", made))),
        Ok(made) => {
            let mut changed = old.unwrap_or_default();
            for part in ["data", "type"] {
                changed[part] = made[part].clone();
            }
            for annotation in EXPIRY {
                changed.set_annotation(annotation, made.annotation(annotation).unwrap_or(""));
            }
            plan.write(Write::update("secrets", changed));
        }
        Err(why) => {
            tracing::warn!(%why, service = key, "no certificate");
            plan.retry = true;
            return plan;
        }
    }
    note(plan, entry, &service, view.now)
}

/// When the certificate of a secret ends; nothing when it holds none.
fn ends(secret: &Value) -> Option<Timestamp> {
    let data = secret.at("data")?;
    data.get("tls.key")?;
    tls::not_after(&STANDARD.decode(data.get("tls.crt")?.as_str()?).ok()?)
}

/// A secret of another service, or of nobody's, is left alone.
fn fail(entry: &Entry, service: &Value, named: &str, secret: &Value) -> Plan {
    let mut plan = Plan::none();
    let (namespace, uid) = (service.namespace(), service.uid());
    let why = match first(secret, &UID) {
        None => format!("secret {namespace}/{named} does not have corresponding service UID {uid}"),
        Some(other) => format!(
            "secret {namespace}/{named} references serviceUID {other}, which does not match {uid}"
        ),
    };
    if service.annotation(ERROR[0]) != Some(&why) {
        let marks = json!({ERROR[0]: why, ERROR[1]: why});
        let patch = json!({"metadata": {"annotations": marks}});
        plan.write(Write::patch("services", entry, PatchType::Merge, patch));
    }
    plan
}

/// Notes on a service who has signed for it.
fn note(mut plan: Plan, entry: &Entry, service: &Value, now: Timestamp) -> Plan {
    if service.annotation(SIGNED_BY[0]).is_none() || service.annotation(ERROR[0]).is_some() {
        let signer = format!("openshift-service-serving-signer@{}", now.as_second());
        let mut marks = json!({ERROR[0]: null, ERROR[1]: null});
        for annotation in SIGNED_BY {
            marks[annotation] = json!(signer);
        }
        let patch = json!({"metadata": {"annotations": marks}});
        plan.write(Write::patch("services", entry, PatchType::Merge, patch));
    }
    plan
}

fn secret(view: &View, service: &Value, named: &str) -> Result<Value, tls::TlsError> {
    let settings = &view.settings;
    let ca = Pair { cert: settings.ca_pem.clone(), key: settings.ca_key_pem.clone() };
    let host = format!("{}.{}.svc", service.name(), service.namespace());
    let whole = format!("{host}.{}", settings.cluster_domain);
    let mut hosts = vec![host.clone(), whole.clone()];
    if service.str_at("spec.clusterIP") == "None" {
        hosts.extend([format!("*.{host}"), format!("*.{whole}")]);
    }
    let pair = tls::serving(&ca, &hosts, view.now)?;
    let chain = format!("{}{}", pair.cert, settings.ca_pem);
    let end = tls::not_after(pair.cert.as_bytes()).map(time::seconds).unwrap_or_default();
    let mut secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": named, "namespace": service.namespace(), "annotations": {},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": service.name(),
                "uid": service.uid()}]},
        "data": {"tls.crt": STANDARD.encode(chain), "tls.key": STANDARD.encode(&pair.key)},
    });
    for (annotations, value) in [(NAME, service.name()), (UID, service.uid()), (EXPIRY, &end)] {
        for annotation in annotations {
            secret.set_annotation(annotation, value);
        }
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{controllers::testkit::Kit, settings::Settings};
    use std::sync::Arc;

    fn lab() -> Kit {
        let mut kit = Kit::default();
        let Pair { cert, key } = tls::authority(kit.now).unwrap();
        let settings = Settings { ca_pem: cert, ca_key_pem: key, ..Settings::default() };
        kit.settings = Arc::new(settings);
        kit.put(
            "services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web",
                "namespace": "n", "annotations": {ASKED[0]: "certs"}},
                "spec": {"clusterIP": "172.30.0.9"}}),
        );
        kit
    }

    #[test]
    fn a_service_gets_the_certificate_it_asks_for() {
        let mut kit = lab();
        kit.settle_all(&[&CONTROLLER]);
        let secret = kit.get("secrets", "n/certs").unwrap();
        let service = kit.get("services", "n/web").unwrap();
        assert_eq!(secret["type"], "kubernetes.io/tls");
        assert_eq!(secret.annotation(UID[0]), Some(service.uid()));
        assert!(service.annotation(SIGNED_BY[0]).unwrap().starts_with("openshift-service-serving"));
        let chain = STANDARD.decode(secret["data"]["tls.crt"].as_str().unwrap()).unwrap();
        let chain = String::from_utf8(chain).unwrap();
        let view = kit.view();
        let ca = &view.settings.ca_pem;
        assert!(tls::is_trusted(&chain, ca, Some("web.n.svc"), view.now));
        assert!(!tls::is_trusted(&chain, ca, Some("other.n.svc"), view.now));
        // Whoever takes it away gets another.
        kit.remove("secrets", "n/certs");
        kit.settle_all(&[&CONTROLLER]);
        assert!(kit.get("secrets", "n/certs").is_some_and(|s| s["data"] != secret["data"]));
    }

    #[test]
    fn a_secret_of_somebody_else_is_left_alone() {
        let mut kit = lab();
        kit.put("secrets", json!({"metadata": {"name": "certs", "namespace": "n"}}));
        kit.settle_all(&[&CONTROLLER]);
        let service = kit.get("services", "n/web").unwrap();
        let why = service.annotation(ERROR[0]).unwrap();
        assert!(why.starts_with("secret n/certs does not have corresponding service UID"), "{why}");
        assert!(kit.get("secrets", "n/certs").unwrap().get("data").is_none());
    }
}
