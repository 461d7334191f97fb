//! A bucket that replicas share: what was pushed to one of them and is too large for a row lies there, and
//! is fetched by whoever is asked for it. Addresses are signed by rusty-s3, which knows no network: the
//! way there is the importer's.

use super::parts::Cut;
use crate::{
    importer::{Proxies, dial::Dialer, trust::SystemRoots},
    world::{Clock, SystemClock, within},
};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use jiff::SignedDuration;
use ring::digest::{Context, SHA256};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use std::{io, path::Path, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};
use url::{Position, Url};

/// How long a signed address holds.
pub(super) const VALID: Duration = Duration::from_secs(3600);
/// How long an answer may take to begin, besides what its question takes.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);
/// Slowest way that is waited for, in bytes a second.
const SLOWEST: u64 = 1 << 20;
/// Most bytes of a list, which has a thousand names at most.
const LIST: usize = 4 << 20;
/// Bytes of a file that are read at once.
const PIECE: usize = 256 << 10;

/// A place in a bucket.
pub struct BlobBucket {
    pub(super) bucket: Bucket,
    pub(super) keys: Credentials,
    /// How large files are cut.
    pub(super) cut: Cut,
    /// What the names of objects begin with; ends with a slash unless it is empty.
    prefix: String,
    dialer: Dialer,
    roots: SystemRoots,
}

impl std::fmt::Display for BlobBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.name(), self.prefix)
    }
}

