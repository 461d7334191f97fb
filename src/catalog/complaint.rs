//! What a registry says when it refuses: the codes of the registry protocol.
//! Source: distribution `registry/api/v2/errors.go`, `registry/api/errcode`; what the container
//! runtime makes of them: containers/image `docker/errors.go`.

use crate::object::{Value, json};

/// A code of the registry protocol.
#[derive(Debug, PartialEq)]
pub struct Code {
    /// Name on the wire.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Words when nothing more is known.
    pub words: &'static str,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct DistributionError {
    /// What kind.
    pub code: &'static Code,
    /// Words for people.
    pub message: String,
    /// What it is about. Never `null`: clients take an error without detail for a mere code.
    pub detail: Value,
}

macro_rules! codes {
    ($($name:ident $status:literal $words:literal)*) => {
        $(
            #[allow(missing_docs)]
            pub static $name: Code =
                Code { name: stringify!($name), status: $status, words: $words };
        )*
        static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    UNKNOWN 500 "unknown error"
    UNSUPPORTED 405 "The operation is unsupported."
    UNAUTHORIZED 401 "authentication required"
    DENIED 403 "requested access to the resource is denied"
    UNAVAILABLE 503 "service unavailable"
    TOOMANYREQUESTS 429 "too many requests"
    DIGEST_INVALID 400 "provided digest did not match uploaded content"
    SIZE_INVALID 400 "provided length did not match content length"
    RANGE_INVALID 416 "invalid content range"
    NAME_INVALID 400 "invalid repository name"
    NAME_UNKNOWN 404 "repository name not known to registry"
    MANIFEST_UNKNOWN 404 "manifest unknown"
    MANIFEST_INVALID 400 "manifest invalid"
    MANIFEST_BLOB_UNKNOWN 404 "blob unknown to registry"
    BLOB_UNKNOWN 404 "blob unknown to registry"
    BLOB_UPLOAD_UNKNOWN 404 "blob upload unknown to registry"
    BLOB_UPLOAD_INVALID 404 "blob upload invalid"
    SIGNATURE_INVALID 400 "invalid image signature"
    SIGNATURE_EXISTS 409 "image signature already exists"
    MOMENT_INVALID 400 "invalid moment"
    FAULT_INVALID 400 "invalid fault"
    QUESTION_INVALID 400 "invalid question"
    CLUSTER_UNKNOWN 404 "no such cluster"
    CLUSTER_EXISTS 409 "the cluster exists"
    CLUSTER_INVALID 400 "invalid cluster"
    PAGINATION_NUMBER_INVALID 400 "invalid number of results requested"
}

/// The source of an image does not give it to the cluster's registry.
pub static PULL_THROUGH: Code =
    Code { name: "OPENSHIFT_PULLTHROUGH_MANIFEST", status: 404, words: "unable to pull manifest" };

/// More bytes than are taken.
pub static TOO_LARGE: Code =
    Code { name: "SIZE_INVALID", status: 413, words: "content is too large" };

impl DistributionError {
    /// A refusal in the usual words.
    pub fn new(code: &'static Code) -> DistributionError {
        DistributionError::saying(code, code.words)
    }

    /// A refusal in words of its own.
    pub fn saying(code: &'static Code, message: impl Into<String>) -> DistributionError {
        DistributionError { code, message: message.into(), detail: json!({}) }
    }

    /// The same with what it is about.
    pub fn about(self, detail: Value) -> DistributionError {
        DistributionError { detail, ..self }
    }

    /// Reads what the runtime writes: `manifest unknown`, `denied: who are you`.
    pub fn parse(text: &str) -> Option<DistributionError> {
        let (code, message) = text.split_once(": ").unwrap_or((text, ""));
        let name = code.to_uppercase().replace(' ', "_");
        let code = ALL.iter().find(|c| c.name == name)?;
        Some(if message.is_empty() {
            DistributionError::new(code)
        } else {
            DistributionError::saying(code, message)
        })
    }

    /// The runtime's words: those of the code once, and nothing twice.
    pub fn words(&self) -> String {
        if self.message == self.code.words {
            return self.message.clone();
        }
        format!("{}: {}", self.code.name.to_lowercase().replace('_', " "), self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_runtime() {
        let rows = [
            ("manifest unknown", &MANIFEST_UNKNOWN, "manifest unknown"),
            ("denied: requested access to the resource is denied", &DENIED, DENIED.words),
            ("unauthorized: who are you", &UNAUTHORIZED, "unauthorized: who are you"),
            ("name unknown: Repo not found", &NAME_UNKNOWN, "name unknown: Repo not found"),
        ];
        for (text, code, words) in rows {
            let complaint = DistributionError::parse(text).unwrap();
            assert_eq!((complaint.code, complaint.words().as_str()), (code, words));
        }
        assert_eq!(DistributionError::parse("no such thing"), None);
    }
}
