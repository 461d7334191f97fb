//! The containers of a pod: names, images, ports, mounts, restart rules.

use super::{SpecOwner, env, probes, resources, security, volumes::Volumes};
use crate::{
    error::Causes,
    kinds::workloads::field::{Field, port_name_problems},
    object::{json, name},
};
use std::collections::HashSet;

/// All lists of containers of a pod spec.
pub fn validate(spec: &Field<'_>, volumes: &Volumes<'_>, place: SpecOwner, out: &mut Causes) {
    let grace = spec.get("terminationGracePeriodSeconds").int();
    let (users, never) = (shares_users(spec), spec.get("restartPolicy").text() == "Never");
    let main = spec.get("containers");
    if main.list().is_empty() {
        main.required(out, "");
    }
    let mut names = HashSet::new();
    for container in main.items() {
        common(&container, (volumes, users, never), out);
        unique(&container, &mut names, out);
        probes::lifecycle(&container.get("lifecycle"), grace, out);
        probes::all(&container, grace, out);
        restart_rules(&container, out);
    }
    host_ports(&main.items(), out);
    let init = spec.get("initContainers");
    for container in init.items() {
        common(&container, (volumes, users, never), out);
        restart_rules(&container, out);
        unique(&container, &mut names, out);
        host_ports(std::slice::from_ref(&container), out);
        init_probes(&container, grace, out);
    }
    ephemeral(spec, volumes, &mut names, out);
    if place == SpecOwner::Pod {
        main.items().iter().chain(&init.items()).for_each(|c| image_spaces(c, out));
    }
}

fn unique<'a>(container: &Field<'a>, names: &mut HashSet<&'a str>, out: &mut Causes) {
    let name = container.get("name");
    if !names.insert(name.text()) {
        name.duplicate(out);
    }
}

fn image_spaces(container: &Field<'_>, out: &mut Causes) {
    let image = container.get("image");
    if image.text() != image.text().trim() {
        image.invalid(out, "must not have leading or trailing whitespace");
    }
}

/// Whether a pod's users are the node's.
fn shares_users(spec: &Field<'_>) -> bool {
    spec.get("hostUsers").value != Some(&json!(false))
}

/// What all containers are checked for. `users` is whether their pod shares the node's user ids.
fn common(
    container: &Field<'_>,
    (volumes, users, never): (&Volumes<'_>, bool, bool),
    out: &mut Causes,
) {
    let field = |name: &str| container.get(name);
    field("name").needs_text(out);
    field("name").dns_label(out);
    field("image").needs_text(out);
    field("terminationMessagePolicy").one_of(out, &["File", "FallbackToLogsOnError"]);
    ports(&field("ports"), out);
    env::variables(&field("env"), out);
    env::sources(&field("envFrom"), out);
    mounts(container, volumes, out);
    devices(container, volumes, out);
    field("imagePullPolicy").one_of(out, &["Always", "IfNotPresent", "Never"]);
    resources::validate(&field("resources"), out);
    resize_policy(&field("resizePolicy"), never, out);
    security::container(&field("securityContext"), users, out);
}

/// What happens when resources change; `never` is the pod's restart policy.
fn resize_policy(list: &Field<'_>, never: bool, out: &mut Causes) {
    let mut seen = HashSet::new();
    for policy in list.items() {
        let (resource, restart) = (policy.get("resourceName"), policy.get("restartPolicy"));
        if !seen.insert(resource.text()) {
            out.duplicate(&policy.path, &json!(resource.text()));
        }
        let rules: [(&str, &[&str]); 2] = [
            (resource.text(), &["cpu", "memory"]),
            (restart.text(), &["NotRequired", "RestartContainer"]),
        ];
        for (text, known) in rules {
            match text {
                "" => list.required(out, ""),
                text if known.contains(&text) => {}
                text => out.unsupported(&list.path, &json!(text), known),
            }
        }
        if never && restart.text() != "NotRequired" {
            let why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            out.invalid(&list.path, &json!(restart.text()), why);
        }
    }
}

fn ports(ports: &Field<'_>, out: &mut Causes) {
    let mut names = HashSet::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.text().is_empty() {
            let problems = port_name_problems(name.text());
            if problems.is_empty() && !names.insert(name.text()) {
                name.duplicate(out);
            }
            name.problems(out, problems);
        }
        let number = port.get("containerPort");
        match number.int_or_zero() {
            0 => number.required(out, ""),
            _ => number.within(out, 1, 65535),
        }
        let host = port.get("hostPort");
        if host.int_or_zero() != 0 {
            host.within(out, 1, 65535);
        }
        port.get("protocol").one_of(out, &["SCTP", "TCP", "UDP"]);
    }
}

