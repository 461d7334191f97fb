//! The OpenAPI documents: an index, one document per group version (v3) and one for all (v2).
//!
//! Schemas were compressed into the binary by the build script and are spliced in as text; paths are
//! made from the kinds really served. Knows nothing of objects or requests.

mod operations;
mod paths;
#[cfg(test)]
mod tests;

use crate::{kinds, object::Value};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};
use std::{fmt::Write, io::Read};

include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// The two generations of the format, which differ in where bodies and references stand.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    V2,
    V3,
}

/// `/openapi/v3`: where the documents are. The hash in each address changes with the document, so
/// clients may cache for ever.
pub fn v3_index() -> Vec<u8> {
    let paths: serde_json::Map<String, Value> = COMPONENTS
        .iter()
        .filter(|(path, _)| kinds::all().any(|k| document_path(&k) == *path))
        .map(|(path, schemas)| {
            let url = format!("/openapi/v3/{path}?hash={}", hash(path, schemas));
            ((*path).to_owned(), serde_json::json!({ "serverRelativeURL": url }))
        })
        .collect();
    serde_json::json!({ "paths": paths }).to_string().into_bytes()
}

/// The document of a group version (`apis/apps/v1`); `None` if none of its kinds is served.
pub fn v3(path: &str) -> Option<Vec<u8>> {
    let (path, schemas) = COMPONENTS.iter().find(|(p, _)| *p == path)?;
    let paths = paths::of(kinds::all().filter(|k| document_path(k) == *path), Format::V3);
    if paths.is_empty() {
        return None;
    }
    let mut out = format!(
        r#"{{"openapi":"3.0.0","info":{},"paths":{},"components":{{"schemas":"#,
        info(),
        Value::Object(paths)
    )
    .into_bytes();
    inflate(schemas, &mut out);
    let scheme = r#"{"BearerToken":{"description":"Bearer Token authentication","type":"apiKey","name":"authorization","in":"header"}}"#;
    out.extend_from_slice(format!(r#","securitySchemes":{scheme}}}}}"#).as_bytes());
    Some(out)
}

/// `/openapi/v2`: everything in one document, as JSON.
pub fn v2() -> Vec<u8> {
    let paths = Value::Object(paths::of(kinds::all(), Format::V2));
    let mut out = format!(r#"{{"swagger":"2.0","info":{},"paths":{paths},"definitions":"#, info())
        .into_bytes();
    inflate(DEFINITIONS, &mut out);
    let scheme = r#"{"BearerToken":{"description":"Bearer Token authentication","type":"apiKey","name":"authorization","in":"header"}}"#;
    out.extend_from_slice(
        format!(r#","securityDefinitions":{scheme},"security":[{{"BearerToken":[]}}]}}"#)
            .as_bytes(),
    );
    out
}

fn info() -> Value {
    serde_json::json!({ "title": "Kubernetes", "version": "unversioned" })
}

/// `api/v1` or `apis/apps/v1`.
fn document_path(kind: &kinds::Served) -> String {
    let prefix = if kind.group.is_empty() { "api" } else { "apis" };
    format!("{prefix}/{}", kind.api_version())
}

/// Appends what was compressed; the data is our own, so failing means a broken binary and leaves the
/// document cut short.
fn inflate(compressed: &[u8], out: &mut Vec<u8>) {
    if let Err(error) = GzDecoder::new(compressed).read_to_end(out) {
        tracing::error!(%error, "cannot read the compiled-in schemas");
    }
}

/// Identifies a document by its schemas and by what is served of the kinds.
fn hash(path: &str, schemas: &[u8]) -> String {
    let mut digest = Sha512::new();
    digest.update(schemas);
    for kind in kinds::all().filter(|k| document_path(k) == path) {
        digest.update(kind.plural.as_str());
        kind.verbs.iter().for_each(|v| digest.update(v));
        for sub in kind.subresources {
            digest.update(sub.name);
            sub.verbs.iter().for_each(|v| digest.update(v));
        }
    }
    let mut hex = String::new();
    for byte in digest.finalize() {
        let _ = write!(hex, "{byte:02X}");
    }
    hex
}
