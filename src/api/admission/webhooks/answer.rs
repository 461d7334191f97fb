//! The answer: an `AdmissionResponse`, checked as upstream checks it.
//! Source: k8s.io/apiserver `pkg/admission/plugin/webhook/{request,errors}`.

use super::hook::Version;
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Most warnings (and notes) of an answer that are handed on; their length is bounded where they are written.
const MOST_WARNINGS: usize = 64;

/// What a webhook says.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// Whether the request may go on.
    pub allowed: bool,
    /// How the object changes: a JSON patch as it was sent.
    pub patch: Vec<u8>,
    /// Why not.
    pub status: Value,
    /// What the client is to hear.
    pub warnings: Vec<String>,
    /// What the audit log is to hear.
    pub notes: Vec<(String, String)>,
}

impl Answer {
    /// Reads the answer to the review `uid`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(
        review: Value,
        uid: &str,
        version: Version,
        may_change: bool,
    ) -> Result<Answer, String> {
        let response = review.get("response").filter(|r| r.is_object());
        let response = response.ok_or("webhook response was absent")?;
        if version == Version::V1 {
            check(&review, response, uid)?;
        }
        let patch = match response.get("patch").and_then(Value::as_str) {
            None => Vec::new(),
            Some(text) => STANDARD
                .decode(text.replace(['\n', '\r'], ""))
                .map_err(|_| "response.patch is no base64".to_owned())?,
        };
        let form = response.get("patchType").and_then(Value::as_str);
        if version == Version::V1 {
            check_patch(&patch, form, may_change)?;
        }
        let warnings = response.list_at("warnings").iter();
        let notes = response.map_at("auditAnnotations").into_iter().flatten();
        let notes = notes.filter_map(|(key, v)| Some((key.to_string(), v.as_str()?.to_owned())));
        Ok(Answer {
            notes: notes.take(MOST_WARNINGS).collect(),
            allowed: response.is_true("allowed"),
            patch: if may_change { patch } else { Vec::new() },
            status: response.get("status").cloned().unwrap_or_default(),
            warnings: warnings
                .filter_map(|w| w.as_str().map(str::to_owned))
                .take(MOST_WARNINGS)
                .collect(),
        })
    }

    /// The refusal of a webhook, with an HTTP code that is one.
    pub fn refusal(&self, hook: &str) -> Error {
        let (said, mut status) = (&self.status, json!({"kind": "Status", "apiVersion": "v1"}));
        let by = format!("admission webhook {hook:?} denied the request");
        let message = match (said.str_at("message"), said.str_at("reason")) {
            ("", "") => format!("{by} without explanation"),
            ("", reason) => format!("{by}: {reason}"),
            (message, _) => format!("{by}: {message}"),
        };
        status["metadata"] =
            said.get("metadata").filter(|m| m.is_object()).cloned().unwrap_or_else(|| json!({}));
        let outcome = said.str_at("status");
        status["status"] =
            json!(if matches!(outcome, "" | "Success") { "Failure" } else { outcome });
        status["message"] = json!(message);
        if !said.str_at("reason").is_empty() {
            status["reason"] = said["reason"].clone();
        }
        if let Some(details) = said.get("details").filter(|d| d.is_object()) {
            status["details"] = details.clone();
        }
        status["code"] =
            json!(said.i64_at("code").filter(|c| (400..600).contains(c)).unwrap_or(400));
        Error::Raw(Box::new(status))
    }
}

fn check(review: &Value, response: &Value, uid: &str) -> Result<(), String> {
    let answered = response.str_at("uid");
    if answered != uid {
        return Err(format!("expected response.uid={uid:?}, got {answered:?}"));
    }
    let (version, kind) = (review.str_at("apiVersion"), review.str_at("kind"));
    let wanted = Version::V1.api_version();
    if (version, kind) != (wanted, "AdmissionReview") {
        let slash = if version.contains('/') { "" } else { "/" };
        return Err(format!(
            "expected webhook response of {wanted}, Kind=AdmissionReview, got {slash}{version}, Kind={kind}"
        ));
    }
    Ok(())
}

fn check_patch(patch: &[u8], form: Option<&str>, may_change: bool) -> Result<(), String> {
    let why = match (may_change, patch.is_empty(), form) {
        (false, false, _) => "validating webhook may not return response.patch",
        (false, true, Some(_)) => "validating webhook may not return response.patchType",
        (true, false, None) => "webhook returned response.patch but not response.patchType",
        (true, true, Some(_)) => "webhook returned response.patchType but not response.patch",
        (true, false, Some("")) => r#"webhook returned invalid response.patchType of """#,
        (true, false, Some("JSONPatch")) => return Ok(()),
        (true, false, Some(other)) => return Err(format!("unsupported patch type {other:?}")),
        _ => return Ok(()),
    };
    Err(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(response: Value) -> Value {
        json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response})
    }

    fn read(response: Value, may_change: bool) -> Result<Answer, String> {
        Answer::read(review(response), "u", Version::V1, may_change)
    }

    #[test]
    fn answers_that_are_none() {
        let rows = [
            (json!(null), false, "webhook response was absent"),
            (json!({"uid": "x"}), false, r#"expected response.uid="u", got "x""#),
            (
                json!({"uid": "u", "patch": "W10="}),
                true,
                "webhook returned response.patch but not response.patchType",
            ),
            (
                json!({"uid": "u", "patchType": "JSONPatch"}),
                true,
                "webhook returned response.patchType but not response.patch",
            ),
            (
                json!({"uid": "u", "patch": "W10=", "patchType": "JSONPatch"}),
                false,
                "validating webhook may not return response.patch",
            ),
        ];
        for (response, may_change, expected) in rows {
            assert_eq!(read(response, may_change).unwrap_err(), expected);
        }
        let other = json!({"response": {"uid": "u", "allowed": true}});
        assert_eq!(
            Answer::read(other.clone(), "u", Version::V1, false).unwrap_err(),
            "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind="
        );
        assert!(Answer::read(other, "other", Version::V1beta1, false).unwrap().allowed);
    }

    #[test]
    fn refusals_have_a_code_and_a_text() {
        let refusal = |status: Value| {
            let answer = read(json!({"uid": "u", "allowed": false, "status": status}), false);
            answer.unwrap().refusal("a.b.c").status()
        };
        let rows = [
            (json!({"message": "m"}), 400, r#"admission webhook "a.b.c" denied the request: m"#),
            (
                json!({"code": 403, "reason": "r", "status": "Success"}),
                403,
                r#"admission webhook "a.b.c" denied the request: r"#,
            ),
            (
                json!(null),
                400,
                r#"admission webhook "a.b.c" denied the request without explanation"#,
            ),
        ];
        for (said, code, message) in rows {
            let status = refusal(said);
            assert_eq!((&status["code"], &status["message"]), (&json!(code), &json!(message)));
            assert_eq!(status["status"], "Failure");
        }
    }
}
