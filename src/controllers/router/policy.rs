//! What the ingress controller lets the router admit. Its object is there where its custom definition
//! is served; without it everything is as usual.
//! Source: openshift/api `operator/v1` (RouteAdmissionPolicy).

use crate::{controllers::View, object::ObjectExt};

/// The resource.
pub const CONTROLLERS: &str = "ingresscontrollers.operator.openshift.io";
/// The one that the router belongs to.
const DEFAULT: &str = "openshift-ingress-operator/default";

/// What is admitted.
pub struct RouteAdmission {
    /// Routes for everything below a domain.
    pub wildcards: bool,
    /// Paths of one host in several projects.
    pub shared: bool,
}

impl RouteAdmission {
    /// As it is now.
    pub fn of(view: &View) -> RouteAdmission {
        let controller = view.get(CONTROLLERS, DEFAULT).map(|e| e.value());
        let says = |path: &str, word: &str| {
            controller
                .as_ref()
                .is_some_and(|c| c.str_at(&format!("spec.routeAdmission.{path}")) == word)
        };
        RouteAdmission {
            wildcards: says("wildcardPolicy", "WildcardsAllowed"),
            shared: says("namespaceOwnership", "InterNamespaceAllowed"),
        }
    }
}
