//! Building blocks for table columns.

use super::{kind::Column, moments::CellCx};
use crate::object::{ObjectExt, Value, json};

const BASE: Column = Column {
    name: "",
    kind: "string",
    format: "",
    priority: 0,
    description: "",
    cell: |_, _| Value::Null,
};

/// The name, always the first column.
pub const NAME: Column = Column {
    name: "Name",
    format: "name",
    description: "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    cell: |o, _| json!(o.name()),
    ..BASE
};

/// What the age means.
pub const AGE_TEXT: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// Time since creation.
pub const AGE: Column = Column {
    name: "Age",
    description: AGE_TEXT,
    cell: |o, cx| json!(cx.age(o.str_at("metadata.creationTimestamp"))),
    ..BASE
};

/// Only the age, for kinds without columns of their own.
pub const AGE_ONLY: &[Column] = &[AGE];

impl Column {
    /// A text column.
    pub const fn text(
        name: &'static str,
        description: &'static str,
        cell: fn(&Value, &CellCx) -> Value,
    ) -> Column {
        Column { name, description, cell, ..BASE }
    }
    /// An integer column.
    pub const fn int(
        name: &'static str,
        description: &'static str,
        cell: fn(&Value, &CellCx) -> Value,
    ) -> Column {
        Column { name, description, cell, kind: "integer", ..BASE }
    }
    /// The same column, shown only with `-o wide`.
    pub const fn wide(self) -> Column {
        Column { priority: 1, ..self }
    }
}
