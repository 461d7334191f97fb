//! One event: what is told of a request at one of its stages.

use super::{Level, Target};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Stage {
    /// Its head was read, nothing was done.
    RequestReceived,
    /// The head of its answer is sent, and more will follow for long.
    ResponseStarted,
    /// All of its answer is sent.
    ResponseComplete,
    /// It broke down.
    Panic,
}

impl Stage {
    /// The names of all stages.
    pub const NAMES: &[&str] = &["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
}

/// Who sends a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct User {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The object a request is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Reference {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
}

/// How a request ended, as far as a Status says.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Outcome {
    /// Never says anything.
    pub metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<crate::object::Value>,
    pub code: u16,
}

/// An event.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Event {
    pub kind: &'static str,
    pub api_version: &'static str,
    pub level: Level,
    #[serde(rename = "auditID")]
    pub id: String,
    pub stage: Stage,
    #[serde(rename = "requestURI")]
    pub uri: String,
    pub verb: String,
    pub user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonated_user: Option<User>,
    #[serde(rename = "sourceIPs", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_ref: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_status: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_object: Option<Box<RawValue>>,
    pub request_received_timestamp: String,
    pub stage_timestamp: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Event {
    /// What the head of a request says, so far.
    pub fn new(id: &str, uri: String, target: &Target) -> Event {
        let reference = Reference {
            resource: target.resource.clone(),
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            api_group: target.group.clone(),
            api_version: target.version.clone(),
            subresource: target.sub.clone(),
            ..Reference::default()
        };
        Event {
            kind: "Event",
            api_version: "audit.k8s.io/v1",
            level: Level::None,
            id: id.into(),
            stage: Stage::RequestReceived,
            uri,
            verb: target.verb.clone(),
            user: User::default(),
            impersonated_user: None,
            sources: Vec::new(),
            user_agent: String::new(),
            object_ref: target.resource_request.then_some(reference),
            response_status: None,
            request_object: None,
            response_object: None,
            request_received_timestamp: String::new(),
            stage_timestamp: String::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// The event as a line of JSON, escaped as Go's encoder does.
    pub fn line(&self) -> Vec<u8> {
        // Texts, numbers and maps of texts always serialise.
        let plain = serde_json::to_vec(self).unwrap_or_default();
        let mut line = Vec::with_capacity(plain.len() + 16);
        for byte in plain {
            match byte {
                b'<' => line.extend_from_slice(br"\u003c"),
                b'>' => line.extend_from_slice(br"\u003e"),
                b'&' => line.extend_from_slice(br"\u0026"),
                byte => line.push(byte),
            }
        }
        line.push(b'\n');
        line
    }
}
