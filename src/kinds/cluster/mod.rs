//! Kubernetes' kinds that are not workloads. Each file declares the kinds of one subject; this one
//! lists them.

mod admission;
mod apiservices;
mod awaited;
pub(super) mod cells;
mod certificates;
pub(super) mod checks;
pub mod clocks;
mod components;
mod conditions;
mod configuration;
mod customresources;
mod devices;
mod endpoints;
mod events;
mod flowcontrol;
mod leases;
pub(super) mod limits;
mod namespaces;
mod networking;
mod nodes;
mod priorities;
mod rbac;
mod reviews;
mod runtimes;
mod secrets;
mod serviceaccounts;
mod services;
mod storage;
mod volumes;
mod warnings;

pub use admission::{expressions, type_warnings};
pub(super) use apiservices::local as local_services;
pub use apiservices::of_definition as definition_service;

use super::Kind;

/// The kinds of this family.
pub static KINDS: &[&Kind] = &[
    &admission::MUTATING_ADMISSION_POLICY,
    &admission::MUTATING_ADMISSION_POLICY_BINDING,
    &admission::MUTATING_WEBHOOK_CONFIGURATION,
    &admission::VALIDATING_ADMISSION_POLICY,
    &admission::VALIDATING_ADMISSION_POLICY_BINDING,
    &admission::VALIDATING_WEBHOOK_CONFIGURATION,
    &apiservices::API_SERVICE,
    &certificates::CERTIFICATE_SIGNING_REQUEST,
    &clocks::CLOCK,
    &components::COMPONENT_STATUS,
    &configuration::CONFIG_MAP,
    &customresources::CUSTOM_RESOURCE_DEFINITION,
    &devices::DEVICE_CLASS,
    &devices::RESOURCE_CLAIM,
    &devices::RESOURCE_CLAIM_TEMPLATE,
    &devices::RESOURCE_SLICE,
    &endpoints::ENDPOINTS,
    &endpoints::ENDPOINT_SLICE,
    &events::EVENT,
    &events::EVENTS_V1,
    &flowcontrol::FLOW_SCHEMA,
    &flowcontrol::older::FLOW_SCHEMA_V1BETA3,
    &flowcontrol::older::PRIORITY_LEVEL_CONFIGURATION_V1BETA3,
    &flowcontrol::PRIORITY_LEVEL_CONFIGURATION,
    &leases::LEASE,
    &limits::LIMIT_RANGE,
    &limits::RESOURCE_QUOTA,
    &namespaces::NAMESPACE,
    &networking::INGRESS,
    &networking::INGRESS_CLASS,
    &networking::IP_ADDRESS,
    &networking::NETWORK_POLICY,
    &networking::SERVICE_CIDR,
    &nodes::BINDING,
    &nodes::NODE,
    &priorities::PRIORITY_CLASS,
    &rbac::CLUSTER_ROLE,
    &rbac::CLUSTER_ROLE_BINDING,
    &rbac::ROLE,
    &rbac::ROLE_BINDING,
    &reviews::LOCAL_SUBJECT_ACCESS_REVIEW,
    &reviews::SELF_SUBJECT_ACCESS_REVIEW,
    &reviews::SELF_SUBJECT_REVIEW,
    &reviews::SELF_SUBJECT_RULES_REVIEW,
    &reviews::SUBJECT_ACCESS_REVIEW,
    &reviews::TOKEN_REVIEW,
    &runtimes::RUNTIME_CLASS,
    &secrets::SECRET,
    &serviceaccounts::SERVICE_ACCOUNT,
    &services::SERVICE,
    &storage::CSI_DRIVER,
    &storage::CSI_NODE,
    &storage::CSI_STORAGE_CAPACITY,
    &storage::STORAGE_CLASS,
    &storage::VOLUME_ATTACHMENT,
    &storage::VOLUME_ATTRIBUTES_CLASS,
    &volumes::PERSISTENT_VOLUME,
    &volumes::PERSISTENT_VOLUME_CLAIM,
];
