//! The templates of the project `openshift`: databases, each without and with a volume that lasts.

use crate::object::{Value, json};
use serde::Deserialize;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("templates.yaml");

/// A database of the table; its fields are explained there.
#[derive(Deserialize)]
pub struct Database {
    title: String,
    icon: String,
    prefix: String,
    version: String,
    port: u16,
    login: Vec<String>,
    data: String,
}

/// Every template.
pub fn objects(release: &str) -> Vec<Value> {
    let table = databases();
    let both = |(name, database): (&String, &Database)| {
        [false, true].map(|lasting| database.template(name, lasting, release))
    };
    table.iter().flat_map(both).collect()
}

/// The databases by name.
pub fn databases() -> BTreeMap<String, Database> {
    // The table is part of the program: a test says that it can be read.
    serde_norway::from_str(TABLE).unwrap_or_default()
}

/// What people read of a template, and what catalogues find it by.
pub fn annotations(title: &str, about: &str, icon: &str, tags: &str, release: &str) -> Value {
    json!({
        "openshift.io/display-name": title, "description": about,
        "iconClass": icon, "tags": tags,
        "openshift.io/provider-display-name": "Red Hat, Inc.",
        "samples.operator.openshift.io/version": release,
    })
}

const SERVICE: &str = "${DATABASE_SERVICE_NAME}";

impl Database {
    fn template(&self, name: &str, lasting: bool, release: &str) -> Value {
        let (kind, what) = match lasting {
            true => ("persistent", "Keeps its data in a persistent volume."),
            false => ("ephemeral", "Loses its data with its pod: for trying things out only."),
        };
        let title = &self.title;
        let message = format!(
            "The database runs in your project. Its service is ${{DATABASE_SERVICE_NAME}}, port {}; \
             user names and passwords are in the secret of the same name.",
            self.port
        );
        let (about, tags) =
            (format!("{title} database service. {what}"), format!("database,{name}"));
        json!({
            "apiVersion": "template.openshift.io/v1", "kind": "Template",
            "metadata": {"name": format!("{name}-{kind}"), "namespace": "openshift",
                "labels": {"samples.operator.openshift.io/managed": "true"},
                "annotations": annotations(title, &about, &self.icon, &tags, release)},
            "message": message,
            "labels": {"template": format!("{name}-{kind}-template")},
            "parameters": self.parameters(name, lasting),
            "objects": self.objects(name, lasting),
        })
    }

    /// What the database consists of.
    pub fn objects(&self, name: &str, lasting: bool) -> Vec<Value> {
        let mut objects = vec![self.secret(), self.service()];
        if lasting {
            objects.push(claim());
        }
        objects.push(self.config(name, lasting));
        objects
    }

    /// Variables that hold what its secret holds.
    pub fn variables(&self) -> Vec<Value> {
        let from_secret = |(key, name): (String, String)| {
            json!({"name": name,
                "valueFrom": {"secretKeyRef": {"name": SERVICE, "key": key}}})
        };
        self.login().into_iter().map(from_secret).collect()
    }

    /// Variables from the secret: key and name.
    fn login(&self) -> Vec<(String, String)> {
        let prefix = &self.prefix;
        let mut all = vec![("database-password".to_owned(), format!("{prefix}_PASSWORD"))];
        for part in &self.login {
            all.push(match part.as_str() {
                "user" => ("database-user".into(), format!("{prefix}_USER")),
                "root" => ("database-root-password".into(), format!("{prefix}_ROOT_PASSWORD")),
                _ => ("database-name".into(), format!("{prefix}_DATABASE")),
            });
        }
        all.sort();
        all
    }

