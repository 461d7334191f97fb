//! Expressions that choose devices.
//! Source: kubernetes `staging/src/k8s.io/dynamic-resource-allocation/cel`.

use crate::cel::{
    Decl, Program, Type,
    types::{BOOL, Member, STRING, Shape},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// Longest names and most attributes a device may have.
const LONGEST_DOMAIN: u64 = 63;
const MOST_ATTRIBUTES: u64 = 32;
const LONGEST_VALUE: u64 = 64;

/// What is wrong with an expression.
///
/// # Errors
/// In upstream's words.
pub fn check(text: &str) -> Result<(), String> {
    static DEVICE: LazyLock<Arc<Decl>> = LazyLock::new(|| Arc::new(device()));
    let program = Program::compile(text, &[("device".to_owned(), (*DEVICE).ty())])
        .map_err(|why| format!("compilation failed: {why}"))?;
    match program.output() {
        found if found.is(&BOOL) => Ok(()),
        Type::Dyn => Ok(()),
        found => Err(format!("must evaluate to bool or the unknown type, not {found}")),
    }
}

/// What a device looks like to an expression.
fn device() -> Decl {
    let of = |shape, most| Decl { shape, most, least_size: 0 };
    let scalar = |ty: Type, most| Arc::new(Decl::scalar(ty, most, 0));
    let map = |values: Arc<Decl>| Arc::new(of(Shape::Map(values), MOST_ATTRIBUTES));
    let quantity = scalar(Type::Plain("kubernetes.Quantity"), LONGEST_VALUE);
    let fields = [
        ("driver", scalar(STRING, LONGEST_DOMAIN)),
        ("attributes", map(map(scalar(Type::Dyn, LONGEST_VALUE)))),
        ("capacity", map(map(quantity))),
        ("allowMultipleAllocations", scalar(BOOL, 1)),
    ];
    let members: BTreeMap<String, Member> = fields
        .into_iter()
        .map(|(name, decl)| (name.to_owned(), Member { name: name.to_owned(), decl }))
        .collect();
    of(Shape::Object("kubernetes.DRADevice".into(), members), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chooses_devices() {
        let rows = [
            (r#"device.driver == "gpu.example.com""#, ""),
            (r#"device.attributes["gpu.example.com"].model == "a100""#, ""),
            (r#"device.capacity["x"].memory.compareTo(quantity("10Gi")) >= 0"#, ""),
            (
                "UDP",
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'UDP' (in container '')\n | UDP\n | ^",
            ),
            ("device.driver", "must evaluate to bool or the unknown type, not string"),
        ];
        for (text, expected) in rows {
            assert_eq!(check(text).err().unwrap_or_default(), expected, "{text}");
        }
    }
}
