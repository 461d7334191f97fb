//! Nobody grants what he does not have: the check of [`crate::access::escalation`] as a plug-in.

use super::{Attributes, Verb};
use crate::{
    access::{
        Authorizer,
        escalation::{GROUP, check},
    },
    error::Error,
    kinds::{self, Backing},
    object::Value,
};

/// Checks roles and bindings.
///
/// Such writes are rare, so the plug-in indexes the cluster's bindings afresh for each.
///
/// # Errors
/// See [`check`].
pub fn admit(object: &Value, attributes: &Attributes<'_>) -> Result<(), Error> {
    let (kind, verb) = (attributes.kind, attributes.verb);
    if !matches!(verb, Verb::Create | Verb::Update) {
        return Ok(());
    }
    let (snapshot, caller, old) = (attributes.snapshot, attributes.caller, attributes.old);
    if kind.group == GROUP {
        return check(&Authorizer::default(), snapshot, caller, kind, object, old);
    }
    // OpenShift's own form of roles and bindings grants what is stored behind it.
    if let Backing::Converted { resource, to_stored, .. } = kind.backing
        && let Some(behind) = kinds::by_resource(resource).filter(|k| k.group == GROUP)
    {
        let (object, old) = (to_stored(object.clone()), old.map(|o| to_stored(o.clone())));
        let authorizer = Authorizer::default();
        return check(&authorizer, snapshot, caller, &behind, &object, old.as_ref());
    }
    Ok(())
}
