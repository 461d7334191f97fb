//! Names of Kubernetes types that OpenShift's refer to. Only references: the types themselves come
//! from the k8s-openapi crate.

use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema},
};

macro_rules! foreign {
    ($($name:ident = $definition:literal)*) => {$(
        #[doc = $definition]
        pub struct $name;
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::Ref(Ref::from_schema_name($definition))
            }
        }
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $definition.into()
            }
        }
    )*};
}

foreign! {
    AggregationRule = "io.k8s.api.rbac.v1.AggregationRule"
    CSIVolumeSource = "io.k8s.api.core.v1.CSIVolumeSource"
    Condition = "io.k8s.apimachinery.pkg.apis.meta.v1.Condition"
    ConfigMapVolumeSource = "io.k8s.api.core.v1.ConfigMapVolumeSource"
    Duration = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration"
    EnvVar = "io.k8s.api.core.v1.EnvVar"
    IntOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    LabelSelector = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"
    LocalObjectReference = "io.k8s.api.core.v1.LocalObjectReference"
    NamespaceCondition = "io.k8s.api.core.v1.NamespaceCondition"
    ObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    ObjectReference = "io.k8s.api.core.v1.ObjectReference"
    PodTemplateSpec = "io.k8s.api.core.v1.PodTemplateSpec"
    RawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension"
    ResourceQuotaSpec = "io.k8s.api.core.v1.ResourceQuotaSpec"
    ResourceQuotaStatus = "io.k8s.api.core.v1.ResourceQuotaStatus"
    ResourceRequirements = "io.k8s.api.core.v1.ResourceRequirements"
    SELinuxOptions = "io.k8s.api.core.v1.SELinuxOptions"
    SecretVolumeSource = "io.k8s.api.core.v1.SecretVolumeSource"
    Status = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
    Time = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
}
