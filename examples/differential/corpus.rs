//! Where random requests start: one manifest of each kind that both servers know, and the types of the
//! server that is held to be right.

use crate::answer::Side;
use rand::{Rng, rngs::StdRng};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, error::Error, fs, path::Path};

/// All starting points.
pub struct Corpus {
    /// One for each kind.
    pub subjects: Vec<Subject>,
    definitions: Map<String, Value>,
}

/// A kind with a manifest of it.
pub struct Subject {
    /// `plural.group`.
    pub resource: String,
    /// Path of the collection, with `{}` for the namespace.
    path: String,
    /// A manifest that is valid.
    pub object: Value,
    /// The name of its type.
    pub definition: String,
}

impl Subject {
    /// The path of the collection. What limits its neighbours has none.
    pub fn path(&self, namespace: &str) -> String {
        let alone = ["limitranges", "resourcequotas"].contains(&self.resource.as_str());
        let namespace = if alone { format!("{namespace}-limits") } else { namespace.to_owned() };
        self.path.replace("{}", &namespace)
    }
}

impl Corpus {
    /// Reads a folder of manifests and both servers' discovery.
    pub async fn load(
        folder: &Path,
        left: &Side,
        right: &Side,
        only: &[String],
    ) -> Result<Corpus, Box<dyn Error>> {
        let types = right.get("/openapi/v2").await?.body;
        let definitions = types["definitions"].as_object().cloned().unwrap_or_default();
        let mut corpus = Corpus { subjects: vec![], definitions };
        let mut files: Vec<_> =
            fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
        files.sort();
        for file in files {
            for document in serde_norway::Deserializer::from_str(&fs::read_to_string(&file)?) {
                let object = Value::deserialize(document)?;
                if let Some(subject) = corpus.subject(object, left, right).await?
                    && (only.is_empty() || only.contains(&subject.resource))
                {
                    corpus.subjects.push(subject);
                }
            }
        }
        if corpus.subjects.is_empty() {
            return Err("no kind is served by both".into());
        }
        Ok(corpus)
    }

    async fn subject(
        &self,
        object: Value,
        left: &Side,
        right: &Side,
    ) -> Result<Option<Subject>, Box<dyn Error>> {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let root = if version.contains('/') { "/apis" } else { "/api" };
        let mut found = BTreeSet::new();
        for side in [left, right] {
            let list = side.get(&format!("{root}/{version}")).await?;
            let resources = list.body["resources"].as_array().cloned().unwrap_or_default();
            let named = resources.iter().find(|r| {
                r["kind"] == kind && !r["name"].as_str().unwrap_or_default().contains('/')
            });
            let Some(named) = named else { return Ok(None) };
            let plural = named["name"].as_str().unwrap_or_default().to_owned();
            found.insert((plural, named["namespaced"] == true));
        }
        let Some((plural, namespaced)) = found.pop_first().filter(|_| found.is_empty()) else {
            return Ok(None);
        };
        let middle = if namespaced { "/namespaces/{}" } else { "" };
        let (group, bare) = version.rsplit_once('/').unwrap_or(("", version));
        let dot = if group.is_empty() { "" } else { "." };
        let Some(definition) = self.named(group, bare, kind) else { return Ok(None) };
        Ok(Some(Subject {
            resource: format!("{plural}{dot}{group}"),
            path: format!("{root}/{version}{middle}/{plural}"),
            object,
            definition,
        }))
    }

    fn named(&self, group: &str, version: &str, kind: &str) -> Option<String> {
        let fits = |g: &Value| g["group"] == group && g["version"] == version && g["kind"] == kind;
        let of = |d: &Value| {
            d["x-kubernetes-group-version-kind"].as_array().is_some_and(|all| all.iter().any(fits))
        };
        self.definitions.iter().find(|(_, d)| of(d)).map(|(name, _)| name.clone())
    }

    /// The type a schema means, references followed.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.definition(name.trim_start_matches("#/definitions/")),
            None => schema,
        }
    }

    /// A type by its name.
    pub fn definition(&self, name: &str) -> &Value {
        self.definitions.get(name).unwrap_or(&Value::Null)
    }

    /// One of the kinds.
    pub fn pick(&self, chance: &mut StdRng) -> &Subject {
        &self.subjects[chance.random_range(0..self.subjects.len())]
    }
}
