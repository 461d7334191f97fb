//! One arrival, as it is kept.

use crate::{
    object::{Value, encode},
    store::{Expect, Op},
};
use serde::{Deserialize, Serialize};

/// What came from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "arrival", rename_all = "camelCase")]
pub enum Arrival {
    /// The cluster begins: its controllers look at everything.
    Beginning,
    /// Nothing: somebody waits for those before him.
    Pause,
    /// A request.
    Request(SentRequest),
    /// The clock was moved, in the words of its query.
    Clock {
        /// `rate=0`, `by=15m`, `to=…`, `next=`.
        order: String,
    },
    /// A process was started in a container, or its main process joined.
    Session(SentRequest),
    /// Something was typed in a session.
    Keys {
        /// Its number, as they were opened.
        session: usize,
        /// What was typed, in base64; `None`: no more will be.
        typed: Option<String>,
    },
    /// Whoever opened a session has left it.
    Left {
        /// Its number.
        session: usize,
    },
    /// Rows were written by no request of the API.
    Commit {
        /// What was written.
        ops: Vec<KeptOp>,
    },
}

/// A request, with all that its outcome depends on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SentRequest {
    /// Who asked.
    pub who: Whom,
    /// Method.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// Form of the body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    /// The program that asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// The body, if it is text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The body in base64, if it is not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base64: String,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Whom {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, Vec<String>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// One row that was written, removed or looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptOp {
    resource: String,
    key: String,
    expect: ExpectedRow,
    /// What is there afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    claims: Vec<String>,
    /// Whether the row goes.
    #[serde(default)]
    goes: bool,
}

/// What had to be there before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ExpectedRow {
    Absent,
    Present,
    Rev(u64),
}

impl From<&Expect> for ExpectedRow {
    fn from(expect: &Expect) -> ExpectedRow {
        match expect {
            Expect::Absent => ExpectedRow::Absent,
            Expect::Present => ExpectedRow::Present,
            Expect::Rev(rev) => ExpectedRow::Rev(*rev),
        }
    }
}

impl From<ExpectedRow> for Expect {
    fn from(expected: ExpectedRow) -> Expect {
        match expected {
            ExpectedRow::Absent => Expect::Absent,
            ExpectedRow::Present => Expect::Present,
            ExpectedRow::Rev(rev) => Expect::Rev(rev),
        }
    }
}

/// What was written, to be kept.
pub(super) fn kept(ops: &[Op]) -> Vec<KeptOp> {
    let value = |body: &crate::object::Encoded| {
        // Only what the server serialised itself is ever written.
        serde_json::from_slice::<Value>(&body.with_revision(0)).ok()
    };
    let of = |op: &Op| {
        let (resource, key, expect, body, claims, goes) = match op {
            Op::Put { resource, key, expect, body, claims } => {
                (resource, key, expect, value(body), claims.clone(), false)
            }
            Op::Delete { resource, key, expect, last } => {
                (resource, key, expect, last.as_ref().and_then(value), vec![], true)
            }
            Op::Check { resource, key, expect } => (resource, key, expect, None, vec![], false),
        };
        let (resource, key) = (resource.to_string(), key.to_string());
        KeptOp { resource, key, expect: expect.into(), body, claims, goes }
    };
    ops.iter().map(of).collect()
}

/// What was kept, to be written again.
pub fn ops(kept: &[KeptOp]) -> Vec<Op> {
    let of = |op: &KeptOp| {
        let (resource, key) = (op.resource.as_str().into(), op.key.as_str().into());
        let (expect, claims) = (op.expect.into(), op.claims.clone());
        match (&op.body, op.goes) {
            (last, true) => Op::Delete { resource, key, expect, last: last.as_ref().map(encode) },
            (Some(body), false) => Op::Put { resource, key, expect, body: encode(body), claims },
            (None, false) => Op::Check { resource, key, expect },
        }
    };
    kept.iter().map(of).collect()
}
