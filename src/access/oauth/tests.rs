//! The flows clients go through, from metadata to a token that signs in.

use super::*;
use crate::{
    access::{
        Credentials, Keys,
        authn::{CLUSTER_ADMINS, token_name},
        bootstrap,
    },
    object::name::key,
    settings::Settings,
    store::Options,
    world::{Entropy, StepClock},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use std::sync::Arc;

const ISSUER: &str = "https://127.0.0.1:6443";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-x";

struct Bench {
    store: Store,
    world: World,
    access: Access,
    clock: StepClock,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    /// A cluster's OAuth objects and passwords.
    fn new() -> Bench {
        let clock = StepClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let entropy = Entropy::seeded(3);
        let world = World::new(Arc::new(clock.clone()), entropy);
        let store = Store::open(&Options::default()).unwrap();
        let objects = bootstrap::objects(&world, &Settings::default(), "admin-password");
        let ops = objects.into_iter().filter_map(|mut object| {
            let resource = match object.str_at("kind") {
                "OAuthClient" => CLIENTS,
                "OAuth" => CONFIG,
                "Secret" => "secrets",
                _ => return None,
            };
            object.set_at("metadata.uid", world.entropy.uuid());
            let key = key(object.namespace(), object.name());
            Some(Op::Put {
                resource: resource.into(),
                key: key.into(),
                expect: Expect::Absent,
                body: encode(&object),
                claims: vec![],
            })
        });
        let ops: Vec<Op> = ops.collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.commit(ops)).unwrap();
        let access = Access::new(Keys::generate(&world.entropy).unwrap()).unwrap();
        Bench { store, world, access, clock, runtime }
    }

    fn ask(&self, ask: &OAuthRequest) -> Reply {
        let cx =
            Cx { store: &self.store, world: &self.world, access: &self.access, issuer: ISSUER };
        self.runtime.block_on(answer(cx, ask)).unwrap()
    }

    fn authorize(&self, more: &[(&str, &str)], basic: Option<(&str, &str)>) -> Reply {
        let redirect = format!("{ISSUER}/oauth/token/implicit");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut query = pairs(more);
        for (name, value) in [
            ("client_id", "openshift-challenging-client"),
            ("redirect_uri", redirect.as_str()),
            ("response_type", "code"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ] {
            if find(&query, name).is_empty() {
                query.push((name.into(), value.into()));
            }
        }
        self.ask(&OAuthRequest {
            method: "GET".into(),
            path: "oauth/authorize".into(),
            query,
            csrf: "1".into(),
            basic: basic.map(|(n, p)| (n.into(), p.into())),
            ..OAuthRequest::default()
        })
    }

    fn code(&self, name: &str, password: &str) -> String {
        let reply = self.authorize(&[], Some((name, password)));
        assert_eq!(reply.status, 302, "{reply:?}");
        let to = header(&reply, "Location");
        to.split_once("?code=").unwrap().1.replace("%7E", "~")
    }

    fn exchange(&self, code: &str, verifier: &str) -> Reply {
        let redirect = format!("{ISSUER}/oauth/token/implicit");
        self.ask(&OAuthRequest {
            method: "POST".into(),
            path: "oauth/token".into(),
            form: pairs(&[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &redirect),
                ("code_verifier", verifier),
            ]),
            basic: Some(("openshift-challenging-client".into(), String::new())),
            ..OAuthRequest::default()
        })
    }

    fn who(&self, token: &str) -> Result<crate::access::Caller, crate::error::Error> {
        let credentials = Credentials { bearer: Some(token), certificate: None };
        let now = self.world.clock.now();
        self.access.authenticate(&self.store.snapshot(), now, &credentials)
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v)
}

fn token(reply: &Reply) -> String {
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 86_400);
    body.str_at("access_token").to_owned()
}

#[test]
fn the_way_oc_login_goes() {
    let bench = Bench::new();
    let challenge = bench.authorize(&[], None);
    assert_eq!(challenge.status, 401);
    assert_eq!(header(&challenge, "WWW-Authenticate"), "Basic realm=\"openshift\"");
    let wrong = bench.authorize(&[], Some(("developer", "nonsense")));
    assert_eq!((wrong.status, wrong), (401, challenge));

    let code = bench.code("developer", "developer");
    let token = token(&bench.exchange(&code, VERIFIER));
    let caller = bench.who(&token).unwrap();
    assert_eq!(caller.name, "developer");
    assert_eq!(caller.groups, ["system:authenticated:oauth", "system:authenticated"]);
    assert_eq!(caller.scopes, ["user:full"]);
    let again = bench.exchange(&code, VERIFIER);
    assert!(again.status == 400 && again.body.contains("invalid_grant"), "a code works once");

    let snapshot = bench.store.snapshot();
    let user = snapshot.get("users.user.openshift.io", "", "developer").unwrap().value();
    assert_eq!(user["identities"], json!(["developer:developer"]));
    assert_eq!(user.uid(), caller.uid);
    assert!(
        !String::from_utf8_lossy(
            &snapshot
                .get("oauthaccesstokens.oauth.openshift.io", "", &token_name(&token).unwrap())
                .unwrap()
                .bytes
        )
        .contains(&token)
    );

    bench.clock.advance(SignedDuration::from_hours(24));
    assert!(bench.who(&token).is_err(), "a day has passed");
    let next = self::token(&bench.exchange(&bench.code("developer", "developer"), VERIFIER));
    assert_eq!(bench.who(&next).unwrap().uid, caller.uid, "the same user again");
}

