//! An object that a patch made unreadable, as upstream shows it: what the patch went through has its
//! keys sorted, all else stands as Go writes its structs, field by field as they are declared.
//!
//! Source: github.com/evanphx/json-patch v4, which keeps as text what it need not look into. The
//! order of declaration is that of the numbers in protobuf.

use super::PatchType;
use crate::{
    object::{Map, Text, Value},
    schema::{Shape, Type},
};
use std::collections::HashMap;

/// The object as text.
pub fn text(ty: Option<&'static Type>, object: &Value, form: PatchType, patch: &Value) -> String {
    let mut touched = Touched::default();
    if form == PatchType::Json {
        for operation in patch.as_array().into_iter().flatten() {
            for field in ["path", "from"] {
                if let Some(path) = operation.get(field).and_then(Value::as_str) {
                    touched.open(path, field == "path" && operation.get("value").is_some());
                }
            }
        }
    } else {
        touched.merged(patch);
    }
    let mut out = String::new();
    write(&mut out, ty.map(What::Struct), object, Some(&touched));
    out
}

/// The containers a patch went through.
#[derive(Default)]
struct Touched {
    below: HashMap<String, Touched>,
    /// Whether the value is the patch's own, which stands as it stood there.
    own: bool,
}

impl Touched {
    /// A pointer opens what stands before its last step; there the patch may put a value of its own.
    fn open(&mut self, pointer: &str, own: bool) {
        let steps: Vec<&str> = pointer.split('/').skip(1).collect();
        let mut at = self;
        for (i, step) in steps.iter().enumerate() {
            let last = i + 1 == steps.len();
            if last && !own {
                return;
            }
            let key = step.replace("~1", "/").replace("~0", "~");
            at = at.below.entry(key).or_default();
            at.own |= last;
        }
    }

    fn under(&self, key: &str) -> Option<&Touched> {
        self.below.get(key).or(self.own.then_some(self))
    }

    fn merged(&mut self, patch: &Value) {
        for (key, value) in patch.as_object().into_iter().flatten() {
            let below = self.below.entry(key.to_string()).or_default();
            below.own = !value.is_object();
            below.merged(value);
        }
    }
}

/// What is known of the type of a value.
#[derive(Clone, Copy)]
enum What {
    Struct(&'static Type),
    Shape(&'static Shape),
}

impl What {
    fn child(self, key: &str) -> Option<What> {
        match self {
            What::Struct(ty) => ty.field(key).map(|f| What::Shape(&f.shape)),
            What::Shape(Shape::Map(item) | Shape::List(item)) => Some(What::Shape(item)),
            What::Shape(shape) => What::Struct(shape.object()?).child(key),
        }
    }

    /// Where a field stands, and where in a struct that is embedded there; what has no number stands
    /// last.
    fn place(self, key: &str) -> (u32, u32) {
        let ty = match self {
            What::Struct(ty) => Some(ty),
            What::Shape(shape) => shape.object(),
        };
        let number = |ty: &'static Type| ty.field(key).map_or(0, |f| f.proto);
        let last = (u32::MAX, 0);
        let Some(ty) = ty else { return last };
        match number(ty) {
            0 => {
                let embedded = ty.embedded.iter().find_map(|e| {
                    let inside = number(Shape::Object(e.message).object()?);
                    (inside > 0).then_some((e.proto, inside))
                });
                embedded.unwrap_or(last)
            }
            number => (number, 0),
        }
    }
}

fn write(out: &mut String, what: Option<What>, value: &Value, touched: Option<&Touched>) {
    match value {
        Value::Object(map) => write_map(out, what, map, touched),
        Value::Array(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                let index = touched.and_then(|t| t.under(&i.to_string()));
                write(out, what.and_then(|w| w.child("")), value, index);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_map(out: &mut String, what: Option<What>, map: &Map, touched: Option<&Touched>) {
    let mut keys: Vec<&Text> = map.keys().collect();
    if touched.is_none() {
        keys.sort_by_key(|k| (what.map_or((0, 0), |w| w.place(k)), *k));
    }
    out.push('{');
    for (i, key) in keys.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(key.as_str()).to_string());
        out.push(':');
        let below = touched.and_then(|t| t.under(key));
        write(out, what.and_then(|w| w.child(key)), &map[key], below);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{object::json, schema};

    #[test]
    fn what_a_patch_went_through_is_sorted() {
        let ty = schema::find("io.k8s.api.core.v1.ConfigMap");
        let object = json!({"apiVersion": "v1", "data": {"b": 1, "a": "x"}, "kind": "ConfigMap",
            "metadata": {"uid": "u", "namespace": "n", "name": "c", "labels": {"z": "1", "a": "2"}}});
        let patch = json!([{"op": "add", "path": "/data/b", "value": 1}]);
        assert_eq!(
            text(ty, &object, PatchType::Json, &patch),
            r#"{"apiVersion":"v1","data":{"a":"x","b":1},"kind":"ConfigMap","metadata":{"name":"c","namespace":"n","uid":"u","labels":{"a":"2","z":"1"}}}"#
        );
        let ty = schema::find("io.k8s.api.core.v1.PersistentVolume");
        let volume = json!({"kind": "PersistentVolume", "spec": {"accessModes": [], "capacity": {},
            "hostPath": {}, "nfs": {}, "storageClassName": "s"}});
        assert_eq!(
            text(ty, &volume, PatchType::Json, &json!([])),
            r#"{"kind":"PersistentVolume","spec":{"capacity":{},"hostPath":{},"nfs":{},"accessModes":[],"storageClassName":"s"}}"#
        );
        let ty = schema::find("io.k8s.api.core.v1.ConfigMap");
        let patch = json!({"metadata": {"labels": {"z": "1"}}});
        assert_eq!(
            text(ty, &object, PatchType::Merge, &patch),
            r#"{"apiVersion":"v1","data":{"a":"x","b":1},"kind":"ConfigMap","metadata":{"labels":{"a":"2","z":"1"},"name":"c","namespace":"n","uid":"u"}}"#
        );
    }
}
