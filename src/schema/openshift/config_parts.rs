//! Types of `config.openshift.io/v1` that others are made of. Declarations only.

use super::k8s;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerNamedServingCert {
    /// Host names of the certificate.
    pub names: Option<Vec<String>>,
    /// Secret with the certificate and its key.
    pub serving_certificate: SecretNameReference,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerServingCerts {
    /// Certificates by host name.
    pub named_certificates: Option<Vec<APIServerNamedServingCert>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AcceptRisk {
    /// Name of a risk that updates are accepted with.
    pub name: Option<String>,
}

/// A range that pods get addresses of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterNetworkEntry {
    /// Address range.
    pub cidr: String,
    /// Prefix length of a node's share.
    pub host_prefix: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterOperatorStatusCondition {
    /// What the condition is about; at most one of each type.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: k8s::Time,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// Why the status is what it is, for people.
    pub message: Option<String>,
}

/// An object that the cluster's version operator keeps or leaves alone.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ComponentOverride {
    /// Kind of the object that is left alone or not.
    pub kind: String,
    /// API group of that object.
    pub group: String,
    /// Namespace of that object; empty where it has none.
    pub namespace: String,
    /// Name of that object.
    pub name: String,
    /// Whether the operator leaves the object alone.
    pub unmanaged: bool,
}

/// Other host name, certificate or labels for the route of a component of the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ComponentRouteSpec {
    /// Namespace of the component's route.
    pub namespace: String,
    /// Name of the component's route.
    pub name: String,
    /// Host name that the route shall have.
    pub hostname: String,
    /// Secret with the certificate and its key.
    pub serving_cert_key_pair_secret: SecretNameReference,
    /// Labels that the route gets.
    pub labels: Option<BTreeMap<String, String>>,
}

