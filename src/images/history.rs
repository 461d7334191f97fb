//! The items of a tag, the newest first, and the tags that follow another.
//! Source: openshift-apiserver `pkg/image/apiserver/internal/imageutil`.

use super::resolve;
use crate::object::{ObjectExt, Value, json};
use std::collections::HashMap;

/// A new item. `generation` 0 means that the write path gives one.
pub fn item(created: &str, pull_spec: &str, image: &str, generation: i64) -> Value {
    json!({"created": created, "dockerImageReference": pull_spec, "image": image,
        "generation": generation})
}

/// Puts an item at the head of a tag's history. What says the same image or the same pull spec as
/// the head before it takes its place instead, keeping its time. Answers whether anything changed;
/// a change clears the tag's conditions.
pub fn add(stream: &mut Value, tag: &str, next: &Value) -> bool {
    let entry = entry(stream, tag);
    let mut items = entry.list_at("items").to_vec();
    let Some(head) = items.first_mut() else {
        *entry = json!({"tag": tag, "items": [next]});
        return true;
    };
    let same = |field: &str| head.at(field) == next.at(field);
    let (pull_spec, image) = (same("dockerImageReference"), same("image"));
    if pull_spec && image && same("generation") {
        return false;
    }
    if pull_spec || image {
        for field in ["dockerImageReference", "image", "generation"] {
            head.set_at(field, next.at(field).cloned().unwrap_or_default());
        }
    } else {
        items.insert(0, next.clone());
    }
    *entry = json!({"tag": tag, "items": items});
    true
}

/// Gives the newest item of a tag another generation.
pub fn set_generation(stream: &mut Value, tag: &str, generation: i64) {
    let tags = stream.get_mut("status").and_then(|s| s.get_mut("tags"));
    let Some(tags) = tags.and_then(Value::as_array_mut) else { return };
    let Ok(at) = position(tags, tag) else { return };
    let items = tags[at].get_mut("items");
    if let Some(head) = items.and_then(Value::as_array_mut).and_then(|l| l.first_mut()) {
        head.set_at("generation", generation);
    }
}

/// Hands an item of `tag` on to the tags of the same stream that follow it: the direct ones only,
/// as upstream. Answers how many changed.
pub fn follow(stream: &mut Value, tag: &str, item: &Value) -> usize {
    let followers: Vec<String> = stream
        .list_at("spec.tags")
        .iter()
        .filter(|t| resolve::followed(stream, t) == Some(tag))
        .map(|t| t.str_at("name").to_owned())
        .collect();
    followers.iter().filter(|f| add(stream, f, item)).count()
}

/// Lets tags follow those whose newest item is not what it was in `old` (none: all that have
/// items).
pub fn follow_changes(stream: &mut Value, old: Option<&Value>) {
    let known = old.map(resolve::status_tags).unwrap_or_default();
    let names: Vec<String> =
        stream.list_at("status.tags").iter().map(|t| t.str_at("tag").to_owned()).collect();
    let mut followers: HashMap<String, Vec<String>> = HashMap::new();
    for tag in stream.list_at("spec.tags") {
        if let Some(followed) = resolve::followed(stream, tag) {
            followers.entry(followed.to_owned()).or_default().push(tag.str_at("name").to_owned());
        }
    }
    for tag in names {
        let Some(now) = held(stream, &tag).and_then(newest).cloned() else { continue };
        if known.get(tag.as_str()).copied().and_then(newest) == Some(&now) {
            continue;
        }
        for follower in followers.get(&tag).into_iter().flatten() {
            add(stream, follower, &now);
        }
    }
}

/// The status entry of a tag of a stream in the stored form, which has them sorted.
pub fn held<'a>(stream: &'a Value, tag: &str) -> Option<&'a Value> {
    let tags = stream.list_at("status.tags");
    position(tags, tag).ok().and_then(|at| tags.get(at))
}

fn position(tags: &[Value], tag: &str) -> Result<usize, usize> {
    tags.binary_search_by(|t| t.str_at("tag").cmp(tag))
}

fn newest(tag: &Value) -> Option<&Value> {
    tag.list_at("items").first()
}

/// The status entry of a tag, made when there is none.
fn entry<'a>(stream: &'a mut Value, tag: &str) -> &'a mut Value {
    let tags = stream.at_mut("status.tags");
    if !tags.is_array() {
        *tags = json!([]);
    }
    let Value::Array(list) = tags else { unreachable!("just made a list") };
    let at = position(list, tag).unwrap_or_else(|at| {
        list.insert(at, json!({"tag": tag, "items": null}));
        at
    });
    &mut list[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Value {
        json!({
            "metadata": {"namespace": "n", "name": "s"},
            "spec": {"tags": [
                {"name": "a", "from": {"kind": "ImageStreamTag", "name": "1"}},
                {"name": "b", "from": {"kind": "ImageStreamTag", "name": "s:1"}},
                {"name": "c", "from": {"kind": "ImageStreamTag", "name": "other:1"}},
            ]},
            "status": {"tags": [{"tag": "1", "items": [item("t0", "r/x@1", "i1", 1)],
                "conditions": [{"type": "ImportSuccess"}]}]},
        })
    }

    #[test]
    fn what_says_the_same_takes_the_place() {
        let kept = |pull_spec, image, generation| item("t0", pull_spec, image, generation);
        let first = item("t0", "r/x@1", "i1", 1);
        let rows = [
            (item("t1", "r/x@1", "i1", 1), false, vec![first.clone()]),
            (item("t1", "r/x@1", "i1", 2), true, vec![kept("r/x@1", "i1", 2)]),
            (item("t1", "r/y@1", "i1", 2), true, vec![kept("r/y@1", "i1", 2)]),
            (item("t1", "r/x@1", "i2", 2), true, vec![kept("r/x@1", "i2", 2)]),
            (item("t1", "r/x@2", "i2", 2), true, vec![item("t1", "r/x@2", "i2", 2), first]),
        ];
        for (next, changed, items) in rows {
            let mut stream = stream();
            assert_eq!(add(&mut stream, "1", &next), changed, "{next}");
            let tag = &stream["status"]["tags"][0];
            assert_eq!(tag["items"], json!(items), "{next}");
            assert_eq!(tag.at("conditions").is_none(), changed, "{next}");
        }
    }

    #[test]
    fn a_first_item_starts_afresh() {
        let mut stream = stream();
        let condition = json!({"tag": "0", "items": null, "conditions": [{"type": "X"}]});
        stream["status"]["tags"].as_array_mut().unwrap().insert(0, condition);
        assert!(add(&mut stream, "0", &item("t", "r", "i", 3)));
        assert_eq!(
            stream["status"]["tags"][0],
            json!({"tag": "0", "items": [item("t", "r", "i", 3)]})
        );
    }

    #[test]
    fn direct_followers_in_the_same_stream() {
        let mut stream = stream();
        let new = item("t1", "r/x@2", "i2", 5);
        assert_eq!(follow(&mut stream, "1", &new), 2);
        assert_eq!(resolve::latest(&stream, "a"), Some(&new));
        assert_eq!(resolve::latest(&stream, "b"), Some(&new));
        assert_eq!(resolve::latest(&stream, "c"), None);
    }
}
