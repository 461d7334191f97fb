//! ServiceAccount and its tokens.

use crate::kinds::{Hooks, Kind, Sub};
use crate::object::{ObjectExt, Value, json};

/// `serviceaccounts`.
pub static SERVICE_ACCOUNT: Kind = Kind {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    short: &["sa"],
    schema: "io.k8s.api.core.v1.ServiceAccount",
    subresources: &[Sub {
        name: "token",
        body: ("authentication.k8s.io", "v1", "TokenRequest"),
        verbs: &["create"],
    }],
    delete_returns_object: true,
    hooks: Hooks {
        prepare: Some(|o, _, _| {
            names_alone(o);
            Ok(())
        }),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// Of references to secrets nothing but the name is kept. Source: `cleanSecretReferences`.
fn names_alone(account: &mut Value) {
    if let Some(Value::Array(secrets)) = account.get_mut("secrets") {
        for secret in secrets {
            let name = secret.str_at("name").to_owned();
            *secret = if name.is_empty() { json!({}) } else { json!({"name": name}) };
        }
    }
}
