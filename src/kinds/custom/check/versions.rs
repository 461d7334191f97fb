//! The versions of a definition: names, schemas, columns, subresources, selectable fields.
//!
//! Upstream's internal form holds what all versions share once; where that is so, paths begin at
//! `spec`.

use super::{names::label_problem, schema};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};
use std::collections::{HashMap, HashSet};

/// What versions may have in common.
const PER_VERSION: [&str; 4] =
    ["schema", "subresources", "additionalPrinterColumns", "selectableFields"];
const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] =
    ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

/// The names of the versions, and what they do not have in common.
pub(super) fn each(object: &Value, old: Option<&Value>, out: &mut Causes) {
    let versions = object.list_at("spec.versions");
    if object.is_true("spec.preserveUnknownFields")
        && !old.is_some_and(|o| o.is_true("spec.preserveUnknownFields"))
    {
        out.invalid("spec.preserveUnknownFields", &json!(true), "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
    }
    for (i, version) in versions.iter().enumerate() {
        if version.at("schema.openAPIV3Schema").is_none() {
            out.required(format!("spec.versions[{i}].schema.openAPIV3Schema"), "");
        }
    }
    let common = common(versions);
    let before = schemas(old);
    for (i, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{i}]");
        let name = version.str_at("name");
        if let Some(problem) = label_problem(name) {
            out.invalid(format!("{path}.name"), &json!(name), problem);
        }
        deprecation(version, &path, out);
        let at = |field: &str| (!common.contains(field)).then(|| format!("{path}.{field}"));
        parts(version, at, before.get(name).copied(), out);
    }
    let names: HashSet<&str> = versions.iter().map(|v| v.str_at("name")).collect();
    if names.len() != versions.len() {
        let why = "must contain unique version names";
        out.invalid_shown("spec.versions", shown(versions, &common), why);
    }
    if versions.iter().filter(|v| v.is_true("storage")).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        let none = object.at("spec.versions").is_none_or(Value::is_null);
        let shown = if none { "null".into() } else { shown(versions, &common) };
        out.invalid_shown("spec.versions", shown, why);
    }
    // Upstream's internal form has the first version's name once more.
    let first = versions.first().map_or("", |v| v.str_at("name"));
    if let Some(problem) = label_problem(first).filter(|_| !versions.is_empty()) {
        out.invalid("spec.version", &json!(first), problem);
    }
}

/// What all versions have in common.
pub(super) fn shared(object: &Value, old: Option<&Value>, out: &mut Causes) {
    let versions = object.list_at("spec.versions");
    let Some(first) = versions.first() else { return };
    let common = common(versions);
    let at = |field: &str| {
        let top = if field == "schema" { "validation" } else { field };
        common.contains(field).then(|| format!("spec.{top}"))
    };
    parts(first, at, schemas(old).get(first.str_at("name")).copied(), out);
}

/// Names of what is the same in every version.
fn common(versions: &[Value]) -> HashSet<&'static str> {
    let same = |field: &&str| versions.iter().all(|v| v.get(*field) == versions[0].get(*field));
    PER_VERSION.into_iter().filter(same).collect()
}

/// The schemas of a definition by version.
fn schemas(definition: Option<&Value>) -> HashMap<&str, &Value> {
    let versions = definition.into_iter().flat_map(|o| o.list_at("spec.versions"));
    versions.filter_map(|v| Some((v.str_at("name"), v.at("schema.openAPIV3Schema")?))).collect()
}

/// What a version has, at the path upstream reports it; `None` where it is reported elsewhere.
fn parts(
    version: &Value,
    at: impl Fn(&str) -> Option<String>,
    before: Option<&Value>,
    out: &mut Causes,
) {
    if let (Some(schema), Some(path)) = (version.at("schema.openAPIV3Schema"), at("schema")) {
        // A definition that was stored is not held to rules it does not touch.
        if before != Some(schema) {
            schema::check(schema, version, &format!("{path}.openAPIV3Schema"), out);
        }
    }
    if let Some(path) = at("subresources") {
        subresources(version, &path, out);
    }
    if let Some(path) = at("additionalPrinterColumns") {
        for (i, column) in version.list_at("additionalPrinterColumns").iter().enumerate() {
            self::column(column, &format!("{path}[{i}]"), out);
        }
    }
    match at("selectableFields") {
        // Upstream's internal form has no place for them where the schema is shared.
        Some(path) if at("schema").is_none() => {
            let why = match path.contains('[') {
                true => "may only be set when `version.schema.openAPIV3Schema` is not included",
                false => "may only be set when validations.schema is included",
            };
            let set = !version.list_at("selectableFields").is_empty();
            set.then(|| out.invalid(path, &json!(""), why));
        }
        Some(path) => selectable(version, &path, out),
        None => {}
    }
}

fn deprecation(version: &Value, path: &str, out: &mut Causes) {
    let Some(warning) = version.get("deprecationWarning") else { return };
    let path = format!("{path}.deprecationWarning");
    let text = warning.as_str().unwrap_or_default();
    if !version.is_true("deprecated") {
        out.invalid(&path, warning, "can only be set for deprecated versions");
    }
    if text.is_empty() {
        out.invalid(&path, warning, "must not be an empty string");
    }
    if text.len() > 256 {
        out.invalid(&path, warning, "must be <= 256 characters long");
    }
}

