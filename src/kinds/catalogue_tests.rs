//! What must hold for every declared kind.

use super::*;
use crate::object::json;
use std::collections::HashMap;

/// Counts by key and answers the keys met more than once.
fn repeated(keys: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    keys.for_each(|k| *seen.entry(k).or_default() += 1);
    seen.into_iter().filter(|(_, n)| *n > 1).map(|(k, _)| k).collect()
}

#[test]
fn paths_and_kinds_are_unique() {
    let paths = declared().map(|k| format!("{}/{}", k.api_version(), k.plural));
    assert_eq!(repeated(paths), Vec::<String>::new());
    // Templates are processed as what they are: a kind of the same name that nobody stores.
    let stored = declared().filter(|k| k.plural != "processedtemplates");
    let kinds = stored.map(|k| format!("{} {}", k.api_version(), k.kind));
    assert_eq!(repeated(kinds), Vec::<String>::new());
    let shorts = declared()
        .flat_map(|k| k.short.iter().map(move |s| format!("{} {} {s}", k.group, k.version)));
    assert_eq!(repeated(shorts), Vec::<String>::new());
}

#[test]
fn names_look_like_names() {
    for kind in declared() {
        let what = format!("{} {}", kind.api_version(), kind.kind);
        assert!(kind.kind.starts_with(|c: char| c.is_ascii_uppercase()), "{what}");
        assert!(kind.plural.bytes().all(|b| b.is_ascii_lowercase()), "{what}");
        assert!(!kind.verbs.is_empty(), "{what}");
        assert!(kind.schema.ends_with(&format!(".{}.{}", kind.version, kind.kind)), "{what}");
        let package = match kind.group {
            "" => "core",
            group => group.split('.').next().unwrap(),
        };
        assert!(kind.schema.contains(&format!(".{package}.{}.", kind.version)), "{what}");
        let openshift = kind.group.ends_with("openshift.io");
        assert_eq!(kind.schema.starts_with("com.github.openshift.api."), openshift, "{what}");
        for sub in kind.subresources {
            assert!(!sub.name.is_empty() && !sub.verbs.is_empty(), "{what}");
        }
    }
}

#[test]
fn tables_have_names_and_cells_survive_anything() {
    let cx = CellCx::at("2026-01-02T03:04:05Z".parse().unwrap());
    let odd = [
        json!({}),
        json!({"metadata": {"name": "x"}, "spec": null, "status": []}),
        json!({"spec": {"ports": {}, "rules": [1], "tls": "x"}, "status": {"conditions": [null]}}),
        json!({"subsets": [{"addresses": [{}], "ports": [{}]}], "subjects": [7], "data": []}),
    ];
    for kind in declared() {
        let columns: Vec<&Column> = ServedKind::of(kind).table().collect();
        let named = columns.iter().filter(|c| c.name == "Name").count();
        assert_eq!(named, 1, "{}", kind.kind);
        for column in &columns {
            let known = ["string", "integer", "number", "boolean", "bool", "date"];
            assert!(known.contains(&column.kind), "{} {}", kind.kind, column.name);
            odd.iter().for_each(|o| drop((column.cell)(o, &cx)));
        }
    }
}

#[test]
fn hooks_survive_anything() {
    let odd = [
        json!({"metadata": {}}),
        json!({"metadata": {"name": "x"}, "spec": {}, "status": {}}),
        json!({"metadata": {"name": ""}, "spec": {"ports": [{}], "rules": [{}], "limits": [{}]}}),
        json!({"metadata": {}, "subjects": [{}], "rules": [{}], "data": {"": ""}, "roleRef": {}}),
    ];
    for kind in declared() {
        for o in &odd {
            let mut o = o.clone();
            if let Some(default) = kind.hooks.default {
                default(&mut o);
                let once = o.clone();
                default(&mut o);
                assert_eq!(o, once, "defaults of {} are not settled by one run", kind.kind);
            }
            if let Some(validate) = kind.hooks.validate {
                validate(&o, None, &mut crate::error::Causes::default());
                validate(&o, Some(&json!({})), &mut crate::error::Causes::default());
            }
            if let Some(claims) = kind.hooks.claims {
                claims(&o);
            }
        }
    }
}

#[test]
fn converted_kinds_have_a_home() {
    for kind in declared() {
        if let Backing::Converted { resource, from_stored, to_stored } = kind.backing {
            let home = by_resource(resource).expect(resource);
            let o = to_stored(json!({"apiVersion": kind.api_version(), "kind": kind.kind}));
            assert_eq!(o["apiVersion"], json!(home.api_version()));
            assert_eq!(from_stored(o)["apiVersion"], json!(kind.api_version()));
        }
    }
}

#[test]
fn every_kind_has_a_type() {
    let missing: Vec<_> =
        declared().filter(|k| crate::schema::find(k.schema).is_none()).map(|k| k.schema).collect();
    assert!(missing.is_empty(), "no type in the schema catalogue for {missing:#?}");
}
