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

/// The machine config spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigSpec {
    /// Extensions for containers that are called by image.
    pub base_os_extensions_container_image: Option<String>,
    /// An Ignition configuration.
    pub config: Option<k8s::RawExtension>,
    /// Packages to add to the system.
    pub extensions: Option<Vec<String>>,
    /// Whether the kernel is FIPS certified.
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

/// The machine config pool spec.
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
    /// Version of the API.
    pub api_version: Option<String>,
    /// Path of the field it stands in.
    pub field_path: Option<String>,
    /// Kind of the object.
    pub kind: Option<String>,
    /// Name of the thing.
    pub name: Option<String>,
    /// Namespace it lives in.
    pub namespace: Option<String>,
    /// Revision of the object.
    pub resource_version: Option<String>,
    /// What it is made of.
    pub source: Option<Vec<k8s::ObjectReference>>,
    /// Identifier that is unique in time.
    pub uid: Option<String>,
}

/// The machine config pool status.
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

/// The machine config pool condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MachineConfigPoolCondition {
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Explanation for people.
    pub message: Option<String>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// What was observed.
    pub status: String,
    /// Which of the possible kinds this is.
    pub r#type: String,
}