impl BlobBucket {
    /// Reads `s3://BUCKET/PREFIX`; the rest is what `variable` knows by the names that AWS gives it.
    ///
    /// # Errors
    /// One line for people.
    pub fn parse(
        address: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<BlobBucket, String> {
        let wrong = |why: &str| format!("--blob-store: {address:?}: {why}");
        let rest = address.strip_prefix("s3://").unwrap_or_default();
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
        if name.is_empty() || !name.bytes().all(sound) {
            return Err(wrong("say s3://BUCKET/PREFIX"));
        }
        let any =
            |names: [&str; 2]| names.into_iter().find_map(&variable).filter(|v| !v.is_empty());
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(&variable);
        let [Some(key), Some(secret)] = keys else {
            return Err(wrong("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"));
        };
        let keys = match variable("AWS_SESSION_TOKEN") {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        };
        let region = any(["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or("us-east-1".into());
        let (endpoint, style) = match any(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
            Some(endpoint) => (endpoint, UrlStyle::Path),
            None => (format!("https://s3.{region}.amazonaws.com"), UrlStyle::VirtualHost),
        };
        let url: Url = endpoint.parse().map_err(|e| wrong(&format!("{endpoint:?}: {e}")))?;
        let bucket = Bucket::new(url, style, name.to_owned(), region);
        let bucket = bucket.map_err(|e| wrong(&format!("{endpoint:?}: {e}")))?;
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let proxies = Proxies::from_environment();
        let dialer = Dialer { proxies, ..Dialer::direct(String::new()) };
        let roots = SystemRoots::default();
        Ok(BlobBucket { bucket, keys, cut: Cut::USUAL, prefix, dialer, roots })
    }

    /// Looks whether it is there and ours to use.
    ///
    /// # Errors
    /// One line for people.
    pub async fn check(&self) -> Result<(), String> {
        let url = self.bucket.head_bucket(Some(&self.keys));
        let url = url.sign_with_time(VALID, &SystemClock.now());
        let answer = self.ask(Method::HEAD, &url, Sending::Nothing).await;
        match answer.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => Ok(()),
            Ok(status) => Err(format!("--blob-store: {self}: the bucket answers {status}")),
            Err(why) => Err(format!("--blob-store: {self}: {why}")),
        }
    }

    /// Puts a file there, below a name.
    ///
    /// # Errors
    /// It is not there then.
    pub async fn put(&self, name: &str, from: &Path) -> io::Result<()> {
        let object = self.object(name);
        let file = File::open(from).await?;
        let size = file.metadata().await?.len();
        if size > self.cut.whole {
            return self.put_parts(&object, from, size).await;
        }
        let url = self.bucket.put_object(Some(&self.keys), &object);
        let url = url.sign_with_time(VALID, &SystemClock.now());
        let answer = self.ask(Method::PUT, &url, Sending::File(file, size)).await?;
        said(&answer, name)
    }

    /// Fetches what is there below the digest's name, if something is, and if it is what it should be.
    ///
    /// # Errors
    /// Whether it is there is not known.
    pub async fn get(&self, name: &str, to: &Path) -> io::Result<bool> {
        let object = self.object(name);
        let url = self.bucket.get_object(Some(&self.keys), &object);
        let url = url.sign_with_time(VALID, &SystemClock.now());
        let answer = self.ask(Method::GET, &url, Sending::Nothing).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        said(&answer, name)?;
        let (mut file, mut hash) = (File::create(to).await?, Context::new(&SHA256));
        let mut body = answer.into_body();
        while let Some(frame) = within(&SystemClock, PATIENCE, body.frame()).await.ok_or(late())? {
            let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() else { continue };
            hash.update(&bytes);
            file.write_all(&bytes).await?;
        }
        file.sync_all().await?;
        let hex: String = hash.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect();
        match name.ends_with(&hex) {
            true => Ok(true),
            false => Err(io::Error::other(format!("{self}{name} is not what its name says"))),
        }
    }

    /// Removes what is there below a name.
    ///
    /// # Errors
    /// It may still be there.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        let object = self.object(name);
        let url = self.bucket.delete_object(Some(&self.keys), &object);
        let url = url.sign_with_time(VALID, &SystemClock.now());
        match self.ask(Method::DELETE, &url, Sending::Nothing).await? {
            gone if gone.status() == StatusCode::NOT_FOUND => Ok(()),
            answer => said(&answer, name),
        }
    }

    /// Removes all blobs that are there below a name, as long as that is ours to do.
    ///
    /// # Errors
    /// Some of them may still be there.
    pub async fn empty(&self, below: &str, ours: impl Fn() -> bool) -> io::Result<()> {
        let mut before = Vec::new();
        loop {
            let found = self.list(below).await?;
            if found.is_empty() {
                return Ok(());
            }
            if found == before {
                return Err(io::Error::other(format!("{self}{below} cannot be emptied")));
            }
            for name in &found {
                if !ours() {
                    return Err(io::Error::other("it is not ours any more"));
                }
                self.remove(&format!("{below}/{name}")).await?;
            }
            before = found;
        }
    }

    /// The names of blobs below a name, or the first thousand of them. They are digits, which no form
    /// of a list writes otherwise.
    async fn list(&self, below: &str) -> io::Result<Vec<String>> {
        // The bucket itself, as an object without a name.
        let mut list = self.bucket.get_object(Some(&self.keys), "");
        list.query_mut().insert("list-type", "2");
        list.query_mut().insert("prefix", self.object(&format!("{below}/")));
        let url = list.sign_with_time(VALID, &SystemClock.now());
        let answer = self.ask(Method::GET, &url, Sending::Nothing).await?;
        said(&answer, below)?;
        Ok(listed(&text(answer).await?))
    }

    fn object(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        sent: Sending,
    ) -> io::Result<Response<Incoming>> {
        let size = sent.size();
        let asking = async {
            let failed = |e: crate::importer::FetchError| io::Error::other(e.to_string());
            let tls = self.roots.verifying(None);
            let mut sender = self.dialer.open(url, &tls).await.map_err(failed)?;
            let proxy = self.dialer.proxy(url).filter(|_| url.scheme() == "http");
            let from = proxy.as_ref().map_or(Position::BeforePath, |_| Position::BeforeScheme);
            let authority = &url[Position::BeforeHost..Position::AfterPort];
            let mut request = Request::builder()
                .method(method)
                .uri(&url[from..Position::AfterQuery])
                .header(header::HOST, authority)
                .header(header::CONTENT_LENGTH, size)
                .body(sent.body())
                .map_err(io::Error::other)?;
            if let Some(login) = proxy.as_ref().and_then(|proxy| proxy.login()) {
                request.headers_mut().insert(header::PROXY_AUTHORIZATION, login.clone());
            }
            sender.send_request(request).await.map_err(io::Error::other)
        };
        let seconds = i64::try_from(size / SLOWEST).unwrap_or(i64::MAX);
        let patience = PATIENCE.saturating_add(SignedDuration::from_secs(seconds));
        within(&SystemClock, patience, asking).await.ok_or(late())?
    }
}

/// What is sent to a bucket.
pub(super) enum Sending {
    /// A question alone.
    Nothing,
    /// A text.
    Text(String),
    /// So many bytes of a file, from where it stands.
    File(File, u64),
}

impl Sending {
    fn size(&self) -> u64 {
        match self {
            Sending::Nothing => 0,
            Sending::Text(text) => text.len() as u64,
            Sending::File(_, size) => *size,
        }
    }

