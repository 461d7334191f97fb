//! Table cells that several workload kinds share: container names and images of the pod template,
//! selectors, counters. Knows where each kind keeps its pod template and nothing else about kinds.
//!
//! Source of wording: kubernetes `pkg/printers/internalversion`.

use crate::{
    kinds::{CellCx, Column},
    object::{ObjectExt, Value, json, selector::Labels},
};

/// Container names of the pod template.
pub const CONTAINERS: Column =
    Column::text("Containers", "Names of each container in the template.", containers);
/// Container images of the pod template.
pub const IMAGES: Column =
    Column::text("Images", "Images referenced by each container in the template.", images);

/// The pod template of any workload kind; `Null` when there is none.
pub fn pod_template(o: &Value) -> &Value {
    ["spec.jobTemplate.spec.template", "spec.template", "template"]
        .iter()
        .find_map(|path| o.at(path))
        .unwrap_or(&Value::Null)
}

fn joined(o: &Value, field: &str) -> Value {
    let containers = pod_template(o).list_at("spec.containers").iter();
    json!(containers.map(|c| c.str_at(field)).collect::<Vec<_>>().join(","))
}

/// Names of the template's containers, comma-joined.
pub fn containers(o: &Value, _: &CellCx) -> Value {
    joined(o, "name")
}

/// Images of the template's containers, comma-joined.
pub fn images(o: &Value, _: &CellCx) -> Value {
    joined(o, "image")
}

/// A counter as it is printed: 0 when absent.
pub fn count(o: &Value, path: &str) -> Value {
    json!(o.i64_at(path).unwrap_or(0))
}

/// `ready/desired`.
pub fn ready_of(o: &Value, _: &CellCx) -> Value {
    let n = |path| o.i64_at(path).unwrap_or(0);
    json!(format!("{}/{}", n("status.readyReplicas"), n("spec.replicas")))
}

/// A `metav1.LabelSelector` in text form, `<none>` when it has no terms
/// (`metav1.FormatLabelSelector`).
pub fn label_selector(selector: Option<&Value>) -> Value {
    let text = selector.map(|s| Labels::from_object(s).to_string()).unwrap_or_default();
    json!(if text.is_empty() { "<none>" } else { &text })
}

/// A plain label map as `k=v,k2=v2`, `<none>` when empty (`labels.FormatLabels`).
pub fn label_map(map: Option<&Value>) -> Value {
    let text = map.map(|m| Labels::from_map(m).to_string()).unwrap_or_default();
    json!(if text.is_empty() { "<none>" } else { &text })
}

/// `text`, or `<none>` when it is empty.
pub fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { "<none>" } else { text })
}

/// Time since the moment written in `text`, `<unknown>` when it is not a time.
pub fn since(text: &str, cx: &CellCx) -> String {
    cx.age(text)
}
