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

/// An action that is asked about.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Action {
    /// Namespace of the action; empty for all of them or none.
    pub namespace: String,
    /// Verb of the action, such as get or create; * for every verb.
    pub verb: String,
    /// API group of the resource acted on.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource acted on.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource acted on, in the plural.
    pub resource: String,
    /// Name of the object acted on, where it is one.
    pub resource_name: String,
    /// Path of the action, where it is not on a resource.
    pub path: String,
    /// Whether the action is on a path and not on a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The object that would be sent; the decision does not depend on it.
    pub content: Option<k8s::RawExtension>,
}

/// Rules that can be bound in a namespace or in the whole cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterRole {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What whoever is bound to the role may do.
    pub rules: Vec<PolicyRule>,
    /// Selects roles whose rules make up this one.
    pub aggregation_rule: Option<k8s::AggregationRule>,
}

/// Gives a cluster role in the whole cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterRoleBinding {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Names of users who get the cluster role. Made from the subjects.
    pub user_names: Vec<String>,
    /// Names of groups whose members get the cluster role. Made from the subjects.
    pub group_names: Vec<String>,
    /// Users, groups and service accounts that get the cluster role.
    pub subjects: Vec<k8s::ObjectReference>,
    /// The cluster role that is given.
    pub role_ref: k8s::ObjectReference,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GroupRestriction {
    /// Groups that may be subjects, by name.
    pub groups: Vec<String>,
    /// Selectors of the groups that may be subjects.
    pub labels: Vec<k8s::LabelSelector>,
}

/// Asks who may take an action in one namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LocalResourceAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace of the action; empty for all of them or none.
    pub namespace: String,
    /// Verb of the action, such as get or create; * for every verb.
    pub verb: String,
    /// API group of the resource acted on.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource acted on.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource acted on, in the plural.
    pub resource: String,
    /// Name of the object acted on, where it is one.
    pub resource_name: String,
    /// Path of the action, where it is not on a resource.
    pub path: String,
    /// Whether the action is on a path and not on a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The object that would be sent; the decision does not depend on it.
    pub content: Option<k8s::RawExtension>,
}

/// Asks whether somebody may take an action in one namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LocalSubjectAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace of the action; empty for all of them or none.
    pub namespace: String,
    /// Verb of the action, such as get or create; * for every verb.
    pub verb: String,
    /// API group of the resource acted on.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource acted on.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource acted on, in the plural.
    pub resource: String,
    /// Name of the object acted on, where it is one.
    pub resource_name: String,
    /// Path of the action, where it is not on a resource.
    pub path: String,
    /// Whether the action is on a path and not on a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The object that would be sent; the decision does not depend on it.
    pub content: Option<k8s::RawExtension>,
    /// User who is asked about; the caller where no groups are given either.
    pub user: String,
    /// Groups whose member is asked about.
    pub groups: Vec<String>,
    /// Scopes that narrow down what the user may do. Absent: the caller's own scopes where the caller is asked
    /// about.
    pub scopes: Vec<String>,
}

/// Actions that are permitted: each of the verbs on each of the resources, or on each of the paths.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PolicyRule {
    /// Verbs that are permitted; * for all.
    pub verbs: Vec<String>,
    /// Takes no effect; kept for old clients.
    pub attribute_restrictions: Option<k8s::RawExtension>,
    /// API groups of the resources. Empty names the group of Kubernetes' core.
    pub api_groups: Option<Vec<String>>,
    /// Resources in the plural, with subresources after a slash; * for all.
    pub resources: Vec<String>,
    /// Names of the objects the rule is limited to.
    pub resource_names: Option<Vec<String>>,
    /// Paths that are permitted.
    #[schema(rename = "nonResourceURLs")]
    pub non_resource_ur_ls: Option<Vec<String>>,
}

/// Asks who may take an action.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResourceAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace of the action; empty for all of them or none.
    pub namespace: String,
    /// Verb of the action, such as get or create; * for every verb.
    pub verb: String,
    /// API group of the resource acted on.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource acted on.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource acted on, in the plural.
    pub resource: String,
    /// Name of the object acted on, where it is one.
    pub resource_name: String,
    /// Path of the action, where it is not on a resource.
    pub path: String,
    /// Whether the action is on a path and not on a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The object that would be sent; the decision does not depend on it.
    pub content: Option<k8s::RawExtension>,
}

