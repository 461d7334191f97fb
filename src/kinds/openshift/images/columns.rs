//! Table columns of image kinds. Source: openshift-apiserver
//! `pkg/image/printers/internalversion`.

use crate::{
    kinds::{CellCx, Column, cluster::cells},
    object::{ObjectExt, Value, duration, json, time},
};
use jiff::Timestamp;

/// Characters a list of tags should fit into.
const WIDTH: i64 = 40;

/// Of images.
pub const IMAGE: &[Column] =
    &[Column::text("Image Reference", "Where the image can be pulled.", |o, _| {
        cells::text(o, "dockerImageReference")
    })];

/// Of streams.
pub const STREAM: &[Column] = &[
    Column::text("Image Repository", "Where the stream can be pulled.", |o, _| {
        let places = [
            "status.publicDockerImageRepository",
            "spec.dockerImageRepository",
            "status.dockerImageRepository",
        ];
        json!(places.iter().map(|p| o.str_at(p)).find(|r| !r.is_empty()).unwrap_or(""))
    }),
    Column::text("Tags", "Names of the tags.", |o, _| json!(tags_up_to_width(o))),
    Column::text("Updated", "Time since the last change.", |o, cx| {
        let tags = o.list_at("status.tags").iter();
        json!(ago(tags.filter_map(newest).max(), cx))
    }),
];

/// Of image stream tags.
pub const STREAM_TAG: &[Column] = &[
    Column::text("Image Reference", "Where the image can be pulled.", |o, _| {
        cells::text(o, "image.dockerImageReference")
    }),
    Column::text("Updated", "Time since the last change.", since_creation),
    Column::text("Image Name", "The image behind the tag.", |o, _| {
        cells::text(o, "image.metadata.name")
    })
    .wide(),
];

/// Of image stream images.
pub const STREAM_IMAGE: &[Column] = &[
    Column::text("Updated", "Time since the image was first known.", since_creation),
    Column::text("Image Reference", "Where the image can be pulled.", |o, _| {
        cells::text(o, "image.dockerImageReference")
    })
    .wide(),
    Column::text("Image Name", "The image.", |o, _| cells::text(o, "image.metadata.name")).wide(),
];

/// Of image tags.
pub const TAG: &[Column] = &[
    Column::text("Spec", "How the tag came about.", |o, _| json!(origin(o))),
    Column::text("Status", "What the tag means now.", |o, _| json!(state(o))),
    Column {
        kind: "number",
        ..Column::text("History", "Number of items in the history.", |o, _| {
            match o.list_at("status.items").len() {
                0 => Value::Null,
                n => json!(n),
            }
        })
    },
    Column::text("Updated", "Time since the last change.", |o, cx| {
        let condition = |c: &Value| time::parse(c.str_at("lastTransitionTime"));
        let conditions = o.list_at("status.conditions").iter().filter_map(condition);
        json!(ago(o.at("status").and_then(newest).into_iter().chain(conditions).max(), cx))
    }),
];

fn since_creation(o: &Value, cx: &CellCx) -> Value {
    json!(ago(time::parse(o.str_at("metadata.creationTimestamp")), cx))
}

fn ago(moment: Option<Timestamp>, cx: &CellCx) -> String {
    moment.map_or(String::new(), |m| format!("{} ago", cx.since(m, duration::words)))
}

/// When the newest item of a tag was made.
fn newest(tag: &Value) -> Option<Timestamp> {
    time::parse(tag.list_at("items").first()?.str_at("created"))
}

/// As many tags as fit, the newest first: at least one, and one more if that makes the edge less
/// ragged.
fn tags_up_to_width(stream: &Value) -> String {
    let mut tags: Vec<&Value> = stream.list_at("status.tags").iter().collect();
    tags.sort_by_key(|t| (newest(t).is_none(), std::cmp::Reverse(newest(t)), t.str_at("tag")));
    let names: Vec<&str> = tags.iter().map(|t| t.str_at("tag")).collect();
    let shown = fitting(&names);
    let text = names[..shown].join(",");
    match names.len() - shown {
        0 => text,
        hidden => format!("{text} + {hidden} more..."),
    }
}

fn fitting(names: &[&str]) -> usize {
    const MARGIN: i64 = WIDTH / 4;
    let mut remaining = WIDTH;
    for (i, name) in names.iter().enumerate() {
        let length = i64::try_from(name.len()).unwrap_or(WIDTH);
        remaining -= length + 1;
        if remaining >= 0 {
            continue;
        }
        if i == 0 {
            return 1;
        }
        if !(MARGIN < remaining + length && MARGIN >= -remaining) {
            return i;
        }
    }
    names.len()
}

/// The generation the spec asks for, and that of the newest item.
fn generations(tag: &Value) -> (i64, i64) {
    let item = tag.list_at("status.items").first();
    let of = |v: Option<i64>| v.unwrap_or(0);
    (of(tag.i64_at("spec.generation")), of(item.and_then(|i| i.i64_at("generation"))))
}

