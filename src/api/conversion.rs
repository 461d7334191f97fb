//! Custom objects in the version somebody wants to see them in. Where a definition names a webhook
//! for that, it is asked about many objects at once, and what it made of a revision is kept with it.
//! Source: apiextensions-apiserver `pkg/apiserver/conversion`.

use super::{
    Item, Request, Server,
    server::{Shown, converted, item, needs_asking},
};
use crate::{
    error::{Causes, Error},
    kinds::{
        Served,
        custom::{Conversion, Custom},
    },
    object::{ObjectExt, Value, json},
    store::{Entry, Snapshot},
    webhook::{Call, ClientConfig, Failure},
};
use serde::Deserialize as _;
use std::{borrow::Cow, sync::Arc};

/// Most objects of one question.
const MOST_AT_ONCE: usize = 1_000;
/// Seconds a webhook may take.
const PATIENCE: i64 = 30;
/// Most bytes of an answer: as many objects as are asked about at once are rarely larger.
const LONGEST_ANSWER: usize = 64 << 20;

impl Server {
    /// Objects in another version, as the definition's webhook makes them; nothing is pruned or
    /// filled yet.
    ///
    /// # Errors
    /// 500 in upstream's words.
    pub(super) async fn convert(
        &self,
        snapshot: &Snapshot,
        custom: &Custom,
        to: &str,
        objects: Vec<Value>,
    ) -> Result<Vec<Value>, Error> {
        let mut all = objects;
        let Some(conversion) = &custom.conversion else {
            all.iter_mut().for_each(|o| o.set_at("apiVersion", to));
            return Ok(all);
        };
        let mut others: Vec<&mut Value> =
            all.iter_mut().filter(|o| o.str_at("apiVersion") != to).collect();
        for some in others.chunks_mut(MOST_AT_ONCE) {
            self.ask_conversion(snapshot, conversion, to, some).await?;
        }
        Ok(all)
    }

    /// Asks about some objects, none of which is in the version wanted.
    async fn ask_conversion(
        &self,
        snapshot: &Snapshot,
        conversion: &Conversion,
        to: &str,
        objects: &mut [&mut Value],
    ) -> Result<(), Error> {
        let Some(first) = objects.first() else { return Ok(()) };
        let what = format!(
            "conversion webhook for {}, Kind={}",
            first.str_at("apiVersion"),
            first.str_at("kind")
        );
        let failed = |why: String| Error::Plain(format!("{what} failed: {why}"));
        let Some(version) =
            conversion.reviews.iter().find(|v| matches!(v.as_str(), "v1" | "v1beta1"))
        else {
            return Err(Error::Plain("no supported conversion review versions".into()));
        };
        let uid = self.world.entropy.of(&["conversions"]).uuid();
        let api_version = format!("apiextensions.k8s.io/{version}");
        let review = json!({"kind": "ConversionReview", "apiVersion": api_version, "request": {
            "uid": uid, "desiredAPIVersion": to, "objects": objects}});
        // Stored definitions have been checked against their type.
        let config = ClientConfig::deserialize(&conversion.client).unwrap_or_default();
        let call = Call {
            config: &config,
            snapshot,
            containers: self.containers.as_deref(),
            seconds: PATIENCE,
            tell: false,
            body: review.to_string().into(),
            limit: LONGEST_ANSWER,
        };
        let answer = self.webhooks.post(call).await.map_err(|failure| match failure {
            Failure::Config(why) | Failure::Call(why) => failed(why),
        })?;
        let strict = version == "v1";
        let made = read(answer, strict.then_some((api_version.as_str(), uid.as_str())));
        let made = made.map_err(failed)?;
        if made.len() != objects.len() {
            let (count, wanted) = (made.len(), objects.len());
            return Err(Error::Plain(format!(
                "{what} returned {count} objects, expected {wanted}"
            )));
        }
        for (object, made) in objects.iter_mut().zip(made) {
            let made = settled(object, made, to);
            **object =
                made.map_err(|why| Error::Plain(format!("{what} returned invalid {why}")))?;
        }
        Ok(())
    }

    /// A stored entry as an answer's item, in the version asked for.
    ///
    /// # Errors
    /// It cannot be converted.
    pub(super) async fn shown(&self, kind: &Served, entry: &Arc<Entry>) -> Result<Item, Error> {
        let made = self.made(kind, &[entry]).await?.pop().flatten();
        Ok(made.map_or_else(|| item(kind, entry, self), Item::Value))
    }

