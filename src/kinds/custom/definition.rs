//! A definition, read once per revision: one served kind per served version.

use super::{Conversion, Custom, Printer, Scale, VersionSchema, versions};
use crate::{
    kinds::{Generation, Kind, Name, NameRule, Served, ServedKind, Sub, kind::ALL_VERBS},
    object::{ObjectExt, Value, json},
};
use serde::{Deserialize, Deserializer};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// What is served of a definition.
#[derive(Default)]
pub struct Definition {
    /// Its served versions, the preferred first. Empty until its names are accepted.
    pub versions: Vec<Served>,
    /// The kind through which its rows are reached, whether or not anything is served.
    pub rows: Option<Served>,
    /// Its names.
    pub names: Names,
}

/// The names a definition wants, and those it was given.
#[derive(Default)]
#[allow(missing_docs)]
pub struct Names {
    pub group: String,
    pub wanted: Claims,
    pub accepted: Claims,
}

/// Names that are one definition's alone within its group.
#[derive(Default, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Claims {
    pub plural: String,
    pub singular: String,
    pub short: Vec<String>,
    pub kind: String,
    pub list_kind: String,
    pub categories: Vec<String>,
}

impl Claims {
    fn read(object: &Value, at: &str) -> Claims {
        let text = |name: &str| object.str_at(&format!("{at}.{name}")).to_owned();
        let list = |name: &str| {
            let list = object.list_at(&format!("{at}.{name}")).iter();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Claims {
            plural: text("plural"),
            singular: text("singular"),
            short: list("shortNames"),
            kind: text("kind"),
            list_kind: text("listKind"),
            categories: list("categories"),
        }
    }

    /// What stands in paths and on command lines.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let own = [self.plural.as_str(), self.singular.as_str()];
        own.into_iter().chain(self.short.iter().map(String::as_str)).filter(|w| !w.is_empty())
    }

    /// What stands in `kind`.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        [self.kind.as_str(), self.list_kind.as_str()].into_iter().filter(|w| !w.is_empty())
    }

    /// As `status.acceptedNames`.
    pub fn shown(&self) -> Value {
        let mut out = json!({"plural": self.plural, "kind": self.kind});
        for (name, text) in [("singular", &self.singular), ("listKind", &self.list_kind)] {
            if !text.is_empty() {
                out[name] = json!(text);
            }
        }
        for (name, list) in [("shortNames", &self.short), ("categories", &self.categories)] {
            if !list.is_empty() {
                out[name] = json!(list);
            }
        }
        out
    }
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Definition, D::Error> {
        Value::deserialize(deserializer).map(|object| Definition::of(&object))
    }
}

/// Whether a condition of an object is True.
fn is_true(object: &Value, condition: &str) -> bool {
    object.condition(condition).is_some_and(|c| c.str_at("status") == "True")
}

impl Definition {
    /// Reads a definition.
    pub fn of(object: &Value) -> Definition {
        let mut all: Vec<&Value> = object.list_at("spec.versions").iter().collect();
        all.sort_by(|a, b| versions::compare(b.str_at("name"), a.str_at("name")));
        let served: Vec<&&Value> = all.iter().filter(|v| v.is_true("served")).collect();
        let storage = all.iter().find(|v| v.is_true("storage")).copied();
        let schemas = schemas(object, &all);
        let make = |version: &Value| Served::Made(Arc::new(kind(object, version, &all, &schemas)));
        let kinds: Vec<Served> = served.iter().map(|v| make(v)).collect();
        let stores = storage.map(|v| v.str_at("name"));
        let rows = kinds.iter().find(|k| Some(k.version.as_str()) == stores).or(kinds.first());
        let rows = rows.cloned().or_else(|| storage.map(make));
        let accepted = is_true(object, "NamesAccepted") || is_true(object, "Established");
        let names = Names {
            group: object.str_at("spec.group").into(),
            wanted: Claims::read(object, "spec.names"),
            accepted: Claims::read(object, "status.acceptedNames"),
        };
        Definition { versions: if accepted { kinds } else { Vec::new() }, rows, names }
    }
}

/// The schemas of a definition by version.
type Schemas = Vec<(Name, Arc<VersionSchema>)>;

fn schemas(object: &Value, all: &[&Value]) -> Schemas {
    let preserve = object.is_true("spec.preserveUnknownFields");
    let compile = |version: &&Value| {
        let schema = VersionSchema::of(version.at("schema.openAPIV3Schema"), preserve);
        (version.str_at("name").to_owned().into(), schema)
    };
    all.iter().map(compile).collect()
}

