//! Types of `authorization.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "authorization.openshift.io",
        package: "authorization",
        version: "v1",
        kinds: &[
            "SubjectAccessReview",
            "ResourceAccessReview",
            "LocalSubjectAccessReview",
            "LocalResourceAccessReview",
            "SelfSubjectRulesReview",
            "SubjectRulesReview",
            "SubjectAccessReviewResponse",
            "ResourceAccessReviewResponse",
            "Role",
            "RoleBinding",
            "ClusterRole",
            "ClusterRoleBinding",
            "RoleBindingRestriction",
        ],
        schemas: collect(&[
            push::<SubjectAccessReview>,
            push::<ResourceAccessReview>,
            push::<LocalSubjectAccessReview>,
            push::<LocalResourceAccessReview>,
            push::<SelfSubjectRulesReview>,
            push::<SubjectRulesReview>,
            push::<SubjectAccessReviewResponse>,
            push::<ResourceAccessReviewResponse>,
            push::<Role>,
            push::<RoleBinding>,
            push::<ClusterRole>,
            push::<ClusterRoleBinding>,
            push::<RoleBindingRestriction>,
        ]),
    }
}

/// The action.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Action {
    /// Namespace it lives in.
    pub namespace: String,
    /// Verb of the action.
    pub verb: String,
    /// API group of the resource.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource type.
    pub resource: String,
    /// Name of the object.
    pub resource_name: String,
    /// Path concerned.
    pub path: String,
    /// Whether the path is meant instead of a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The signature itself.
    pub content: Option<k8s::RawExtension>,
}

/// The cluster role.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterRole {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is permitted.
    pub rules: Vec<PolicyRule>,
    /// Selects roles whose rules make up this one.
    pub aggregation_rule: Option<k8s::AggregationRule>,
}

/// The cluster role binding.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterRoleBinding {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Users who get the role.
    pub user_names: Vec<String>,
    /// Groups that get the role.
    pub group_names: Vec<String>,
    /// Who gets the role.
    pub subjects: Vec<k8s::ObjectReference>,
    /// The role.
    pub role_ref: k8s::ObjectReference,
}

/// The group restriction.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GroupRestriction {
    /// Groups concerned.
    pub groups: Vec<String>,
    /// Labels to use.
    pub labels: Vec<k8s::LabelSelector>,
}

/// The local resource access review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LocalResourceAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace it lives in.
    pub namespace: String,
    /// Verb of the action.
    pub verb: String,
    /// API group of the resource.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource type.
    pub resource: String,
    /// Name of the object.
    pub resource_name: String,
    /// Path concerned.
    pub path: String,
    /// Whether the path is meant instead of a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The signature itself.
    pub content: Option<k8s::RawExtension>,
}

/// The local subject access review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LocalSubjectAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace it lives in.
    pub namespace: String,
    /// Verb of the action.
    pub verb: String,
    /// API group of the resource.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource type.
    pub resource: String,
    /// Name of the object.
    pub resource_name: String,
    /// Path concerned.
    pub path: String,
    /// Whether the path is meant instead of a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The signature itself.
    pub content: Option<k8s::RawExtension>,
    /// User concerned.
    pub user: String,
    /// Groups concerned.
    pub groups: Vec<String>,
    /// What the token may be used for.
    pub scopes: Vec<String>,
}

/// The policy rule.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PolicyRule {
    /// Verbs of the action.
    pub verbs: Vec<String>,
    /// Not used any more.
    pub attribute_restrictions: Option<k8s::RawExtension>,
    /// API groups concerned.
    pub api_groups: Option<Vec<String>>,
    /// Compute resources, or the kinds concerned.
    pub resources: Vec<String>,
    /// Names of the objects the rule is limited to.
    pub resource_names: Option<Vec<String>>,
    /// Paths that are permitted.
    #[schema(rename = "nonResourceURLs")]
    pub non_resource_ur_ls: Option<Vec<String>>,
}