    /// The same of many entries.
    ///
    /// # Errors
    /// One of them cannot be converted.
    pub(super) async fn all_shown(
        &self,
        kind: &Served,
        entries: &[&Arc<Entry>],
    ) -> Result<Vec<Item>, Error> {
        let mut made = self.made(kind, entries).await?.into_iter();
        let show = |entry: &&Arc<Entry>| match made.next().flatten() {
            Some(value) => Item::Value(value),
            None => item(kind, entry, self),
        };
        Ok(entries.iter().map(show).collect())
    }

    /// An entry's object in the version asked for, without what reading adds.
    ///
    /// # Errors
    /// It cannot be converted.
    pub(super) async fn value_shown(
        &self,
        kind: &Served,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Value>, Error> {
        let made = self.made(kind, &[entry]).await?.pop().flatten();
        Ok(made.map_or_else(|| converted(kind, entry), Arc::new))
    }

    /// The stored object a request names, in the request's version.
    ///
    /// # Errors
    /// 404, or it cannot be converted.
    pub(super) async fn found(
        &self,
        snapshot: &Snapshot,
        request: &Request,
    ) -> Result<(Arc<Entry>, Arc<Value>), Error> {
        let entry = Server::named(snapshot, request)?;
        Ok((Arc::clone(entry), self.value_shown(&request.kind, entry).await?))
    }

    /// Asks the webhook about those entries that are stored in another version and were not asked
    /// about yet; what it makes of them is kept with them, unless they are history.
    ///
    /// # Errors
    /// One of them cannot be converted.
    pub(super) async fn made(
        &self,
        kind: &Served,
        entries: &[&Arc<Entry>],
    ) -> Result<Vec<Option<Value>>, Error> {
        let Some(custom) = kind.custom.as_ref().filter(|c| c.conversion.is_some()) else {
            return Ok(Vec::new());
        };
        let due: Vec<bool> = entries.iter().map(|e| needs_asking(custom, kind, e)).collect();
        let asked = entries.iter().zip(&due).filter(|(_, due)| **due);
        let objects: Vec<Value> =
            asked.map(|(e, _)| custom.read(e.value(), kind.api_version())).collect();
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot = self.store.snapshot();
        // Boxed: whoever has nothing to convert does not carry the call along.
        let made = Box::pin(self.convert(&snapshot, custom, kind.api_version(), objects)).await?;
        let mut made = made.into_iter();
        let mut all = Vec::with_capacity(entries.len());
        for (entry, due) in entries.iter().zip(due) {
            all.push(due.then(|| made.next()).flatten().map(|made| {
                let shown = custom.fitted(made, kind.api_version());
                entry.kept(|_| false, || Shown(custom.digest, Some(shown.clone())));
                shown
            }));
        }
        Ok(all)
    }

    /// An object in the version its rows hold, if it is a custom one.
    ///
    /// # Errors
    /// It cannot be converted.
    pub(super) async fn for_storage<'a>(
        &self,
        kind: &Served,
        value: &'a Value,
    ) -> Result<Cow<'a, Value>, Error> {
        let asks = |c: &&Arc<Custom>| c.storage_version != *kind.version;
        let Some(custom) = kind.custom.as_ref().filter(asks) else {
            return Ok(Cow::Borrowed(value));
        };
        let to = format!("{}/{}", kind.group, custom.storage_version);
        let snapshot = self.store.snapshot();
        let made = Box::pin(self.convert(&snapshot, custom, &to, vec![value.clone()])).await?;
        Ok(Cow::Owned(made.into_iter().next().unwrap_or_default()))
    }
}

/// The objects of an answer; `expected` are version and uid of a strict review.
fn read(review: Value, expected: Option<(&str, &str)>) -> Result<Vec<Value>, String> {
    let mut review = review;
    if let Some((version, _)) = expected {
        let (said, kind) = (review.str_at("apiVersion"), review.str_at("kind"));
        if (said, kind) != (version, "ConversionReview") {
            let slash = if said.contains('/') { "" } else { "/" };
            return Err(format!(
                "expected webhook response of {version}, Kind=ConversionReview, got {slash}{said}, Kind={kind}"
            ));
        }
    }
    let Some(response) = review.get_mut("response").filter(|r| r.is_object()) else {
        return Err("no response provided".into());
    };
    if let Some((_, uid)) = expected.filter(|(_, uid)| response.str_at("uid") != *uid) {
        let said = response.str_at("uid");
        return Err(format!("expected response.uid={uid:?}, got {said:?}"));
    }
    let status = response.str_at("result.status");
    if status != "Success" {
        return Err(match response.str_at("result.message") {
            "" => format!("response.result.status was '{status}', not 'Success'"),
            message => message.to_owned(),
        });
    }
    match response.remove_at("convertedObjects") {
        Some(Value::Array(objects)) => Ok(objects.into_vec()),
        _ => Ok(Vec::new()),
    }
}

