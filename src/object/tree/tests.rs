//! Trees against serde_json's, which they shall read as.

use super::*;
use crate::object::json;
use proptest::prelude::*;

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i32>().prop_map(|n| (f64::from(n) / 8.0).into()),
        ".{0,40}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 128, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Into::into),
            prop::collection::btree_map("[a-f]{0,3}|.{24,30}", inner, 0..12)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// What is done to a map.
#[derive(Clone, Debug)]
enum Deed {
    Insert(u8, i64),
    Remove(u8),
    Entry(u8, i64),
    Change(u8, i64),
    Retain(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let one = prop_oneof![
        4 => (any::<u8>(), any::<i64>()).prop_map(|(k, v)| Deed::Insert(k, v)),
        2 => any::<u8>().prop_map(Deed::Remove),
        2 => (any::<u8>(), any::<i64>()).prop_map(|(k, v)| Deed::Entry(k, v)),
        2 => (any::<u8>(), any::<i64>()).prop_map(|(k, v)| Deed::Change(k, v)),
        1 => (2..9u8).prop_map(Deed::Retain),
    ];
    prop::collection::vec(one, 0..120)
}

proptest! {
    #[test]
    fn there_and_back(value in values()) {
        let text = value.to_string();
        let tree: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(tree.to_string(), text);
        prop_assert_eq!(&tree, &Value::from(value.clone()));
        prop_assert_eq!(&serde_json::Value::from(tree.clone()), &value);
        prop_assert_eq!(&from_value::<serde_json::Value>(tree.clone()).unwrap(), &value);
        prop_assert_eq!(&to_value(&value).unwrap(), &tree);
        prop_assert_eq!(format!("{tree:#}"), serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn a_map_is_as_serde_jsons_and_a_copy_keeps_what_it_was(deeds in deeds(), cut in 0..120usize) {
        let (mut map, mut model) = (Map::new(), serde_json::Map::new());
        let mut copy = None;
        for (n, deed) in deeds.iter().enumerate() {
            if n == cut {
                copy = Some((map.clone(), model.clone()));
            }
            match deed {
                Deed::Insert(k, v) => prop_assert_eq!(
                    map.insert(k.to_string().into(), (*v).into()).map(|v| v.as_i64()),
                    model.insert(k.to_string(), (*v).into()).map(|v| v.as_i64())
                ),
                Deed::Remove(k) => prop_assert_eq!(
                    map.remove(&k.to_string()).map(|v| v.as_i64()),
                    model.remove(&k.to_string()).map(|v| v.as_i64())
                ),
                Deed::Entry(k, v) => {
                    let one = map.entry(k.to_string()).or_insert((*v).into()).as_i64();
                    let other = model.entry(k.to_string()).or_insert((*v).into()).as_i64();
                    prop_assert_eq!(one, other);
                }
                Deed::Change(k, v) => {
                    let one = map.get_mut(&k.to_string()).map(|value| *value = (*v).into());
                    let other = model.get_mut(&k.to_string()).map(|value| *value = (*v).into());
                    prop_assert_eq!(one.is_some(), other.is_some());
                }
                Deed::Retain(n) => {
                    map.retain(|_, v| v.as_i64().is_none_or(|v| v % i64::from(*n) != 0));
                    model.retain(|_, v| v.as_i64().is_none_or(|v| v % i64::from(*n) != 0));
                }
            }
            prop_assert_eq!(map.len(), model.len());
        }
        for (map, model) in [(map, model)].into_iter().chain(copy) {
            let model = Value::from(serde_json::Value::Object(model));
            prop_assert!(map.keys().is_sorted());
            prop_assert_eq!(&Value::Object(map.clone()), &model);
            prop_assert_eq!(Value::Object(map.into_iter().collect()), model);
        }
    }
}

#[test]
fn a_value_is_small() {
    assert_eq!((size_of::<Value>(), size_of::<(Text, Value)>(), size_of::<Map>()), (24, 48, 8));
}

#[test]
fn what_is_said_twice_is_what_was_said_last() {
    let tree: Value = serde_json::from_str(r#"{"b":1,"a":2,"b":3,"b":4}"#).unwrap();
    assert_eq!(tree, json!({"a": 2, "b": 4}));
}

#[test]
fn json_is_written_as_it_is_read() {
    let (name, list, none) = ("n", vec![1, 2], None::<String>);
    let key = format!("k{}", 1);
    let tree = json!({
        "null": null, "bool": true, "neg": -1, "list": [1, "two", [], {}, null, list],
        name: {"deep": {"er": [name, {"x": 1 + 2}]}}, (key): none, "call": name.len(),
    });
    let text = r#"{"bool":true,"call":1,"k1":null,"list":[1,"two",[],{},null,[1,2]],"n":{"deep":{"er":["n",{"x":3}]}},"neg":-1,"null":null}"#;
    assert_eq!(tree.to_string(), text);
}

#[test]
fn a_change_leaves_copies_as_they_were() {
    let first = json!({"a": {"b": [1, 2]}, "c": "d"});
    let mut second = first.clone();
    second["a"]["b"].as_array_mut().unwrap().push(3.into());
    second["c"] = "e".into();
    assert_eq!(first, json!({"a": {"b": [1, 2]}, "c": "d"}));
    assert_eq!(second, json!({"a": {"b": [1, 2, 3]}, "c": "e"}));
}

#[test]
fn pointers_lead_as_the_rfc_says() {
    let tree = json!({"a": [{"b/c": 1}, {"~": 2}], "": 3});
    for (pointer, wanted) in [
        ("/a/0/b~1c", Some(1)),
        ("/a/1/~0", Some(2)),
        ("/", Some(3)),
        ("/a/01", None),
        ("/a/+1", None),
        ("a", None),
        ("/a/2", None),
    ] {
        assert_eq!(tree.pointer(pointer).and_then(Value::as_i64), wanted, "{pointer}");
    }
    assert_eq!(tree.pointer(""), Some(&tree));
}
