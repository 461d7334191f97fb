//! project.openshift.io: a namespace as its users see it, and the request for one.

use crate::kinds::cluster::cells;
use crate::kinds::{Backing, Column, Kind, NameRule};
use crate::object::{ObjectExt, json};

const GROUP: Kind = Kind {
    group: "project.openshift.io",
    namespaced: false,
    name_rule: NameRule::Label,
    backing: Backing::Computed,
    ..Kind::BASE
};

/// `projects.project.openshift.io`: a view of namespaces.
pub static PROJECT: Kind = Kind {
    kind: "Project",
    plural: "projects",
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    schema: "com.github.openshift.api.project.v1.Project",
    selectable: &["status.phase"],
    columns: &[
        Column::text("Display Name", "Name for people.", |o, _| {
            json!(o.annotation("openshift.io/display-name").unwrap_or(""))
        }),
        Column::text("Status", "Active or Terminating.", |o, _| cells::text(o, "status.phase")),
    ],
    ..GROUP
};

/// `projectrequests.project.openshift.io`: answers a create with the new Project.
pub static PROJECT_REQUEST: Kind = Kind {
    kind: "ProjectRequest",
    plural: "projectrequests",
    verbs: &["create", "list"],
    schema: "com.github.openshift.api.project.v1.ProjectRequest",
    ..GROUP
};
