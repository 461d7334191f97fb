//! Namespace.

use super::cells;
use crate::kinds::{Column, Hooks, Kind, NameRule, Sub, columns::AGE};

/// `namespaces`.
pub static NAMESPACE: Kind = Kind {
    kind: "Namespace",
    plural: "namespaces",
    short: &["ns"],
    namespaced: false,
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: &[Sub { name: "finalize", body: ("", "", ""), verbs: &["update"] }, Sub::STATUS],
    schema: "io.k8s.api.core.v1.Namespace",
    name_rule: NameRule::Label,
    delete_returns_object: true,
    selectable: &["status.phase"],
    columns: &[
        Column::text("Status", "Active or Terminating.", |o, _| cells::text(o, "status.phase")),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};
