//! Makes TemplateInstances real: processes the template, asks whether its requester may create what
//! comes of it, creates it and waits until it is ready; and takes it away with the instance.
//! Source: openshift-controller-manager `pkg/template/controller`.

mod ready;

use super::{Controller, Outcome, Plan, Step, View, Watch, Write, WriteVerb, rights};
use crate::{
    api::{self, PatchType},
    error::Error,
    kinds::{AccessReview, Served},
    object::{ObjectExt, Value, json, name, time},
    settings::Settings,
    store::{Change, Entry, Snapshot},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use ready::Readiness;
use std::sync::Arc;

const INSTANCES: &str = "templateinstances.template.openshift.io";
/// On everything that was made: the instance's uid.
const OWNER: &str = "template.openshift.io/template-instance-owner";
/// What was made must go first.
const FINALIZER: &str = "template.openshift.io/finalizer";
const PROCESSED: &str = "processedtemplates.template.openshift.io";
const FAILURE: &str = "InstantiateFailure";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "template-instance-controller",
    user: "system:serviceaccount:openshift-infra:template-instance-controller",
    manager: "openshift-controller-manager",
    watches: &[Watch::Itself(INSTANCES), Watch::Any(of_made)],
    reconcile,
    ..Controller::BASE
};

/// Takes away what an instance has made, before the instance goes.
pub static FINALIZER_CONTROLLER: Controller = Controller {
    name: "template-instance-finalizer-controller",
    user: "system:serviceaccount:openshift-infra:template-instance-finalizer-controller",
    manager: "openshift-controller-manager",
    watches: &[Watch::Itself(INSTANCES)],
    reconcile: finalize,
    ..Controller::BASE
};

/// The instance that something was made for.
fn of_made(view: &View, change: &Change) -> Vec<String> {
    let Some(uid) = change.entry.meta.label(OWNER) else { return Vec::new() };
    let owner = view.objects.by_uid(uid).filter(|e| &*e.resource == INSTANCES);
    owner.map(|e| e.key.to_string()).into_iter().collect()
}

fn has(instance: &Value, condition: &str) -> bool {
    instance.condition(condition).is_some_and(|c| c.str_at("status") == "True")
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(instance) = view.value(INSTANCES, key) else { return Plan::none() };
    if instance.is_deleting() || has(&instance, "Ready") || has(&instance, FAILURE) {
        return Plan::none();
    }
    let wanted = instance.list_at("spec.template.objects").len();
    let made = instance.list_at("status.objects").len();
    let making = Instantiation {
        before: instance.clone(),
        instance,
        objects: Arc::clone(&view.objects),
        settings: Arc::clone(&view.settings),
        now: view.now,
    };
    match made == wanted {
        true => making.look(view),
        false => making.begin(),
    }
}

/// The kind of an object, as the cluster serves it.
fn kind_of(objects: &Snapshot, settings: &Settings, object: &Value) -> Option<Served> {
    let catalogue = api::catalogue(objects, settings);
    catalogue.by_kind(object.str_at("apiVersion"), object.str_at("kind"))
}

/// An instance on its way.
struct Instantiation {
    before: Value,
    instance: Value,
    /// The world when it was looked at.
    objects: Arc<Snapshot>,
    settings: Arc<Settings>,
    now: Timestamp,
}

impl Instantiation {
    /// Says whether what was made is ready.
    fn look(mut self, view: &View) -> Plan {
        let mut again = None;
        match ready::of(view, &self.instance) {
            Ok(Readiness::Ready) => self.say("Ready", "True", "Created", ""),
            Ok(Readiness::Waiting(until)) => {
                again = Some(until);
                self.wait();
            }
            Err(why) => {
                self.say(FAILURE, "True", "Failed", &why);
                let why = "See InstantiateFailure condition for error message";
                self.say("Ready", "False", "Failed", why);
            }
        }
        let mut plan = self.settle();
        if let Some(until) = again {
            plan.look_again(until);
        }
        plan
    }

    /// Asks for the template's objects and for the requester's rights to what they are made of.
    fn begin(self) -> Plan {
        let (namespace, requester) = (self.instance.namespace(), self.requester());
        if requester.str_at("username").is_empty() {
            return self.fail("spec.requester.username not set".into());
        }
        let mut template = self.instance.at("spec.template").cloned().unwrap_or_default();
        template.set_at("apiVersion", "template.openshift.io/v1");
        template.set_at("kind", "Template");
        template.set_at("metadata.namespace", namespace);
        let mut asked = Vec::new();
        let secret = self.instance.str_at("spec.secret.name");
        if !secret.is_empty() {
            let Some(found) = self.objects.get("secrets", namespace, secret) else {
                let why = format!("secrets \"{secret}\" not found");
                return self.fail(format!("unable to retrieve TemplateInstance Secret: {why}"));
            };
            fill_in(&found.lean(), &mut template);
            let (verb, resource, name) = ("get", "secrets", secret);
            let right = AccessReview { verb, resource, namespace, name, ..Default::default() };
            asked.push(rights::ask(right, &requester));
        }
        let named = template.str_at("metadata.name").to_owned();
        let (group, resource) = ("template.openshift.io", "templateconfigs");
        let (verb, name) = ("create", named.as_str());
        let right = AccessReview { verb, group, resource, namespace, name, sub: "" };
        asked.push(rights::ask(right, &requester));
        let mut plan = Plan::none();
        plan.all(asked, false);
        plan.write(Write::create(PROCESSED, template));
        plan.then = Some(Box::new(move |outcome| self.processed(outcome)));
        plan
    }

