//! What an OAuth token's scopes allow: they can only take away from what its user may do.
//!
//! Source: openshift/apiserver-library-go `pkg/authorization/scope`.

use super::{
    Caller,
    rbac::{Attributes, CLUSTER_ROLES},
    rules::{ResourceAction, Rules, url_matches},
};
use crate::store::Snapshot;

/// The scope of a token that may do whatever its user may.
pub const FULL: &str = "user:full";

/// Every scope that is not about a role, in the order the OAuth metadata lists them.
pub const USER_SCOPES: &[&str] =
    &["user:check-access", FULL, "user:info", "user:list-projects", "user:list-scoped-projects"];

/// Name under which a token's scopes stand among its user's extra facts.
pub const EXTRA: &str = "scopes.authorization.openshift.io";

/// Paths every token may read.
const DISCOVERY: &[&str] = &[
    "/version",
    "/version/*",
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/oapi",
    "/oapi/*",
    "/openapi/v2",
    "/swaggerapi",
    "/swaggerapi/*",
    "/swagger.json",
    "/swagger-2.0.0.pb-v1",
    "/osapi",
    "/osapi/",
    "/.well-known",
    "/.well-known/*",
    "/",
];

/// What a user scope allows: scope, verb, groups, resource, name (empty: any).
type Row = (&'static str, &'static str, &'static [&'static str], &'static str, &'static str);

const USER_ROWS: &[Row] = &[
    ("user:info", "get", &["user.openshift.io", ""], "users", "~"),
    ("user:check-access", "create", &["authorization.k8s.io"], "selfsubjectaccessreviews", ""),
    (
        "user:check-access",
        "create",
        &["authorization.openshift.io", ""],
        "selfsubjectrulesreviews",
        "",
    ),
    ("user:list-scoped-projects", "list", &["project.openshift.io", ""], "projects", ""),
    ("user:list-scoped-projects", "watch", &["project.openshift.io", ""], "projects", ""),
    ("user:list-projects", "list", &["project.openshift.io", ""], "projects", ""),
    ("user:list-projects", "watch", &["project.openshift.io", ""], "projects", ""),
    ("user:list-projects", "get", &[""], "namespaces", ""),
];

