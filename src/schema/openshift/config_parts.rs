//! Types of `config.openshift.io/v1` that others are made of. Declarations only.

use super::k8s;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The API server named serving cert.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerNamedServingCert {
    /// Host names of the certificate.
    pub names: Option<Vec<String>>,
    /// Secret with the certificate and its key.
    pub serving_certificate: SecretNameReference,
}

/// The API server serving certs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerServingCerts {
    /// Certificates by host name.
    pub named_certificates: Option<Vec<APIServerNamedServingCert>>,
}

/// The accept risk.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AcceptRisk {
    /// Name of the thing.
    pub name: Option<String>,
}

/// The cluster network entry.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterNetworkEntry {
    /// Address range.
    pub cidr: String,
    /// Prefix length of a node's share.
    pub host_prefix: Option<i64>,
}

/// The cluster operator status condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterOperatorStatusCondition {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// What was observed.
    pub status: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: k8s::Time,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Explanation for people.
    pub message: Option<String>,
}

/// The component override.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ComponentOverride {
    /// Kind of the object referred to.
    pub kind: String,
    /// API group.
    pub group: String,
    /// Namespace it lives in.
    pub namespace: String,
    /// Name of the thing.
    pub name: String,
    /// Whether the operator leaves the object alone.
    pub unmanaged: bool,
}

/// The component route spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ComponentRouteSpec {
    /// Namespace it lives in.
    pub namespace: String,
    /// Name of the thing.
    pub name: String,
    /// Host name.
    pub hostname: String,
    /// Secret with the certificate and its key.
    pub serving_cert_key_pair_secret: SecretNameReference,
    /// Labels to use.
    pub labels: Option<BTreeMap<String, String>>,
}

/// The component route status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ComponentRouteStatus {
    /// Namespace it lives in.
    pub namespace: String,
    /// Name of the thing.
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

/// The config map file reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigMapFileReference {
    /// Name of the thing.
    pub name: String,
    /// Key concerned.
    pub key: Option<String>,
}

/// The config map name reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigMapNameReference {
    /// Name of the thing.
    pub name: String,
}

/// The console authentication.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConsoleAuthentication {
    /// Where to go after signing out.
    pub logout_redirect: Option<String>,
}

/// The DNS zone.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNSZone {
    /// Identifier.
    pub id: Option<String>,
    /// Tags, by name.
    pub tags: Option<BTreeMap<String, String>>,
}

/// The deprecated webhook token authenticator.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeprecatedWebhookTokenAuthenticator {
    /// Secret that holds a kubeconfig.
    pub kube_config: SecretNameReference,
}

/// The identity provider.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IdentityProvider {
    /// Name of the thing.
    pub name: String,
    /// How identities become users.
    pub mapping_method: Option<String>,
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// The basic auth.
    pub basic_auth: Option<Value>,
    /// GitHub webhook.
    pub github: Option<Value>,
    /// GitLab webhook.
    pub gitlab: Option<Value>,
    /// The google.
    pub google: Option<Value>,
    /// The htpasswd.
    pub htpasswd: Option<Value>,
    /// The keystone.
    pub keystone: Option<Value>,
    /// The ldap.
    pub ldap: Option<Value>,
    /// The open ID.
    #[schema(rename = "openID")]
    pub open_id: Option<Value>,
    /// The request header.
    pub request_header: Option<Value>,
}

/// The max age policy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MaxAgePolicy {
    /// Most seconds allowed.
    pub largest_max_age: Option<i32>,
    /// Fewest seconds allowed.
    pub smallest_max_age: Option<i32>,
}

/// The object reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ObjectReference {
    /// API group.
    pub group: String,
    /// Resource type.
    pub resource: String,
    /// Namespace it lives in.
    pub namespace: Option<String>,
    /// Name of the thing.
    pub name: String,
}

/// The operand version.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OperandVersion {
    /// Name of the thing.
    pub name: String,
    /// Version of the release.
    pub version: String,
}

/// The mirrors of a repository or of all below a place, for digests.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageDigestMirrors {
    /// What pull specs say.
    pub source: String,
    /// Where the same images are, those to be asked first in front.
    pub mirrors: Option<Vec<String>>,
    /// Whether the source is asked when no mirror has an image.
    pub mirror_source_policy: Option<String>,
}

/// The mirrors of a repository or of all below a place, for tags.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTagMirrors {
    /// What pull specs say.
    pub source: String,
    /// Where the same images are, those to be asked first in front.
    pub mirrors: Option<Vec<String>>,
    /// Whether the source is asked when no mirror has an image.
    pub mirror_source_policy: Option<String>,
}

/// The registry location.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RegistryLocation {
    /// Domain of the registry.
    pub domain_name: String,
    /// Whether the registry may be reached without verified TLS.
    pub insecure: Option<bool>,
}

/// The registry sources.
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

/// The release.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Release {
    /// Processor architecture.
    pub architecture: Option<String>,
    /// Version of the release.
    pub version: String,
    /// Image concerned.
    pub image: String,
    /// Address with more information.
    pub url: Option<String>,
    /// Channels that offer the release.
    pub channels: Option<Vec<String>>,
}

/// The required HSTS policy.
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

/// The secret name reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretNameReference {
    /// Name of the thing.
    pub name: String,
}

/// The TLS security profile.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TLSSecurityProfile {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// The old.
    pub old: Option<Value>,
    /// The intermediate.
    pub intermediate: Option<Value>,
    /// The modern.
    pub modern: Option<Value>,
    /// The custom.
    pub custom: Option<Value>,
}

/// The template reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateReference {
    /// Name of the thing.
    pub name: String,
}

/// The token config.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TokenConfig {
    /// Life of the client's tokens in seconds.
    pub access_token_max_age_seconds: Option<i32>,
    /// Seconds without use after which the client's tokens end.
    pub access_token_inactivity_timeout_seconds: Option<i32>,
    /// Time without use after which tokens end.
    pub access_token_inactivity_timeout: Option<k8s::Duration>,
}

/// The update.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Update {
    /// Processor architecture.
    pub architecture: String,
    /// Version of the release.
    pub version: String,
    /// Image concerned.
    pub image: String,
    /// Whether it happens even without changes.
    pub force: bool,
    /// Risks that are accepted.
    pub accept_risks: Option<Vec<AcceptRisk>>,
    /// The mode.
    pub mode: Option<String>,
}

/// The update history.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UpdateHistory {
    /// State handed over by the client.
    pub state: String,
    /// When it started.
    pub started_time: k8s::Time,
    /// When it ended.
    pub completion_time: Option<k8s::Time>,
    /// Version of the release.
    pub version: String,
    /// Image concerned.
    pub image: String,
    /// Whether the release's signature was checked.
    pub verified: bool,
    /// Risks that were accepted.
    pub accepted_risks: Option<String>,
}

/// The webhook token authenticator.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookTokenAuthenticator {
    /// Secret that holds a kubeconfig.
    pub kube_config: SecretNameReference,
}
