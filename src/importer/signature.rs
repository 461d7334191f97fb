//! Manifests of schema 1, which carry their signatures inside: what of them the digest is about.
//! Source: docker/libtrust `jsonsign.go` (pretty signatures), distribution `manifest/schema1`.
//!
//! As in upstream's importer nobody asks whether a signature is good: the digest is what counts.

use super::fault::FetchError;
use crate::object::{ObjectExt, Value};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The manifest as it was before it was signed: its head up to where the signatures begin, and the
/// tail that came after.
pub fn content(manifest: &[u8]) -> Result<Vec<u8>, FetchError> {
    let parsed: Value =
        serde_json::from_slice(manifest).map_err(|e| FetchError::other(e.to_string()))?;
    let invalid = || FetchError::other("invalid sign content");
    let mut found: Option<Vec<u8>> = None;
    for signature in parsed.list_at("signatures") {
        let whole = split(manifest, signature).ok_or_else(invalid)?;
        if found.replace(whole.clone()).is_some_and(|before| before != whole) {
            return Err(invalid());
        }
    }
    found.ok_or_else(|| FetchError::other("missing signature key"))
}

fn split(manifest: &[u8], signature: &Value) -> Option<Vec<u8>> {
    let header = URL_SAFE_NO_PAD.decode(signature.str_at("protected")).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let length = usize::try_from(header.i64_at("formatLength")?).ok()?;
    let tail = URL_SAFE_NO_PAD.decode(header.str_at("formatTail")).ok()?;
    Some([manifest.get(..length)?, &tail].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    /// A manifest with signatures that claim these lengths and tails.
    fn signed(before: &str, claims: &[(i64, &str)]) -> Vec<u8> {
        let one = |(length, tail): &(i64, &str)| {
            let header =
                json!({"formatLength": length, "formatTail": URL_SAFE_NO_PAD.encode(tail)});
            json!({"protected": URL_SAFE_NO_PAD.encode(header.to_string())})
        };
        let signatures: Vec<Value> = claims.iter().map(one).collect();
        format!("{before},\n   \"signatures\": {}\n}}", json!(signatures)).into_bytes()
    }

    #[test]
    fn the_signed_part_of_a_manifest() {
        let before = "{\n   \"schemaVersion\": 1";
        let length = before.len() as i64;
        let whole = format!("{before}\n}}");
        let rows: [(&[(i64, &str)], Result<&str, &str>); 5] = [
            (&[(length, "\n}")], Ok(&whole)),
            (&[(length, "\n}"), (length, "\n}")], Ok(&whole)),
            (&[(length, "\n}"), (length, "}")], Err("invalid sign content")),
            (&[(9_999, "}")], Err("invalid sign content")),
            (&[], Err("missing signature key")),
        ];
        for (claims, expected) in rows {
            let found = content(&signed(before, claims));
            let found = found.map(|c| String::from_utf8(c).unwrap()).map_err(|f| f.to_string());
            assert_eq!(found, expected.map(String::from).map_err(String::from), "{claims:?}");
        }
        assert!(content(b"<html>").is_err());
    }
}
