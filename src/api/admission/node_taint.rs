//! TaintNodesByCondition: a new node takes no pods before somebody has seen that it is ready.
//!
//! Source: kubernetes `plugin/pkg/admission/nodetaint`.

use super::{super::Verb, Attributes, common::is};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};

const KEY: &str = "node.kubernetes.io/not-ready";
const EFFECT: &str = "NoSchedule";

/// Taints a new node.
pub fn mutate(node: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "nodes") || a.verb != Verb::Create {
        return Ok(());
    }
    let mut taints = node.list_at("spec.taints").to_vec();
    if !taints.iter().any(|t| t.str_at("key") == KEY && t.str_at("effect") == EFFECT) {
        taints.push(json!({"key": KEY, "effect": EFFECT}));
        node.set_at("spec.taints", taints);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission::testing::Scene;

    #[test]
    fn new_nodes_are_tainted_once() {
        let scene = Scene::new(vec![]);
        let a = scene.attributes("nodes", Verb::Create, "", "n");
        let mut node = json!({"metadata": {"name": "n"}});
        mutate(&mut node, &a).unwrap();
        mutate(&mut node, &a).unwrap();
        assert_eq!(node["spec"]["taints"], json!([{"key": KEY, "effect": EFFECT}]));
        let later = scene.attributes("nodes", Verb::Update, "", "n");
        let mut node = json!({"metadata": {"name": "n"}});
        mutate(&mut node, &later).unwrap();
        assert!(node.get("spec").is_none(), "later is the controllers' business");
    }
}
