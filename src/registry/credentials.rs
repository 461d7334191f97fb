//! Who may pull from the registries of the world outside: names and passwords are data of the
//! catalogue; a registry that speaks Bearer sells short-lived tokens for them.

use super::{ask::RegistryRequest, place::TOKEN, reply::Reply};
use crate::{
    catalog::{Auth, Registry, complaint::*},
    http::basic,
    object::json,
    world::World,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::hmac;

/// Seconds a token lives.
const LIFE: i64 = 300;

/// Signs the tokens of this run.
pub(super) struct TokenIssuer(hmac::Key);

impl TokenIssuer {
    pub fn new(world: &World) -> TokenIssuer {
        let mut secret = [0; 32];
        world.entropy.fill(&mut secret);
        TokenIssuer(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// A token for a host's repositories.
    fn token(&self, host: &str, now: i64) -> String {
        let claims = format!("{host} {}", now + LIFE);
        let tag = hmac::sign(&self.0, claims.as_bytes());
        format!("{}.{}", BASE64.encode(&claims), BASE64.encode(tag))
    }

    fn good(&self, token: &str, host: &str, now: i64) -> bool {
        let parts = token.split_once('.').and_then(|(claims, tag)| {
            Some((BASE64.decode(claims).ok()?, BASE64.decode(tag).ok()?))
        });
        let Some((claims, tag)) = parts else { return false };
        let text = String::from_utf8_lossy(&claims);
        let until = text.strip_prefix(host).and_then(|rest| rest.trim_start().parse().ok());
        hmac::verify(&self.0, &claims, &tag).is_ok() && until.is_some_and(|t: i64| now < t)
    }

    /// Whether somebody may pull from a registry.
    ///
    /// # Errors
    /// The challenge.
    pub fn admit(
        &self,
        registry: &Registry,
        host: &str,
        ask: &RegistryRequest,
        now: i64,
    ) -> Result<(), Reply> {
        let header = ask.header("authorization");
        let by_token = || {
            let token = header.split_once(' ').filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
            token.is_some_and(|(_, token)| self.good(token.trim(), host, now))
        };
        let by_name = || basic(header).is_some_and(|(name, word)| registry.knows(&name, &word));
        let fine = match registry.auth {
            Auth::None => true,
            // A token too: a client that dialled this server's own name was told to buy one.
            Auth::Basic => by_name() || by_token(),
            Auth::Bearer => by_token(),
        };
        if fine { Ok(()) } else { Err(challenge(registry, host, ask)) }
    }

    /// Sells a token: to anybody where anybody may pull.
    pub fn issue_token(
        &self,
        registry: &Registry,
        host: &str,
        ask: &RegistryRequest,
        now: i64,
    ) -> Reply {
        let known = match basic(ask.header("authorization")) {
            Some((name, word)) => registry.knows(&name, &word),
            None => registry.users.is_empty() && ask.header("authorization").is_empty(),
        };
        if !known && registry.auth != Auth::None {
            return DistributionError::new(&UNAUTHORIZED).into();
        }
        let token = self.token(host, now);
        let issued = jiff::Timestamp::from_second(now).map(crate::object::time::seconds);
        let body = json!({"token": token, "access_token": token, "expires_in": LIFE,
            "issued_at": issued.unwrap_or_default()});
        Reply::json(200, &body)
    }
}

fn challenge(registry: &Registry, host: &str, ask: &RegistryRequest) -> Reply {
    let text = match registry.auth {
        Auth::Basic => format!("Basic realm=\"{host}\""),
        _ => bearer(ask, host),
    };
    Reply::from(DistributionError::new(&UNAUTHORIZED)).with("www-authenticate", text)
}

/// The challenge that sends a client to the token endpoint of the name it dialled.
pub(super) fn bearer(ask: &RegistryRequest, service: &str) -> String {
    let service = match service {
        "" => String::new(),
        other => format!(",service=\"{other}\""),
    };
    format!("Bearer realm=\"https://{}{TOKEN}\"{service}", ask.host)
}
