//! The lists keep their promises, whoever edits them.

use super::{
    Draft, Lost, Stage,
    lists::{CONNECT, CREATE, DELETE, PASSING, SUBRESOURCE, UPDATE},
};
use crate::{api::admission::outside, object::json, store};

/// Where a list asks, in the order of asking.
fn asked(list: &[Stage]) -> Vec<usize> {
    let whom = |s: &Stage| match s {
        Stage::Ask(whom) => Some(whom.as_ptr() as usize),
        _ => None,
    };
    list.iter().filter_map(whom).collect()
}

#[test]
fn whoever_writes_meets_everybody_who_may_refuse() {
    for list in [CREATE, UPDATE, SUBRESOURCE, PASSING, CONNECT, DELETE] {
        assert_eq!(asked(list).len(), 2, "first those who change, then those who judge");
        let last = list.iter().rposition(|s| matches!(s, Stage::Ask(_))).unwrap();
        let kept = list.iter().position(|s| matches!(s, Stage::Keep));
        assert!(kept.is_none_or(|at| at < last), "what is judged is settled anew");
        let again = outside::CHANGE.as_ptr() as usize;
        assert_eq!(asked(list)[0], again);
    }
}

#[test]
fn only_a_draft_somebody_was_asked_about_goes_on_where_it_was() {
    let mut draft = Draft::of(json!({"a": 1}));
    assert!(Draft::of(json!({})).again().is_none());
    draft.asked = true;
    draft.kept = Some(json!({"a": 2}));
    draft.object = json!({"a": 3});
    draft.heard.push("told".into());
    draft.warnings.push("forgotten".into());
    let mut next = draft.again().unwrap();
    assert_eq!(next.object, json!({"a": 2}));
    assert_eq!(next.warnings(), ["told"]);
    assert!(next.again().is_some(), "and it can happen again");
}

#[test]
fn whose_race_was_lost() {
    let rows = [
        (store::Error::Stale(0), Some(Lost::Own)),
        (store::Error::Exists(0), Some(Lost::Own)),
        (store::Error::Stale(1), Some(Lost::Other)),
        (store::Error::Claimed { step: 0, value: "ip".into() }, Some(Lost::Other)),
        (store::Error::Missing(0), None),
        (store::Error::Io("full".into()), None),
    ];
    for (error, expected) in rows {
        assert_eq!(Lost::from(&error), expected, "{error}");
    }
}
