//! `processedtemplates`: takes a template and answers it with its values put in.
//! Source: openshift-apiserver `pkg/template/apiserver/registry/template/rest.go`.

use super::{Handled, answer};
use crate::{
    api::{Answer, Request, Server, meta},
    error::{Causes, Error},
    kinds::check_template,
    object::{ObjectExt, Value},
    templates,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// Answers a request to process a template.
pub fn process(server: Arc<Server>, request: Request) -> Handled {
    async move { create(&server, &request) }.boxed_local()
}

fn create(server: &Server, request: &Request) -> Result<Answer, Error> {
    let (object, duplicates) = request.object()?;
    let (mut template, mut warnings) = (object.clone(), Vec::new());
    server.decode(request, &mut template, duplicates, &mut warnings)?;
    meta::normalise(&mut template);
    meta::agree(&mut template, &request.namespace, &request.name, &request.kind)?;
    let mut causes = Causes::default();
    check_template(&template, &mut causes);
    refuse(&template, causes)?;
    processed(server, &mut template)?;
    Ok(Answer { warnings, ..answer(201, template) })
}

/// Processes a template.
///
/// # Errors
/// 422 in the words of the processor.
pub(super) fn processed(server: &Server, template: &mut Value) -> Result<(), Error> {
    let chance = server.world.entropy.of(&["templates", template.namespace(), template.name()]);
    let below = |bound: usize| chance.below(bound as u64) as usize;
    match templates::process(template, &below) {
        Ok(()) => Ok(()),
        Err(causes) => refuse(template, causes),
    }
}

fn refuse(template: &Value, causes: Causes) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    let kind = "Template.template.openshift.io".into();
    Err(Error::Invalid { kind, name: template.name().into(), causes: causes.into_vec() })
}
