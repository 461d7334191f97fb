//! `agnhost test-service-account-issuer-discovery` and `agnhost inclusterclient`: clients of the
//! API that runs beside them.

use super::klog;
use crate::{
    catalog::End,
    object::{ObjectExt, Value},
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, flag},
        images::process::Process,
        shell::{
            process::{Done, Main, Process as Running},
            resolved,
        },
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// Where a pod's own token is.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Asks a URL with the pod's own credentials.
async fn ask(p: &Running, url: &str) -> Result<Fetched, String> {
    let whole = url::Url::parse(url).map_err(|e| e.to_string())?;
    let host = whole.host_str().unwrap_or_default().to_owned();
    let token =
        p.fs.read(TOKEN, &p.who).map_err(|_| format!("open {TOKEN}: no such file or directory"))?;
    let token = String::from_utf8_lossy(&token).into_owned();
    let to = resolved(p, &host)
        .await
        .map_err(|_| format!("Get {url:?}: dial tcp: lookup {host}: no such host"))?;
    let request = Fetch {
        method: "GET".into(),
        secure: whole.scheme() == "https",
        port: whole.port_or_known_default().unwrap_or(443),
        path: whole.path().to_owned(),
        headers: vec![("Authorization".into(), format!("Bearer {token}"))],
        host,
        ..Fetch::default()
    };
    let answer = p.machine.fetch(to, request).await;
    let answer = answer.map_err(|_| format!("Get {url:?}: connection refused"))?;
    match answer.status {
        200 => Ok(answer),
        status => {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            Err(format!("{status} {}: {text}", answer.reason()))
        }
    }
}

/// `test-service-account-issuer-discovery`
pub struct Issuer;

impl Program for Issuer {
    fn facts(&self, _: &Call<'_>, known: Process) -> Process {
        Process { ends: Some(End { after: 0.5, code: 0 }), ..known }
    }

    fn main(&self) -> Option<Main> {
        Some(|p, argv| Box::pin(discover(p, argv)))
    }
}

async fn say(p: &Running, line: &str) {
    p.err(klog(p.clock.now(), line)).await;
}

async fn discover(p: &mut Running, argv: &[String]) -> Done {
    let path = flag(argv, "token-path").unwrap_or("").to_owned();
    let audience = flag(argv, "audience").unwrap_or("").to_owned();
    let Ok(raw) = p.fs.read(&path, &p.who) else {
        say(p, &format!("open {path}: no such file or directory")).await;
        return Ok(1);
    };
    let raw = String::from_utf8_lossy(&raw).trim().to_owned();
    say(p, "OK: Got token").await;
    say(p, "validating with in-cluster discovery").await;
    match validate(p, &raw, &audience).await {
        Ok(()) => Ok(0),
        Err(why) => {
            say(p, &format!("failed to validate with in-cluster discovery: {why}")).await;
            Ok(1)
        }
    }
}

/// A part of a token, as JSON.
fn part(raw: &str, place: usize) -> Result<Value, String> {
    let text =
        raw.split('.').nth(place).ok_or("go-jose: compact JWS format must have three parts")?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|e| e.to_string())?;
    serde_json::from_slice(&bytes).map_err(|e| e.to_string())
}

async fn validate(p: &Running, raw: &str, audience: &str) -> Result<(), String> {
    let claims = part(raw, 1)?;
    let issuer = claims.str_at("iss").to_owned();
    say(p, &format!("OK: got issuer {issuer}")).await;
    let about = ask(p, &format!("{issuer}/.well-known/openid-configuration")).await?;
    let about: Value = serde_json::from_slice(&about.body).map_err(|e| e.to_string())?;
    if about.str_at("issuer") != issuer {
        let other = about.str_at("issuer");
        return Err(format!(
            "oidc: issuer did not match the issuer returned by provider, expected {issuer:?} got {other:?}"
        ));
    }
    say(p, &format!("OK: Constructed OIDC provider for issuer {issuer}")).await;
    let keys = ask(p, about.str_at("jwks_uri")).await?;
    let keys: Value = serde_json::from_slice(&keys.body).map_err(|e| e.to_string())?;
    let fits =
        claims.list_at("aud").iter().any(|a| a == audience) || claims.str_at("aud") == audience;
    if !fits {
        let given = claims.at("aud").cloned().unwrap_or_default();
        return Err(format!("oidc: expected audience {audience:?} got {given}"));
    }
    if claims.i64_at("exp").is_some_and(|exp| exp < p.clock.now().as_second()) {
        return Err("oidc: token is expired".into());
    }
    if !is_signed(raw, keys.list_at("keys"))? {
        return Err("failed to verify signature: failed to verify id token signature".into());
    }
    say(p, "OK: Validated signature on JWT").await;
    say(p, "OK: Got valid claims from token!").await;
    Ok(())
}

/// Whether one of the keys signed the token.
fn is_signed(raw: &str, keys: &[Value]) -> Result<bool, String> {
    let head = part(raw, 0)?;
    let (signed, signature) = raw.rsplit_once('.').unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|e| e.to_string())?;
    let kid = head.str_at("kid");
    let named = keys.iter().filter(|k| kid.is_empty() || k.str_at("kid") == kid);
    Ok(named.into_iter().any(|key| {
        let field = |name: &str| URL_SAFE_NO_PAD.decode(key.str_at(name)).unwrap_or_default();
        match head.str_at("alg") {
            "ES256" => {
                let point = [vec![4], field("x"), field("y")].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(signed.as_bytes(), &signature).is_ok()
            }
            "RS256" => {
                let key = RsaPublicKeyComponents { n: field("n"), e: field("e") };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok()
            }
            _ => false,
        }
    }))
}

/// `inclusterclient`
pub struct InCluster;

impl Program for InCluster {
    fn facts(&self, _: &Call<'_>, known: Process) -> Process {
        Process { ends: None, on_term: Some(End { after: 0.0, code: 2 }), ..known }
    }

    fn main(&self) -> Option<Main> {
        Some(|p, argv| Box::pin(poll(p, argv)))
    }
}

async fn poll(p: &mut Running, argv: &[String]) -> Done {
    let seconds = flag(argv, "poll-interval").and_then(|s| s.parse().ok()).unwrap_or(30i64).max(1);
    say(p, "started").await;
    loop {
        p.sleep(SignedDuration::from_secs(seconds)).await;
        p.step().await?;
        say(p, "calling /healthz").await;
        if let Err(why) = ask(p, "https://kubernetes.default.svc/healthz").await {
            say(p, "status=failed").await;
            say(p, &format!("error checking /healthz: {why}")).await;
        }
    }
}