    fn requester(&self) -> Value {
        self.instance.at("spec.requester").cloned().unwrap_or_default()
    }

    /// Goes on with the template's objects, if the requester may have them.
    fn processed(self, outcome: &Outcome) -> Plan {
        let words = |write: &Write| match write.body.str_at("spec.resourceAttributes.resource") {
            "secrets" => "unable to authorize user to retrive TemplateInstance Secret",
            "templateconfigs" => "unable to authorize user to create TemplateConfig ",
            _ => "unable to process Template objects",
        };
        let mut objects = Vec::new();
        for (write, result) in &outcome.results {
            if let Some(why) = rights::refused(result) {
                return self.fail(format!("{}: {why}", words(write)));
            }
            if let Ok(Some(answer)) = result
                && write.resource == *PROCESSED
            {
                objects = answer.value().list_at("objects").to_vec();
            }
        }
        let (mut asked, mut wrong) = (Vec::new(), Vec::new());
        for object in &mut objects {
            object.set_label(OWNER, self.instance.uid());
            let Some(kind) = kind_of(&self.objects, &self.settings, object) else {
                wrong.push(unknown(object));
                continue;
            };
            let (group, resource) = (kind.group.to_string(), kind.plural.to_string());
            let (group, resource) = (group.as_str(), resource.as_str());
            let (verb, name, namespace) = ("create", object.name(), &*self.place(&kind, object));
            let right = AccessReview { verb, group, resource, namespace, name, sub: "" };
            asked.push(rights::ask(right, &self.requester()));
        }
        let mut plan = Plan::none();
        plan.all(asked, false);
        plan.then = Some(Box::new(move |outcome| {
            wrong.extend(outcome.results.iter().filter_map(|(write, result)| {
                let (resource, name) = rights::asked(&write.body);
                let why = rights::refused(result)?;
                Some(format!("unable to authorize user to create {resource}, Name={name}: {why}"))
            }));
            if wrong.is_empty() { self.create(objects) } else { self.fail(wrong.join("\n")) }
        }));
        plan
    }

    /// The namespace an object goes to.
    fn place(&self, kind: &Served, object: &Value) -> String {
        match (kind.namespaced, object.namespace()) {
            (false, _) => String::new(),
            (true, "") => self.instance.namespace().to_owned(),
            (true, own) => own.to_owned(),
        }
    }

    /// Creates the objects.
    fn create(self, objects: Vec<Value>) -> Plan {
        let mut writes = Vec::new();
        for mut object in objects {
            let Some(kind) = kind_of(&self.objects, &self.settings, &object) else { continue };
            let namespace = self.place(&kind, &object);
            if !namespace.is_empty() {
                object.set_at("metadata.namespace", namespace.as_str());
            }
            writes.push(Write::create(kind.resource().to_owned(), object));
        }
        let mut plan = Plan::none();
        // One after the other: what comes later may need what came before.
        plan.steps.extend(writes.into_iter().map(|w| Step { writes: vec![w], slow_start: false }));
        plan.then = Some(Box::new(move |outcome| self.created(outcome)));
        plan
    }

    fn created(mut self, outcome: &Outcome) -> Plan {
        let (mut made, mut wrong) = (Vec::new(), Vec::new());
        for (write, result) in &outcome.results {
            let body = &write.body;
            let entry = match result {
                Ok(Some(entry)) => Some(entry),
                Ok(None) => None,
                Err(error) => {
                    let mine = self.mine(write, error);
                    if mine.is_none() {
                        let kind = kind_of(&self.objects, &self.settings, body);
                        let of = kind.map(|k| k.gvr().to_string());
                        let (of, name) = (of.unwrap_or_default(), body.name());
                        wrong.push(format!("unable to create {of}, Name={name}: {error}"));
                    }
                    mine
                }
            };
            let Some(entry) = entry else { continue };
            let mut reference = json!({"kind": body.str_at("kind"), "name": &*entry.meta.name,
                "uid": &*entry.meta.uid, "apiVersion": body.str_at("apiVersion")});
            if !body.namespace().is_empty() {
                reference["namespace"] = json!(body.namespace());
            }
            made.push(json!({ "ref": reference }));
        }
        self.instance.set_at("status.objects", Value::Array(made.into()));
        if !wrong.is_empty() {
            return self.fail(wrong.join("\n"));
        }
        // The next look sees what is there now.
        self.wait();
        self.settle()
    }