/// Resources that a role scope does not reach unless it ends in `:!`.
const ESCALATING: &[(&str, &[&str])] = &[
    ("", &["secrets", "imagestreams/secrets", "oauthauthorizetokens", "oauthaccesstokens"]),
    ("", &["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
    ("image.openshift.io", &["imagestreams/secrets"]),
    ("oauth.openshift.io", &["oauthauthorizetokens", "oauthaccesstokens"]),
    (
        "authorization.openshift.io",
        &["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
    ),
];

/// A scope `role:<cluster role>:<namespace or *>[:!]`.
struct RoleScope<'a> {
    role: &'a str,
    namespace: &'a str,
    escalating: bool,
}

fn parse_role(scope: &str) -> Option<RoleScope<'_>> {
    let rest = scope.strip_prefix("role:")?;
    let (rest, escalating) = match rest.strip_suffix(":!") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (role, namespace) = rest.rsplit_once(':')?;
    (!role.is_empty() && !namespace.is_empty()).then_some(RoleScope { role, namespace, escalating })
}

/// Whether this is a scope at all.
pub fn is_valid(scope: &str) -> bool {
    USER_SCOPES.contains(&scope) || parse_role(scope).is_some()
}

/// Whether a client with these restrictions (an OAuthClient's `scopeRestrictions`) may ask for
/// `scope`. No restrictions allow everything.
pub fn permitted(scope: &str, restrictions: &[crate::object::Value]) -> bool {
    use crate::object::ObjectExt;
    let listed = |values: &[crate::object::Value], wanted: &str| {
        values.iter().any(|v| v == "*" || v == wanted)
    };
    restrictions.is_empty()
        || restrictions.iter().any(|r| {
            r.list_at("literals").iter().any(|v| v == scope)
                || parse_role(scope).is_some_and(|s| {
                    listed(r.list_at("clusterRole.roleNames"), s.role)
                        && listed(r.list_at("clusterRole.namespaces"), s.namespace)
                        && (!s.escalating || r.is_true("clusterRole.allowEscalation"))
                })
        })
}

/// Why the caller's scopes forbid this; `None` when they do not.
pub fn refuse(snapshot: &Snapshot, caller: &Caller, wanted: &Attributes<'_>) -> Option<String> {
    let scopes = &caller.scopes;
    if scopes.is_empty() || scopes.iter().any(|s| s == FULL) {
        return None;
    }
    let discovery =
        || wanted.verb == "get" && DISCOVERY.iter().any(|u| url_matches(u, wanted.path));
    let allowed = match wanted.path {
        "" => scopes.iter().any(|s| by_user_scope(s, wanted) || by_role(snapshot, s, wanted)),
        path => discovery() || scopes.iter().any(|s| path_by_role(snapshot, s, wanted.verb, path)),
    };
    (!allowed).then(|| format!("scopes [{}] prevent this action", scopes.join(" ")))
}

fn by_user_scope(scope: &str, wanted: &Attributes<'_>) -> bool {
    USER_ROWS.iter().any(|(s, verb, groups, resource, name)| {
        *s == scope
            && *verb == wanted.verb
            && groups.contains(&wanted.group)
            && *resource == wanted.resource
            && wanted.sub.is_empty()
            && (name.is_empty() || *name == wanted.name)
    })
}

fn by_role(snapshot: &Snapshot, scope: &str, wanted: &Attributes<'_>) -> bool {
    let Some(s) = parse_role(scope) else { return false };
    if s.namespace != "*" && s.namespace != wanted.namespace {
        return false;
    }
    let target = ResourceAction {
        verb: wanted.verb,
        group: wanted.group,
        resource: wanted.resource,
        sub: wanted.sub,
        name: wanted.name,
    };
    (s.escalating || !is_escalating(wanted))
        && snapshot
            .get(CLUSTER_ROLES, "", s.role)
            .is_some_and(|role| role.lens::<Rules>().allow(&target))
}

fn path_by_role(snapshot: &Snapshot, scope: &str, verb: &str, path: &str) -> bool {
    let role = parse_role(scope).filter(|s| s.namespace == "*");
    let role = role.and_then(|s| snapshot.get(CLUSTER_ROLES, "", s.role));
    role.is_some_and(|role| role.lens::<Rules>().allow_url(verb, path))
}

fn is_escalating(wanted: &Attributes<'_>) -> bool {
    let resource = match wanted.sub {
        "" => wanted.resource.to_owned(),
        sub => format!("{}/{sub}", wanted.resource),
    };
    let mut rows = ESCALATING.iter();
    rows.any(|(group, resources)| *group == wanted.group && resources.contains(&resource.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn user_scopes_allow_only_their_rows() {
        let caller = |scopes: &[&str]| Caller {
            name: "u".into(),
            scopes: scopes.iter().map(|s| (*s).into()).collect(),
            ..Caller::default()
        };
        let tilde = Attributes {
            verb: "get",
            group: "user.openshift.io",
            resource: "users",
            name: "~",
            ..Attributes::default()
        };
        let bob = Attributes { name: "bob", ..tilde.clone() };
        let pods = Attributes { verb: "list", resource: "pods", ..Attributes::default() };
        let snapshot = Snapshot::default();
        let rows: &[(&[&str], &Attributes<'_>, bool)] = &[
            (&[], &pods, true),
            (&["user:full"], &pods, true),
            (&["user:info"], &tilde, true),
            (&["user:info"], &bob, false),
            (&["user:info"], &pods, false),
            (&["user:check-access", "user:full"], &pods, true),
            (&["role:view:*"], &pods, false),
        ];
        for (scopes, wanted, allowed) in rows {
            let refusal = refuse(&snapshot, &caller(scopes), wanted);
            assert_eq!(refusal.is_none(), *allowed, "{scopes:?} {wanted:?}");
        }
        let refusal = refuse(&snapshot, &caller(&["user:info", "user:check-access"]), &pods);
        assert_eq!(
            refusal.as_deref(),
            Some("scopes [user:info user:check-access] prevent this action")
        );
        assert_eq!(
            refuse(&snapshot, &caller(&["user:info"]), &Attributes::path("get", "/api")),
            None
        );
    }

    #[test]
    fn valid_and_permitted() {
        for (scope, valid) in [
            ("user:full", true),
            ("user:nonsense", false),
            ("role:view:ns", true),
            ("role:system:image-puller:*:!", true),
            ("role:view", false),
        ] {
            assert_eq!(is_valid(scope), valid, "{scope}");
        }
        let only = [
            json!({"literals": ["user:info"]}),
            json!({"clusterRole": {"roleNames": ["view"], "namespaces": ["*"]}}),
        ];
        for (scope, ok) in [
            ("user:info", true),
            ("user:full", false),
            ("role:view:a", true),
            ("role:view:a:!", false),
            ("role:edit:a", false),
        ] {
            assert_eq!(permitted(scope, &only), ok, "{scope}");
        }
    }
}
