//! Answers in Kubernetes protobuf over the wire: the same objects as in JSON, in the frames that
//! client-go reads.

use crate::support::{
    Lab,
    lab::{open, request, send},
};
use futures_util::{StreamExt, TryStreamExt};
use kube::Client;
use pocketshift::{object::ObjectExt, schema::proto};
use serde_json::{Value, json};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// The fields of a message whose values have a length: number and value.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        assert_eq!(tag & 7, 2, "a field with a length");
        let length = usize::try_from(varint(&mut bytes)).expect("a length");
        let (value, rest) = bytes.split_at(length);
        found.push((tag >> 3, value));
        bytes = rest;
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a number");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// What an envelope holds: version, kind and the message.
fn opened(bytes: &[u8]) -> (String, String, &[u8]) {
    let parts = fields(bytes.strip_prefix(proto::MAGIC).expect("an envelope"));
    let numbers: Vec<u64> = parts.iter().map(|(n, _)| *n).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let meta = fields(parts[0].1);
    let text = |i: usize| String::from_utf8(meta[i].1.to_vec()).expect("text");
    (text(0), text(1), parts[1].1)
}

/// An item of a list, in an envelope of its own.
fn item(version: &str, kind: &str, message: &[u8]) -> Value {
    let wrapped = proto::encode::envelope((version, kind), message);
    proto::decode(&wrapped).expect("an object").into()
}

async fn answer(client: &Client, path: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let reply = request(client, "GET", path, &[("accept", accept)], Vec::new()).await;
    (reply.code, reply.header("content-type").to_owned(), reply.bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_lists_and_errors() {
    let lab = Lab::start().await;
    let client = &lab.client;
    for i in 0..300 {
        let map = json!({"metadata": {"name": format!("m{i}"), "labels": {"l": "x"}},
            "data": {"k": "v".repeat(1000)}, "binaryData": {"b": "AAE="}});
        send(client, "POST", MAPS, "", Some(&map)).await.expect(201);
    }
    let both = "application/vnd.kubernetes.protobuf,application/json";
    let (code, content, bytes) = answer(client, &format!("{MAPS}/m7"), both).await;
    assert_eq!((code, content.as_str()), (200, PROTOBUF));
    let json = send(client, "GET", &format!("{MAPS}/m7"), "", None).await.json();
    assert_eq!(proto::decode(&bytes).expect("an object"), pocketshift::object::Value::from(json));

    let (code, content, bytes) = answer(client, &format!("{MAPS}?labelSelector=l"), both).await;
    assert_eq!((code, content.as_str()), (200, PROTOBUF));
    let (version, kind, message) = opened(&bytes);
    assert_eq!((version.as_str(), kind.as_str()), ("v1", "ConfigMapList"));
    let parts = fields(message);
    let json = send(client, "GET", &format!("{MAPS}?labelSelector=l"), "", None).await.json();
    let items: Vec<Value> = parts
        .iter()
        .filter(|(number, _)| *number == 2)
        .map(|(_, message)| item("v1", "ConfigMap", message))
        .collect();
    assert_eq!(items, json.list_at("items"));
    let revision = fields(parts[0].1).into_iter().find(|(number, _)| *number == 2);
    let revision = String::from_utf8_lossy(revision.expect("a revision").1).into_owned();
    assert_eq!(revision, json.str_at("metadata.resourceVersion"));

    // Metadata alone, of any kind; a custom resource has no other message.
    let partial = format!("{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
    let path = "/apis/config.openshift.io/v1/ingresses";
    let (code, content, bytes) = answer(client, path, &partial).await;
    assert_eq!((code, content.as_str()), (200, PROTOBUF));
    let (_, kind, message) = opened(&bytes);
    assert_eq!((kind.as_str(), fields(message).len()), ("PartialObjectMetadataList", 2));
    assert_eq!(answer(client, path, PROTOBUF).await.0, 406);
    assert_eq!(answer(client, path, both).await.1, "application/json");

    // A Status of an error, and a deletion with options in protobuf.
    let (code, content, bytes) = answer(client, &format!("{MAPS}/none"), both).await;
    assert_eq!((code, content.as_str()), (404, PROTOBUF));
    assert_eq!(proto::decode(&bytes).expect("a Status").str_at("reason"), "NotFound");
    let headers = [("accept", both), ("content-type", PROTOBUF)];
    let options = proto::encode::envelope(("v1", "DeleteOptions"), &[]);
    let reply = request(client, "DELETE", &format!("{MAPS}/m1"), &headers, options).await;
    assert_eq!(proto::decode(&reply.bytes).expect("a Status").str_at("status"), "Success");
    let table = "application/json;as=Table;g=meta.k8s.io;v=v1,application/vnd.kubernetes.protobuf";
    assert_eq!(answer(client, MAPS, table).await.1, "application/json");
    for (path, version, kind) in [
        ("/api", "", "APIVersions"),
        ("/api/v1", "v1", "APIResourceList"),
        ("/apis", "v1", "APIGroupList"),
        ("/apis/apps", "v1", "APIGroup"),
        ("/apis/apps/v1", "v1", "APIResourceList"),
    ] {
        let (_, content, bytes) = answer(client, path, both).await;
        assert_eq!(content, PROTOBUF, "{path}");
        let (named, found, message) = opened(&bytes);
        assert_eq!((named.as_str(), found.as_str()), (version, kind));
        assert!(!message.is_empty());
    }
    let gnostic = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let (code, content, bytes) = answer(client, "/openapi/v2", gnostic).await;
    assert!(code == 200 && content.starts_with("application/com.github.proto-openapi.spec.v2"));
    let named = b"io.k8s.api.core.v1.ServiceList";
    assert!(bytes.windows(named.len()).any(|w| w == named));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_in_frames() {
    let lab = Lab::start().await;
    let client = &lab.client;
    let map = json!({"metadata": {"name": "seen"}, "data": {"k": "v"}});
    send(client, "POST", MAPS, "", Some(&map)).await.expect(201);
    let path = format!(
        "{MAPS}?watch=true&fieldSelector=metadata.name%3Dseen&sendInitialEvents=true\
         &allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
    );
    let response = open(client, "GET", &path, &[("accept", PROTOBUF)], Vec::new()).await;
    let content = response.headers().get("content-type").expect("a type").to_str().expect("text");
    assert_eq!(content, "application/vnd.kubernetes.protobuf;stream=watch");
    let stream = http_body_util::BodyStream::new(response.into_body());
    let stream = stream.map(|f| f.map(|f| f.into_data().unwrap_or_default()));
    let all: Vec<_> = stream.try_collect().await.expect("the whole watch");
    let all = all.concat();
    let mut rest = all.as_slice();
    let mut events = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (event, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        let parts = fields(event);
        let name = String::from_utf8_lossy(parts[0].1).into_owned();
        let object = fields(parts[1].1)[0].1;
        events.push((name, proto::decode(object).expect("an object")));
        rest = tail;
    }
    assert_eq!(events[0].0, "ADDED");
    assert_eq!(events[0].1.str_at("data.k"), "v");
    assert_eq!(events[1].0, "BOOKMARK");
    let end = events[1].1.annotation("k8s.io/initial-events-end");
    assert_eq!(end, Some("true"), "{events:?}");
    lab.stop().await;
}
