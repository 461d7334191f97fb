//! The annotation that says which fields follow which image stream tags, read as Go's JSON reader
//! would: names of fields in any case, `null` for absent, other types refused.
//! Source: library-go `pkg/image/trigger` (types, `CalculateAnnotationTriggers`).

use crate::{
    object::{Map, Value, name},
    store::Entry,
};
use serde::{Deserialize, Deserializer};
use std::sync::Arc;

/// One field that follows an image stream tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    pub kind: String,
    pub api_version: String,
    /// Namespace of the stream; empty means the object's own.
    pub namespace: String,
    /// `stream:tag`.
    pub name: String,
    pub field_path: String,
    pub paused: bool,
}

/// All triggers of an object, or why its annotation cannot be read. Absent is no trigger.
pub type Triggers = Result<Vec<Trigger>, &'static str>;

const SHAPE: &str = "the annotation is not a list of triggers";

/// Reads the annotation's text.
pub fn parse(text: &str) -> Triggers {
    let triggers = match serde_json::from_str(text) {
        Ok(Value::Null) => Vec::new(),
        Ok(Value::Array(items)) => items.iter().map(trigger).collect::<Result<_, _>>()?,
        _ => return Err(SHAPE),
    };
    let twice = |(i, t): (usize, &Trigger)| {
        triggers[..i].iter().any(|before| before.field_path == t.field_path)
    };
    if triggers.iter().enumerate().any(twice) {
        return Err("duplicate triggers are not allowed");
    }
    Ok(triggers)
}

fn trigger(item: &Value) -> Result<Trigger, &'static str> {
    let nothing = Map::new();
    let object = |v: Option<&'_ Value>| match v {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map.clone())),
        Some(_) => Err(SHAPE),
    };
    let whole = object(Some(item))?.unwrap_or(nothing);
    let from = object(field(&whole, "from"))?.unwrap_or_default();
    Ok(Trigger {
        kind: text(&from, "kind")?,
        api_version: text(&from, "apiVersion")?,
        namespace: text(&from, "namespace")?,
        name: text(&from, "name")?,
        field_path: text(&whole, "fieldPath")?,
        paused: match field(&whole, "paused") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(paused)) => *paused,
            Some(_) => return Err(SHAPE),
        },
    })
}

fn field<'a>(map: &'a Map, name: &str) -> Option<&'a Value> {
    let any_case = || map.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    map.get(name).or_else(any_case)
}

fn text(map: &Map, name: &str) -> Result<String, &'static str> {
    match field(map, name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(_) => Err(SHAPE),
    }
}

impl Trigger {
    /// Stream and tag; `stream:` means its tag `latest`, a name without colon means nothing.
    pub fn stream_tag(&self) -> Option<(&str, &str)> {
        self.name.split_once(':')
    }

    /// Namespace of the stream, for an object in `own`.
    pub fn namespace<'a>(&'a self, own: &'a str) -> &'a str {
        if self.namespace.is_empty() { own } else { &self.namespace }
    }

    /// Whether events of the stream with this key concern the trigger.
    pub fn hears(&self, own: &str, stream: &str) -> bool {
        let (namespace, name) = name::split_key(stream);
        !self.paused
            && self.kind == "ImageStreamTag"
            && self.api_version.is_empty()
            && self.namespace(own) == namespace
            && self.stream_tag().is_some_and(|(s, _)| s == name)
    }
}

/// The triggers of a stored object, read once per revision.
pub fn of(entry: &Entry) -> Arc<TriggerView> {
    entry.lens::<TriggerView>()
}

/// See [`of`].
#[derive(Default, Deserialize)]
pub struct TriggerView {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    annotations: Option<Annotations>,
}

#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "image.openshift.io/triggers", default, deserialize_with = "read")]
    triggers: Option<Triggers>,
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Triggers>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| parse(&text)))
}

impl TriggerView {
    /// The triggers, none when the annotation is absent.
    ///
    /// # Errors
    /// Why the annotation cannot be read.
    pub fn triggers(&self) -> Result<&[Trigger], &'static str> {
        match self.metadata.annotations.as_ref().and_then(|a| a.triggers.as_ref()) {
            None => Ok(&[]),
            Some(Ok(triggers)) => Ok(triggers),
            Some(Err(why)) => Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<Trigger> {
        parse(text).ok()?.pop()
    }

    #[test]
    fn what_go_reads_is_read() {
        let plain = r#"[{"from":{"kind":"ImageStreamTag","name":"s:t"},"fieldPath":"p"}]"#;
        let expected = Trigger {
            kind: "ImageStreamTag".into(),
            name: "s:t".into(),
            field_path: "p".into(),
            ..Trigger::default()
        };
        let paused = Trigger { paused: true, ..expected.clone() };
        let rows = [
            (plain, expected.clone()),
            (
                r#"[{"From":{"KIND":"ImageStreamTag","Name":"s:t"},"fieldpath":"p"}]"#,
                expected.clone(),
            ),
            (
                r#"[{"from":{"kind":"ImageStreamTag","name":"s:t","namespace":null},"fieldPath":"p","paused":null,"lastTriggeredImage":"x","pause":"true"}]"#,
                expected.clone(),
            ),
            (
                r#"[{"from":{"kind":"ImageStreamTag","name":"s:t"},"fieldPath":"p","paused":true}]"#,
                paused,
            ),
            ("[null]", Trigger::default()),
            (r#"[{"from":null}]"#, Trigger::default()),
        ];
        for (text, trigger) in rows {
            assert_eq!(one(text), Some(trigger), "{text}");
        }
        for text in ["null", "[]", " [ ] "] {
            assert_eq!(parse(text), Ok(vec![]), "{text}");
        }
    }

    #[test]
    fn anything_else_makes_the_whole_annotation_unreadable() {
        for text in [
            "",
            "not json",
            "{}",
            "\"\"",
            "[1]",
            "[] x",
            r#"[{"from":"s:t"}]"#,
            r#"[{"fieldPath":1}]"#,
            r#"[{"paused":"true"}]"#,
            r#"[{"paused":1}]"#,
            r#"[{"from":{"name":1}}]"#,
        ] {
            assert_eq!(parse(text), Err(SHAPE), "{text}");
        }
        let twice = r#"[{"fieldPath":"p"},{"fieldPath":"q"},{"fieldPath":"p","paused":true}]"#;
        assert_eq!(parse(twice), Err("duplicate triggers are not allowed"));
    }

    #[test]
    fn who_hears_of_a_stream() {
        let active =
            Trigger { kind: "ImageStreamTag".into(), name: "s:t".into(), ..Trigger::default() };
        let rows = [
            (active.clone(), true),
            (Trigger { paused: true, ..active.clone() }, false),
            (Trigger { kind: "DockerImage".into(), ..active.clone() }, false),
            (Trigger { api_version: "image.openshift.io/v1".into(), ..active.clone() }, false),
            (Trigger { namespace: "other".into(), ..active.clone() }, false),
            (Trigger { namespace: "n".into(), ..active.clone() }, true),
            (Trigger { name: "s:".into(), ..active.clone() }, true),
            (Trigger { name: "s".into(), ..active.clone() }, false),
            (Trigger { name: "st:t".into(), ..active.clone() }, false),
        ];
        for (trigger, expected) in rows {
            assert_eq!(trigger.hears("n", "n/s"), expected, "{trigger:?}");
        }
    }
}
