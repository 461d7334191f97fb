//! What a request may say, and who may change what of it.

use super::*;
use base64::Engine;

fn request() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    base64::engine::general_purpose::STANDARD.encode(pem)
}

fn csr(change: impl Fn(&mut Value)) -> Value {
    let mut o = json!({"metadata": {"name": "c"}, "spec": {"request": request(),
        "signerName": "example.com/s", "usages": ["client auth"]}});
    change(&mut o);
    o
}

fn said(o: &Value) -> Vec<String> {
    let mut causes = Causes::default();
    validate(o, None, &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

#[test]
fn a_request_is_signed_with_its_own_key() {
    assert_eq!(said(&csr(|_| ())), Vec::<String>::new());
    let bad = said(&csr(|o| o.set_at("spec.request", "aGVsbG8=")));
    assert!(bad[0].ends_with("PEM block type must be CERTIFICATE REQUEST"), "{bad:?}");
}

#[test]
fn names_usages_and_durations() {
    let rows: [(fn(&mut Value), &str); 6] = [
        (|o| o.set_at("spec.usages", json!([])), "spec.usages: Required value"),
        (
            |o| o.set_at("spec.usages", json!(["signing", "signing"])),
            r#"spec.usages[1]: Duplicate value: "signing""#,
        ),
        (
            |o| o.set_at("spec.signerName", "example"),
            r#"spec.signerName: Invalid value: "example": must be a fully qualified domain and path of the form 'example.com/signer-name'"#,
        ),
        (
            |o| o.set_at("spec.signerName", "example/s"),
            r#"spec.signerName: Invalid value: "example": should be a domain with at least two segments separated by dots"#,
        ),
        (
            |o| o.set_at("spec.expirationSeconds", 60),
            "spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)",
        ),
        (
            |o| o.set_at("spec.signerName", "kubernetes.io/legacy-unknown"),
            r#"spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version"#,
        ),
    ];
    for (change, expected) in rows {
        assert_eq!(said(&csr(change)), [expected]);
    }
}

#[test]
fn each_door_changes_its_own_part() {
    let old = csr(|_| ());
    let approved = json!([{"type": "Approved", "status": "True"}]);
    let check = |via: Via, change: &dyn Fn(&mut Value)| -> Vec<String> {
        let mut new = old.clone();
        change(&mut new);
        let mut causes = Causes::default();
        changes(&new, &old, via, &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    };
    let approve = |o: &mut Value| o.set_at("status.conditions", approved.clone());
    assert_eq!(check(Via::Approval, &approve), Vec::<String>::new());
    assert_eq!(
        check(Via::Status, &approve),
        [r#"status.conditions: Forbidden: updates may not add a condition of type "Approved""#]
    );
    let issue = |o: &mut Value| o.set_at("status.certificate", "eA==");
    assert_eq!(check(Via::Status, &issue), Vec::<String>::new());
    assert_eq!(
        check(Via::Approval, &issue),
        ["status.certificate: Forbidden: updates may not set certificate content"]
    );
}

#[test]
fn the_condition_in_one_word() {
    let rows = [
        (json!([]), "", "Pending"),
        (json!([{"type": "Approved"}]), "x", "Approved,Issued"),
        (json!([{"type": "Approved"}, {"type": "Failed"}]), "", "Approved,Failed"),
        (json!([{"type": "Denied"}]), "", "Denied"),
    ];
    for (conditions, certificate, expected) in rows {
        let o = json!({"status": {"conditions": conditions, "certificate": certificate}});
        assert_eq!(condition(&o), expected);
    }
}
