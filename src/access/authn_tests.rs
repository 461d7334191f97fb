//! Sign-in by certificate, admin token and service account token.

use super::*;
use crate::{
    access::{Impersonation, Keys, impersonation::impersonate, rbac::Authorizer},
    object::{encode, json, name::key},
    store::{Expect, Op, Options, Store},
    world::Entropy,
};

fn store(objects: &[(&str, Value)]) -> Store {
    let store = Store::open(&Options::default()).unwrap();
    let ops = objects.iter().map(|(resource, object)| Op::Put {
        resource: (*resource).into(),
        key: key(object.namespace(), object.name()).into(),
        expect: Expect::Absent,
        body: encode(object),
        claims: vec![],
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(ops.collect())).unwrap();
    store
}

fn meta(namespace: &str, name: &str, uid: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name, "uid": uid}})
}

fn access() -> Access {
    Access::new(Keys::generate(&Entropy::seeded(1)).unwrap()).unwrap()
}

#[test]
fn certificates_admin_token_and_nobody() {
    let (access, store) = (access(), store(&[]));
    let who = |bearer, certificate| {
        let credentials = Credentials { bearer, certificate };
        access.authenticate(&store.snapshot(), Timestamp::UNIX_EPOCH, &credentials)
    };
    let orgs = ["system:masters".to_owned()];
    let admin = who(None, Some(("system:admin", &orgs))).unwrap();
    assert_eq!(admin.groups, ["system:masters", "system:authenticated"]);
    assert_eq!(who(Some(&access.keys.admin_token), None).unwrap(), admin);
    assert_eq!(who(None, None).unwrap(), anonymous());
    for token in ["", "nonsense", "sha256~", "sha256~nonsense", "a.b.c"] {
        assert_eq!(who(Some(token), None), Err(Error::Unauthorized), "{token}");
    }
}

#[test]
fn service_account_tokens_live_as_long_as_what_they_are_bound_to() {
    let access = access();
    let claims = |audience: &str, pod_uid: &str| {
        json!({
            "iss": jwt::ISSUER, "aud": [audience], "exp": 1000, "nbf": 10, "jti": "j",
            "kubernetes.io": {
                "namespace": "ns", "serviceaccount": {"name": "sa", "uid": "1"},
                "pod": {"name": "p", "uid": pod_uid},
            },
        })
    };
    let all = [("serviceaccounts", meta("ns", "sa", "1")), ("pods", meta("ns", "p", "2"))];
    let other = [("serviceaccounts", meta("ns", "sa", "9")), ("pods", meta("ns", "p", "2"))];
    let rows: &[(&[(&str, Value)], Value, i64, bool)] = &[
        (&all, claims(jwt::ISSUER, "2"), 500, true),
        (&all, claims(jwt::ISSUER, "2"), 1000, false),
        (&all, claims(jwt::ISSUER, "2"), 5, false),
        (&all, claims("vault", "2"), 500, false),
        (&all, claims(jwt::ISSUER, "3"), 500, false),
        (&all[..1], claims(jwt::ISSUER, "2"), 500, false),
        (&other, claims(jwt::ISSUER, "2"), 500, false),
    ];
    for (i, (objects, claims, second, good)) in rows.iter().enumerate() {
        let token = access.signer.sign(claims).unwrap();
        let now = Timestamp::from_second(*second).unwrap();
        let caller = access.by_token(&store(objects).snapshot(), now, &token);
        assert_eq!(caller.is_some(), *good, "row {i}");
        if let Some(caller) = caller {
            assert_eq!(caller.name, "system:serviceaccount:ns:sa");
            assert_eq!(caller.groups[1], "system:serviceaccounts:ns");
            assert!(caller.extra.iter().any(|(k, v)| k.ends_with("pod-name") && v == &["p"]));
        }
    }
    let token = access.signer.sign(&claims("vault", "2")).unwrap();
    let asked = ["vault".to_owned(), "x".to_owned()];
    let now = Timestamp::from_second(500).unwrap();
    let found = access.by_service_account_token(&store(&all).snapshot(), now, &token, &asked);
    assert_eq!(found.unwrap().1, ["vault"]);
}

#[test]
fn impersonation_needs_the_right_and_carries_the_groups() {
    let store = store(&[]);
    let authorizer = Authorizer::default();
    let wanted = |user: &str, groups: &[&str]| Impersonation {
        user: user.into(),
        groups: groups.iter().map(|g| (*g).into()).collect(),
        ..Impersonation::default()
    };
    let go = |caller: &Caller, wanted| impersonate(&authorizer, &store.snapshot(), caller, &wanted);
    let root = Caller::component("root");
    assert_eq!(go(&root, wanted("bob", &["a"])).unwrap().groups, ["a", AUTHENTICATED]);
    let account = go(&root, wanted("system:serviceaccount:ns:sa", &[])).unwrap();
    assert_eq!(account, service_account_caller("ns", "sa"));
    assert_eq!(go(&root, wanted(ANONYMOUS, &[])).unwrap(), anonymous());
    let bob = Caller { name: "bob".into(), ..Caller::default() };
    assert_eq!(
        go(&bob, wanted("root", &[])).unwrap_err().to_string(),
        r#"users "root" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope"#
    );
    assert!(matches!(go(&root, wanted("", &["a"])), Err(Error::BadRequest(_))));
}
