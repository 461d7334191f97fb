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

/// A template instance as the template service broker keeps it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BrokerTemplateInstance {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: BrokerTemplateInstanceSpec,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BrokerTemplateInstanceSpec {
    /// The template instance that the broker made.
    pub template_instance: k8s::ObjectReference,
    /// Secret with the parameters of the instance.
    pub secret: k8s::ObjectReference,
    /// Identifiers of bindings.
    pub binding_i_ds: Option<Vec<String>>,
}

/// A value that is filled in when a template is instantiated.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Parameter {
    /// Name that the template's objects use, as ${NAME} or ${{NAME}}.
    pub name: String,
    /// Name to show to people.
    pub display_name: Option<String>,
    /// What the parameter is for.
    pub description: Option<String>,
    /// Its value, unless another is given.
    pub value: Option<String>,
    /// Generator of a value (expression).
    pub generate: Option<String>,
    /// The pattern that a value is generated after.
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
    /// What is shown when the template has been instantiated; parameters may stand in it.
    pub message: Option<String>,
    /// The objects that the template makes, with parameters in them.
    pub objects: Vec<k8s::RawExtension>,
    /// Parameters that the objects are filled in with.
    pub parameters: Option<Vec<Parameter>>,
    /// Labels that every object of the template gets.
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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceCondition {
    /// What the condition is about; at most one of each type.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: k8s::Time,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: String,
    /// Why the status is what it is, for people.
    pub message: String,
}

/// An object that an instance has made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceObject {
    /// The object that was made.
    pub r#ref: Option<k8s::ObjectReference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceRequester {
    /// Name of the user who asked.
    pub username: Option<String>,
    /// UID of the user who asked.
    pub uid: Option<String>,
    /// Groups of the user who asked.
    pub groups: Option<Vec<String>>,
    /// What is known besides of the user who asked.
    pub extra: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceSpec {
    /// The template, whole.
    pub template: Template,
    /// Secret with values of parameters.
    pub secret: Option<k8s::LocalObjectReference>,
    /// Who asked.
    pub requester: Option<TemplateInstanceRequester>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateInstanceStatus {
    /// Latest observations, one per type.
    pub conditions: Option<Vec<TemplateInstanceCondition>>,
    /// The objects that were made.
    pub objects: Option<Vec<TemplateInstanceObject>>,
}