    /// The parameters of its objects.
    pub fn parameters(&self, name: &str, lasting: bool) -> Vec<Value> {
        let given = |name: &str, title: &str, value: &str| json!({"name": name, "displayName": title, "value": value, "required": true});
        let made = |name: &str, title: &str, from: &str| {
            json!({"name": name, "displayName": title, "generate": "expression", "from": from,
                "required": true})
        };
        let mut all = vec![
            given("MEMORY_LIMIT", "Memory Limit", "512Mi"),
            json!({"name": "NAMESPACE", "displayName": "Namespace", "value": "openshift",
                "description": "Where the image stream of the database is."}),
            given("DATABASE_SERVICE_NAME", "Database Service Name", name),
        ];
        for (key, variable) in self.login() {
            all.push(match key.as_str() {
                "database-user" => made(&variable, "Connection Username", "user[A-Z0-9]{3}"),
                "database-name" => given(&variable, "Database Name", "sampledb"),
                "database-root-password" => {
                    made(&variable, "Root User Password", "[a-zA-Z0-9]{16}")
                }
                _ => made(&variable, "Connection Password", "[a-zA-Z0-9]{16}"),
            });
        }
        if lasting {
            all.push(given("VOLUME_CAPACITY", "Volume Capacity", "1Gi"));
        }
        let version = format!("{}_VERSION", name.to_uppercase());
        all.push(given(&version, "Version of the image", &self.version));
        all
    }

    fn secret(&self) -> Value {
        let data = self.login().into_iter().map(|(key, name)| (key, json!(format!("${{{name}}}"))));
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SERVICE},
            "stringData": data.collect::<crate::object::Map>()})
    }

    fn service(&self) -> Value {
        let port = json!({"name": "database", "port": self.port, "targetPort": self.port});
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE},
            "spec": {"ports": [port], "selector": {"name": SERVICE}}})
    }

    fn config(&self, name: &str, lasting: bool) -> Value {
        let probe = |delay: u32| {
            json!({"tcpSocket": {"port": self.port}, "initialDelaySeconds": delay,
                "timeoutSeconds": 1})
        };
        let volume = match lasting {
            true => json!({"name": "data", "persistentVolumeClaim": {"claimName": SERVICE}}),
            false => json!({"name": "data", "emptyDir": {}}),
        };
        let container = json!({
            "name": name, "image": " ", "imagePullPolicy": "IfNotPresent",
            "ports": [{"containerPort": self.port}],
            "env": self.variables(),
            "resources": {"limits": {"memory": "${MEMORY_LIMIT}"}},
            "volumeMounts": [{"name": "data", "mountPath": self.data}],
            "readinessProbe": probe(5), "livenessProbe": probe(30),
        });
        let tag = format!("{name}:${{{}_VERSION}}", name.to_uppercase());
        let image = json!({"automatic": true, "containerNames": [name],
            "from": {"kind": "ImageStreamTag", "namespace": "${NAMESPACE}", "name": tag}});
        json!({
            "apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig",
            "metadata": {"name": SERVICE,
                "annotations": {"template.alpha.openshift.io/wait-for-ready": "true"}},
            "spec": {
                "replicas": 1, "selector": {"name": SERVICE}, "strategy": {"type": "Recreate"},
                "triggers": [{"type": "ImageChange", "imageChangeParams": image},
                    {"type": "ConfigChange"}],
                "template": {"metadata": {"labels": {"name": SERVICE}},
                    "spec": {"containers": [container], "volumes": [volume]}},
            },
        })
    }
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": SERVICE},
        "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "${VOLUME_CAPACITY}"}}}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectExt;

    #[test]
    fn every_database_has_both() {
        let all = objects("4.23.0");
        let names: Vec<&str> = all.iter().map(|t| t.name()).collect();
        assert_eq!(
            names,
            [
                "mariadb-ephemeral",
                "mariadb-persistent",
                "mysql-ephemeral",
                "mysql-persistent",
                "postgresql-ephemeral",
                "postgresql-persistent",
                "redis-ephemeral",
                "redis-persistent"
            ]
        );
        let mysql = &all[3];
        let parameters: Vec<&str> =
            mysql.list_at("parameters").iter().map(|p| p.str_at("name")).collect();
        assert_eq!(parameters.len(), 9, "{parameters:?}");
        assert_eq!(mysql.list_at("objects").len(), 4);
    }
}
