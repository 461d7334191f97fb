//! A request's way from asking to being forgotten.

use super::*;
use crate::{controllers::testkit::Kit, settings::Settings};
use std::sync::Arc;

const ALL: [&Controller; 3] = [&APPROVER, &SIGNER, &CLEANER];

fn kit() -> Kit {
    let mut kit = Kit::default();
    let ca = tls::authority(kit.view().now).unwrap();
    kit.settings =
        Arc::new(Settings { ca_pem: ca.cert, ca_key_pem: ca.key, ..Settings::default() });
    kit
}

fn csr(kit: &mut Kit, subject: (&str, &str), signer: &str, usages: Value) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, subject.1);
    params.distinguished_name.push(rcgen::DnType::CommonName, subject.0);
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    kit.put(
        REQUESTS,
        json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": "c"}, "spec": {"request": STANDARD.encode(pem),
                "signerName": signer, "usages": usages, "username": subject.0,
                "expirationSeconds": 3600}}),
    );
}

fn approved(kit: &mut Kit) {
    let now = crate::object::time::seconds(kit.view().now);
    kit.edit(REQUESTS, "c", |o| {
        o.set_at(
            "status.conditions",
            json!([{"type": "Approved", "status": "True", "lastUpdateTime": now}]),
        );
    });
}

#[test]
fn what_is_approved_is_signed_for_as_long_as_asked_and_then_forgotten() {
    let mut kit = kit();
    csr(&mut kit, ("bob", "dev"), "kubernetes.io/kube-apiserver-client", json!(["client auth"]));
    kit.settle_all(&ALL);
    assert_eq!(kit.get(REQUESTS, "c").unwrap().str_at("status.certificate"), "", "nobody approved");
    approved(&mut kit);
    kit.settle_all(&ALL);
    let request = kit.get(REQUESTS, "c").unwrap();
    let pem = STANDARD.decode(request.str_at("status.certificate")).unwrap();
    let ends = tls::not_after(&pem).unwrap();
    assert_eq!(ends.as_second() - kit.view().now.as_second(), 3600);
    use rustls::pki_types::pem::PemObject;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap();
    assert_eq!(tls::subject(&der), Some(("bob".into(), vec!["dev".into()])));
    kit.advance(3601);
    kit.settle_all(&ALL);
    assert!(kit.get(REQUESTS, "c").is_none());
}

#[test]
fn what_does_not_fit_its_signer_fails() {
    let mut kit = kit();
    csr(&mut kit, ("bob", "dev"), "kubernetes.io/kube-apiserver-client", json!(["server auth"]));
    approved(&mut kit);
    kit.settle_all(&ALL);
    let request = kit.get(REQUESTS, "c").unwrap();
    assert_eq!(request.list_at("status.conditions").len(), 2);
    assert!(has(&request, "Failed"), "{request}");
}

#[test]
fn other_signers_are_left_to_others_and_nodes_need_the_right() {
    let mut kit = kit();
    csr(&mut kit, ("bob", "dev"), "example.com/s", json!(["client auth"]));
    approved(&mut kit);
    kit.settle_all(&ALL);
    assert_eq!(kit.get(REQUESTS, "c").unwrap().str_at("status.certificate"), "");
    kit.remove(REQUESTS, "c");
    let usages = json!(["digital signature", "client auth"]);
    csr(&mut kit, ("system:node:n", "system:nodes"), NODE_CLIENT, usages.clone());
    kit.settle_all(&ALL);
    assert!(!has(&kit.get(REQUESTS, "c").unwrap(), "Approved"));
    kit.put(
        "clusterroles.rbac.authorization.k8s.io",
        json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests/selfnodeclient"], "verbs": ["create"]}]}),
    );
    kit.put(
        "clusterrolebindings.rbac.authorization.k8s.io",
        json!({"metadata": {"name": "b"}, "subjects": [{"kind": "User", "name": "system:node:n",
                "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}}),
    );
    kit.settle_all(&ALL);
    let request = kit.get(REQUESTS, "c").unwrap();
    assert!(has(&request, "Approved"), "{request}");
    assert!(!request.str_at("status.certificate").is_empty());
}
