//! A large file on its way into a bucket: in parts, each of which is sent again when it did not arrive.
//! Source: the S3 API reference, "Uploading and copying objects using multipart upload".

use super::bucket::{BlobBucket, Sending, VALID, said, text};
use crate::world::{Clock, SystemClock};
use http::{Method, header};
use rusty_s3::{
    S3Action,
    actions::{AbortMultipartUpload, UploadPart},
    signing,
};
use std::{io, path::Path};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, SeekFrom},
};
use url::Url;

/// How often a part is sent at most.
const ATTEMPTS: usize = 3;

/// How files are cut. S3 takes 5 GB at once, and ten thousand parts of at least 5 MB.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// What is larger goes in parts.
    pub whole: u64,
    /// Bytes of a part.
    pub part: u64,
}

impl Cut {
    pub const USUAL: Cut = Cut { whole: 128 << 20, part: 64 << 20 };
}

impl BlobBucket {
    /// Puts a file of so many bytes there in parts; it is there when the last has arrived.
    pub(super) async fn put_parts(&self, object: &str, from: &Path, size: u64) -> io::Result<()> {
        let url = self.posting(object, &[("uploads", "1")])?;
        let answer = self.ask(Method::POST, &url, Sending::Nothing).await?;
        said(&answer, object)?;
        let begun = text(answer).await?;
        let id = between(&begun, "<UploadId>", "</UploadId>");
        let id = id.ok_or_else(|| io::Error::other("the bucket has begun no upload"))?;
        let put = async {
            let tags = self.send_parts(object, id, from, size).await?;
            self.complete(object, id, &tags).await
        };
        let put = put.await;
        if put.is_err() {
            let abort = AbortMultipartUpload::new(&self.bucket, Some(&self.keys), object, id);
            let url = abort.sign_with_time(VALID, &SystemClock.now());
            // The error that is told is the first.
            let _ = self.ask(Method::DELETE, &url, Sending::Nothing).await;
        }
        put
    }

    /// Sends all parts; answers what the bucket calls each.
    async fn send_parts(
        &self,
        object: &str,
        id: &str,
        from: &Path,
        size: u64,
    ) -> io::Result<Vec<String>> {
        let mut tags = Vec::new();
        for (number, offset) in (1..).zip((0..size).step_by(self.cut.part as usize)) {
            let length = self.cut.part.min(size - offset);
            let part = UploadPart::new(&self.bucket, Some(&self.keys), object, number, id);
            let mut sent = Err(io::ErrorKind::NotConnected.into());
            for _ in 0..ATTEMPTS {
                let url = part.sign_with_time(VALID, &SystemClock.now());
                sent = self.send_part(&url, from, offset, length).await;
                if sent.is_ok() {
                    break;
                }
            }
            tags.push(sent?);
        }
        Ok(tags)
    }

    async fn send_part(
        &self,
        url: &Url,
        from: &Path,
        offset: u64,
        length: u64,
    ) -> io::Result<String> {
        let mut file = File::open(from).await?;
        file.seek(SeekFrom::Start(offset)).await?;
        let answer = self.ask(Method::PUT, url, Sending::File(file, length)).await?;
        said(&answer, "a part")?;
        let tag = answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
        tag.map(str::to_owned).ok_or_else(|| io::Error::other("the bucket does not name a part"))
    }

    async fn complete(&self, object: &str, id: &str, tags: &[String]) -> io::Result<()> {
        let parts = tags.iter().zip(1..).map(|(tag, number)| {
            format!("<Part><ETag>{tag}</ETag><PartNumber>{number}</PartNumber></Part>")
        });
        let parts = parts.collect::<String>();
        let list = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let url = self.posting(object, &[("uploadId", id)])?;
        let answer = self.ask(Method::POST, &url, Sending::Text(list)).await?;
        said(&answer, object)?;
        // It may have begun to say that all is well before it knew. What is whole has a tag.
        let result = text(answer).await?;
        match result.contains("<ETag>") && !result.contains("<Error>") {
            true => Ok(()),
            false => Err(io::Error::other(format!("the bucket has not put {object} together"))),
        }
    }

