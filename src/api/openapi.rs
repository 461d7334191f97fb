//! The OpenAPI documents: an index, one document per group version (v3) and one for all (v2).
//!
//! Schemas were compressed into the binary by the build script and are spliced in as text; paths are
//! made from the kinds really served. Knows nothing of objects or requests.

mod custom;
mod gnostic;
pub mod merge;
mod operations;
mod paths;
#[cfg(test)]
mod tests;

use crate::{
    kinds::{Catalogue, Served, clock::CLOCKS},
    object::{Map, Value, json},
};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    io::Read,
};

include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// The two generations of the format, which differ in where bodies and references stand.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    V2,
    V3,
}

/// The members of a JSON object, each as text: a document of many kinds is never a tree.
type Texts = BTreeMap<String, Vec<u8>>;

fn text(value: &Value) -> Vec<u8> {
    // A tree in memory: this cannot fail.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Writes an object of members, but for the brace at its end.
fn begin(members: &Texts, out: &mut Vec<u8>) {
    for (at, (name, member)) in members.iter().enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        out.extend(text(&name.as_str().into()));
        out.push(b':');
        out.extend_from_slice(member);
    }
    if members.is_empty() {
        out.push(b'{');
    }
}

/// `/openapi/v3`: where the documents are. The hash in each address changes with the document, so
/// clients may cache for ever.
pub fn v3_index(kinds: &Catalogue) -> Vec<u8> {
    let served: BTreeSet<String> = kinds.all().map(|k| document_path(&k)).collect();
    let paths: Map = served
        .into_iter()
        .filter(|path| schemas(path).is_some() || of(kinds, path).any(|k| k.custom.is_some()))
        .map(|path| {
            let url = format!("/openapi/v3/{path}?hash={}", hash(kinds, &path));
            (path, json!({ "serverRelativeURL": url }))
        })
        .collect();
    json!({ "paths": paths }).to_string().into_bytes()
}

/// The compressed schemas of a group version.
fn schemas(path: &str) -> Option<&'static [u8]> {
    COMPONENTS.iter().find(|(p, _)| *p == path).map(|(_, schemas)| *schemas)
}

/// The kinds a document is about.
fn of(kinds: &Catalogue, path: &str) -> impl Iterator<Item = Served> {
    let path = path.to_owned();
    kinds.all().filter(move |k| document_path(k) == path)
}

/// The document of a group version (`apis/apps/v1`); `None` if none of its kinds is served.
pub fn v3(kinds: &Catalogue, path: &str) -> Option<Vec<u8>> {
    let custom: Vec<Served> = of(kinds, path).filter(|k| k.custom.is_some()).collect();
    let compiled = schemas(path);
    let paths = paths::of(of(kinds, path), Format::V3);
    if paths.is_empty() || (compiled.is_none() && custom.is_empty()) {
        return None;
    }
    let mut out = format!(r#"{{"openapi":"3.0.0","info":{},"paths":"#, info()).into_bytes();
    begin(&paths, &mut out);
    out.extend_from_slice(br#"},"components":{"schemas":"#);
    match compiled {
        Some(compiled) => {
            let more = custom::schemas(&custom, Format::V3);
            splice(&more, &mut out);
            inflate(compiled, &mut out);
            unite(&more, &mut out);
        }
        None => {
            let mut schemas = common();
            schemas.extend(custom::schemas(&custom, Format::V3));
            begin(&schemas, &mut out);
            out.push(b'}');
        }
    }
    let scheme = r#"{"BearerToken":{"description":"Bearer Token authentication","type":"apiKey","name":"authorization","in":"header"}}"#;
    out.extend_from_slice(format!(r#","securitySchemes":{scheme}}}}}"#).as_bytes());
    Some(out)
}

/// `/openapi/v2`: everything in one document, as JSON.
pub fn v2(kinds: &Catalogue) -> Vec<u8> {
    let mut out = format!(r#"{{"swagger":"2.0","info":{},"paths":"#, info()).into_bytes();
    begin(&paths::of(kinds.all(), Format::V2), &mut out);
    out.extend_from_slice(br#"},"definitions":"#);
    let custom: Vec<Served> = kinds.established().cloned().collect();
    let mut more = custom::schemas(&custom, Format::V2);
    if kinds.by_resource(CLOCKS).is_some() {
        more.extend(read(OWN_DEFINITIONS));
    }
    splice(&more, &mut out);
    inflate(DEFINITIONS, &mut out);
    unite(&more, &mut out);
    let scheme = r#"{"BearerToken":{"description":"Bearer Token authentication","type":"apiKey","name":"authorization","in":"header"}}"#;
    out.extend_from_slice(
        format!(r#","securityDefinitions":{scheme},"security":[{{"BearerToken":[]}}]}}"#)
            .as_bytes(),
    );
    out
}

/// The same in gnostic's protobuf.
pub fn v2_protobuf(document: &[u8]) -> Vec<u8> {
    gnostic::document(&serde_json::from_slice(document).unwrap_or_default())
}

/// A small document whose schemas hold what every kind's refer to.
const COMMON: &str = "apis/coordination.k8s.io/v1";

/// What the schemas of custom kinds refer to.
fn common() -> Texts {
    let scale = "io.k8s.api.autoscaling.v1.Scale";
    let mut all = read(schemas(COMMON).unwrap_or_default());
    all.retain(|name, _| name.starts_with("io.k8s.apimachinery.") || name.starts_with(scale));
    all
}

/// Compressed schemas, read.
fn read(compressed: &[u8]) -> Texts {
    let mut bytes = Vec::new();
    inflate(compressed, &mut bytes);
    let all: Map = serde_json::from_slice(&bytes).unwrap_or_default();
    all.iter().map(|(name, schema)| (name.to_string(), text(schema))).collect()
}

/// Begins an object of schemas with some; [`unite`] joins it with what follows.
fn splice(schemas: &Texts, out: &mut Vec<u8>) {
    if schemas.is_empty() {
        return;
    }
    begin(schemas, out);
    out.push(SEAM);
}

/// Stands where two objects meet until they are joined; no JSON contains it.
const SEAM: u8 = 0;

/// Joins the object begun by [`splice`] with the one written after it.
fn unite(schemas: &Texts, out: &mut [u8]) {
    if schemas.is_empty() {
        return;
    }
    // `{"a":1` SEAM `{"b":2}` becomes `{"a":1, "b":2}`.
    if let Some(at) = out.iter().position(|b| *b == SEAM) {
        out[at] = b',';
        if let Some(brace) = out.get_mut(at + 1) {
            *brace = b' ';
        }
    }
}

fn info() -> Value {
    json!({ "title": "Kubernetes", "version": "unversioned" })
}

/// `api/v1` or `apis/apps/v1`.
fn document_path(kind: &Served) -> String {
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
fn hash(kinds: &Catalogue, path: &str) -> String {
    let mut digest = Sha512::new();
    digest.update(schemas(path).unwrap_or_default());
    for kind in of(kinds, path) {
        digest.update(kind.plural.as_str());
        kind.verbs.iter().for_each(|v| digest.update(v));
        for sub in kind.subresources {
            digest.update(sub.name);
            sub.verbs.iter().for_each(|v| digest.update(v));
        }
        if let Some(custom) = &kind.custom {
            digest.update(custom.schema.text());
        }
    }
    let mut hex = String::new();
    for byte in digest.finalize() {
        let _ = write!(hex, "{byte:02X}");
    }
    hex
}
