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
    pub tls_adherence: Option<String>,
    /// What is written to the audit log.
    pub audit: Value,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServerStatus {}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AuthenticationSpec {
    /// Who recognises users: IntegratedOAuth, OIDC or None.
    pub r#type: String,
    /// ConfigMap with the metadata of an outside OAuth server.
    pub oauth_metadata: ConfigMapNameReference,
    /// Takes no effect; webhookTokenAuthenticator took its place.
    pub webhook_token_authenticators: Option<Vec<DeprecatedWebhookTokenAuthenticator>>,
    /// Webhook that checks tokens.
    pub webhook_token_authenticator: Option<WebhookTokenAuthenticator>,
    /// Issuer of service account tokens.
    pub service_account_issuer: String,
    /// OpenID Connect providers.
    pub oidc_providers: Option<Vec<Value>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterOperatorSpec {}

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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterVersionCapabilitiesStatus {
    /// Optional parts that are installed.
    pub enabled_capabilities: Option<Vec<String>>,
    /// Optional parts that exist.
    pub known_capabilities: Option<Vec<String>>,
}

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
    /// Optional parts that shall be installed.
    pub capabilities: Option<Value>,
    /// Where signatures of releases are looked for.
    pub signature_stores: Vec<Value>,
    /// Objects the cluster version operator leaves alone.
    pub overrides: Option<Vec<ComponentOverride>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterVersionStatus {
    /// The release the cluster moves to.
    pub desired: Release,
    /// Releases applied, the newest first.
    pub history: Option<Vec<UpdateHistory>>,
    /// Generation of the spec that the status answers to.
    pub observed_generation: i64,
    /// Fingerprint of what is applied.
    pub version_hash: String,
    /// Optional parts that are installed, and those there are.
    pub capabilities: ClusterVersionCapabilitiesStatus,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<ClusterOperatorStatusCondition>>,
    /// Updates that can be applied.
    pub available_updates: Vec<Release>,
    /// Updates that carry known risks.
    pub conditional_updates: Option<Vec<Value>>,
    /// Risks that conditional updates may carry, once each.
    pub conditional_update_risks: Option<Vec<Value>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConsoleSpec {
    /// Where users are sent when they have signed out.
    pub authentication: ConsoleAuthentication,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConsoleStatus {
    /// Address of the console.
    #[schema(rename = "consoleURL")]
    pub console_url: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNSSpec {
    /// Domain of the cluster.
    pub base_domain: String,
    /// Zone for public names.
    pub public_zone: Option<DNSZone>,
    /// Zone for internal names.
    pub private_zone: Option<DNSZone>,
    /// How names are kept at the platform the cluster runs on.
    pub platform: Option<Value>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNSStatus {}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FeatureGateSpec {
    /// Name of a set of features, such as TechPreviewNoUpgrade; the default set if empty.
    pub feature_set: Option<String>,
    /// Single gates switched on and off, where the set is CustomNoUpgrade.
    pub custom_no_upgrade: Option<Value>,
}

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
    /// What is mirrored where, for pulls by digest.
    pub image_digest_mirrors: Option<Vec<ImageDigestMirrors>>,
}

/// The set of mirrors for tags.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTagMirrorSetSpec {
    /// What is mirrored where, for pulls by tag.
    pub image_tag_mirrors: Option<Vec<ImageTagMirrors>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Registries users may import from.
    pub allowed_registries_for_import: Option<Vec<RegistryLocation>>,
    /// Host names under which the registry shall be reached from outside.
    pub external_registry_hostnames: Option<Vec<String>>,
    /// ConfigMap with certificates of registries.
    #[schema(rename = "additionalTrustedCA")]
    pub additional_trusted_ca: ConfigMapNameReference,
    /// Which registries may be used.
    pub registry_sources: RegistrySources,
    /// How image streams import manifest lists.
    pub image_stream_import_mode: String,
}

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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct InfrastructureStatus {
    /// Name that identifies the cluster to its platform.
    pub infrastructure_name: String,
    /// Platform the cluster runs on.
    pub platform: Option<String>,
    /// State of the platform.
    pub platform_status: Option<Value>,
    /// Takes no effect; kept for old clients.
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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IngressStatus {
    /// Routes of the cluster's own components.
    pub component_routes: Option<Vec<ComponentRouteStatus>>,
    /// Which nodes run the routers.
    pub default_placement: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NetworkObservabilitySpec {
    pub installation_policy: Option<String>,
}

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
    /// Whether and where the network checks itself.
    pub network_diagnostics: Value,
    pub network_observability: Option<NetworkObservabilitySpec>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NetworkStatus {
    /// Address ranges of pods in use.
    pub cluster_network: Option<Vec<ClusterNetworkEntry>>,
    /// Address ranges of services in use.
    pub service_network: Option<Vec<String>>,
    /// Network plug-in in use.
    pub network_type: Option<String>,
    /// Largest packet of the pod network.
    #[schema(rename = "clusterNetworkMTU")]
    pub cluster_network_mtu: Option<i64>,
    /// What the network is being changed to, while it is.
    pub migration: Option<Value>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<k8s::Condition>>,
}

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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthStatus {}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectSpec {
    /// What users see who may not request a project.
    pub project_request_message: String,
    /// Template that new projects are made from, in namespace openshift-config.
    pub project_request_template: TemplateReference,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProjectStatus {}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProxySpec {
    /// Proxy that components use for addresses that begin with http.
    pub http_proxy: Option<String>,
    /// Proxy that components use for addresses that begin with https.
    pub https_proxy: Option<String>,
    /// Hosts, domains and address ranges that are asked without a proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// Addresses to check the proxy with.
    pub readiness_endpoints: Option<Vec<String>>,
    /// ConfigMap with certificate authorities.
    #[schema(rename = "trustedCA")]
    pub trusted_ca: Option<ConfigMapNameReference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProxyStatus {
    /// Proxy that is in use for addresses that begin with http.
    pub http_proxy: Option<String>,
    /// Proxy that is in use for addresses that begin with https.
    pub https_proxy: Option<String>,
    /// What is asked without a proxy: the wanted and the cluster's own addresses.
    pub no_proxy: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SchedulerSpec {
    /// ConfigMap with the policy.
    pub policy: Option<ConfigMapNameReference>,
    /// Which profile is used.
    pub profile: Option<String>,
    /// Changes to the chosen profile.
    pub profile_customizations: Value,
    /// Node selector of pods that have none.
    pub default_node_selector: Option<String>,
    /// Whether control plane nodes take ordinary pods.
    pub masters_schedulable: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SchedulerStatus {}