    /// An address for what is posted about an object.
    fn posting(&self, object: &str, query: &[(&str, &str)]) -> io::Result<Url> {
        let url = self.bucket.object_url(object).map_err(io::Error::other)?;
        Ok(signing::sign(
            &SystemClock.now(),
            rusty_s3::Method::Post,
            url,
            self.keys.key(),
            self.keys.secret(),
            self.keys.token(),
            self.bucket.region(),
            VALID.as_secs(),
            query.iter().copied(),
            std::iter::empty(),
        ))
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::{collections::BTreeMap, sync::Arc};
    use tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
        net::{TcpListener, TcpStream},
    };

    /// What a bucket has heard.
    #[derive(Default)]
    struct Heard {
        parts: BTreeMap<String, Vec<u8>>,
        lines: Vec<String>,
    }

    async fn answer(client: TcpStream, heard: Arc<Mutex<Heard>>, completes: bool) {
        let mut client = BufReader::new(client);
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if client.read_line(&mut line).await.unwrap() <= 2 {
                break;
            }
            if let Some(said) = line.to_lowercase().strip_prefix("content-length:") {
                length = said.trim().parse().unwrap();
            }
            if first.is_empty() {
                first = line;
            }
        }
        let mut body = vec![0; length];
        client.read_exact(&mut body).await.unwrap();
        let what = between(&first, "partNumber=", "&").map(str::to_owned);
        let fails = {
            let mut heard = heard.lock();
            let method = first.split(' ').next().unwrap_or_default();
            let line = format!("{method} {}", what.clone().unwrap_or_default());
            let again = heard.lines.contains(&line);
            heard.lines.push(line);
            if let Some(number) = &what {
                heard.parts.insert(number.clone(), body.clone());
            }
            what.as_deref() == Some("2") && !again
        };
        let text = match (fails, &what) {
            (true, _) => "HTTP/1.1 500 No\r\n".to_owned(),
            (_, Some(number)) => format!("HTTP/1.1 200 OK\r\nETag: \"e{number}\"\r\n"),
            _ => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        let together = String::from_utf8_lossy(&body).contains("\"e3\"");
        let said = match (together, completes) {
            (false, _) => "<Result><UploadId>an id</UploadId></Result>",
            (true, true) => {
                "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
            }
            (true, false) => "<Error><Code>InternalError</Code></Error>",
        };
        let said =
            format!("{text}Content-Length: {}\r\nConnection: close\r\n\r\n{said}", said.len());
        client.write_all(said.as_bytes()).await.unwrap();
    }

    async fn put(completes: bool) -> (io::Result<()>, Heard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Heard::default()));
        let hears = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&hears), completes));
            }
        });
        let known = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("k".to_owned()),
            "AWS_ENDPOINT_URL" => Some(at.clone()),
            _ => None,
        };
        let mut bucket = BlobBucket::parse("s3://layers", known).unwrap();
        bucket.cut = Cut { whole: 9, part: 4 };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        let put = bucket.put("name", &file).await;
        serving.abort();
        let heard = std::mem::take(&mut *heard.lock());
        (put, heard)
    }

    #[tokio::test]
    async fn a_large_file_goes_in_parts() {
        let (put, heard) = put(true).await;
        put.unwrap();
        assert_eq!(
            heard.parts.values().map(Vec::as_slice).collect::<Vec<_>>().concat(),
            b"0123456789"
        );
        assert_eq!(heard.lines, ["POST ", "PUT 1", "PUT 2", "PUT 2", "PUT 3", "POST "]);
    }

    #[tokio::test]
    async fn what_is_not_put_together_is_given_up() {
        let (put, heard) = put(false).await;
        assert!(put.unwrap_err().to_string().contains("has not put name together"));
        assert_eq!(heard.lines.last().map(String::as_str), Some("DELETE "));
    }
}
