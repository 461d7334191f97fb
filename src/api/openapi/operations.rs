//! One operation of a document: its parameters, bodies, answers and what Kubernetes adds to them.

use super::Format;
use crate::{
    kinds::{Served, Sub},
    object::{Value, json},
    schema,
};

/// What an operation does, and to what.
pub(super) struct Operation {
    pub kind: Served,
    pub sub: Option<&'static Sub>,
    /// Verb as in discovery (`deletecollection`).
    pub verb: &'static str,
    /// Whether the address names a namespace.
    pub namespaced: bool,
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const JSON_BODY: &[&str] = &["application/json", "application/yaml"];
const PATCH_BODY: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "pretty"];
const PATCH: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force", "pretty"];
const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "pretty",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];
const DELETE: &[&str] =
    &["dryRun", "gracePeriodSeconds", "orphanDependents", "pretty", "propagationPolicy"];

/// The operation object.
pub(super) fn operation(of: &Operation, format: Format) -> Value {
    let (group, version, kind) = of.body_kind();
    let mut out = json!({
        "operationId": of.id(),
        "tags": [of.tag()],
        "description": of.description(),
        "x-kubernetes-action": of.action(),
        "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": kind },
    });
    let mut parameters: Vec<Value> =
        of.parameters().iter().map(|name| parameter(name, format)).collect();
    let answer = reference(&of.answer(), format);
    let answers = if of.verb == "create" { &["200", "201"][..] } else { &["200"] };
    match format {
        Format::V3 => {
            if let Some((types, schema)) = of.body() {
                out["requestBody"] = json!({ "content": content(&types, &reference(&schema, format)),
                    "required": of.verb != "delete" && of.verb != "deletecollection" });
            }
            for code in answers {
                out["responses"][*code] =
                    json!({ "description": "OK", "content": content(JSON_BODY, &answer) });
            }
        }
        Format::V2 => {
            if let Some((types, schema)) = of.body() {
                out["consumes"] = json!(types);
                parameters.push(json!({ "name": "body", "in": "body",
                    "required": of.verb != "delete" && of.verb != "deletecollection",
                    "schema": reference(&schema, format) }));
            }
            out["produces"] = json!(JSON_BODY);
            for code in answers {
                out["responses"][*code] = json!({ "description": "OK", "schema": answer });
            }
        }
    }
    out["responses"]["401"] = json!({ "description": "Unauthorized" });
    out["parameters"] = parameters.into();
    out
}

impl Operation {
    /// Group, version and kind of the object in the body.
    fn body_kind(&self) -> (&str, &str, &str) {
        match self.sub.map(|s| s.body) {
            Some((group, version, kind)) if !kind.is_empty() => (group, version, kind),
            _ => (&self.kind.group, &self.kind.version, &self.kind.kind),
        }
    }

    /// Definition name of that object.
    fn definition(&self) -> String {
        let (group, version, kind) = self.body_kind();
        let api_version =
            if group.is_empty() { version.into() } else { format!("{group}/{version}") };
        let own = || self.kind.schema.to_string();
        if self.sub.is_none_or(|s| s.body.2.is_empty()) {
            return own();
        }
        schema::find_kind(&api_version, kind).map_or_else(own, |t| t.name.to_owned())
    }

    /// Media types and definition of the request body.
    fn body(&self) -> Option<(Vec<&'static str>, String)> {
        match self.verb {
            "create" | "update" => Some((JSON_BODY.to_vec(), self.definition())),
            "patch" => Some((self.patch_types(), format!("{META}.Patch"))),
            "delete" | "deletecollection" => {
                Some((JSON_BODY.to_vec(), format!("{META}.DeleteOptions")))
            }
            _ => None,
        }
    }

