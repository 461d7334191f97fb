//! Importing many tags from a real registry on loopback, beside bare requests for the same
//! documents on one connection to the same registry.

use super::{client, cluster::Cluster, figure};
use crate::support::registry::{Image, Registry};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Instant,
};

const TAGS: usize = 200;

/// One import of many tags.
pub async fn import() {
    let registry = Registry::start();
    let images: Vec<Image> =
        (0..TAGS).map(|i| Image::new(&format!("app:{i}"), &i.to_string())).collect();
    registry.push(&images);
    let cluster = Cluster::start(&["--in-memory", "--instant"]).await;
    let wanted = |i: usize| {
        json!({"from": {"kind": "DockerImage", "name": registry.image(&format!("app:{i}"))},
            "to": {"name": i.to_string()}, "importPolicy": {"insecure": true}})
    };
    let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
        "metadata": {"name": "app"},
        "spec": {"import": true, "images": (0..TAGS).map(wanted).collect::<Vec<Value>>()}});
    let path = "/apis/image.openshift.io/v1/namespaces/default/imagestreamimports";
    let mut conn = client::Conn::open(cluster.port).await;
    let began = Instant::now();
    let (code, answer) = conn.send(&client::post(path, &cluster.token, &body.to_string())).await;
    let took = began.elapsed().as_secs_f64();
    assert_eq!(code, 201);
    assert!(!String::from_utf8_lossy(&answer).contains("Failure"), "an image failed");
    let bare = bare(&registry.address);
    let (took, bare) = (TAGS as f64 / took, TAGS as f64 / bare);
    figure(&format!("import of {TAGS} tags"), took, "/s", bare);
}

/// Seconds for the manifests and configs alone.
fn bare(address: &str) -> f64 {
    let stream = TcpStream::connect(address).expect("the registry");
    stream.set_nodelay(true).expect("a socket");
    let mut stream = BufReader::new(stream);
    let began = Instant::now();
    for i in 0..TAGS {
        let manifest = get(&mut stream, address, &format!("manifests/{i}"));
        let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
        let config = manifest["config"]["digest"].as_str().expect("a config").to_owned();
        get(&mut stream, address, &format!("blobs/{config}"));
    }
    began.elapsed().as_secs_f64()
}

fn get(stream: &mut BufReader<TcpStream>, host: &str, path: &str) -> Vec<u8> {
    let accept = crate::support::registry::DOCKER;
    let request =
        format!("GET /v2/team/app/{path} HTTP/1.1\r\nhost: {host}\r\naccept: {accept}\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).expect("a request");
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a head");
        if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    body
}