fn origin(tag: &Value) -> &'static str {
    let from = tag.at("spec.from").filter(|f| f.is_object());
    let tracks = from
        .is_some_and(|f| f.str_at("kind") == "ImageStreamTag" && !f.str_at("name").contains(':'));
    let written = match from {
        None => "",
        _ if tracks => "Track",
        _ if tag.is_true("spec.importPolicy.scheduled") => "Scheduled",
        _ if tag.is_true("spec.reference") => "Ref",
        _ => "Tag",
    };
    if tag.list_at("status.items").is_empty() {
        return written;
    }
    let (wanted, seen) = generations(tag);
    match written {
        "" if !source(tag).is_empty() => "Push",
        "Track" => written,
        _ if wanted > 0 && seen > wanted => "Push",
        _ => written,
    }
}

/// What the tag means: its newest image, else its newest pull spec, else what the spec names.
fn source(tag: &Value) -> String {
    let (wanted, seen) = generations(tag);
    let waits = wanted > 0 && seen > 0 && seen < wanted;
    if let Some(item) = tag.list_at("status.items").first().filter(|_| !waits) {
        match (item.str_at("image"), item.str_at("dockerImageReference")) {
            ("", "") => {}
            ("", pull_spec) => return pull_spec.into(),
            (image, _) => return format!("image/{image}"),
        }
    }
    let (namespace, name) = (tag.str_at("spec.from.namespace"), tag.str_at("spec.from.name"));
    match (tag.str_at("spec.from.kind"), namespace) {
        ("DockerImage", _) => name.into(),
        ("ImageStreamImage", _) => {
            name.split_once('@').map_or(String::new(), |(_, id)| format!("image/{id}"))
        }
        ("ImageStreamTag", "") => format!("istag/{name}"),
        ("ImageStreamTag", namespace) => format!("istag {namespace}/{name}"),
        _ => String::new(),
    }
}

fn state(tag: &Value) -> String {
    let failed = tag
        .list_at("status.conditions")
        .iter()
        .rfind(|c| c.str_at("type") == "ImportSuccess" && c.str_at("status") == "False");
    if let Some(condition) = failed {
        return format!("ImportFailed ({})", condition.str_at("reason"));
    }
    let (wanted, seen) = generations(tag);
    if wanted > 0 && seen > 0 && seen < wanted {
        return "Importing".into();
    }
    let from = tag.at("spec.from").filter(|f| f.is_object());
    match from.map(|f| (f.str_at("kind"), f.str_at("name"))) {
        Some(("ImageStreamImage", name)) if !name.contains('@') => "InvalidRefName".into(),
        None | Some(("DockerImage" | "ImageStreamImage" | "ImageStreamTag", _)) => source(tag),
        Some(_) => "InvalidRefKind".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(tags: &[(&str, &str)]) -> Value {
        let tags: Vec<Value> = tags
            .iter()
            .map(|(tag, created)| match *created {
                "" => json!({"tag": tag, "items": null}),
                created => json!({"tag": tag, "items": [{"created": created}]}),
            })
            .collect();
        json!({"status": {"tags": tags}})
    }

    #[test]
    fn tags_fit_or_are_counted() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let long = "x".repeat(50);
        let rows: Vec<(Vec<(&str, &str)>, String)> = vec![
            (vec![], String::new()),
            (vec![("a", old), ("b", new), ("c", ""), ("d", old)], "b,a,d,c".into()),
            (vec![(&long, new), ("b", old)], format!("{long} + 1 more...")),
            (
                vec![("a23456789012", new), ("b23456789012", new), ("c2345678901234567890", new)],
                "a23456789012,b23456789012,c2345678901234567890".into(),
            ),
            (
                vec![("a234567890123", new), ("b23456789012345678901", new), ("c2345678901", new)],
                "a234567890123,b23456789012345678901 + 1 more...".into(),
            ),
        ];
        for (tags, expected) in rows {
            assert_eq!(tags_up_to_width(&stream(&tags)), expected);
        }
    }

    #[test]
    fn tags_say_where_they_come_from_and_what_they_are() {
        let tag = |from: Value, spec: i64, item: Value| json!({"spec": {"from": from, "generation": spec}, "status": {"items": [item]}});
        let docker = json!({"kind": "DockerImage", "name": "q/a:1"});
        let item = |generation: i64| json!({"image": "sha256:a", "generation": generation});
        let pushed = json!({"spec": null, "status": {"items": [item(1)]}});
        let failed = json!({"spec": {"from": docker, "generation": 2}, "status": {"items": null,
            "conditions": [{"type": "ImportSuccess", "status": "False", "reason": "NotFound"}]}});
        let alias = json!({"kind": "ImageStreamTag", "name": "1"});
        let reference = json!({"spec": {"from": docker, "reference": true, "generation": 1},
            "status": {"items": [{"image": "", "dockerImageReference": "q/a:1", "generation": 1}]}});
        let rows = [
            (tag(docker.clone(), 2, item(2)), "Tag", "image/sha256:a"),
            (tag(docker.clone(), 3, item(2)), "Tag", "Importing"),
            (tag(docker, 2, item(3)), "Push", "image/sha256:a"),
            (tag(alias, 2, item(3)), "Track", "image/sha256:a"),
            (pushed, "Push", "image/sha256:a"),
            (failed, "Tag", "ImportFailed (NotFound)"),
            (reference, "Ref", "q/a:1"),
            (json!({"spec": {"from": {"kind": "X", "name": "y"}}}), "Tag", "InvalidRefKind"),
            (json!({"spec": {"name": "1"}, "status": null}), "", ""),
        ];
        for (tag, spec, status) in rows {
            assert_eq!((origin(&tag), state(&tag).as_str()), (spec, status), "{tag}");
        }
    }
}
