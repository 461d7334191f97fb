//! What OAuth clients and tokens must look like. Source: oauth-apiserver
//! `pkg/oauth/apis/oauth/validation`.

use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name},
};

/// Names of tokens are digests of the secret a client holds.
const DIGEST: &str = "sha256~";

fn client_name(o: &Value, out: &mut Causes) {
    if o.str_at("clientName").is_empty() {
        out.required("clientName", "");
    }
}

fn user(o: &Value, uid_field: &str, out: &mut Causes) {
    let user = o.str_at("userName");
    if user.is_empty() {
        out.required("userName", "");
    }
    for problem in name::path_segment_problems(user) {
        out.invalid("userName", &json!(user), problem);
    }
    if o.str_at("userUID").is_empty() {
        out.required(uid_field, "");
    }
}

fn token_name(o: &Value, out: &mut Causes) {
    let name = o.name();
    let why = match name {
        "" => return,
        n if n.len() < 32 => "must be at least 32 characters long",
        n if !n.starts_with(DIGEST) => {
            "only the new format of tokens (prefixed with sha256~) is allowed"
        }
        _ => return,
    };
    out.invalid("metadata.name", &json!(name), why);
}

fn redirect(uri: &str, path: &str, out: &mut Causes) {
    let (before, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    let segments = || before.split(['/', '?']);
    let why = match () {
        () if uri.is_empty() => "may not be empty",
        () if !fragment.is_empty() => "may not contain a fragment",
        () if segments().any(|s| s == ".") => "may not contain a path segment of .",
        () if segments().any(|s| s == "..") => "may not contain a path segment of ..",
        () => return,
    };
    out.invalid(path, &json!(uri), why);
}

/// All but metadata and the named field stays as it was given out.
fn unchanged(o: &Value, old: &Value, except: &str, out: &mut Causes) {
    let rest = |v: &Value| {
        let mut v = v.clone();
        for field in ["metadata", "apiVersion", "kind", except] {
            v.remove_at(field);
        }
        v
    };
    if rest(o) != rest(old) {
        out.invalid("", &rest(o), "field is immutable");
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn access_token(o: &Value, old: Option<&Value>, out: &mut Causes) {
    const IDLE: &str = "inactivityTimeoutSeconds";
    let idle = o.i64_at(IDLE).unwrap_or(0);
    if let Some(old) = old {
        let before = old.i64_at(IDLE).unwrap_or(0);
        if idle > 0 && idle < before {
            let why = format!("cannot be less than the current value={before}");
            out.invalid(IDLE, &json!(idle), why);
        }
        if idle < 0 {
            out.invalid(IDLE, &json!(idle), "cannot be a negative value");
        }
        if before == 0 && idle != 0 {
            out.invalid(IDLE, &json!(idle), "cannot update non-timing-out token");
        }
        return unchanged(o, old, IDLE, out);
    }
    token_name(o, out);
    client_name(o, out);
    user(o, "userUID", out);
    if idle < 0 {
        out.invalid(IDLE, &json!(idle), "cannot be a negative value");
    }
    redirect(o.str_at("redirectURI"), "redirectURI", out);
    let expires = o.i64_at("expiresIn").unwrap_or(0);
    if expires < 0 {
        out.invalid("expiresIn", &json!(expires), "cannot be a negative value");
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn authorize_token(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if let Some(old) = old {
        return unchanged(o, old, "metadata", out);
    }
    token_name(o, out);
    client_name(o, out);
    user(o, "userUID", out);
    redirect(o.str_at("redirectURI"), "redirectURI", out);
    let (challenge, method) = (o.str_at("codeChallenge"), o.str_at("codeChallengeMethod"));
    if !challenge.is_empty() || !method.is_empty() {
        code_challenge(challenge, method, out);
    }
    let expires = o.i64_at("expiresIn").unwrap_or(0);
    if expires <= 0 {
        out.invalid("expiresIn", &json!(expires), "must be greater than zero");
    }
}

fn code_challenge(challenge: &str, method: &str, out: &mut Causes) {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    if challenge.is_empty() {
        out.required("codeChallenge", "required if codeChallengeMethod is specified");
    } else if !(43..=128).contains(&challenge.len()) || !challenge.bytes().all(allowed) {
        let why = "must be 43-128 characters [a-zA-Z0-9.~_-]";
        out.invalid("codeChallenge", &json!(challenge), why);
    }
    match method {
        "" => out.required("codeChallengeMethod", "required if codeChallenge is specified"),
        "plain" | "S256" => {}
        other => out.unsupported("codeChallengeMethod", &json!(other), &["plain", "S256"]),
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn client(o: &Value, out: &mut Causes) {
    for (i, uri) in o.list_at("redirectURIs").iter().enumerate() {
        redirect(uri.as_str().unwrap_or(""), &format!("redirectURIs[{i}]"), out);
    }
    for (i, _) in o.list_at("additionalSecrets").iter().enumerate().filter(|(_, s)| *s == "") {
        out.invalid(format!("additionalSecrets[{i}]"), &json!(""), "may not be empty");
    }
    let seconds = |path: &str| o.i64_at(path).unwrap_or(0);
    for path in ["accessTokenMaxAgeSeconds", "accessTokenInactivityTimeoutSeconds"] {
        let n = seconds(path);
        if path.contains("Inactivity") && (1..300).contains(&n) {
            out.invalid(path, &json!(n), "The minimum valid timeout value is 300 seconds");
        }
        if n < 0 {
            out.invalid(path, &json!(n), "value cannot be negative");
        }
    }
    match o.str_at("grantMethod") {
        "" => out.required("grantMethod", "must be auto or prompt"),
        "auto" | "prompt" => {}
        other => out.unsupported("grantMethod", &json!(other), &["auto", "prompt"]),
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn authorization(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let expected = format!("{}:{}", o.str_at("userName"), o.str_at("clientName"));
    if !o.name().is_empty() && o.name() != expected {
        let why = "must be in the format <userName>:<clientName>";
        out.invalid("metadata.name", &json!(o.name()), why);
    }
    client_name(o, out);
    user(o, "useruid", out);
    for field in ["clientName", "userName", "userUID"] {
        if old.is_some_and(|old| old.str_at(field) != o.str_at(field)) {
            let why = format!("{field} is not a mutable field");
            out.invalid(field, &json!(o.str_at(field)), why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Value {
        json!({"metadata": {"name": "sha256~0123456789012345678901234"}, "clientName": "c",
            "userName": "u", "userUID": "1", "redirectURI": "https://x/y", "expiresIn": 5})
    }

    #[test]
    fn tokens() {
        let mut causes = Causes::default();
        access_token(&token(), None, &mut causes);
        authorize_token(&token(), None, &mut causes);
        assert!(causes.is_empty(), "{causes:?}");
        let mut changed = token();
        changed["userName"] = json!("somebody");
        access_token(&changed, Some(&token()), &mut causes);
        assert_eq!(causes.0.len(), 1);
        let mut causes = Causes::default();
        let mut short = token();
        short["metadata"]["name"] = json!("abc");
        short["redirectURI"] = json!("https://x/../y");
        access_token(&short, None, &mut causes);
        let texts: Vec<&str> = causes.0.iter().map(|c| c.message.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Invalid value: \"abc\": must be at least 32 characters long",
                "Invalid value: \"https://x/../y\": may not contain a path segment of ..",
            ]
        );
    }
}