    /// Kinds that upstream serves as custom resources know no strategic merge.
    fn patch_types(&self) -> Vec<&'static str> {
        let custom = self.kind.custom.is_some()
            || self.kind.schema.starts_with("com.github.openshift.api.config.");
        PATCH_BODY.iter().copied().filter(|t| !custom || !t.contains("strategic")).collect()
    }

    fn answer(&self) -> String {
        match self.verb {
            "list" => format!("{}List", self.kind.schema),
            "delete" if self.kind.delete_returns_object => self.definition(),
            "delete" | "deletecollection" => format!("{META}.Status"),
            _ => self.definition(),
        }
    }

    fn parameters(&self) -> &'static [&'static str] {
        match self.verb {
            "list" => LIST,
            "create" | "update" => WRITE,
            "patch" => PATCH,
            "delete" | "deletecollection" => DELETE,
            _ => &["pretty"],
        }
    }

    /// Upstream's word for what is done (`x-kubernetes-action`).
    fn action(&self) -> &'static str {
        match self.verb {
            "create" => "post",
            "update" => "put",
            other => other,
        }
    }

    fn description(&self) -> String {
        let what = match self.verb {
            "list" | "watch" => "list or watch objects of kind",
            "create" => "create a",
            "update" => "replace the specified",
            "patch" => "partially update the specified",
            "delete" => "delete a",
            "deletecollection" => "delete collection of",
            _ => "read the specified",
        };
        match self.sub {
            Some(sub) => format!("{what} {} ({})", self.kind.kind, sub.name),
            None => format!("{what} {}", self.kind.kind),
        }
    }

    /// `apps_v1`.
    fn tag(&self) -> String {
        format!("{}_{}", self.short_group(), self.kind.version)
    }

    fn short_group(&self) -> String {
        match self.kind.group.as_str() {
            "" => "core".into(),
            group if self.kind.custom.is_some() => {
                let mut parts = group.split('.');
                let first = parts.next().unwrap_or_default().to_owned();
                first + &parts.map(capital).collect::<String>()
            }
            group if group.ends_with(".openshift.io") => {
                group.trim_end_matches(".openshift.io").into()
            }
            group => group.split('.').next().unwrap_or(group).into(),
        }
    }

    /// `createAppsV1NamespacedDeployment`: unique, and what code generators name methods after.
    fn id(&self) -> String {
        let verb = match self.verb {
            "get" => "read",
            "update" => "replace",
            "deletecollection" => "delete",
            other => other,
        };
        let scope = if self.namespaced { "Namespaced" } else { "" };
        let every = if self.kind.namespaced && !self.namespaced { "ForAllNamespaces" } else { "" };
        let many = if self.verb == "deletecollection" { "Collection" } else { "" };
        let sub = self.sub.map_or(String::new(), |s| capital(s.name));
        format!(
            "{verb}{}{}{many}{scope}{}{sub}{every}",
            capital(&self.short_group()),
            capital(&self.kind.version),
            self.kind.kind
        )
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

fn reference(definition: &str, format: Format) -> Value {
    let prefix = if format == Format::V3 { "#/components/schemas/" } else { "#/definitions/" };
    json!({ "$ref": format!("{prefix}{definition}") })
}

fn content(types: &[&str], schema: &Value) -> Value {
    types.iter().map(|t| ((*t).to_owned(), json!({ "schema": schema }))).collect()
}

/// A query parameter.
fn parameter(name: &str, format: Format) -> Value {
    let (kind, description) = match name {
        "allowWatchBookmarks" => ("boolean", "Whether the watch may send BOOKMARK events."),
        "continue" => ("string", "Token of the previous page, to get the next one."),
        "dryRun" => ("string", "\"All\" runs every stage of the request but stores nothing."),
        "fieldManager" => ("string", "Name of the actor who makes the change."),
        "fieldSelector" => ("string", "Restricts the objects by their fields."),
        "fieldValidation" => {
            ("string", "What to do with unknown or duplicate fields: Ignore, Warn or Strict.")
        }
        "force" => ("boolean", "Whether an apply takes over fields that others own."),
        "gracePeriodSeconds" => ("integer", "Seconds the object gets to end; 0 means at once."),
        "labelSelector" => ("string", "Restricts the objects by their labels."),
        "limit" => ("integer", "Largest number of objects in one answer."),
        "orphanDependents" => ("boolean", "Deprecated: use propagationPolicy."),
        "propagationPolicy" => {
            ("string", "What becomes of dependents: Orphan, Background or Foreground.")
        }
        "resourceVersion" => ("string", "The revision that the answer must reflect."),
        "resourceVersionMatch" => ("string", "How resourceVersion applies to a list."),
        "sendInitialEvents" => ("boolean", "Whether a watch starts with what exists already."),
        "timeoutSeconds" => ("integer", "Ends the call after so many seconds."),
        "watch" => ("boolean", "Sends changes as they happen instead of a list."),
        _ => ("string", "\"true\" makes the answer readable for people."),
    };
    let mut out =
        json!({ "name": name, "in": "query", "description": description, "uniqueItems": true });
    typed(&mut out, kind, format);
    out
}

/// Gives a parameter its type, where the format wants it.
pub(super) fn typed(parameter: &mut Value, kind: &str, format: Format) {
    match format {
        Format::V3 => {
            if let Some(p) = parameter.as_object_mut() {
                p.remove("uniqueItems");
            }
            parameter["schema"] = json!({ "type": kind });
        }
        Format::V2 => parameter["type"] = kind.into(),
    }
}
