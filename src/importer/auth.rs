//! What a registry wants to see before it answers, and where to get it.
//! Source: distribution's `registry/client/auth`; RFC 7235 and the token protocol of registries.

use super::{
    exchange::{Answer, Exchange, Get},
    fault::{FetchError, Refusal, refusal},
    keyring::Login,
};
use crate::object::{ObjectExt, Value};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use url::Url;

/// Longest answer of a token server that is read.
const TOKEN_LIMIT: usize = 1 << 20;
/// How long a token server may take.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);
/// A token is good for this long at least.
const SHORTEST_LIFE: i64 = 60;

/// One way to sign in that a registry offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    /// `bearer` or `basic`, in lower case.
    pub scheme: String,
    /// `realm`, `service`, `error` …
    pub parameters: HashMap<String, String>,
}

/// The challenges of an answer, in order.
pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let texts = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|v| v.to_str().ok());
    let read = |text| http_auth::parse_challenges(text).unwrap_or_default();
    let one = |c: http_auth::ChallengeRef<'_>| Challenge {
        scheme: c.scheme.to_lowercase(),
        parameters: c.params.iter().map(|(k, v)| (k.to_lowercase(), v.to_unescaped())).collect(),
    };
    texts.flat_map(read).map(one).collect()
}

/// What a bearer challenge says about a token that was sent.
pub fn verdict(headers: &HeaderMap) -> Option<Refusal> {
    let one = |c: Challenge| {
        let code = match c.parameters.get("error").map(String::as_str) {
            Some("invalid_token") => "UNAUTHORIZED",
            Some("insufficient_scope") => "DENIED",
            _ => return None,
        };
        let said = c.parameters.get("error_description").map_or("", String::as_str);
        Some(refusal(code, said))
    };
    challenges(headers).into_iter().filter(|c| c.scheme == "bearer").find_map(one)
}

/// The fault an answer that is no success means.
pub fn fault(answer: &Answer) -> FetchError {
    let (status, reason) = (answer.status.as_u16(), answer.reason());
    FetchError::of_answer(status, &reason, &answer.body, verdict(&answer.headers))
}

/// How to sign in to one repository.
pub struct Access {
    /// What the registry asked for when it was first met.
    pub challenges: Vec<Challenge>,
    /// Who we are, if anybody.
    pub login: Option<Login>,
    /// Path of the repository.
    pub repository: String,
    /// The token in use and its end.
    pub token: Option<(String, Timestamp)>,
}

impl Access {
    /// The `Authorization` of a request, if one is needed.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn header(
        &mut self,
        exchange: &mut Exchange,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, FetchError> {
        let of = |scheme: &str| self.challenges.iter().find(|c| c.scheme == scheme).cloned();
        let (bearer, may_be_basic) = (of("bearer"), of("basic").is_some());
        let mut found = None;
        if let Some(challenge) = bearer {
            found = Some(format!("Bearer {}", self.token(&challenge, exchange, now).await?));
        }
        if may_be_basic {
            let login =
                self.usable().ok_or_else(|| FetchError::other("no basic auth credentials"))?;
            found = Some(basic(login));
        }
        let Some(text) = found else { return Ok(None) };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            FetchError::other("net/http: invalid header field value for \"Authorization\"")
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn usable(&self) -> Option<&Login> {
        self.login.as_ref().filter(|l| !l.username.is_empty() && !l.password.is_empty())
    }

    async fn token(
        &mut self,
        challenge: &Challenge,
        exchange: &mut Exchange,
        now: Timestamp,
    ) -> Result<String, FetchError> {
        if let Some((token, end)) = &self.token
            && now <= *end
        {
            return Ok(token.clone());
        }
        let answer = exchange.get(self.question(challenge)?).await?;
        if !(200..400).contains(&answer.status.as_u16()) {
            return Err(fault(&answer));
        }
        let (token, life) = read(&answer.body)?;
        let end = now.saturating_add(SignedDuration::from_secs(life)).unwrap_or(now);
        self.token = Some((token.clone(), end));
        Ok(token)
    }

    /// The request that fetches a token.
    fn question(&self, challenge: &Challenge) -> Result<Get, FetchError> {
        let realm = challenge
            .parameters
            .get("realm")
            .ok_or_else(|| FetchError::other("no realm specified for token auth challenge"))?;
        let mut url = Url::parse(realm)
            .map_err(|e| FetchError::other(format!("invalid token auth challenge realm: {e}")))?;
        let mut headers = HeaderMap::new();
        {
            let mut query = url.query_pairs_mut();
            if let Some(login) = self.usable() {
                query.append_pair("account", &login.username);
                if let Ok(value) = HeaderValue::from_str(&basic(login)) {
                    headers.insert(header::AUTHORIZATION, value);
                }
            }
            query.append_pair("scope", &format!("repository:{}:pull", self.repository));
            if let Some(service) = challenge.parameters.get("service") {
                query.append_pair("service", service);
            }
        }
        Ok(Get { url, head: false, headers, limit: TOKEN_LIMIT, patience: PATIENCE, stream: false })
    }
}

fn basic(login: &Login) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", login.username, login.password)))
}

/// Token and life in seconds of a token server's answer.
fn read(body: &[u8]) -> Result<(String, i64), FetchError> {
    let parsed: Value = serde_json::from_slice(body)
        .map_err(|e| FetchError::other(format!("unable to decode token response: {e}")))?;
    let either = ["access_token", "token"].map(|name| parsed.str_at(name));
    let token = either.into_iter().find(|t| !t.is_empty());
    let token = token.ok_or_else(|| {
        FetchError::other("authorization server did not include a token in the response")
    })?;
    Ok((token.to_owned(), parsed.i64_at("expires_in").unwrap_or(0).max(SHORTEST_LIFE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(challenge: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))])
    }

    #[test]
    fn a_token_is_asked_for_where_the_challenge_says() {
        let found = challenges(&headers(
            r#"Bearer realm="https://auth.example/token?x=1",service="registry.example""#,
        ));
        let login = Login { username: "u".into(), password: "p".into() };
        let access = Access {
            challenges: found.clone(),
            login: Some(login),
            repository: "a/b".into(),
            token: None,
        };
        let get = access.question(&found[0]).unwrap();
        assert_eq!(
            get.url.as_str(),
            "https://auth.example/token?x=1&account=u&scope=repository%3Aa%2Fb%3Apull&service=registry.example"
        );
        assert_eq!(get.headers[header::AUTHORIZATION], "Basic dTpw");
        let nobody = Access { login: None, ..access };
        let get = nobody.question(&found[0]).unwrap();
        assert!(get.headers.is_empty() && !get.url.as_str().contains("account"));
    }

    #[test]
    fn several_challenges_are_read() {
        let found = challenges(&headers(r#"Basic realm="a, b", Bearer realm="r", error="x""#));
        let schemes: Vec<&str> = found.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["basic", "bearer"]);
        assert_eq!(found[0].parameters["realm"], "a, b");
        assert_eq!(challenges(&headers("???")), []);
    }

    #[test]
    fn tokens_of_both_names() {
        assert_eq!(read(br#"{"token":"t"}"#), Ok(("t".into(), 60)));
        assert_eq!(
            read(br#"{"access_token":"a","token":"t","expires_in":300}"#),
            Ok(("a".into(), 300))
        );
        let none = read(b"{}").unwrap_err().to_string();
        assert_eq!(none, "authorization server did not include a token in the response");
        let said = verdict(&headers(r#"Bearer realm="r",error="insufficient_scope""#));
        assert_eq!(said, Some(refusal("DENIED", "")));
    }
}