/// One version as a kind.
fn kind(object: &Value, version: &Value, all: &[&Value], schemas: &Schemas) -> ServedKind {
    let text = |path: &str| -> Name { object.str_at(path).to_owned().into() };
    let accepted = |name: &str| -> Name {
        match object.str_at(&format!("status.acceptedNames.{name}")) {
            "" => text(&format!("spec.names.{name}")),
            accepted => accepted.to_owned().into(),
        }
    };
    let names = |name: &str| -> Vec<Name> {
        let list = object.list_at(&format!("status.acceptedNames.{name}")).iter();
        list.filter_map(Value::as_str).map(|n| n.to_owned().into()).collect()
    };
    let status = version.at("subresources.status").is_some();
    let scale = version.at("subresources.scale");
    let group = object.str_at("spec.group");
    let name = version.str_at("name");
    let selectable = version.list_at("selectableFields").iter();
    let made = ServedKind {
        group: text("spec.group"),
        version: name.to_owned().into(),
        kind: text("spec.names.kind"),
        plural: text("spec.names.plural"),
        singular: accepted("singular"),
        list_kind: accepted("listKind"),
        short: names("shortNames"),
        categories: names("categories"),
        namespaced: object.str_at("spec.scope") == "Namespaced",
        verbs: ALL_VERBS,
        subresources: match (status, scale.is_some()) {
            (true, true) => &[Sub::STATUS, Sub::SCALE],
            (true, false) => &[Sub::STATUS],
            (false, true) => &[Sub::SCALE],
            (false, false) => &[],
        },
        selectable: selectable
            .map(|f| f.str_at("jsonPath").trim_start_matches('.').to_owned().into())
            .collect(),
        schema: definition_name(group, name, object.str_at("spec.names.kind")).into(),
        generation: if status { Generation::Spec } else { Generation::Whole },
        name_rule: NameRule::Subdomain,
        unconditional_update: false,
        deprecated: deprecation(object, version, all).into(),
        deprecated_since: 0,
        since: 0,
        until: u8::MAX,
        custom: Some(Arc::new(custom(object, version, schemas))),
        ..ServedKind::of(&Kind::BASE)
    };
    made.identified()
}

fn custom(object: &Value, version: &Value, schemas: &Schemas) -> Custom {
    let preserve = object.is_true("spec.preserveUnknownFields");
    let name = version.str_at("name");
    let (own, others): (Schemas, Schemas) =
        schemas.iter().cloned().partition(|(other, _)| *other == *name);
    let own = own.into_iter().next().map(|(_, schema)| schema);
    let schema = own.unwrap_or_else(|| VersionSchema::of(None, preserve));
    let conversion = conversion(object);
    let mut hasher = DefaultHasher::new();
    // What a stored object looks like depends on the version it was stored in.
    (object.uid(), name, object["spec"]["versions"].to_string(), preserve).hash(&mut hasher);
    conversion.as_ref().map(|c| c.client.to_string()).hash(&mut hasher);
    let path = |of: &Value, name: &str| of.str_at(name).to_owned();
    Custom {
        schema,
        others,
        columns: Printer::read(version),
        scale: version.at("subresources.scale").map(|s| Scale {
            spec: path(s, "specReplicasPath"),
            status: path(s, "statusReplicasPath"),
            selector: path(s, "labelSelectorPath"),
        }),
        established: is_true(object, "Established"),
        terminating: object.is_deleting() && is_true(object, "Terminating"),
        storage_version: object
            .list_at("spec.versions")
            .iter()
            .find(|v| v.is_true("storage"))
            .map_or("", |v| v.str_at("name"))
            .to_owned()
            .into(),
        conversion,
        digest: hasher.finish(),
    }
}

/// The webhook a definition names.
fn conversion(object: &Value) -> Option<Conversion> {
    if object.str_at("spec.conversion.strategy") != "Webhook" {
        return None;
    }
    let webhook = object.at("spec.conversion.webhook")?;
    let reviews = webhook.list_at("conversionReviewVersions").iter();
    Some(Conversion {
        client: webhook.get("clientConfig").cloned().unwrap_or_default(),
        reviews: reviews.filter_map(|v| v.as_str().map(str::to_owned)).collect(),
    })
}

/// `com.example.v1.Foo`.
fn definition_name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').collect();
    parts.reverse();
    format!("{}.{version}.{kind}", parts.join("."))
}

/// The text of the Warning header of a deprecated version.
fn deprecation(object: &Value, version: &Value, all: &[&Value]) -> String {
    if !version.is_true("deprecated") {
        return String::new();
    }
    let said = version.str_at("deprecationWarning");
    if !said.is_empty() {
        return said.to_owned();
    }
    let (group, kind) = (object.str_at("spec.group"), object.str_at("spec.names.kind"));
    let name = version.str_at("name");
    let better = all.iter().find(|v| {
        v.is_true("served")
            && !v.is_true("deprecated")
            && versions::compare(v.str_at("name"), name).is_gt()
    });
    let text = format!("{group}/{name} {kind} is deprecated");
    match better {
        Some(v) => format!("{text}; use {group}/{} {kind}", v.str_at("name")),
        None => text,
    }
}
