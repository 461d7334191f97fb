//! Whether the expressions of a policy fit the types of the objects they are about: warnings, not
//! refusals. Source: k8s.io/apiserver `pkg/admission/plugin/policy/validating/typechecking.go`.

use super::expressions::{self, compiled};
use crate::{
    cel::{
        Decl, Type,
        types::{self, Identity, Member, Shape, escape},
    },
    kinds::{Catalogue, GroupVersionResource, Served, custom::rules::declare},
    object::{ObjectExt, Value, json},
    schema,
};
use std::{collections::BTreeSet, sync::Arc};

/// Most kinds that are looked at.
const MOST_KINDS: usize = 10;
/// How deep built-in types are looked into; some contain themselves.
const DEEPEST: usize = 12;

/// What is to be warned of, as it stands in the status.
pub fn warnings(policy: &Value, catalogue: &Catalogue) -> Vec<Value> {
    let kinds = kinds(policy, catalogue);
    let decls: Vec<(String, Arc<Decl>)> =
        kinds.iter().filter_map(|k| Some((shown(k), declared(k)?))).collect();
    let param = policy.at("spec.paramKind").filter(|k| k.is_object());
    let param = param.map(|k| catalogue.by_kind(k.str_at("apiVersion"), k.str_at("kind")));
    let param = param.map(|kind| kind.and_then(|k| declared(&k)).map_or(Type::Dyn, |d| d.ty()));
    let mut found = Vec::new();
    for (i, validation) in policy.list_at("spec.validations").iter().enumerate() {
        for field in ["expression", "messageExpression"] {
            let text = validation.str_at(field);
            if text.is_empty() {
                continue;
            }
            let complaints = decls.iter().filter_map(|(name, decl)| {
                let known = expressions::typed(policy, &decl.ty(), param.as_ref());
                compiled(text, &known).err().map(|why| format!("{name}: {why}\n"))
            });
            let complaints: Vec<String> = complaints.collect();
            if !complaints.is_empty() {
                let field = format!("spec.validations[{i}].{field}");
                found.push(json!({"fieldRef": field, "warning": complaints.join("\n")}));
            }
        }
    }
    found
}

/// The kinds a policy names without wildcards, sorted.
fn kinds(policy: &Value, catalogue: &Catalogue) -> Vec<Served> {
    let mut names: BTreeSet<[String; 3]> = BTreeSet::new();
    for rule in policy.list_at("spec.matchConstraints.resourceRules") {
        let texts = |field: &str| {
            let list = rule.list_at(field).iter();
            let mut list: Vec<String> =
                list.filter_map(|v| v.as_str().map(str::to_owned)).collect();
            list.sort();
            list
        };
        let (groups, versions) = (texts("apiGroups"), texts("apiVersions"));
        if groups.iter().chain(&versions).any(|t| t.contains('*')) {
            continue;
        }
        let resources = texts("resources");
        let plain = resources.iter().filter(|r| !r.contains(['*', '/']));
        for resource in plain {
            for group in &groups {
                for version in &versions {
                    if names.len() < MOST_KINDS {
                        names.insert([group.clone(), version.clone(), resource.clone()]);
                    }
                }
            }
        }
    }
    let found = names.iter().filter_map(|[group, version, resource]| {
        catalogue.by_path(GroupVersionResource { group, version, resource })
    });
    let mut found: Vec<Served> = found.collect();
    found.sort_by(|a, b| {
        (&*a.group, &*a.version, &*a.kind).cmp(&(&*b.group, &*b.version, &*b.kind))
    });
    found
}

/// A kind as Go prints it.
fn shown(kind: &Served) -> String {
    format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind)
}

/// What expressions see of objects of a kind.
fn declared(kind: &Served) -> Option<Arc<Decl>> {
    match &kind.custom {
        Some(custom) => declare(&custom.schema.document(), true, &kind.kind),
        None => kind.ty().map(|ty| object(ty, &kind.kind, DEEPEST)),
    }
}

fn object(ty: &'static schema::Type, name: &str, deep: usize) -> Arc<Decl> {
    let fields = ty.fields.iter().filter_map(|field| {
        let decl = shape(&field.shape, &format!("{name}.{}", field.name), deep.checked_sub(1)?);
        Some((escape(field.name)?, Member { name: field.name.into(), decl }))
    });
    let shape = Shape::Object(name.into(), fields.collect());
    Arc::new(Decl { shape, most: 0, least_size: 2 })
}

fn shape(shape: &schema::Shape, name: &str, deep: usize) -> Arc<Decl> {
    use schema::Shape as Wire;
    let scalar = |ty: Type| Arc::new(Decl::scalar(ty, 0, 0));
    let whole = |shape| Arc::new(Decl { shape, most: 0, least_size: 2 });
    match shape {
        Wire::Bool => scalar(types::BOOL),
        Wire::Int32 | Wire::Int64 => scalar(types::INT),
        Wire::Float => scalar(types::DOUBLE),
        Wire::String | Wire::Quantity | Wire::Duration => scalar(types::STRING),
        Wire::Bytes => scalar(types::BYTES),
        Wire::Time | Wire::MicroTime => scalar(types::TIMESTAMP),
        Wire::IntOrString | Wire::Any => scalar(Type::Dyn),
        Wire::List(of) => whole(Shape::List(self::shape(of, name, deep), Identity::Place)),
        Wire::Map(of) => whole(Shape::Map(self::shape(of, name, deep))),
        Wire::Object(_) if deep == 0 => scalar(Type::Dyn),
        Wire::Object(_) => match shape.object() {
            Some(ty) => object(ty, name, deep),
            None => scalar(Type::Dyn),
        },
    }
}
