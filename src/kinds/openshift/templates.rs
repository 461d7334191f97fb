//! template.openshift.io: objects with parameters, and requests to process them.
//! Source: openshift-apiserver `pkg/template`.

use crate::{
    error::Causes,
    kinds::{Backing, Column, Hooks, Kind},
    object::{ObjectExt, Value, json},
};

/// Longest description in the table.
const DESCRIPTION: usize = 80;

/// `templates.template.openshift.io`.
pub static TEMPLATE: Kind = Kind {
    group: "template.openshift.io",
    kind: "Template",
    plural: "templates",
    schema: "com.github.openshift.api.template.v1.Template",
    unconditional_update: false,
    columns: &[
        Column::text("Description", "Template description.", |o, _| json!(description(o))),
        Column::text(
            "Parameters",
            "parameters is an optional array of Parameters used during the Template to Config transformation.",
            |o, _| json!(parameters(o)),
        ),
        Column::text("Objects", "Number of resources in this template.", |o, _| {
            json!(o.list_at("objects").len())
        }),
    ],
    hooks: Hooks { validate: Some(check_new), ..Hooks::NONE },
    ..Kind::BASE
};

/// `processedtemplates.template.openshift.io`: templates with their values put in; nothing is kept.
pub static PROCESSED_TEMPLATE: Kind = Kind {
    plural: "processedtemplates",
    verbs: &["create"],
    backing: Backing::Computed,
    columns: &[],
    hooks: Hooks::NONE,
    ..TEMPLATE
};

fn description(template: &Value) -> String {
    let text = template.annotation("description").unwrap_or_default();
    let line = match text.split_once('\n') {
        Some((first, _)) => format!("{first}..."),
        None => text.to_owned(),
    };
    if line.len() <= DESCRIPTION {
        return line;
    }
    let end = line.char_indices().map(|(i, _)| i).take_while(|i| *i <= DESCRIPTION - 3).last();
    format!("{}...", line[..end.unwrap_or(0)].trim())
}

fn parameters(template: &Value) -> String {
    let all = template.list_at("parameters");
    let empty = all.iter().filter(|p| p.str_at("value").is_empty());
    let (generated, blank): (Vec<&Value>, Vec<&Value>) =
        empty.partition(|p| !p.str_at("generate").is_empty());
    match (blank.len(), generated.len()) {
        (0, 0) => format!("{} (all set)", all.len()),
        (0, n) => format!("{} ({n} generated)", all.len()),
        (n, _) => format!("{} ({n} blank)", all.len()),
    }
}

/// An update checks the metadata alone, as upstream.
fn check_new(template: &Value, old: Option<&Value>, out: &mut Causes) {
    if old.is_none() {
        check(template, out);
    }
}

/// What the parameters of a template must look like.
pub fn check(template: &Value, out: &mut Causes) {
    for (i, parameter) in template.list_at("parameters").iter().enumerate() {
        let (field, name) = (format!("parameters[{i}].name"), parameter.str_at("name"));
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() {
            out.required(field, "");
        } else if !name.chars().all(fits) {
            out.invalid(field, &json!(name), "does not match ^[a-zA-Z0-9_]+$");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::CellCx;

    /// 57 of the cases of the reference.
    #[test]
    fn cells() {
        let cx = CellCx::at("2026-01-02T03:05:05Z".parse().unwrap());
        let row = |description: &str, parameters: Value| {
            let o = json!({"metadata": {"annotations": {"description": description}},
                "parameters": parameters, "objects": [{}]});
            json!(TEMPLATE.columns.iter().map(|c| (c.cell)(&o, &cx)).collect::<Vec<_>>())
        };
        let set = json!({"name": "A", "value": "a"});
        let made = json!({"name": "B", "generate": "expression"});
        let blank = json!({"name": "C"});
        assert_eq!(row("one", json!([set])), json!(["one", "1 (all set)", 1]));
        assert_eq!(row("one\ntwo", json!([set, set, made]))[0], "one...");
        assert_eq!(row("", json!([set, set, made]))[1], "3 (1 generated)");
        assert_eq!(row("", json!([set, blank, made]))[1], "3 (1 blank)");
        let long = row(&"x".repeat(81), json!([]));
        assert_eq!(long[0], format!("{}...", "x".repeat(77)));
    }

    #[test]
    fn names_of_parameters() {
        let mut out = Causes::default();
        check(&json!({"parameters": [{"name": "A_1"}, {"name": "a-b"}, {}]}), &mut out);
        let said: Vec<String> =
            out.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(
            said,
            [
                "parameters[1].name: Invalid value: \"a-b\": does not match ^[a-zA-Z0-9_]+$",
                "parameters[2].name: Required value",
            ]
        );
    }
}