fn column(column: &Value, path: &str, out: &mut Causes) {
    if column.str_at("name").is_empty() {
        out.required(format!("{path}.name"), "");
    }
    match column.str_at("type") {
        "" => out.required(format!("{path}.type"), &format!("must be one of {}", TYPES.join(","))),
        kind if !TYPES.contains(&kind) => {
            let why = format!("must be one of {}", TYPES.join(","));
            out.invalid(format!("{path}.type"), &json!(kind), why);
        }
        _ => {}
    }
    let format = column.str_at("format");
    if !format.is_empty() && !FORMATS.contains(&format) {
        let why = format!("must be one of {}", FORMATS.join(","));
        out.invalid(format!("{path}.format"), &json!(format), why);
    }
    match column.str_at("jsonPath") {
        "" => out.required(format!("{path}.JSONPath"), ""),
        text if !text.starts_with('.')
            || crate::kinds::custom::jsonpath::Path::parse(text).is_err() =>
        {
            let why = "must be a simple json path starting with .";
            out.invalid(format!("{path}.JSONPath"), &json!(text), why);
        }
        _ => {}
    }
}

fn subresources(version: &Value, path: &str, out: &mut Causes) {
    let Some(scale) = version.at("subresources.scale") else { return };
    let rows: [(&str, bool, &[&str], &str); 3] = [
        ("specReplicasPath", true, &[".spec."], "should be a json path under .spec"),
        ("statusReplicasPath", true, &[".status."], "should be a json path under .status"),
        (
            "labelSelectorPath",
            false,
            &[".spec.", ".status."],
            "should be a json path under either .spec or .status",
        ),
    ];
    for (field, needed, under, why) in rows {
        let path = format!("{path}.scale.{field}");
        match scale.str_at(field) {
            "" if needed => out.required(path, ""),
            "" => {}
            text if under.iter().any(|u| text.starts_with(u)) => {}
            text if !text.starts_with('.') => {
                out.invalid(path, &json!(text), "must be a simple json path starting with .");
            }
            text => out.invalid(path, &json!(text), why),
        }
    }
}

fn selectable(version: &Value, path: &str, out: &mut Causes) {
    let fields = version.list_at("selectableFields");
    let mut seen = HashSet::new();
    for (i, field) in fields.iter().enumerate() {
        let path = format!("{path}[{i}].jsonPath");
        let text = field.str_at("jsonPath");
        if text.is_empty() {
            out.required(path, "");
        } else if let Some(why) = unselectable(version, text) {
            out.invalid(path, &json!(text), why);
        } else if !seen.insert(text) {
            out.duplicate(path, &json!(text));
        }
    }
    if seen.len() > 8 {
        out.too_many(path, seen.len(), 8);
    }
}

/// Why a path cannot be selected by.
fn unselectable(version: &Value, text: &str) -> Option<String> {
    let path = crate::kinds::custom::jsonpath::Path::parse(text);
    let Some(names) = path.as_ref().ok().and_then(|p| p.fields()).filter(|_| text.starts_with('.'))
    else {
        let why = if text.contains('[') {
            "array notation is not allowed"
        } else {
            "must be a simple json path starting with ."
        };
        return Some(format!("is an invalid path: {why}"));
    };
    let metadata = names.first() == Some(&"metadata");
    let mut schema = version.at("schema.openAPIV3Schema")?;
    for name in names {
        let Some(next) = schema.get("properties").and_then(|p| p.get(name)) else {
            return Some("is an invalid path: does not refer to a valid field".into());
        };
        schema = next;
    }
    if metadata {
        return Some("must not point to fields in metadata".into());
    }
    if matches!(schema.str_at("type"), "string" | "boolean" | "integer") {
        return None;
    }
    Some("must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.".into())
}

/// The versions as Go prints them: its internal form, where what all versions share stands above them.
fn shown(versions: &[Value], shared: &HashSet<&str>) -> String {
    let one = |v: &Value| {
        let field = |name: &str| v.get(name).unwrap_or(&Value::Null);
        let flag = |name: &str| v.is_true(name);
        let own = |name: &str| if shared.contains(name) { &Value::Null } else { field(name) };
        format!(
            "{{\"Name\":{},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":{},\"Schema\":{},\"Subresources\":{},\"AdditionalPrinterColumns\":{},\"SelectableFields\":{}}}",
            json!(v.str_at("name")),
            flag("served"),
            flag("storage"),
            flag("deprecated"),
            field("deprecationWarning"),
            own("schema"),
            own("subresources"),
            own("additionalPrinterColumns"),
            own("selectableFields"),
        )
    };
    format!("[{}]", versions.iter().map(one).collect::<Vec<_>>().join(","))
}

/// The versions objects may be stored in.
pub(super) fn stored(object: &Value, out: &mut Causes) {
    const PATH: &str = "status.storedVersions";
    let stored = object.list_at(PATH);
    let versions = object.list_at("spec.versions");
    if stored.is_empty() {
        return out.invalid(PATH, &Value::Null, "must have at least one stored version");
    }
    for version in versions.iter().filter(|v| v.is_true("storage")) {
        let name = version.str_at("name");
        if !stored.iter().any(|known| known == name) {
            out.invalid(PATH, &json!(stored), format!("must have the storage version {name}"));
        }
    }
    let names: HashSet<Option<&Value>> = versions.iter().map(|v| v.get("name")).collect();
    for (i, name) in stored.iter().enumerate() {
        if names.contains(&Some(name)) {
            continue;
        }
        let text = name.as_str().unwrap_or_default();
        let why = format!(
            "missing from spec.versions; {text} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {text} and removes {text} from status.storedVersions"
        );
        out.invalid(format!("{PATH}[{i}]"), name, why);
    }
}
