//! SecurityContextConstraint: every pod runs under a constraint that its creator or its service
//! account may use; the most fitting one fills in what the pod leaves open.
//!
//! Source: openshift/apiserver-library-go `pkg/securitycontextconstraints/sccadmission`.

mod assign;
mod constraint;
mod containers;
mod enter;
mod review;
#[cfg(test)]
mod tests;

use super::{
    super::{Caller, Verb},
    Attributes,
    common::{aggregate, namespace, refuse},
};
use crate::{
    access::{self, authn},
    error::Error,
    object::{ObjectExt, Value},
};
use constraint::{Constraint, Ranges, Ranked};
pub use enter::may_enter;
pub use review::{Chosen, account, choices};
use std::sync::Arc;

const RESOURCE: &str = "securitycontextconstraints.security.openshift.io";
const CHOSEN: &str = "openshift.io/scc";
const REQUIRED: &str = "openshift.io/required-scc";
const SUBJECT: &str = "security.openshift.io/validated-scc-subject-type";
const UID_RANGE: &str = "openshift.io/sa.scc.uid-range";
const MCS: &str = "openshift.io/sa.scc.mcs";
const GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";

/// Chooses the constraint of a new pod and completes the pod; an updated pod must still fit one
/// as it is.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !concerns(pod, a) {
        return Ok(());
    }
    let annotation = |o: &Value, key: &str| o.annotation(key).unwrap_or("").to_owned();
    let required = annotation(pod, REQUIRED);
    if a.verb == Verb::Update && a.old.is_some_and(|o| annotation(o, REQUIRED) != required) {
        let why = format!(
            "invalid change of required security context constraint annotation: {REQUIRED}"
        );
        return Err(refuse(a, pod, why));
    }
    let (candidates, given) = candidates(pod, a, &required)?;
    let mut problems = Vec::new();
    for candidate in candidates {
        let Some(subject) = subject(&candidate, pod, a) else {
            problems.push(format!(
                "provider {:?}: Forbidden: not usable by user or serviceaccount",
                candidate.name
            ));
            continue;
        };
        let candidate = candidate.preallocated(&given).map_err(|why| refuse(a, pod, why))?;
        match assign::assign(&candidate, pod) {
            Ok(mut done) => {
                if a.verb == Verb::Update && done != *pod {
                    continue;
                }
                done.set_annotation(CHOSEN, candidate.name.as_str());
                done.set_annotation(SUBJECT, subject);
                *pod = done;
                return Ok(());
            }
            Err(found) => problems.extend(found),
        }
    }
    let found = aggregate(&problems).unwrap_or_else(|| "<nil>".into());
    let why = format!("unable to validate against any security context constraint: {found}");
    Err(refuse(a, pod, why))
}

/// Whether the namespace has not been given its ranges yet.
pub fn is_early(a: &Attributes<'_>) -> bool {
    namespace(a).is_some_and(|n| [UID_RANGE, MCS].iter().any(|k| n.annotation(k).is_none()))
}

fn concerns(pod: &Value, a: &Attributes<'_>) -> bool {
    let is_pod = a.kind.group.is_empty() && a.kind.plural == "pods";
    let changes = || match a.verb {
        Verb::Create => true,
        Verb::Update => a.old.is_some_and(|old| {
            let mut spec = pod.get("spec").cloned().unwrap_or_default();
            match old.at("spec.schedulingGates") {
                Some(gates) => spec.set_at("schedulingGates", gates.clone()),
                None => drop(spec.remove_at("schedulingGates")),
            }
            old.get("spec") != Some(&spec)
        }),
        _ => false,
    };
    is_pod && a.sub.is_empty() && changes() && pod.str_at("spec.os.name") != "windows"
}

/// The constraints to try, best first, and what the namespace gives them. On updates the one chosen
/// before comes first.
fn candidates(
    pod: &Value,
    a: &Attributes<'_>,
    required: &str,
) -> Result<(Vec<Arc<Constraint>>, Ranges), Error> {
    let mut list = Ranked::of(a.snapshot).0.clone();
    list.retain(|c| required.is_empty() || c.name == required);
    if list.is_empty() {
        let why = match required {
            "" => "no SecurityContextConstraints found in cluster".to_owned(),
            name => format!(
                "failed to retrieve the required SCC {name:?}: securitycontextconstraint.security.openshift.io {name:?} not found"
            ),
        };
        return Err(refuse(a, pod, why));
    }
    if a.verb == Verb::Update {
        let hint = pod.annotation(CHOSEN).unwrap_or("");
        list.sort_by_key(|c| c.name != hint);
    }
    let given = Ranges::of(&namespace(a).unwrap_or_default());
    let given = given.map_err(|why| refuse(a, pod, why))?;
    match &given.uids {
        Err(why) if list.iter().any(|c| c.takes_uids()) => Err(refuse(a, pod, why.as_str())),
        _ => Ok((list, given)),
    }
}

/// Through whom the constraint may be used: the pod's service account comes before the caller.
fn subject(constraint: &Constraint, pod: &Value, a: &Attributes<'_>) -> Option<&'static str> {
    let account = pod.str_at("spec.serviceAccountName");
    let mut who = authn::service_account_caller(a.namespace, account);
    // Nobody has authenticated as the account here: what everybody signed in may use, such as
    // restricted-v2, is used through the caller.
    who.groups.retain(|g| g != authn::AUTHENTICATED);
    if !account.is_empty() && applies(constraint, &who, a) {
        return Some("serviceaccount");
    }
    applies(constraint, &plain(a.caller), a).then_some("user")
}

fn applies(constraint: &Constraint, who: &Caller, a: &Attributes<'_>) -> bool {
    let wanted = access::Attributes {
        verb: "use",
        group: "security.openshift.io",
        resource: "securitycontextconstraints",
        namespace: a.namespace,
        name: &constraint.name,
        ..access::Attributes::default()
    };
    constraint.users().contains(&who.name)
        || who.groups.iter().any(|g| constraint.groups().contains(g))
        || a.authorizer.authorize(a.snapshot, who, &wanted).allowed
}

/// The caller as a real cluster knows it. The controllers of this program act with all rights,
/// but upstream's are ordinary service accounts, and which constraint a pod gets depends on that.
fn plain(caller: &Caller) -> Caller {
    let mut caller = caller.clone();
    if caller.name.starts_with("system:serviceaccount:") {
        caller.groups.retain(|g| g != access::rbac::MASTERS);
    }
    caller
}
