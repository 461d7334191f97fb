//! Kubernetes' kinds that are not workloads. Each file declares the kinds of one subject; this one
//! lists them.

pub(super) mod cells;
pub(super) mod checks;
mod configuration;
mod customresources;
mod endpoints;
mod events;
mod leases;
mod limits;
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

use super::Kind;

/// The kinds of this family.
pub static KINDS: &[&Kind] = &[
    &configuration::CONFIG_MAP,
    &customresources::CUSTOM_RESOURCE_DEFINITION,
    &endpoints::ENDPOINTS,
    &endpoints::ENDPOINT_SLICE,
    &events::EVENT,
    &events::EVENTS_V1,
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
    &storage::STORAGE_CLASS,
    &storage::VOLUME_ATTACHMENT,
    &volumes::PERSISTENT_VOLUME,
    &volumes::PERSISTENT_VOLUME_CLAIM,
];
