//! What the registries answer, before it becomes bytes on a connection.

use super::{ask::RegistryRequest, blobs::Stored};
use crate::catalog::{complaint::DistributionError, content::Manifest};
use crate::object::{Value, json};
use bytes::Bytes;
use std::ops::Range;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Body {
    Bytes(Bytes),
    Part(Stored, Range<u64>),
}

impl Reply {
    /// Nothing but a status.
    pub fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Body::Bytes(Bytes::new()) }
    }

    /// No such path: what Go's router says, and so also what clients hear that look for the
    /// referrers of an image, which this registry does not list.
    pub fn no_path() -> Reply {
        let bytes = Bytes::from_static(b"404 page not found\n");
        Reply { body: Body::Bytes(bytes), ..Reply::empty(404) }
            .with("content-type", "text/plain; charset=utf-8")
            .with("x-content-type-options", "nosniff")
    }

    /// A JSON document.
    pub fn json(status: u16, value: &Value) -> Reply {
        let bytes = Bytes::from(value.to_string());
        Reply { body: Body::Bytes(bytes), ..Reply::empty(status) }
            .with("content-type", "application/json; charset=utf-8")
    }

    /// The same with one more header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// A manifest under its own media type.
    pub fn manifest(manifest: &Manifest) -> Reply {
        Reply { body: Body::Bytes(manifest.bytes.clone()), ..Reply::empty(200) }
            .with("content-type", manifest.media_type.clone())
            .with("docker-content-digest", manifest.digest.clone())
            .with("etag", format!("\"{}\"", manifest.digest))
    }

    /// Something was taken in: `kind` is `blobs` or `manifests`.
    pub fn created(ask: &RegistryRequest, name: &str, kind: &str, digest: &str) -> Reply {
        Reply::empty(201)
            .with("location", format!("https://{}/v2/{name}/{kind}/{digest}", ask.host))
            .with("docker-content-digest", digest)
    }

    /// An upload goes on.
    pub fn upload(ask: &RegistryRequest, name: &str, id: &str, size: u64, status: u16) -> Reply {
        Reply::empty(status)
            .with("location", format!("https://{}/v2/{name}/blobs/uploads/{id}", ask.host))
            .with("range", format!("0-{}", size.saturating_sub(1)))
            .with("docker-upload-uuid", id)
    }

    /// A blob, or the part of it that a `Range` header asks for.
    pub fn blob(digest: &str, blob: Stored, range: &str) -> Reply {
        let size = blob.size();
        let reply = Reply::empty(200)
            .with("content-type", "application/octet-stream")
            .with("docker-content-digest", digest)
            .with("etag", format!("\"{digest}\""))
            .with("accept-ranges", "bytes")
            .with("cache-control", "max-age=31536000");
        match part(range, size) {
            None => Reply { body: Body::Part(blob, 0..size), ..reply },
            Some(Ok(part)) => {
                let shown = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                Reply { status: 206, body: Body::Part(blob, part), ..reply }
                    .with("content-range", shown)
            }
            Some(Err(())) => Reply::empty(416).with("content-range", format!("bytes */{size}")),
        }
    }
}

impl From<DistributionError> for Reply {
    fn from(complaint: DistributionError) -> Reply {
        let DistributionError { code, message, detail } = complaint;
        let body = json!({"errors": [{"code": code.name, "message": message, "detail": detail}]});
        Reply::json(code.status, &body)
    }
}

/// The one part a `Range` header asks for; `None` when the whole is wanted (or several parts, which
/// a server need not understand).
fn part(header: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    if to.contains(',') {
        return None;
    }
    let range = match (from.parse::<u64>().ok(), to.parse::<u64>().ok()) {
        (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(size),
        (Some(from), None) if to.is_empty() => from..size,
        (None, Some(last)) if from.is_empty() => size.saturating_sub(last)..size,
        _ => return None,
    };
    Some(if range.start < range.end { Ok(range) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let rows = [
            ("", None),
            ("bytes=0-9", Some(Ok(0..10))),
            ("bytes=90-", Some(Ok(90..100))),
            ("bytes=90-1000", Some(Ok(90..100))),
            ("bytes=-10", Some(Ok(90..100))),
            ("bytes=-1000", Some(Ok(0..100))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=9-1", None),
            ("bytes=0-1,4-5", None),
            ("lines=1-2", None),
        ];
        for (header, expected) in rows {
            assert_eq!(part(header, 100), expected, "{header}");
        }
    }
}