fn host_ports(containers: &[Field<'_>], out: &mut Causes) {
    let mut taken = HashSet::new();
    for port in containers.iter().flat_map(|c| c.get("ports").items()) {
        let number = port.get("hostPort").int_or_zero();
        let (protocol, ip) = (port.get("protocol").text(), port.get("hostIP").text());
        let what = format!("{protocol}/{ip}/{number}");
        if number != 0 && !taken.insert(what.clone()) {
            out.duplicate(port.get("hostPort").path, &json!(what));
        }
    }
}

fn mounts(container: &Field<'_>, volumes: &Volumes<'_>, out: &mut Causes) {
    let list = container.get("volumeMounts");
    let devices = container.get("volumeDevices").items();
    let texts = |field| devices.iter().map(|d| d.get(field).text()).collect::<HashSet<&str>>();
    let (device_names, device_paths) = (texts("name"), texts("devicePath"));
    let mut paths = HashSet::new();
    for mount in list.items() {
        let (name, path) = (mount.get("name"), mount.get("mountPath"));
        name.needs_text(out);
        if !volumes.contains_key(name.text()) {
            out.not_found(&name.path, &json!(name.text()));
        }
        path.needs_text(out);
        if !paths.insert(path.text()) {
            out.invalid(&path.path, &json!(path.text()), "must be unique");
        }
        if device_names.contains(name.text()) {
            name.invalid(out, "must not already exist in volumeDevices");
        }
        if device_paths.contains(path.text()) {
            path.invalid(out, "must not already exist as a path in volumeDevices");
        }
        sub_paths(&mount, &list, out);
        propagation(&mount, &list, container, out);
    }
}

/// Upstream reports these at the list, without an index.
fn sub_paths(mount: &Field<'_>, list: &Field<'_>, out: &mut Causes) {
    for name in ["subPath", "subPathExpr"] {
        let sub = Field::placed(mount.get(name).value, list.get(name).path);
        if !sub.text().is_empty() {
            super::volumes::descending(&sub, out);
        }
    }
    if !mount.get("subPath").text().is_empty() && !mount.get("subPathExpr").text().is_empty() {
        mount.get("subPathExpr").invalid(out, "subPathExpr and subPath are mutually exclusive");
    }
}

fn propagation(mount: &Field<'_>, list: &Field<'_>, container: &Field<'_>, out: &mut Causes) {
    let mode =
        Field::placed(mount.get("mountPropagation").value, list.get("mountPropagation").path);
    mode.one_of_if_set(out, &["Bidirectional", "HostToContainer", "None"]);
    if mode.text() == "Bidirectional" && !container.get("securityContext.privileged").is_true() {
        mode.forbidden(
            out,
            "Bidirectional mount propagation is available only to privileged containers",
        );
    }
}

fn devices(container: &Field<'_>, volumes: &Volumes<'_>, out: &mut Causes) {
    let (mut names, mut paths) = (HashSet::new(), HashSet::new());
    for device in container.get("volumeDevices").items() {
        let (name, path) = (device.get("name"), device.get("devicePath"));
        name.needs_text(out);
        if !names.insert(name.text()) {
            name.invalid(out, "must be unique");
        }
        match volumes.get(name.text()) {
            None => out.not_found(&name.path, &json!(name.text())),
            Some(v) if !v.get("persistentVolumeClaim").is_set() && !v.get("ephemeral").is_set() => {
                name.invalid(out, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
            }
            Some(_) => {}
        }
        path.needs_text(out);
        if !paths.insert(path.text()) {
            path.invalid(out, "must be unique");
        }
        if path.text().split('/').any(|part| part == "..") {
            path.invalid(out, "can not contain backsteps ('..')");
        }
    }
}

/// `restartPolicy` and `restartPolicyRules` of one container.
fn restart_rules(container: &Field<'_>, out: &mut Causes) {
    let (policy, rules) = (container.get("restartPolicy"), container.get("restartPolicyRules"));
    if !policy.is_set() {
        if !rules.list().is_empty() {
            policy.required(out, "must specify restartPolicy when restart rules are used");
        }
    } else {
        policy.one_of_if_set(out, &["Always", "Never", "OnFailure"]);
    }
    if rules.list().len() > 20 {
        out.too_many(&rules.path, rules.list().len(), 20);
    }
    for rule in rules.items() {
        let action = rule.get("action");
        if !matches!(action.text(), "Restart" | "RestartAllContainers") {
            action.unsupported(out, &["Restart", "RestartAllContainers"]);
        }
        let codes = rule.get("exitCodes");
        if !codes.is_set() {
            codes.required(out, "must be specified");
            continue;
        }
        if !matches!(codes.get("operator").text(), "In" | "NotIn") {
            codes.get("operator").unsupported(out, &["In", "NotIn"]);
        }
        let values = codes.get("values").list().len();
        if values > 255 {
            out.too_many(codes.get("values").path, values, 255);
        }
    }
}

fn init_probes(container: &Field<'_>, grace: Option<i64>, out: &mut Causes) {
    if container.get("restartPolicy").text() == "Always" {
        probes::lifecycle(&container.get("lifecycle"), grace, out);
        probes::all(container, grace, out);
        return;
    }
    for name in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        if container.get(name).is_set() {
            container
                .get(name)
                .forbidden(out, "may not be set for init containers without restartPolicy=Always");
        }
    }
}

/// Fields an ephemeral container may not have.
const NOT_EPHEMERAL: &[&str] = &[
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "startupProbe",
];

fn ephemeral<'a>(
    spec: &Field<'a>,
    volumes: &Volumes<'_>,
    names: &mut HashSet<&'a str>,
    out: &mut Causes,
) {
    let (others, users) = (names.clone(), shares_users(spec));
    let never = spec.get("restartPolicy").text() == "Never";
    for container in spec.get("ephemeralContainers").items() {
        common(&container, (volumes, users, never), out);
        image_spaces(&container, out);
        unique(&container, names, out);
        let target = container.get("targetContainerName");
        if !target.text().is_empty() && !others.contains(target.text()) {
            out.not_found(&target.path, &json!(target.text()));
        }
        let refused = "cannot be set for an Ephemeral Container";
        for name in NOT_EPHEMERAL.iter().filter(|n| container.get(n).is_set()) {
            container.get(name).forbidden(out, refused);
        }
        if container.get("resources").map().is_some_and(|r| !r.is_empty()) {
            container.get("resources").forbidden(out, refused);
        }
        for mount in container.get("volumeMounts").items() {
            for name in ["subPath", "subPathExpr"].iter().filter(|n| mount.get(n).is_set()) {
                mount.get(name).forbidden(out, refused);
            }
        }
    }
}

/// Whether `text` may be the name of a Secret or ConfigMap.
pub fn object_name_problems(text: &str) -> Vec<String> {
    name::subdomain_problems(text)
}
