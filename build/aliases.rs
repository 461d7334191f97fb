//! Older versions of a group whose types are those of the present one under another name: releases
//! of before serve them.

use crate::{Definitions, Root, facts::Facts};
use std::collections::BTreeMap;

/// Packages: the present one, and the older one.
const SAME: [(&str, &str); 1] = [("io.k8s.api.flowcontrol.v1.", "io.k8s.api.flowcontrol.v1beta3.")];

/// Adds the older versions' types and kinds.
pub fn types(definitions: &mut Definitions, roots: &mut Vec<Root>) {
    for (present, older) in SAME {
        let named = |name: &str| name.replacen(present, older, 1);
        let same: Vec<_> = definitions.iter().filter(|(n, _)| n.starts_with(present)).collect();
        // References to the types of the package follow.
        let same: Vec<_> = same
            .into_iter()
            .map(|(name, schema)| (named(name), schema.to_string().replace(present, older)))
            .collect();
        for (name, text) in same {
            definitions.insert(name, text.parse().unwrap_or_default());
        }
        let version = older.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let same = roots.iter().filter(|r| r.definition.starts_with(present));
        let same: Vec<Root> = same
            .map(|root| Root {
                group: root.group.clone(),
                version: version.into(),
                kind: root.kind.clone(),
                definition: named(&root.definition),
            })
            .collect();
        roots.extend(same);
    }
}

/// Adds what is known of the present versions to the older ones.
pub fn facts(facts: &mut Facts) {
    for (present, older) in SAME {
        let named =
            |name: &str| name.starts_with(present).then(|| name.replacen(present, older, 1));
        extend(&mut facts.wire, |name| named(name));
        let of_field = |(name, field): &(String, String)| Some((named(name)?, field.clone()));
        extend(&mut facts.merge, of_field);
        extend(&mut facts.defaults, of_field);
        let atomic: Vec<String> = facts.atomic.iter().filter_map(|n| named(n)).collect();
        facts.atomic.extend(atomic);
    }
}

fn extend<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, named: impl Fn(&K) -> Option<K>) {
    let more: Vec<_> = map.iter().filter_map(|(k, v)| Some((named(k)?, v.clone()))).collect();
    map.extend(more);
}
