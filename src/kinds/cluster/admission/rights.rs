//! Whoever makes a policy or a binding with parameters must be allowed to read these himself.
//! Source: kubernetes `pkg/registry/admissionregistration/*/authz.go`.

use crate::{
    error::{Causes, Error},
    kinds::{
        self, AccessReview, Cx,
        custom::{DEFINITIONS, Definition},
    },
    object::{ObjectExt, Value},
};

/// Members may do everything, whatever the bindings say.
const MASTERS: &str = "system:masters";

/// How a check of an object is written.
type Check = fn(&Value, Option<&Value>, &mut Causes);

/// Checks the writer of a policy, if nothing else is wrong with it.
///
/// # Errors
/// 422 when he may not read all objects of its kind of parameters.
pub fn policy(o: &Value, old: Option<&Value>, cx: &Cx<'_>, check: Check) -> Result<(), Error> {
    let Some(kind) = o.at("spec.paramKind").filter(|k| k.is_object()) else { return Ok(()) };
    let same = old.is_some_and(|old| old.at("spec.paramKind") == Some(kind));
    if same || !asks(o, old, cx, check) {
        return Ok(());
    }
    let (group, resource) = resource(kind, cx);
    let ask = AccessReview {
        verb: "get",
        group: &group,
        resource: &resource,
        namespace: "*",
        name: "*",
        ..AccessReview::default()
    };
    if (cx.may)(&ask).is_ok() {
        return Ok(());
    }
    let (name, version) = (kind.str_at("kind"), kind.str_at("apiVersion"));
    let why = format!(
        "user {} must have \"get\" permission on all objects of the referenced paramKind (kind={name}, apiVersion={version})",
        shown(cx)
    );
    Err(refusal(o, "spec.paramKind", &why))
}

/// Checks the writer of a binding to a policy of this resource, if nothing else is wrong with it.
///
/// # Errors
/// 422 when he may not read the parameters it names.
pub fn binding(
    o: &Value,
    old: Option<&Value>,
    cx: &Cx<'_>,
    (policies, check): (&str, Check),
) -> Result<(), Error> {
    let Some(reference) = o.at("spec.paramRef").filter(|r| r.is_object()) else { return Ok(()) };
    let same = |field: &str| old.is_some_and(|old| old.at(field) == o.at(field));
    if same("spec.paramRef") && same("spec.policyName") || !asks(o, old, cx, check) {
        return Ok(());
    }
    let name = o.str_at("spec.policyName");
    let policy = cx.snapshot.get(policies, "", name).map(|e| e.value());
    let kind = policy.as_ref().and_then(|p| p.at("spec.paramKind")).filter(|k| k.is_object());
    let (group, resource) = kind.map_or(("*".into(), "*".into()), |k| resource(k, cx));
    let verb = if reference.str_at("name").is_empty() { "list" } else { "get" };
    let ask = AccessReview {
        verb,
        group: &group,
        resource: &resource,
        namespace: reference.str_at("namespace"),
        name: reference.str_at("name"),
        ..AccessReview::default()
    };
    if (cx.may)(&ask).is_ok() {
        return Ok(());
    }
    let user = shown(cx);
    let why = match policy {
        Some(_) => {
            format!(
                "user {user} does not have {verb:?} permission on the object referenced by paramRef"
            )
        }
        None => format!(
            "unable to get policy {name} to determine minimum required permissions and user {user} does not have {verb:?} permission for all groups, versions and resources"
        ),
    };
    Err(refusal(o, "spec.paramRef", &why))
}

/// Whether the writer's rights matter: what is wrong otherwise is told first.
fn asks(o: &Value, old: Option<&Value>, cx: &Cx<'_>, check: Check) -> bool {
    let mut causes = Causes::default();
    check(o, old, &mut causes);
    causes.is_empty() && !cx.groups.iter().any(|g| g == MASTERS)
}

/// Group and plural of a kind; all of them where it is not known.
fn resource(kind: &Value, cx: &Cx<'_>) -> (String, String) {
    let (version, name) = (kind.str_at("apiVersion"), kind.str_at("kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let own = kinds::by_kind(version, name).map(|k| k.plural.to_string());
    let resource = own.or_else(|| {
        let all = cx.snapshot.list(DEFINITIONS, "").map(|e| e.lens::<Definition>());
        let named = |d: std::sync::Arc<Definition>| {
            let found = d.versions.iter().find(|k| k.kind == *name && k.api_version() == version);
            found.map(|k| k.plural.to_string())
        };
        { all }.find_map(named)
    });
    (group.to_owned(), resource.unwrap_or_else(|| "*".to_owned()))
}

/// A user as Go prints one.
fn shown(cx: &Cx<'_>) -> String {
    let mut extra: Vec<String> =
        cx.extra.iter().map(|(k, v)| format!("{k}:[{}]", v.join(" "))).collect();
    extra.sort();
    let (groups, extra) = (cx.groups.join(" "), extra.join(" "));
    format!("&{{{} {} [{groups}] map[{extra}]}}", cx.user, cx.uid)
}

fn refusal(o: &Value, field: &str, why: &str) -> Error {
    let mut causes = Causes::default();
    causes.forbidden(field, why);
    let kind = format!("{}.admissionregistration.k8s.io", o.str_at("kind"));
    Error::Invalid { kind, name: o.name().into(), causes: causes.into_vec() }
}
