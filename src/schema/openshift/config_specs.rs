//! Types of `config.openshift.io/v1`: specs and statuses. Declarations only.

use super::config_parts::{
    APIServerServingCerts, ClusterNetworkEntry, ClusterOperatorStatusCondition, ComponentOverride,
    ComponentRouteSpec, ComponentRouteStatus, ConfigMapFileReference, ConfigMapNameReference,
    ConsoleAuthentication, DNSZone, DeprecatedWebhookTokenAuthenticator, IdentityProvider,
    ImageDigestMirrors, ImageTagMirrors, ObjectReference, OperandVersion, RegistryLocation,
    RegistrySources, Release, RequiredHSTSPolicy, TLSSecurityProfile, TemplateReference,
    TokenConfig, Update, UpdateHistory, WebhookTokenAuthenticator,
};
use super::k8s;
use serde_json::Value;
use utoipa::ToSchema;

/// The API server spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerSpec {
    /// Certificates to serve with.
    pub serving_certs: APIServerServingCerts,
    /// ConfigMap with authorities for client certificates.
    #[schema(rename = "clientCA")]
    pub client_ca: ConfigMapNameReference,
    /// Origins that browsers may call from.
    #[schema(rename = "additionalCORSAllowedOrigins")]
    pub additional_cors_allowed_origins: Option<Vec<String>>,
    /// Encryption of stored data.
    pub encryption: Value,
    /// Which TLS versions and ciphers are used.
    pub tls_security_profile: Option<TLSSecurityProfile>,
    /// The tls adherence.
    pub tls_adherence: Option<String>,
    /// What is written to the audit log.
    pub audit: Value,
}

/// The API server status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerStatus {}

/// The authentication spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AuthenticationSpec {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// ConfigMap with the metadata of an outside OAuth server.
    pub oauth_metadata: ConfigMapNameReference,
    /// Not used any more.
    pub webhook_token_authenticators: Option<Vec<DeprecatedWebhookTokenAuthenticator>>,
    /// Webhook that checks tokens.
    pub webhook_token_authenticator: Option<WebhookTokenAuthenticator>,
    /// Issuer of service account tokens.
    pub service_account_issuer: String,
    /// OpenID Connect providers.
    pub oidc_providers: Option<Vec<Value>>,
}

/// The cluster operator spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterOperatorSpec {}

/// The cluster operator status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterOperatorStatus {
    /// Latest observations, one per type.
    pub conditions: Option<Vec<ClusterOperatorStatusCondition>>,
    /// Versions of the operand.
    pub versions: Option<Vec<OperandVersion>>,
    /// Objects that help to understand the state.
    pub related_objects: Option<Vec<ObjectReference>>,
    /// Further state in the operator's own form.
    pub extension: k8s::RawExtension,
}

/// The cluster version capabilities status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterVersionCapabilitiesStatus {
    /// Optional parts that are installed.
    pub enabled_capabilities: Option<Vec<String>>,
    /// Optional parts that exist.
    pub known_capabilities: Option<Vec<String>>,
}

/// The cluster version spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterVersionSpec {
    /// Identifier of the cluster.
    #[schema(rename = "clusterID")]
    pub cluster_id: String,
    /// The update that is wanted.
    pub desired_update: Option<Update>,
    /// Address that knows of updates.
    pub upstream: Option<String>,
    /// Update channel.
    pub channel: Option<String>,
    /// Optional parts of the cluster.
    pub capabilities: Option<Value>,
    /// The signature stores.
    pub signature_stores: Vec<Value>,
    /// Objects the cluster version operator leaves alone.
    pub overrides: Option<Vec<ComponentOverride>>,
}

