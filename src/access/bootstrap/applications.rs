//! The templates of the project `openshift` that build an application from its source and run it,
//! some with a database.

use super::templates::{Database, annotations, databases};
use crate::object::{Value, json};
use serde::Deserialize;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("applications.yaml");
const NAME: &str = "${NAME}";

/// An application of the table; its fields are explained there.
#[derive(Deserialize)]
struct Application {
    title: String,
    icon: String,
    stream: String,
    version: String,
    source: String,
    database: Option<String>,
    about: String,
}

/// Every template.
pub fn objects(release: &str) -> Vec<Value> {
    // The table is part of the program: a test says that it can be read.
    let table: BTreeMap<String, Application> = serde_norway::from_str(TABLE).unwrap_or_default();
    let databases = databases();
    let both = |(name, application): (&String, &Application)| {
        let of = |lasting| application.template(name, &databases, lasting, release);
        let lasting = application.database.is_some();
        std::iter::once(of(false)).chain(lasting.then(|| of(true))).collect::<Vec<_>>()
    };
    table.iter().flat_map(both).collect()
}

impl Application {
    fn template(
        &self,
        name: &str,
        databases: &BTreeMap<String, Database>,
        lasting: bool,
        release: &str,
    ) -> Value {
        let database = self.database.as_ref().and_then(|d| Some((d, databases.get(d)?)));
        let (mut objects, mut parameters) = (self.objects(database), self.parameters(name));
        if let Some((kind, database)) = database {
            objects.extend(database.objects(kind, lasting));
            parameters.extend(database.parameters(kind, lasting));
            // Asked for once, for both.
            let mut seen = std::collections::BTreeSet::new();
            parameters.retain(|p| seen.insert(p["name"].to_string()));
        }
        let (whole, what) = match (database.is_some(), lasting) {
            (true, true) => (format!("{name}-persistent"), " Its data lasts."),
            (true, false) => (name.to_owned(), " Its data is lost with its pod."),
            (false, _) => (name.to_owned(), ""),
        };
        let tags = format!("quickstart,{}", self.stream);
        let about = format!("{}{what}", self.about);
        json!({
            "apiVersion": "template.openshift.io/v1", "kind": "Template",
            "metadata": {"name": whole, "namespace": "openshift",
                "labels": {"samples.operator.openshift.io/managed": "true"},
                "annotations": annotations(&self.title, &about, &self.icon, &tags, release)},
            "message": "The service of your application is ${NAME}; its build starts by itself.",
            "labels": {"template": name, "app": NAME},
            "parameters": parameters, "objects": objects,
        })
    }

    fn parameters(&self, name: &str) -> Vec<Value> {
        let given = |name: &str, title: &str, value: &str| json!({"name": name, "displayName": title, "value": value, "required": true});
        let open = |name: &str, title: &str, value: &str| json!({"name": name, "displayName": title, "value": value});
        let secret = |name: &str, title: &str| {
            json!({"name": name, "displayName": title, "generate": "expression",
                "from": "[a-zA-Z0-9]{40}"})
        };
        let version = format!("{}_VERSION", self.stream.to_uppercase());
        vec![
            given("NAME", "Name", name),
            given("NAMESPACE", "Namespace", "openshift"),
            given(&version, "Version of the builder", &self.version),
            given("MEMORY_LIMIT", "Memory Limit", "512Mi"),
            given("SOURCE_REPOSITORY_URL", "Git Repository URL", &self.source),
            open("SOURCE_REPOSITORY_REF", "Git Reference", ""),
            open("CONTEXT_DIR", "Context Directory", ""),
            open("APPLICATION_DOMAIN", "Application Hostname", ""),
            secret("GITHUB_WEBHOOK_SECRET", "GitHub Webhook Secret"),
            secret("GENERIC_WEBHOOK_SECRET", "Generic Webhook Secret"),
        ]
    }