    /// What is there already, when the instance has made it before.
    fn mine(&self, write: &Write, error: &Error) -> Option<&Arc<Entry>> {
        let there = self.objects.get(&write.resource, write.body.namespace(), write.body.name())?;
        let is = matches!(error, Error::AlreadyExists { .. });
        (is && there.meta.label(OWNER) == Some(self.instance.uid())).then_some(there)
    }

    fn wait(&mut self) {
        let why = "Waiting for instantiated objects to report ready";
        self.say("Ready", "False", "Waiting", why);
    }

    fn fail(mut self, why: String) -> Plan {
        self.say(FAILURE, "True", "Failed", &why);
        self.settle()
    }

    /// Notes a condition; one that says nothing new keeps its time.
    fn say(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let condition = json!({"type": kind, "status": status, "reason": reason,
            "message": message, "lastTransitionTime": time::seconds(self.now)});
        let mut all = self.instance.list_at("status.conditions").to_vec();
        let says = |c: &Value| ["status", "reason", "message"].map(|f| c.str_at(f).to_owned());
        match all.iter_mut().find(|c| c.str_at("type") == kind) {
            Some(old) if says(old) == says(&condition) => return,
            Some(old) => *old = condition,
            None => all.push(condition),
        }
        self.instance.set_at("status.conditions", Value::Array(all.into()));
    }

    /// Writes what became of the instance.
    fn settle(self) -> Plan {
        let mut plan = Plan::none();
        let mut finalizers = self.before.list_at("metadata.finalizers").to_vec();
        if !finalizers.iter().any(|f| f == FINALIZER) {
            finalizers.push(json!(FINALIZER));
            plan.write(patch(&self.before, json!({"metadata": {"finalizers": finalizers}}), ""));
        }
        if self.before.get("status") != self.instance.get("status") {
            let status = self.instance.get("status").cloned().unwrap_or_default();
            plan.write(patch(&self.before, json!({ "status": status }), "status"));
        }
        plan
    }
}

/// Puts in the parameters that a secret holds.
fn fill_in(secret: &Value, template: &mut Value) {
    for parameter in template.at_mut("parameters").as_array_mut().into_iter().flatten() {
        let value = secret.at("data").and_then(|d| d.get(parameter.str_at("name"))?.as_str());
        let text = value.and_then(|v| String::from_utf8(BASE64_STANDARD.decode(v).ok()?).ok());
        if let (Some(text), Some(parameter)) = (text, parameter.as_object_mut()) {
            parameter.insert("value".into(), json!(text));
            parameter.remove("generate");
        }
    }
}

fn unknown(object: &Value) -> String {
    let (version, kind) = (object.str_at("apiVersion"), object.str_at("kind"));
    let shown = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
    format!(
        "unable to identify the resource mapping for {shown}, Kind={kind}: no matches for kind \
         \"{kind}\" in version \"{version}\""
    )
}

/// A change of an instance.
fn patch(instance: &Value, patch: Value, sub: &'static str) -> Write {
    Write {
        verb: WriteVerb::Patch(PatchType::Merge),
        sub,
        namespace: instance.namespace().to_owned(),
        name: instance.name().to_owned(),
        ..Write::create(INSTANCES, patch)
    }
}

fn finalize(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(instance) = view.value(INSTANCES, key).filter(Value::is_deleting) else { return plan };
    let finalizers = instance.list_at("metadata.finalizers");
    if !finalizers.iter().any(|f| f == FINALIZER) {
        return plan;
    }
    let mut writes = Vec::new();
    for made in instance.list_at("status.objects").iter().filter_map(|o| o.get("ref")) {
        let Some(kind) = kind_of(&view.objects, &view.settings, made) else {
            let why = format!("error mapping object {made}");
            plan.event(&instance, false, "DeletionFailure", why);
            plan.retry = true;
            return plan;
        };
        let namespace = if kind.namespaced { made.str_at("namespace") } else { "" };
        let key = name::key(namespace, made.str_at("name"));
        if let Some(entry) = view.get(kind.resource(), &key) {
            let options = json!({"propagationPolicy": "Foreground"});
            writes.push(Write::delete(kind.resource().to_owned(), entry, options));
        }
    }
    plan.all(writes, false);
    let rest: Vec<&Value> = finalizers.iter().filter(|f| **f != FINALIZER).collect();
    plan.write(patch(&instance, json!({"metadata": {"finalizers": rest}}), ""));
    plan
}

#[cfg(test)]
mod tests;