/// The cluster version status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterVersionStatus {
    /// The release the cluster moves to.
    pub desired: Release,
    /// Releases applied, the newest first.
    pub history: Option<Vec<UpdateHistory>>,
    /// Generation last seen by the controller.
    pub observed_generation: i64,
    /// Fingerprint of what is applied.
    pub version_hash: String,
    /// Optional parts of the cluster.
    pub capabilities: ClusterVersionCapabilitiesStatus,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<ClusterOperatorStatusCondition>>,
    /// Updates that can be applied.
    pub available_updates: Vec<Release>,
    /// Updates that carry known risks.
    pub conditional_updates: Option<Vec<Value>>,
    /// The conditional update risks.
    pub conditional_update_risks: Option<Vec<Value>>,
}

/// The console spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConsoleSpec {
    /// How users sign in.
    pub authentication: ConsoleAuthentication,
}

/// The console status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConsoleStatus {
    /// Address of the console.
    #[schema(rename = "consoleURL")]
    pub console_url: String,
}

/// The DNS spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNSSpec {
    /// Domain of the cluster.
    pub base_domain: String,
    /// Zone for public names.
    pub public_zone: Option<DNSZone>,
    /// Zone for internal names.
    pub private_zone: Option<DNSZone>,
    /// Platform the cluster runs on.
    pub platform: Option<Value>,
}

/// The DNS status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNSStatus {}

/// The feature gate spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FeatureGateSpec {
    /// The feature set.
    pub feature_set: Option<String>,
    /// The custom no upgrade.
    pub custom_no_upgrade: Option<Value>,
}

/// The feature gate status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FeatureGateStatus {
    /// Latest observations, one per type.
    pub conditions: Option<Vec<k8s::Condition>>,
    /// Gates of each version.
    pub feature_gates: Vec<Value>,
}

/// The set of mirrors for digests.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageDigestMirrorSetSpec {
    /// Mirrors, by what they mirror.
    pub image_digest_mirrors: Option<Vec<ImageDigestMirrors>>,
}

/// The set of mirrors for tags.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTagMirrorSetSpec {
    /// Mirrors, by what they mirror.
    pub image_tag_mirrors: Option<Vec<ImageTagMirrors>>,
}

/// The image spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Registries users may import from.
    pub allowed_registries_for_import: Option<Vec<RegistryLocation>>,
    /// Host names of the registry outside the cluster.
    pub external_registry_hostnames: Option<Vec<String>>,
    /// ConfigMap with certificates of registries.
    #[schema(rename = "additionalTrustedCA")]
    pub additional_trusted_ca: ConfigMapNameReference,
    /// Which registries may be used.
    pub registry_sources: RegistrySources,
    /// How image streams import manifest lists.
    pub image_stream_import_mode: String,
}

/// The image status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStatus {
    /// Host name of the internal registry.
    pub internal_registry_hostname: Option<String>,
    /// Host names of the registry outside the cluster.
    pub external_registry_hostnames: Option<Vec<String>>,
    /// How image streams import manifest lists.
    pub image_stream_import_mode: Option<String>,
}

/// The infrastructure spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct InfrastructureSpec {
    /// Configuration file of the cloud provider.
    pub cloud_config: ConfigMapFileReference,
    /// Settings of the platform.
    pub platform_spec: Option<Value>,
    /// How many control plane nodes are expected.
    pub control_plane_topology: Option<String>,
}

/// The infrastructure status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct InfrastructureStatus {
    /// Name that identifies the cluster to its platform.
    pub infrastructure_name: String,
    /// Platform the cluster runs on.
    pub platform: Option<String>,
    /// State of the platform.
    pub platform_status: Option<Value>,
    /// Not used any more.
    pub etcd_discovery_domain: String,
    /// Address of the API for clients outside.
    #[schema(rename = "apiServerURL")]
    pub api_server_url: String,
    /// Address of the API for the nodes.
    #[schema(rename = "apiServerInternalURI")]
    pub api_server_internal_uri: String,
    /// How many control plane nodes are expected.
    pub control_plane_topology: String,
    /// How many infrastructure nodes are expected.
    pub infrastructure_topology: Option<String>,
    /// Whether nodes set processors apart for the system.
    pub cpu_partitioning: Option<String>,
}

