//! Types of `machineconfiguration.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "machineconfiguration.openshift.io",
        package: "machineconfiguration",
        version: "v1",
        kinds: &["MachineConfig", "MachineConfigPool"],
        schemas: collect(&[push::<MachineConfig>, push::<MachineConfigPool>]),
    }
}

/// What a machine is made to look like.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfig {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: Option<MachineConfigSpec>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigSpec {
    /// Image that holds the packages of extensions.
    pub base_os_extensions_container_image: Option<String>,
    /// An Ignition configuration.
    pub config: Option<k8s::RawExtension>,
    /// Packages to add to the system.
    pub extensions: Option<Vec<String>>,
    /// Whether FIPS mode is on.
    pub fips: Option<bool>,
    /// Arguments for the kernel.
    pub kernel_arguments: Option<Vec<String>>,
    /// Which kernel (default, realtime).
    pub kernel_type: Option<String>,
    /// Image of the operating system.
    #[schema(rename = "osImageURL")]
    pub os_image_url: Option<String>,
}

/// Machines that look the same.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigPool {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: MachineConfigPoolSpec,
    /// What was observed.
    pub status: Option<MachineConfigPoolStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigPoolSpec {
    /// The configuration its machines should have.
    pub configuration: Option<MachineConfigPoolConfiguration>,
    /// Which configurations it is made of.
    pub machine_config_selector: Option<k8s::LabelSelector>,
    /// How many machines may be changed at the same time.
    pub max_unavailable: Option<k8s::IntOrString>,
    /// Which nodes are its machines.
    pub node_selector: Option<k8s::LabelSelector>,
    /// Whether no machine is changed.
    pub paused: Option<bool>,
}

/// A configuration, and what it is made of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigPoolConfiguration {
    /// API version of the rendered machine config.
    pub api_version: Option<String>,
    /// Takes no effect.
    pub field_path: Option<String>,
    /// MachineConfig.
    pub kind: Option<String>,
    /// Name of the rendered machine config.
    pub name: Option<String>,
    /// Takes no effect; machine configs have no namespace.
    pub namespace: Option<String>,
    /// Takes no effect; the name says which content it is.
    pub resource_version: Option<String>,
    /// Machine configs that it was put together from.
    pub source: Option<Vec<k8s::ObjectReference>>,
    /// UID of the rendered machine config.
    pub uid: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigPoolStatus {
    /// Latest observations, one per type.
    pub conditions: Option<Vec<MachineConfigPoolCondition>>,
    /// The configuration its machines have.
    pub configuration: Option<MachineConfigPoolConfiguration>,
    /// Machines that cannot be changed.
    pub degraded_machine_count: Option<i32>,
    /// Machines in all.
    pub machine_count: Option<i32>,
    /// Generation of the spec this was observed at.
    pub observed_generation: Option<i64>,
    /// Machines that are ready.
    pub ready_machine_count: Option<i32>,
    /// Machines that are not ready.
    pub unavailable_machine_count: Option<i32>,
    /// Machines that have the configuration.
    pub updated_machine_count: Option<i32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigPoolCondition {
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Why the status is what it is, for people.
    pub message: Option<String>,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// True, False or Unknown.
    pub status: String,
    /// What the condition is about; at most one of each type.
    pub r#type: String,
}
