//! The Kubernetes part of the catalogue: which kinds of k8s-openapi it takes, and their schemas.

use crate::{Definitions, Root};
use k8s_openapi::{Resource, schemars::JsonSchema};
use schemars::generate::{SchemaGenerator, SchemaSettings};

/// Gathers schemas and kinds.
struct Catalogue {
    generator: SchemaGenerator,
    roots: Vec<Root>,
}

impl Catalogue {
    fn kind<T: JsonSchema + Resource>(&mut self) {
        self.generator.subschema_for::<T>();
        self.roots.push(Root {
            group: T::GROUP.into(),
            version: T::VERSION.into(),
            kind: T::KIND.into(),
            definition: T::schema_name().into_owned(),
        });
    }
    fn schema<T: JsonSchema>(&mut self) {
        self.generator.subschema_for::<T>();
    }
}

macro_rules! kinds {
    ($to:ident: $($($module:ident)::+ { $($kind:ident)* })*) => {
        $({
            use k8s_openapi::$($module)::+ as module;
            $($to.kind::<module::$kind>();)*
        })*
    };
}

/// Every definition, by name, and every kind.
pub fn catalogue() -> (Definitions, Vec<Root>) {
    let settings =
        SchemaSettings::openapi3().with(|s| s.definitions_path = "/components/schemas".into());
    let mut to = Catalogue { generator: settings.into_generator(), roots: Vec::new() };
    kinds! { to:
        api::core::v1 {
            Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node
            PersistentVolume PersistentVolumeClaim Pod PodTemplate ReplicationController
            ResourceQuota Secret Service ServiceAccount
        }
        api::apps::v1 { ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet }
        api::batch::v1 { CronJob Job }
        api::autoscaling::v1 { HorizontalPodAutoscaler Scale }
        api::autoscaling::v2 { HorizontalPodAutoscaler }
        api::policy::v1 { Eviction PodDisruptionBudget }
        api::discovery::v1 { EndpointSlice }
        api::events::v1 { Event }
        api::flowcontrol::v1 { FlowSchema PriorityLevelConfiguration }
        api::networking::v1 { IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR }
        api::node::v1 { RuntimeClass }
        api::resource::v1 { DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice }
        api::rbac::v1 { ClusterRole ClusterRoleBinding Role RoleBinding }
        api::storage::v1 {
            CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment
            VolumeAttributesClass
        }
        api::scheduling::v1 { PriorityClass }
        api::coordination::v1 { Lease }
        api::authentication::v1 { SelfSubjectReview TokenRequest TokenReview }
        api::authorization::v1 {
            LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview
            SubjectAccessReview
        }
        api::admissionregistration::v1 {
            MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
            ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
            ValidatingWebhookConfiguration
        }
        api::certificates::v1 { CertificateSigningRequest }
        apiextensions_apiserver::pkg::apis::apiextensions::v1 { CustomResourceDefinition }
        kube_aggregator::pkg::apis::apiregistration::v1 { APIService }
        apimachinery::pkg::apis::meta::v1 { APIResourceList Status }
    }
    to.schema::<k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroupList>();
    to.schema::<k8s_openapi::apimachinery::pkg::apis::meta::v1::APIVersions>();
    to.schema::<k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions>();
    to.schema::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Patch>();
    to.schema::<k8s_openapi::apimachinery::pkg::apis::meta::v1::WatchEvent<
        k8s_openapi::api::core::v1::Pod,
    >>();
    to.schema::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>();
    let definitions = to.generator.take_definitions(true);
    (definitions.into_iter().collect(), to.roots)
}