/// A route of a component of the cluster that can be changed, and how it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ComponentRouteStatus {
    /// Namespace of the component's route.
    pub namespace: String,
    /// Name of the component's route.
    pub name: String,
    /// Host name unless another is wanted.
    pub default_hostname: String,
    /// Service accounts that may read it.
    pub consuming_users: Option<Vec<String>>,
    /// Host names in use.
    pub current_hostnames: Option<Vec<String>>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<k8s::Condition>>,
    /// Objects that help to understand the state.
    pub related_objects: Vec<ObjectReference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigMapFileReference {
    /// Name of the ConfigMap.
    pub name: String,
    /// Key of the file within the ConfigMap.
    pub key: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigMapNameReference {
    /// Name of the ConfigMap.
    pub name: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConsoleAuthentication {
    /// Where to go after signing out.
    pub logout_redirect: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNSZone {
    /// Identifier of the zone at its platform.
    pub id: Option<String>,
    /// Tags by which the zone is found where it has no identifier.
    pub tags: Option<BTreeMap<String, String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeprecatedWebhookTokenAuthenticator {
    /// Secret that holds a kubeconfig.
    pub kube_config: SecretNameReference,
}

/// Somewhere users can sign in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IdentityProvider {
    /// Name of the provider; it begins the names of its identities.
    pub name: String,
    /// How identities become users.
    pub mapping_method: Option<String>,
    /// Which kind of provider it is, such as HTPasswd or OpenID; the field of that name is set.
    pub r#type: String,
    /// Server that is asked with user name and password.
    pub basic_auth: Option<Value>,
    /// Sign-in at GitHub, or a GitHub Enterprise server.
    pub github: Option<Value>,
    /// Sign-in at a GitLab server.
    pub gitlab: Option<Value>,
    /// Sign-in at Google.
    pub google: Option<Value>,
    /// Secret with a file of user names and hashed passwords.
    pub htpasswd: Option<Value>,
    /// An OpenStack Keystone server.
    pub keystone: Option<Value>,
    /// An LDAP server that is searched for the user and then asked with the password.
    pub ldap: Option<Value>,
    /// Sign-in at an OpenID Connect provider.
    #[schema(rename = "openID")]
    pub open_id: Option<Value>,
    /// A proxy in front that says in a header who the user is.
    pub request_header: Option<Value>,
}

/// Bounds for the max-age of an HSTS header.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MaxAgePolicy {
    /// Most seconds allowed.
    pub largest_max_age: Option<i32>,
    /// Fewest seconds allowed.
    pub smallest_max_age: Option<i32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ObjectReference {
    /// API group of the object; empty for Kubernetes' core.
    pub group: String,
    /// Resource of the object, in the plural.
    pub resource: String,
    /// Namespace of the object, where it has one.
    pub namespace: Option<String>,
    /// Name of the object referred to.
    pub name: String,
}

/// A version of one component of an operator.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OperandVersion {
    /// Name of the component.
    pub name: String,
    /// Version that the component has reached.
    pub version: String,
}

/// The mirrors of a repository or of all below a place, for digests.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageDigestMirrors {
    /// Repository, registry or domain as pull specs name it.
    pub source: String,
    /// Where the same digests are, in the order they are tried.
    pub mirrors: Option<Vec<String>>,
    /// Whether the source is asked when no mirror has an image.
    pub mirror_source_policy: Option<String>,
}

/// The mirrors of a repository or of all below a place, for tags.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTagMirrors {
    /// Repository, registry or domain as pull specs name it.
    pub source: String,
    /// Where the same tags are, in the order they are tried.
    pub mirrors: Option<Vec<String>>,
    /// Whether the source is asked when no mirror has an image.
    pub mirror_source_policy: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RegistryLocation {
    /// Domain of the registry.
    pub domain_name: String,
    /// Whether the registry may be asked over plain HTTP or with a certificate nobody knows.
    pub insecure: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RegistrySources {
    /// Registries without verified TLS.
    pub insecure_registries: Option<Vec<String>>,
    /// Registries that may not be used.
    pub blocked_registries: Option<Vec<String>>,
    /// Registries that may be used.
    pub allowed_registries: Option<Vec<String>>,
    /// Registries searched for short names.
    pub container_runtime_search_registries: Option<Vec<String>>,
}

/// A release that the cluster runs or can be updated to.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Release {
    /// Architecture of the release's images; Multi where it has several.
    pub architecture: Option<String>,
    /// Version of the release.
    pub version: String,
    /// Pull spec of the release image.
    pub image: String,
    /// Address with more information.
    pub url: Option<String>,
    /// Channels that offer the release.
    pub channels: Option<Vec<String>>,
}

/// What the HSTS header of routes of some domains must say.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RequiredHSTSPolicy {
    /// Labels of the namespaces concerned.
    pub namespace_selector: Option<k8s::LabelSelector>,
    /// Host names the policy covers.
    pub domain_patterns: Vec<String>,
    /// How long browsers remember.
    pub max_age: MaxAgePolicy,
    /// Whether preloading is asked for.
    pub preload_policy: Option<String>,
    /// Whether sub-domains are included.
    pub include_sub_domains_policy: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretNameReference {
    /// Name of the secret.
    pub name: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TLSSecurityProfile {
    /// Old, Intermediate, Modern or Custom.
    pub r#type: String,
    /// Chosen with type Old. Has no fields.
    pub old: Option<Value>,
    /// Chosen with type Intermediate. Has no fields.
    pub intermediate: Option<Value>,
    /// Chosen with type Modern. Has no fields.
    pub modern: Option<Value>,
    /// Ciphers and least TLS version of type Custom.
    pub custom: Option<Value>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateReference {
    /// Name of the template, in namespace openshift-config.
    pub name: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TokenConfig {
    /// Seconds that access tokens live where their client says nothing else.
    pub access_token_max_age_seconds: Option<i32>,
    /// Takes no effect; accessTokenInactivityTimeout took its place.
    pub access_token_inactivity_timeout_seconds: Option<i32>,
    /// Time without use after which access tokens end where their client says nothing else.
    pub access_token_inactivity_timeout: Option<k8s::Duration>,
}

/// A wanted update.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Update {
    /// Architecture to change to; stays what it is if empty.
    pub architecture: String,
    /// Version to update to, where it is known as an available update.
    pub version: String,
    /// Pull spec of the release image to update to.
    pub image: String,
    /// Whether the update begins although checks of it fail.
    pub force: bool,
    /// Risks that are accepted.
    pub accept_risks: Option<Vec<AcceptRisk>>,
    pub mode: Option<String>,
}

/// One update of the cluster, finished or under way.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UpdateHistory {
    /// Completed or Partial.
    pub state: String,
    /// When the update began.
    pub started_time: k8s::Time,
    /// When the update ended; null while it is under way.
    pub completion_time: Option<k8s::Time>,
    /// Version that was updated to.
    pub version: String,
    /// Pull spec of the release image that was updated to.
    pub image: String,
    /// Whether the release's signature was checked.
    pub verified: bool,
    /// Checks that failed and were overridden, as text.
    pub accepted_risks: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookTokenAuthenticator {
    /// Secret that holds a kubeconfig.
    pub kube_config: SecretNameReference,
}
