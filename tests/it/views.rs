//! The database as people look at it with `sqlite3`: the views show what the objects say.

use pocketshift::{
    object::{ObjectExt, encode, name},
    store::{Expect, Op, Options, Store},
};
use serde_json::{Value, json};
use tempfile::tempdir;

const TRIGGERS: &str = "image.openshift.io/triggers";

/// Every row of a query over a database with these objects, the columns joined with `|`.
async fn rows(objects: Vec<(&str, Value)>, query: &str) -> Vec<String> {
    let dir = tempdir().expect("a folder");
    let options = Options { data_dir: Some(dir.path().into()), ..Options::default() };
    let store = Store::open(&options).expect("a store");
    let put = |(resource, mut object): (&str, Value)| {
        object.set_at("metadata.uid", format!("{resource}/{}", object.name()));
        Op::Put {
            resource: resource.into(),
            key: name::key(object.namespace(), object.name()).into(),
            expect: Expect::Absent,
            body: encode(&object.into()),
            claims: Vec::new(),
        }
    };
    store.commit(objects.into_iter().map(put).collect()).await.expect("stored");
    store.close();
    let file = dir.path().join("pocketshift.db");
    let database = rusqlite::Connection::open(file).expect("a database");
    let mut statement = database.prepare(query).expect("a query");
    let columns = statement.column_count();
    let shown = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let cell = |i| {
            Ok(match row.get::<_, rusqlite::types::Value>(i)? {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(number) => number.to_string(),
                other => format!("{other:?}"),
            })
        };
        Ok((0..columns).map(cell).collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    };
    let found = statement.query_map([], shown).expect("rows");
    found.collect::<rusqlite::Result<_>>().expect("rows")
}

fn item(image: &str, generation: u64) -> Value {
    json!({"image": image, "dockerImageReference": format!("quay.io/x/y@{image}"),
        "generation": generation, "created": "2026-01-02T03:04:05Z"})
}

#[tokio::test]
async fn image_stream_tags_with_their_history() {
    let stream = json!({"metadata": {"namespace": "n", "name": "s"},
        "spec": {"tags": [{"name": "pending"}]},
        "status": {"dockerImageRepository": "registry/n/s", "tags": [
            {"tag": "1", "items": [item("new", 3), item("old", 1)]},
            {"tag": "failed", "items": null, "conditions": [{"type": "ImportSuccess"}]},
            {"tag": "2", "items": [item("new", 2)]}]}});
    let objects = || vec![("imagestreams.image.openshift.io", stream.clone())];
    let query = "SELECT namespace, stream, tag, position, image, reference, generation, created \
                 FROM imagestreamtags ORDER BY tag, position";
    assert_eq!(
        rows(objects(), query).await,
        [
            "n|s|1|0|new|quay.io/x/y@new|3|2026-01-02T03:04:05Z",
            "n|s|1|1|old|quay.io/x/y@old|1|2026-01-02T03:04:05Z",
            "n|s|2|0|new|quay.io/x/y@new|2|2026-01-02T03:04:05Z",
        ]
    );
    let query = "SELECT namespace, name, repository, lookup, tags FROM imagestreams";
    assert_eq!(rows(objects(), query).await, ["n|s|registry/n/s|0|3"]);
}

#[tokio::test]
async fn triggers_of_the_kinds_that_have_them() {
    let object = |name: &str, triggers: &str| json!({"metadata": {"namespace": "n", "name": name, "annotations": {TRIGGERS: triggers}}});
    let good = r#"[{"from":{"kind":"ImageStreamTag","name":"s:1"},"fieldPath":"p"},
        {"from":{"kind":"ImageStreamTag","name":"s:2","namespace":"m"},"fieldPath":"q","paused":true}]"#;
    let mut objects: Vec<(&str, Value)> = vec![
        ("deployments.apps", object("two", good)),
        ("cronjobs.batch", object("two", good)),
        ("jobs.batch", object("no-source", good)),
        ("deployments.apps", json!({"metadata": {"namespace": "n", "name": "plain"}})),
    ];
    for (name, text) in
        [("null", "null"), ("empty", ""), ("text", "not json"), ("map", "{\"a\":1}")]
    {
        objects.push(("deployments.apps", object(name, text)));
    }
    let query = "SELECT resource, namespace, name, tag, tag_namespace, field, paused \
                 FROM triggers ORDER BY resource, tag";
    assert_eq!(
        rows(objects, query).await,
        [
            "cronjobs.batch|n|two|s:1|n|p|0",
            "cronjobs.batch|n|two|s:2|m|q|1",
            "deployments.apps|n|two|s:1|n|p|0",
            "deployments.apps|n|two|s:2|m|q|1",
        ]
    );
}