#[test]
fn kubeadmin_is_an_administrator_without_a_user() {
    let bench = Bench::new();
    let token = token(&bench.exchange(&bench.code("kubeadmin", "admin-password"), VERIFIER));
    let caller = bench.who(&token).unwrap();
    assert_eq!(caller.name, "kube:admin");
    assert_eq!(caller.groups, [CLUSTER_ADMINS, "system:authenticated"]);
    assert_eq!(bench.store.snapshot().count("users.user.openshift.io"), 0);
    let delete = Op::Delete {
        resource: "secrets".into(),
        key: "kube-system/kubeadmin".into(),
        expect: Expect::Present,
        last: None,
    };
    bench.runtime.block_on(bench.store.commit(vec![delete])).unwrap();
    assert!(bench.who(&token).is_err(), "removing the password ends the tokens");
    assert_eq!(bench.authorize(&[], Some(("kubeadmin", "admin-password"))).status, 401);
}

#[test]
fn codes_are_bound_and_short_lived() {
    let bench = Bench::new();
    let code = bench.code("developer", "developer");
    assert_eq!(bench.exchange(&code, "another-verifier").status, 400);
    bench.clock.advance(SignedDuration::from_secs(301));
    assert_eq!(bench.exchange(&code, VERIFIER).status, 400);
    assert_eq!(bench.exchange("sha256~nonsense", VERIFIER).status, 400);
}

#[test]
fn what_the_authorize_endpoint_refuses() {
    let bench = Bench::new();
    let basic = Some(("developer", "developer"));
    let rows: &[(&[(&str, &str)], u16, &str)] = &[
        (&[("client_id", "nobody")], 400, "unauthorized_client"),
        (&[("redirect_uri", "https://evil/cb")], 400, "invalid_request"),
        (&[("response_type", "magic")], 302, "error=unsupported_response_type"),
        (&[("scope", "user:nonsense")], 302, "error=invalid_scope"),
        (&[("code_challenge_method", "S512")], 302, "error=invalid_request"),
    ];
    for (more, status, text) in rows {
        let reply = bench.authorize(more, basic);
        assert_eq!(reply.status, *status, "{more:?}");
        assert!(
            format!("{}{}", reply.body, header(&reply, "Location")).contains(text),
            "{reply:?}"
        );
    }
    let quiet = bench.ask(&OAuthRequest {
        path: "oauth/authorize".into(),
        query: pairs(&[("client_id", "openshift-challenging-client"), ("response_type", "code")]),
        ..OAuthRequest::default()
    });
    assert_eq!((quiet.status, header(&quiet, "WWW-Authenticate")), (401, ""));
    assert!(header(&quiet, "Warning").starts_with("199 "));
}

#[test]
fn the_implicit_form() {
    let bench = Bench::new();
    let reply = bench
        .authorize(&[("response_type", "token"), ("state", "s")], Some(("developer", "developer")));
    let to = header(&reply, "Location");
    let fragment = to.split_once("#access_token=").unwrap().1;
    let token = fragment.split('&').next().unwrap();
    assert!(fragment.contains("expires_in=86400") && fragment.contains("state=s"), "{to}");
    assert_eq!(bench.who(token).unwrap().name, "developer");
}

#[test]
fn a_browser_signs_in_and_sees_a_token() {
    let bench = Bench::new();
    let get = |path: &str, query: &str, cookie: &str| {
        let query: Vec<(String, String)> = query
            .split('&')
            .filter_map(|p| p.split_once('='))
            .map(|(n, v)| (n.into(), crate::access::oauth::tests::unescape(v)))
            .collect();
        bench.ask(&OAuthRequest {
            path: path.into(),
            query,
            cookie: cookie.into(),
            ..OAuthRequest::default()
        })
    };
    let follow = |reply: &Reply, cookie: &str| {
        let to = header(reply, "Location").strip_prefix(&format!("{ISSUER}/")).unwrap().to_owned();
        let (path, query) = to.split_once('?').unwrap_or((&to, ""));
        get(path, query, cookie)
    };
    let to_login = follow(&get("oauth/token/request", "", ""), "");
    let form = follow(&to_login, "");
    let csrf = header(&form, "Set-Cookie").split(';').next().unwrap().to_owned();
    let then = unescape(header(&to_login, "Location").split_once("then=").unwrap().1);
    let post = |path: &str, fields: &[(&str, &str)], cookie: &str| {
        bench.ask(&OAuthRequest {
            method: "POST".into(),
            path: path.into(),
            form: pairs(fields),
            cookie: cookie.into(),
            ..OAuthRequest::default()
        })
    };
    let secret = csrf.strip_prefix("csrf=").unwrap();
    let fields = [("username", "developer"), ("password", "developer"), ("then", &then)];
    assert!(post("oauth/login", &fields, &csrf).body.contains("CSRF"), "without the field");
    let fields = [&fields[..], &[("csrf", secret)]].concat();
    let signed_in = post("oauth/login", &fields, &csrf);
    assert_eq!(signed_in.status, 302);
    let session = header(&signed_in, "Set-Cookie").split(';').next().unwrap();
    let to_display = follow(&signed_in, session);
    let code = unescape(header(&to_display, "Location").split_once("?code=").unwrap().1);
    let page = post("oauth/token/display", &[("code", &code), ("csrf", secret)], &csrf);
    let token = page.body.split("--token=").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(bench.who(token).unwrap().name, "developer");
    bench.clock.advance(SignedDuration::from_secs(301));
    let late = follow(&signed_in, session);
    assert!(header(&late, "Location").contains("/oauth/login"), "the session is over");
}

/// Undoes [`escape`].
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}