/// The resource access review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResourceAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace it lives in.
    pub namespace: String,
    /// Verb of the action.
    pub verb: String,
    /// API group of the resource.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource type.
    pub resource: String,
    /// Name of the object.
    pub resource_name: String,
    /// Path concerned.
    pub path: String,
    /// Whether the path is meant instead of a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The signature itself.
    pub content: Option<k8s::RawExtension>,
}

/// The resource access review response.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResourceAccessReviewResponse {
    /// Namespace it lives in.
    pub namespace: Option<String>,
    /// Users concerned.
    pub users: Vec<String>,
    /// Groups concerned.
    pub groups: Vec<String>,
    /// What went wrong while deciding.
    pub evalution_error: String,
}

/// The role.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Role {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is permitted.
    pub rules: Vec<PolicyRule>,
}

/// The role binding.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoleBinding {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Users who get the role.
    pub user_names: Vec<String>,
    /// Groups that get the role.
    pub group_names: Vec<String>,
    /// Who gets the role.
    pub subjects: Vec<k8s::ObjectReference>,
    /// The role.
    pub role_ref: k8s::ObjectReference,
}

/// The role binding restriction.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoleBindingRestriction {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: RoleBindingRestrictionSpec,
}

/// The role binding restriction spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoleBindingRestrictionSpec {
    /// Restriction to users.
    pub userrestriction: Option<UserRestriction>,
    /// Restriction to groups.
    pub grouprestriction: Option<GroupRestriction>,
    /// Restriction to service accounts.
    pub serviceaccountrestriction: Option<ServiceAccountRestriction>,
}

/// The self subject rules review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SelfSubjectRulesReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: SelfSubjectRulesReviewSpec,
    /// What was observed.
    pub status: Option<SubjectRulesReviewStatus>,
}

/// The self subject rules review spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SelfSubjectRulesReviewSpec {
    /// What the token may be used for.
    pub scopes: Vec<String>,
}

/// The service account reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceAccountReference {
    /// Name of the thing.
    pub name: String,
    /// Namespace it lives in.
    pub namespace: String,
}

/// The service account restriction.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceAccountRestriction {
    /// Service accounts concerned.
    pub serviceaccounts: Vec<ServiceAccountReference>,
    /// Namespaces concerned.
    pub namespaces: Vec<String>,
}

/// The subject access review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace it lives in.
    pub namespace: String,
    /// Verb of the action.
    pub verb: String,
    /// API group of the resource.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource type.
    pub resource: String,
    /// Name of the object.
    pub resource_name: String,
    /// Path concerned.
    pub path: String,
    /// Whether the path is meant instead of a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The signature itself.
    pub content: Option<k8s::RawExtension>,
    /// User concerned.
    pub user: String,
    /// Groups concerned.
    pub groups: Vec<String>,
    /// What the token may be used for.
    pub scopes: Vec<String>,
}

/// The subject access review response.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectAccessReviewResponse {
    /// Namespace it lives in.
    pub namespace: Option<String>,
    /// Whether it is permitted.
    pub allowed: bool,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// What went wrong while deciding.
    pub evaluation_error: Option<String>,
}

/// The subject rules review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectRulesReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: SubjectRulesReviewSpec,
    /// What was observed.
    pub status: Option<SubjectRulesReviewStatus>,
}

/// The subject rules review spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectRulesReviewSpec {
    /// User concerned.
    pub user: String,
    /// Groups concerned.
    pub groups: Vec<String>,
    /// What the token may be used for.
    pub scopes: Vec<String>,
}

/// The subject rules review status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectRulesReviewStatus {
    /// What is permitted.
    pub rules: Vec<PolicyRule>,
    /// What went wrong while deciding.
    pub evaluation_error: Option<String>,
}

/// The user restriction.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UserRestriction {
    /// Users concerned.
    pub users: Vec<String>,
    /// Groups concerned.
    pub groups: Vec<String>,
    /// Labels to use.
    pub labels: Vec<k8s::LabelSelector>,
}
