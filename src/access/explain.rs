//! Why something is allowed: the binding that grants it, in upstream's words.
//! Source: k8s.io/kubernetes `pkg/registry/rbac/validation/rule.go`.

use super::{
    Caller,
    rbac::{
        Attributes, Authorizer, Binding, CLUSTER_ROLE_BINDINGS, Decision, MASTERS, ROLE_BINDINGS,
        Subject,
    },
    rules::Rules,
};
use crate::store::Snapshot;

impl Authorizer {
    /// As [`Authorizer::authorize`], with a reason for what is allowed, too. Looks at binding after
    /// binding: for those who write down single requests.
    pub fn explain(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        wanted: &Attributes<'_>,
    ) -> Decision {
        let mut decision = self.authorize(snapshot, caller, wanted);
        let master = caller.groups.iter().any(|g| g == MASTERS);
        if decision.allowed && !master {
            decision.reason = grant(snapshot, caller, wanted).unwrap_or_default();
        }
        decision
    }
}

fn grant(snapshot: &Snapshot, caller: &Caller, wanted: &Attributes<'_>) -> Option<String> {
    let homes = [(CLUSTER_ROLE_BINDINGS, ""), (ROLE_BINDINGS, wanted.namespace)];
    let homes = homes.into_iter().filter(|(resource, home)| {
        *resource == CLUSTER_ROLE_BINDINGS || (wanted.path.is_empty() && !home.is_empty())
    });
    for (resource, home) in homes {
        for entry in snapshot.list(resource, home) {
            let binding = entry.lens::<Binding>();
            let subject = binding.subjects().iter().find(|s| s.is(caller, home));
            let (Some(subject), Some(role)) = (subject, binding.role_ref.find(snapshot, home))
            else {
                continue;
            };
            let rules = role.lens::<Rules>();
            let allows = match wanted.path {
                "" => rules.allow(&wanted.target()),
                path => rules.allow_url(wanted.verb, path),
            };
            if allows {
                let name = &entry.meta.name;
                let (kind, name) = match home {
                    "" => ("ClusterRoleBinding", name.to_string()),
                    home => ("RoleBinding", format!("{name}/{home}")),
                };
                let role = &binding.role_ref;
                return Some(format!(
                    "RBAC: allowed by {kind} {name:?} of {} {:?} to {}",
                    role.kind,
                    role.name,
                    described(subject, home)
                ));
            }
        }
    }
    None
}

fn described(subject: &Subject, home: &str) -> String {
    let Subject { kind, name, namespace } = subject;
    match kind.as_str() {
        "ServiceAccount" => {
            let namespace = if namespace.is_empty() { home } else { namespace };
            let name = format!("{name}/{namespace}");
            format!("{kind} {name:?}")
        }
        _ => format!("{kind} {name:?}"),
    }
}
