//! SCCExecRestrictions: nobody enters a pod that they could not create.
//! Source: openshift/apiserver-library-go `pkg/securitycontextconstraints/sccadmission/scc_exec.go`.

use super::{super::Attributes, mutate};
use crate::{error::Error, object::Value};

/// Whether the caller may use `subresource` (exec or attach) of a pod. `a` are the attributes of
/// its creation by the caller.
///
/// # Errors
/// 403.
pub fn may_enter(pod: &Value, a: &Attributes<'_>, subresource: &str) -> Result<(), Error> {
    if !a.asks(super::super::CONSTRAINTS) {
        return Ok(());
    }
    // Another constraint than the pod runs under is as good.
    mutate(&mut pod.clone(), a).map_err(|e| {
        let why = format!("{subresource} operation is not allowed because the pod's security context exceeds your permissions: {e}");
        Error::forbidden(a.kind.resource(), a.name, why)
    })
}
