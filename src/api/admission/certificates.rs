//! CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who may approve and
//! sign for a signer, and whom no signer vouches for.
//!
//! Source: kubernetes `plugin/pkg/admission/certificates`, `pkg/apis/certificates/authorization`.

use super::{super::Verb, Attributes, common::refuse};
use crate::{
    access::Attributes as Ask,
    error::Error,
    object::{ObjectExt, Value},
    store::Op,
    tls,
};
use base64::{Engine, engine::general_purpose::STANDARD};

const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";

/// Checks writes to signing requests.
pub fn validate(request: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    if a.kind.plural != "certificatesigningrequests" || a.kind.group != "certificates.k8s.io" {
        return Ok(Vec::new());
    }
    match (a.verb, a.sub) {
        (Verb::Create, "") => no_masters(request, a)?,
        (Verb::Update, "approval") => signer(request, "approve", a)?,
        (Verb::Update, "status") if touches_signature(request, a) => signer(request, "sign", a)?,
        _ => {}
    }
    Ok(Vec::new())
}

/// Nobody becomes an administrator by asking for a certificate.
fn no_masters(request: &Value, a: &Attributes<'_>) -> Result<(), Error> {
    if request.str_at("spec.signerName") != API_CLIENT {
        return Ok(());
    }
    let pem = STANDARD.decode(request.str_at("spec.request")).unwrap_or_default();
    let asked = tls::requested(&pem);
    if asked.is_some_and(|r| r.organizations.iter().any(|o| o == "system:masters")) {
        let why = format!("use of {API_CLIENT} signer with system:masters group is not allowed");
        return Err(refuse(a, request, why));
    }
    Ok(())
}

fn touches_signature(request: &Value, a: &Attributes<'_>) -> bool {
    let differs = |path: &str| request.at(path) != a.old.and_then(|o| o.at(path));
    differs("status.certificate") || differs("status.conditions")
}

/// Asks for the signer itself, then for all of its domain.
fn signer(request: &Value, verb: &str, a: &Attributes<'_>) -> Result<(), Error> {
    let name = a.old.unwrap_or(request).str_at("spec.signerName");
    let domain = name.split('/').next().unwrap_or_default();
    let all = format!("{domain}/*");
    let may = [name, all.as_str()].iter().any(|name| {
        let ask = Ask { verb, group: &a.kind.group, resource: "signers", name, ..Ask::default() };
        a.authorizer.authorize(a.snapshot, a.caller, &ask).allowed
    });
    if may {
        return Ok(());
    }
    Err(refuse(
        a,
        request,
        format!("user not permitted to {verb} requests with signerName {name:?}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn scene(resource_name: &str, verb: &str) -> Scene {
        Scene::new(vec![
            (
                "clusterroles.rbac.authorization.k8s.io",
                json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": ["certificates.k8s.io"],
                    "resources": ["signers"], "verbs": [verb], "resourceNames": [resource_name]}]}),
            ),
            (
                "clusterrolebindings.rbac.authorization.k8s.io",
                json!({"metadata": {"name": "b"}, "subjects": [{"kind": "User", "name": "alice",
                        "apiGroup": "rbac.authorization.k8s.io"}],
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "r"}}),
            ),
        ])
    }

    fn csr(certificate: &str) -> Value {
        json!({"metadata": {"name": "c"}, "spec": {"signerName": "example.com/s"},
            "status": {"certificate": certificate}})
    }

    fn run(scene: &mut Scene, sub: &'static str, certificate: &str) -> Result<(), String> {
        scene.old = Some(csr(""));
        let mut a = scene.attributes("certificatesigningrequests", Verb::Update, "", "c");
        a.sub = sub;
        validate(&csr(certificate), &a).map(drop).map_err(|e| e.to_string())
    }

    #[test]
    fn signers_are_asked_for() {
        let refused = |verb: &str| {
            Err(format!(
                "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted to {verb} requests with signerName \"example.com/s\""
            ))
        };
        let mut nobody = Scene::new(vec![]);
        assert_eq!(run(&mut nobody, "approval", ""), refused("approve"));
        assert_eq!(run(&mut nobody, "status", "x"), refused("sign"));
        assert_eq!(run(&mut nobody, "status", ""), Ok(()));
        assert_eq!(run(&mut scene("example.com/s", "approve"), "approval", ""), Ok(()));
        assert_eq!(run(&mut scene("example.com/*", "sign"), "status", "x"), Ok(()));
        assert_eq!(run(&mut scene("example.org/*", "sign"), "status", "x"), refused("sign"));
    }

    #[test]
    fn no_certificate_makes_a_master() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        let scene = Scene::new(vec![]);
        let a = scene.attributes("certificatesigningrequests", Verb::Create, "", "c");
        let mut o = json!({"metadata": {"name": "c"},
            "spec": {"signerName": API_CLIENT, "request": STANDARD.encode(pem)}});
        let said = validate(&o, &a).unwrap_err().to_string();
        assert!(said.ends_with("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"), "{said}");
        o.set_at("spec.signerName", "example.com/s");
        assert!(validate(&o, &a).is_ok());
    }
}