    fn body(self) -> BoxBody<Bytes, io::Error> {
        let (file, size) = match self {
            Sending::File(file, size) => (file, size),
            Sending::Text(text) => return Full::from(text).map_err(|never| match never {}).boxed(),
            Sending::Nothing => return Empty::new().map_err(|never| match never {}).boxed(),
        };
        let pieces = stream::try_unfold((file, size), |(file, left)| async move {
            let mut piece = Vec::with_capacity(PIECE);
            let mut part = file.take(left.min(PIECE as u64));
            let read = part.read_to_end(&mut piece).await? as u64;
            Ok((read > 0).then(|| (Bytes::from(piece), (part.into_inner(), left - read))))
        });
        BodyExt::boxed(StreamBody::new(pieces.map_ok(Frame::data)))
    }
}

/// What a bucket says, which is short.
pub(super) async fn text(answer: Response<Incoming>) -> io::Result<String> {
    let text = Limited::new(answer.into_body(), LIST).collect();
    let text = within(&SystemClock, PATIENCE, text).await.ok_or(late())?;
    Ok(String::from_utf8_lossy(&text.map_err(io::Error::other)?.to_bytes()).into_owned())
}

pub(super) fn said<T>(answer: &Response<T>, name: &str) -> io::Result<()> {
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(io::Error::other(format!("the bucket answers {status} for {name}"))),
    }
}

/// The blobs that a list of objects names.
fn listed(list: &str) -> Vec<String> {
    let keys = list.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    let digits = |name: &str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let last = keys.map(|(key, _)| key.rsplit_once('/').map_or(key, |(_, name)| name));
    last.filter(|name| digits(name)).map(str::to_owned).collect()
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the bucket does not answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_blobs() {
        let name = "0123456789abcdef".repeat(4);
        let list = format!("<r><Contents><Key>a%2Fb/{name}</Key></Contents><Key>a/x</Key></r>");
        assert_eq!(listed(&list), [name]);
        assert!(listed("<Key>").is_empty());
    }

    #[test]
    fn an_address_is_a_bucket_a_prefix_and_what_the_environment_says() {
        let known = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("k".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:9000".to_owned()),
            _ => None,
        };
        let place = BlobBucket::parse("s3://layers/a/b/", known).unwrap();
        assert_eq!(place.to_string(), "s3://layers/a/b/");
        let url = place.bucket.object_url(&place.object("x")).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:9000/layers/a/b/x");
        let amazon = BlobBucket::parse("s3://layers", |name| {
            known(name).filter(|_| name != "AWS_ENDPOINT_URL")
        });
        let url = amazon.unwrap().bucket.object_url("x").unwrap();
        assert_eq!(url.as_str(), "https://layers.s3.us-east-1.amazonaws.com/x");
        for (wrong, why) in
            [("s3://", "say s3://"), ("s3://A_b/c", "say s3://"), ("x", "say s3://")]
        {
            let said = BlobBucket::parse(wrong, known).err().unwrap();
            assert!(said.starts_with("--blob-store: ") && said.contains(why), "{said}");
        }
        let said = BlobBucket::parse("s3://layers", |_| None).err().unwrap();
        assert!(said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    }
}