/// Who may take the action.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResourceAccessReviewResponse {
    /// Namespace the answer is about; empty for the whole cluster.
    pub namespace: Option<String>,
    /// Users who may take the action.
    pub users: Vec<String>,
    /// Groups whose members may take the action.
    pub groups: Vec<String>,
    /// Why the lists may be incomplete.
    pub evalution_error: String,
}

/// Rules that can be bound in one namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Role {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What whoever is bound to the role may do in its namespace.
    pub rules: Vec<PolicyRule>,
}

/// Gives a role in one namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoleBinding {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Names of users who get the role. Made from the subjects.
    pub user_names: Vec<String>,
    /// Names of groups whose members get the role. Made from the subjects.
    pub group_names: Vec<String>,
    /// Users, groups and service accounts that get the role.
    pub subjects: Vec<k8s::ObjectReference>,
    /// The role that is given: one of the same namespace, or a cluster role.
    pub role_ref: k8s::ObjectReference,
}

/// Limits who may be a subject of role bindings in a namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoleBindingRestriction {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Who may be a subject of role bindings in the namespace; exactly one of its fields is set.
    pub spec: RoleBindingRestrictionSpec,
}

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

/// Asks what the caller may do in a namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SelfSubjectRulesReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// With which scopes the caller's rules are asked for.
    pub spec: SelfSubjectRulesReviewSpec,
    /// The rules that were found.
    pub status: Option<SubjectRulesReviewStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SelfSubjectRulesReviewSpec {
    /// Scopes to look through: none narrows anything down if empty, those of the caller's token count if
    /// absent.
    pub scopes: Vec<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceAccountReference {
    /// Name of the service account.
    pub name: String,
    /// Namespace of the service account; the restriction's own if it is empty.
    pub namespace: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceAccountRestriction {
    /// Service accounts that may be subjects.
    pub serviceaccounts: Vec<ServiceAccountReference>,
    /// Namespaces all of whose service accounts may be subjects.
    pub namespaces: Vec<String>,
}

/// Asks whether somebody may take an action.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectAccessReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Namespace of the action; empty for all of them or none.
    pub namespace: String,
    /// Verb of the action, such as get or create; * for every verb.
    pub verb: String,
    /// API group of the resource acted on.
    #[schema(rename = "resourceAPIGroup")]
    pub resource_api_group: String,
    /// API version of the resource acted on.
    #[schema(rename = "resourceAPIVersion")]
    pub resource_api_version: String,
    /// Resource acted on, in the plural.
    pub resource: String,
    /// Name of the object acted on, where it is one.
    pub resource_name: String,
    /// Path of the action, where it is not on a resource.
    pub path: String,
    /// Whether the action is on a path and not on a resource.
    #[schema(rename = "isNonResourceURL")]
    pub is_non_resource_url: bool,
    /// The object that would be sent; the decision does not depend on it.
    pub content: Option<k8s::RawExtension>,
    /// User who is asked about; the caller where no groups are given either.
    pub user: String,
    /// Groups whose member is asked about.
    pub groups: Vec<String>,
    /// Scopes that narrow down what the user may do. Absent: the caller's own scopes where the caller is asked
    /// about.
    pub scopes: Vec<String>,
}

/// Whether the action is permitted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectAccessReviewResponse {
    /// Namespace the answer is about; empty for the whole cluster.
    pub namespace: Option<String>,
    /// Whether it is permitted.
    pub allowed: bool,
    /// Why it is permitted or refused, for people.
    pub reason: Option<String>,
    /// What went wrong on the way to the answer, which may stand all the same.
    pub evaluation_error: Option<String>,
}

/// Asks what somebody may do in a namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectRulesReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Whose rules are asked for.
    pub spec: SubjectRulesReviewSpec,
    /// The rules that were found.
    pub status: Option<SubjectRulesReviewStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectRulesReviewSpec {
    /// User whose rules are asked for.
    pub user: String,
    /// Groups whose rules are asked for.
    pub groups: Vec<String>,
    /// Scopes that narrow down what the user may do; none if empty.
    pub scopes: Vec<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubjectRulesReviewStatus {
    /// What the subject may do in the namespace.
    pub rules: Vec<PolicyRule>,
    /// Why the rules may be incomplete.
    pub evaluation_error: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UserRestriction {
    /// Users who may be subjects, by name.
    pub users: Vec<String>,
    /// Groups whose members may be subjects.
    pub groups: Vec<String>,
    /// Selectors of the users who may be subjects.
    pub labels: Vec<k8s::LabelSelector>,
}
