//! Types of `template.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "template.openshift.io",
        package: "template",
        version: "v1",
        kinds: &["Template", "TemplateInstance", "BrokerTemplateInstance"],
        schemas: collect(&[
            push::<Template>,
            push::<TemplateInstance>,
            push::<BrokerTemplateInstance>,
        ]),
    }
}

/// The broker template instance.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BrokerTemplateInstance {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: BrokerTemplateInstanceSpec,
}

/// The broker template instance spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BrokerTemplateInstanceSpec {
    /// The instance referred to.
    pub template_instance: k8s::ObjectReference,
    /// Secret that proves the caller.
    pub secret: k8s::ObjectReference,
    /// Identifiers of bindings.
    pub binding_i_ds: Option<Vec<String>>,
}

/// The parameter.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Parameter {
    /// Name of the thing.
    pub name: String,
    /// Name to show to people.
    pub display_name: Option<String>,
    /// Explanation for people.
    pub description: Option<String>,
    /// The value.
    pub value: Option<String>,
    /// Generator of a value (expression).
    pub generate: Option<String>,
    /// What it comes from.
    pub from: Option<String>,
    /// Whether a value must be given.
    pub required: Option<bool>,
}

/// Objects with parameters.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Template {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Explanation for people.
    pub message: Option<String>,
    /// Objects to create.
    pub objects: Vec<k8s::RawExtension>,
    /// Values that may be put in.
    pub parameters: Option<Vec<Parameter>>,
    /// Labels to use.
    pub labels: Option<BTreeMap<String, String>>,
}

/// A template being instantiated.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstance {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: TemplateInstanceSpec,
    /// What was observed.
    pub status: Option<TemplateInstanceStatus>,
}

/// The template instance condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceCondition {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// What was observed.
    pub status: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: k8s::Time,
    /// Short cause, in one CamelCase word.
    pub reason: String,
    /// Explanation for people.
    pub message: String,
}

/// The template instance object.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceObject {
    /// Reference to the object.
    pub r#ref: Option<k8s::ObjectReference>,
}

/// The template instance requester.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceRequester {
    /// User name.
    pub username: Option<String>,
    /// Identifier that is unique in time.
    pub uid: Option<String>,
    /// Groups concerned.
    pub groups: Option<Vec<String>>,
    /// Further facts from the provider.
    pub extra: Option<BTreeMap<String, Vec<String>>>,
}

/// The template instance spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceSpec {
    /// Template of what is created.
    pub template: Template,
    /// Secret that proves the caller.
    pub secret: Option<k8s::LocalObjectReference>,
    /// Who asked.
    pub requester: Option<TemplateInstanceRequester>,
}

/// The template instance status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceStatus {
    /// Latest observations, one per type.
    pub conditions: Option<Vec<TemplateInstanceCondition>>,
    /// Objects to create.
    pub objects: Option<Vec<TemplateInstanceObject>>,
}
