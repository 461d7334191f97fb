//! Templates that are made real by the cluster, and what a broker remembers of them.
//! Source: openshift-apiserver `pkg/template/apiserver/registry/templateinstance`.

use super::templates;
use crate::{
    error::{Causes, Error},
    kinds::{AccessReview, Column, Cx, Hooks, Kind, Sub},
    object::{Map, ObjectExt, Value, json, name},
};

const REQUESTER: &str = "spec.requester.username";

/// `templateinstances.template.openshift.io`.
pub static TEMPLATE_INSTANCE: Kind = Kind {
    group: "template.openshift.io",
    kind: "TemplateInstance",
    plural: "templateinstances",
    subresources: &[Sub::STATUS],
    schema: "com.github.openshift.api.template.v1.TemplateInstance",
    unconditional_update: false,
    columns: &[Column::text("Template", "Template name to be instantiated.", |o, _| {
        json!(o.str_at("spec.template.metadata.name"))
    })],
    hooks: Hooks {
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(immutable),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// `brokertemplateinstances.template.openshift.io`.
pub static BROKER_TEMPLATE_INSTANCE: Kind = Kind {
    group: "template.openshift.io",
    kind: "BrokerTemplateInstance",
    plural: "brokertemplateinstances",
    namespaced: false,
    schema: "com.github.openshift.api.template.v1.BrokerTemplateInstance",
    unconditional_update: false,
    columns: &[Column::text("Template Instance", "Template instance name.", |o, _| {
        json!(o.str_at("spec.templateInstance.namespace"))
    })],
    hooks: Hooks { validate: Some(|o, _, out| check_broker(o, out)), ..Hooks::NONE },
    ..Kind::BASE
};

/// Whoever asks is the requester, unless he may name another.
fn prepare(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({}));
        if o.at("spec.requester").is_none_or(Value::is_null) {
            o.set_at("spec.requester", requester(cx));
        }
    } else if old.is_some_and(|old| is_collected(o, old)) {
        return Ok(());
    }
    let mut causes = Causes::default();
    let named = o.str_at(REQUESTER);
    let ask = AccessReview {
        verb: "assign",
        group: "template.openshift.io",
        resource: "templateinstances",
        namespace: o.namespace(),
        name: o.name(),
        ..AccessReview::default()
    };
    if named.is_empty() {
        causes.required(REQUESTER, "");
    } else if named != cx.user && (cx.may)(&ask).is_err() {
        causes.forbidden(REQUESTER, "you do not have permission to set username");
    }
    if causes.is_empty() {
        return Ok(());
    }
    let kind = "TemplateInstance.template.openshift.io".into();
    Err(Error::Invalid { kind, name: o.name().into(), causes: causes.into_vec() })
}

fn requester(cx: &Cx<'_>) -> Value {
    let extra: Map = cx.extra.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let mut all = json!({"username": cx.user, "groups": cx.groups});
    if !cx.uid.is_empty() {
        all["uid"] = json!(cx.uid);
    }
    if !extra.is_empty() {
        all["extra"] = Value::Object(extra);
    }
    all
}

/// Whether an update changes what the garbage collector may: owners and finalizers, and nothing
/// else.
fn is_collected(o: &Value, old: &Value) -> bool {
    let bare = |o: &Value| {
        let mut o = o.clone();
        for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] {
            o.at_mut("metadata").as_object_mut().map(|m| m.remove(field));
        }
        o
    };
    bare(o) == bare(old)
}

fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if let Some(old) = old {
        return immutable(o, old, out);
    }
    let mut causes = Causes::default();
    templates::check(o.at("spec.template").unwrap_or(&Value::Null), &mut causes);
    for mut cause in causes.0 {
        cause.field.insert_str(0, "spec.template.");
        out.0.insert(cause);
    }
    if o.at("spec.secret").is_some_and(Value::is_object) {
        let secret = o.str_at("spec.secret.name");
        if secret.is_empty() {
            out.required("spec.secret.name", "");
        }
        problems(secret, name::subdomain_problems, "spec.secret.name", out);
    }
}

fn immutable(o: &Value, old: &Value, out: &mut Causes) {
    if o.get("spec") != old.get("spec") {
        out.forbidden("spec", "field is immutable");
    }
}

/// What is wrong with a name that is there.
fn problems(text: &str, check: fn(&str) -> Vec<String>, path: &str, out: &mut Causes) {
    for problem in if text.is_empty() { Vec::new() } else { check(text) } {
        out.invalid(path, &json!(text), problem);
    }
}

fn check_broker(o: &Value, out: &mut Causes) {
    for (field, kind) in [("templateInstance", "TemplateInstance"), ("secret", "Secret")] {
        let path = |part: &str| format!("spec.{field}.{part}");
        match o.str_at(&path("kind")) {
            "" => out.required(path("kind"), ""),
            own if own != kind => {
                out.invalid(path("kind"), &json!(own), format!("must be {kind}"));
            }
            _ => {}
        }
        let checks: [(&str, fn(&str) -> Vec<String>); 2] =
            [("name", name::subdomain_problems), ("namespace", name::label_problems)];
        for (part, check) in checks {
            let (path, text) = (path(part), o.str_at(&path(part)));
            if text.is_empty() {
                out.required(path.as_str(), "");
            }
            problems(text, check, &path, out);
        }
    }
    for id in o.list_at("spec.bindingIDs") {
        let is_uuid = id.as_str().is_some_and(|t| {
            let sizes =
                t.split('-').map(|p| p.bytes().all(|b| b.is_ascii_hexdigit()).then_some(p.len()));
            sizes.eq([8, 4, 4, 4, 12].map(Some))
        });
        if !is_uuid {
            out.invalid("spec.bindingIDs", id, "is not a valid UUID");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(check: impl Fn(&mut Causes)) -> Vec<String> {
        let mut out = Causes::default();
        check(&mut out);
        out.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    /// 52 of the cases of the reference.
    #[test]
    fn what_is_asked_for_stays() {
        let old = json!({"spec": {"template": {"parameters": [{"name": "a-b"}]}, "secret": {}}});
        let mut new = old.clone();
        assert_eq!(
            said(|out| validate(&old, None, out)),
            [
                "spec.template.parameters[0].name: Invalid value: \"a-b\": does not match ^[a-zA-Z0-9_]+$",
                "spec.secret.name: Required value",
            ]
        );
        assert_eq!(said(|out| validate(&new, Some(&old), out)), Vec::<String>::new());
        new.set_at("spec.secret.name", "other");
        let changed = said(|out| validate(&new, Some(&old), out));
        assert_eq!(changed, ["spec: Forbidden: field is immutable"]);
    }

    #[test]
    fn brokers_name_an_instance_and_a_secret() {
        let o = json!({"spec": {"templateInstance": {"kind": "Secret", "name": "i",
            "namespace": "n"}, "secret": {"kind": "Secret", "name": "s"},
            "bindingIDs": ["aae2b5cb-1f4b-4c8a-9d3f-0123456789ab", "x"]}});
        assert_eq!(
            said(|out| check_broker(&o, out)),
            [
                "spec.templateInstance.kind: Invalid value: \"Secret\": must be TemplateInstance",
                "spec.secret.namespace: Required value",
                "spec.bindingIDs: Invalid value: \"x\": is not a valid UUID",
            ]
        );
    }
}