    fn objects(&self, database: Option<(&String, &Database)>) -> Vec<Value> {
        let port = json!({"name": "web", "port": 8080, "targetPort": 8080});
        vec![
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
                "spec": {"ports": [port], "selector": {"name": NAME}}}),
            json!({"apiVersion": "route.openshift.io/v1", "kind": "Route",
                "metadata": {"name": NAME,
                    "annotations": {"template.openshift.io/expose-uri": "http://{.spec.host}{.spec.path}"}},
                "spec": {"host": "${APPLICATION_DOMAIN}", "to": {"kind": "Service", "name": NAME}}}),
            json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
                "metadata": {"name": NAME}}),
            self.build(),
            self.deployment(database),
        ]
    }

    fn build(&self) -> Value {
        let tag = format!("{0}:${{{1}_VERSION}}", self.stream, self.stream.to_uppercase());
        json!({
            "apiVersion": "build.openshift.io/v1", "kind": "BuildConfig",
            "metadata": {"name": NAME,
                "annotations": {"template.alpha.openshift.io/wait-for-ready": "true"}},
            "spec": {
                "source": {"type": "Git", "contextDir": "${CONTEXT_DIR}", "git": {
                    "uri": "${SOURCE_REPOSITORY_URL}", "ref": "${SOURCE_REPOSITORY_REF}"}},
                "strategy": {"type": "Source", "sourceStrategy": {"from": {
                    "kind": "ImageStreamTag", "namespace": "${NAMESPACE}", "name": tag}}},
                "output": {"to": {"kind": "ImageStreamTag", "name": "${NAME}:latest"}},
                "triggers": [{"type": "ImageChange", "imageChange": {}}, {"type": "ConfigChange"},
                    {"type": "GitHub", "github": {"secret": "${GITHUB_WEBHOOK_SECRET}"}},
                    {"type": "Generic", "generic": {"secret": "${GENERIC_WEBHOOK_SECRET}"}}],
            },
        })
    }

    fn deployment(&self, database: Option<(&String, &Database)>) -> Value {
        let trigger = json!([{"from": {"kind": "ImageStreamTag", "name": "${NAME}:latest"},
            "fieldPath": "spec.template.spec.containers[?(@.name==\"web\")].image"}]);
        let probe = |delay: u32| {
            json!({"httpGet": {"path": "/", "port": 8080}, "initialDelaySeconds": delay,
                "timeoutSeconds": 3})
        };
        let mut env = vec![];
        if let Some((_, database)) = database {
            let name = "DATABASE_SERVICE_NAME";
            env.push(json!({"name": name, "value": "${DATABASE_SERVICE_NAME}"}));
            env.extend(database.variables());
        }
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": NAME, "annotations": {
                "image.openshift.io/triggers": trigger.to_string(),
                "template.alpha.openshift.io/wait-for-ready": "true"}},
            "spec": {
                "replicas": 1, "selector": {"matchLabels": {"name": NAME}},
                "strategy": {"type": "RollingUpdate"},
                "template": {"metadata": {"labels": {"name": NAME}}, "spec": {"containers": [{
                    "name": "web", "image": " ", "ports": [{"containerPort": 8080}], "env": env,
                    "resources": {"limits": {"memory": "${MEMORY_LIMIT}"}},
                    "readinessProbe": probe(3), "livenessProbe": probe(30)}]}},
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectExt;
    use std::collections::BTreeSet;

    #[test]
    fn every_parameter_is_there_once() {
        let all = objects("4.23.0");
        let names: Vec<&str> = all.iter().map(|t| t.name()).collect();
        assert_eq!(
            names,
            [
                "cakephp-mysql-example",
                "cakephp-mysql-example-persistent",
                "django-psql-example",
                "django-psql-example-persistent",
                "httpd-example",
                "nginx-example",
                "nodejs-postgresql-example",
                "nodejs-postgresql-example-persistent"
            ]
        );
        for template in &all {
            let parameters = template.list_at("parameters");
            let names: BTreeSet<&str> = parameters.iter().map(|p| p.str_at("name")).collect();
            assert_eq!(names.len(), parameters.len(), "{}", template.name());
            // Whatever is referred to is a parameter.
            let text = Value::from(template.list_at("objects").to_vec()).to_string();
            for part in text.split("${").skip(1) {
                let name = part.split('}').next().unwrap_or_default();
                assert!(names.contains(name), "{} {name}", template.name());
            }
        }
        assert_eq!(all[4].list_at("objects").len(), 5);
        assert_eq!(all[7].list_at("objects").len(), 9);
    }
}
