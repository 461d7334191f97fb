//! How failed fetches are told: a `Status` per image.
//! Source: openshift-apiserver `pkg/image/apiserver/importer/importer.go` (format…Error).

use crate::{
    error::{Causes, Error},
    importer::FetchError,
    object::{ObjectExt, Value, json},
};

/// How errors call an image that is somewhere else.
const NOUN: &str = "dockerimage.image.openshift.io";

/// The status of an image that was fetched.
pub fn success() -> Value {
    json!({"metadata": {}, "status": "Success"})
}

/// A Status as part of another object: its type goes without saying.
fn inner(mut status: Value) -> Value {
    if let Some(fields) = status.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    status
}

/// Why the image `full` (a complete pull spec) could not be fetched.
pub fn of_image(fault: &FetchError, full: &str) -> Value {
    let text = fault.to_string();
    if fault.is("MANIFEST_UNKNOWN") {
        return missing(full);
    }
    if fault.is("UNAUTHORIZED") || text.ends_with("no basic auth credentials") {
        return unauthorized(format!("you may not have access to the container image {full:?}"));
    }
    if text.ends_with("incorrect username or password") {
        return unauthorized(format!("incorrect username or password for image {full:?}"));
    }
    internal(&format!("{full}: {text}"))
}

/// Why an image came from none of its sources: what was said of each.
pub fn of_all(mut said: Vec<Value>) -> Value {
    if let [_] = said.as_slice() {
        return said.remove(0);
    }
    let mut texts: Vec<String> = Vec::new();
    for status in said {
        // What has no better name is told as it is.
        let raw = status.list_at("details.causes").first().map(|c| c.str_at("message"));
        let text = raw.filter(|_| status.str_at("reason") == "InternalError");
        let text = text.unwrap_or(status.str_at("message")).to_owned();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    internal(&if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) })
}

/// Why the tags of a repository could not be listed; `written` is its pull spec as given.
pub fn of_repository(fault: &FetchError, written: &str) -> Value {
    if fault.is("NAME_UNKNOWN") {
        return missing(written);
    }
    if fault.is("UNAUTHORIZED") {
        return unauthorized(format!("you may not have access to the container image {written:?}"));
    }
    internal(&fault.to_string())
}

/// A failure without a better name.
pub fn internal(text: &str) -> Value {
    json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
        "message": format!("Internal error occurred: {text}"),
        "details": {"causes": [{"message": text}]}})
}

/// A registry nobody may import from.
pub fn blocked(registry: &str) -> Value {
    json!({"metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403, "details": {},
        "message": format!("forbidden: registry {registry} blocked")})
}

/// A source that is no pull spec after all.
pub fn unreadable(name: &str, problem: &str) -> Value {
    let mut causes = Causes::default();
    causes.invalid("from.name", &json!(name), format!("invalid name: {problem}"));
    let error =
        Error::Invalid { kind: String::new(), name: String::new(), causes: causes.into_vec() };
    inner(error.status())
}

/// What is said of a repository of whose images `failures` could not be fetched.
pub fn of_images(failures: usize) -> Value {
    let message = match failures {
        0 => return success(),
        1 => "one of the images from this repository failed to import".to_owned(),
        n => format!("{n} of the images from this repository failed to import"),
    };
    json!({"metadata": {}, "status": "Failure", "reason": "ImportFailed", "message": message})
}

fn missing(name: &str) -> Value {
    inner(Error::not_found(NOUN, name).status())
}

fn unauthorized(message: String) -> Value {
    json!({"metadata": {}, "status": "Failure", "reason": "Unauthorized", "code": 401,
        "message": message})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_by_what_they_mean() {
        let refused = |code: &str| {
            let body = json!({"errors": [{"code": code}]}).to_string();
            FetchError::of_answer(404, "404 Not Found", body.as_bytes(), None)
        };
        let rows = [
            (
                refused("MANIFEST_UNKNOWN"),
                404,
                "NotFound",
                r#"dockerimage.image.openshift.io "r/x:1" not found"#,
            ),
            (
                refused("UNAUTHORIZED"),
                401,
                "Unauthorized",
                r#"you may not have access to the container image "r/x:1""#,
            ),
            (
                FetchError::other("Get \"u\": no basic auth credentials"),
                401,
                "Unauthorized",
                r#"you may not have access to the container image "r/x:1""#,
            ),
            (
                FetchError::other("Get \"u\": unauthorized: incorrect username or password"),
                401,
                "Unauthorized",
                r#"incorrect username or password for image "r/x:1""#,
            ),
            (refused("DENIED"), 500, "InternalError", "Internal error occurred: r/x:1: denied"),
            (
                refused("NAME_UNKNOWN"),
                500,
                "InternalError",
                "Internal error occurred: r/x:1: name unknown",
            ),
        ];
        for (fault, code, reason, message) in rows {
            let status = of_image(&fault, "r/x:1");
            let found = (status.i64_at("code"), status.str_at("reason"), status.str_at("message"));
            assert_eq!(found, (Some(code), reason, message));
            assert_eq!(status.get("kind"), None);
        }
        let listing = of_repository(&refused("NAME_UNKNOWN"), "r/x");
        assert_eq!(
            listing["details"],
            json!({"name": "r/x", "group": "image.openshift.io",
            "kind": "dockerimage"})
        );
        let both = of_all(vec![
            of_image(&refused("MANIFEST_UNKNOWN"), "m/x:1"),
            of_image(&refused("DENIED"), "r/x:1"),
        ]);
        assert_eq!(
            both.str_at("message"),
            r#"Internal error occurred: [dockerimage.image.openshift.io "m/x:1" not found, r/x:1: denied]"#
        );
        let one = of_image(&refused("MANIFEST_UNKNOWN"), "m/x:1");
        assert_eq!(of_all(vec![one.clone()]), one);
        let raw = of_repository(&FetchError::other("EOF"), "r/x");
        assert_eq!(raw.str_at("message"), "Internal error occurred: EOF");
        let bad = unreadable("X::", "invalid reference format");
        assert_eq!(
            bad.str_at("message"),
            r#" "" is invalid: from.name: Invalid value: "X::": invalid name: invalid reference format"#
        );
    }
}
