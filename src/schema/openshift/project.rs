//! Types of `project.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "project.openshift.io",
        package: "project",
        version: "v1",
        kinds: &["Project", "ProjectRequest"],
        schemas: collect(&[push::<Project>, push::<ProjectRequest>]),
    }
}

/// A namespace as users see it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Project {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: Option<ProjectSpec>,
    /// What was observed.
    pub status: Option<ProjectStatus>,
}

/// Asks for a new project.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectRequest {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Name to show to people.
    pub display_name: Option<String>,
    /// What the project is for; kept as its annotation.
    pub description: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectSpec {
    /// Who must agree before the namespace is gone.
    pub finalizers: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// Active, or Terminating while it is deleted.
    pub phase: Option<String>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<k8s::NamespaceCondition>>,
}