/// The ingress spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IngressSpec {
    /// Domain of the routes.
    pub domain: String,
    /// Domain of the routes that users create.
    pub apps_domain: Option<String>,
    /// Routes of the cluster's own components.
    pub component_routes: Option<Vec<ComponentRouteSpec>>,
    /// Transport security that routes must ask for.
    #[schema(rename = "requiredHSTSPolicies")]
    pub required_hsts_policies: Option<Vec<RequiredHSTSPolicy>>,
    /// Load balancer of the ingress.
    pub load_balancer: Option<Value>,
}

/// The ingress status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IngressStatus {
    /// Routes of the cluster's own components.
    pub component_routes: Option<Vec<ComponentRouteStatus>>,
    /// Which nodes run the routers.
    pub default_placement: String,
}

/// The network observability spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NetworkObservabilitySpec {
    /// The installation policy.
    pub installation_policy: Option<String>,
}

/// The network spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NetworkSpec {
    /// Address ranges of pods.
    pub cluster_network: Vec<ClusterNetworkEntry>,
    /// Address ranges of services.
    pub service_network: Vec<String>,
    /// Network plug-in.
    pub network_type: String,
    /// Rules for external addresses.
    #[schema(rename = "externalIP")]
    pub external_ip: Option<Value>,
    /// Range of node ports.
    pub service_node_port_range: Option<String>,
    /// The network diagnostics.
    pub network_diagnostics: Value,
    /// The network observability.
    pub network_observability: Option<NetworkObservabilitySpec>,
}

/// The network status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NetworkStatus {
    /// Address ranges of pods.
    pub cluster_network: Option<Vec<ClusterNetworkEntry>>,
    /// Address ranges of services.
    pub service_network: Option<Vec<String>>,
    /// Network plug-in.
    pub network_type: Option<String>,
    /// Largest packet of the pod network.
    #[schema(rename = "clusterNetworkMTU")]
    pub cluster_network_mtu: Option<i64>,
    /// The migration.
    pub migration: Option<Value>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<k8s::Condition>>,
}

/// The o auth spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthSpec {
    /// Where users sign in.
    pub identity_providers: Option<Vec<IdentityProvider>>,
    /// Life of tokens.
    pub token_config: TokenConfig,
    /// Pages that users see.
    pub templates: Value,
}

/// The o auth status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthStatus {}

/// The project spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectSpec {
    /// What users see who may not request a project.
    pub project_request_message: String,
    /// Template of new projects.
    pub project_request_template: TemplateReference,
}

/// The project status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectStatus {}

/// The proxy spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProxySpec {
    /// Proxy for HTTP.
    pub http_proxy: Option<String>,
    /// Proxy for HTTPS.
    pub https_proxy: Option<String>,
    /// Hosts reached without proxy.
    pub no_proxy: Option<String>,
    /// Addresses to check the proxy with.
    pub readiness_endpoints: Option<Vec<String>>,
    /// ConfigMap with certificate authorities.
    #[schema(rename = "trustedCA")]
    pub trusted_ca: Option<ConfigMapNameReference>,
}

/// The proxy status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProxyStatus {
    /// Proxy for HTTP.
    pub http_proxy: Option<String>,
    /// Proxy for HTTPS.
    pub https_proxy: Option<String>,
    /// Hosts reached without proxy.
    pub no_proxy: Option<String>,
}

/// The scheduler spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SchedulerSpec {
    /// ConfigMap with the policy.
    pub policy: Option<ConfigMapNameReference>,
    /// Which profile is used.
    pub profile: Option<String>,
    /// The profile customizations.
    pub profile_customizations: Value,
    /// Node selector of pods that have none.
    pub default_node_selector: Option<String>,
    /// Whether control plane nodes take ordinary pods.
    pub masters_schedulable: bool,
}

/// The scheduler status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SchedulerStatus {}