/// What a webhook made of an object, if it left alone what is not its own: of the metadata only
/// labels and annotations are taken over.
fn settled(object: &Value, made: Value, to: &str) -> Result<Value, String> {
    let mut made = made;
    let at = "object at index 0: invalid";
    if made.str_at("apiVersion") != to {
        let got = made.str_at("apiVersion");
        return Err(format!("{at} groupVersion (expected {to}, received {got})"));
    }
    if made.str_at("kind") != object.str_at("kind") {
        let (expected, got) = (object.str_at("kind"), made.str_at("kind"));
        return Err(format!("{at} kind (expected {expected}, received {got})"));
    }
    for (field, path) in
        [("name", "metadata.name"), ("namespace", "metadata.namespace"), ("UID", "metadata.uid")]
    {
        let (expected, got) = (object.str_at(path), made.str_at(path));
        if expected != got {
            return Err(format!("object: must have the same {field}: {expected} != {got}"));
        }
    }
    let said = match made.remove_at("metadata") {
        Some(said) if said.is_object() => said,
        Some(_) => return Err("metadata: invalid metadata in converted object".into()),
        None => return Err("metadata: missing metadata in converted object".into()),
    };
    let mut metadata = object.get("metadata").cloned().unwrap_or_default();
    for field in ["labels", "annotations"] {
        let fitting = match said.get(field) {
            None | Some(Value::Null) => {
                metadata.remove_at(field);
                continue;
            }
            Some(Value::Object(map)) => map,
            Some(_) => {
                return Err(format!("metadata: invalid metadata.{field} in converted object"));
            }
        };
        if let Some((key, _)) = fitting.iter().find(|(_, v)| !v.is_string()) {
            return Err(format!(
                "metadata: metadata.{field}[{key}] must be a string in converted object"
            ));
        }
        metadata[field] = Value::Object(fitting.clone());
    }
    check_labels(object, &metadata)?;
    made["metadata"] = metadata;
    Ok(made)
}

/// Labels that a webhook changed have to be such as objects may have.
fn check_labels(object: &Value, metadata: &Value) -> Result<(), String> {
    if object.at("metadata.labels") == metadata.get("labels") {
        return Ok(());
    }
    let mut causes = Causes::default();
    super::meta::labels("metadata.labels", metadata.get("labels"), &mut causes);
    match causes.into_vec().first() {
        Some(cause) => Err(format!("metadata: {}: {}", cause.field, cause.message)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked() {
        let strict = Some(("apiextensions.k8s.io/v1", "u"));
        let review = |response: Value| {
            json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
                "response": response})
        };
        let rows = [
            (
                json!({}),
                "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got /, Kind=",
            ),
            (review(json!(null)), "no response provided"),
            (review(json!({"uid": "x"})), r#"expected response.uid="u", got "x""#),
            (
                review(json!({"uid": "u", "result": {"status": "Failure", "message": "no way"}})),
                "no way",
            ),
            (
                review(json!({"uid": "u", "result": {"status": "Failure"}})),
                "response.result.status was 'Failure', not 'Success'",
            ),
        ];
        for (answer, expected) in rows {
            assert_eq!(read(answer, strict).unwrap_err(), expected);
        }
        let good = json!({"uid": "u", "result": {"status": "Success"}, "convertedObjects": [1]});
        assert_eq!(read(review(good), strict).unwrap(), [json!(1)]);
    }

    #[test]
    fn only_labels_and_annotations_are_taken_over() {
        let object = json!({"apiVersion": "e/v1", "kind": "Foo", "a": 1,
            "metadata": {"name": "n", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}}});
        let made = json!({"apiVersion": "e/v2", "kind": "Foo", "b": 1,
            "metadata": {"name": "n", "uid": "u", "resourceVersion": "9", "annotations": {"c": "d"}}});
        let settled = |made: Value| settled(&object, made, "e/v2");
        assert_eq!(
            settled(made.clone()).unwrap(),
            json!({"apiVersion": "e/v2", "kind": "Foo", "b": 1, "metadata": {"name": "n", "uid": "u",
                "resourceVersion": "7", "annotations": {"c": "d"}}})
        );
        let change = |path: &str, value: Value| {
            let mut made = made.clone();
            made.set_at(path, value);
            settled(made).unwrap_err()
        };
        assert_eq!(change("metadata.name", json!("m")), "object: must have the same name: n != m");
        assert_eq!(
            change("apiVersion", json!("e/v3")),
            "object at index 0: invalid groupVersion (expected e/v2, received e/v3)"
        );
        assert!(change("metadata.labels", json!({"a": 1})).contains("must be a string"));
        assert!(
            change("metadata.labels", json!({"a": "not a value!"}))
                .starts_with("metadata: metadata.labels")
        );
    }
}
