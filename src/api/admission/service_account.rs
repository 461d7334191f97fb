//! ServiceAccount: which account a pod runs as, and how it gets its token and pull secrets.
//!
//! Source: kubernetes `plugin/pkg/admission/serviceaccount`, with OpenShift's service CA in the
//! projected volume.

use super::{
    super::Verb,
    Attributes,
    common::{containers_mut, is, push, refuse},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};

const DEFAULT: &str = "default";
const VOLUME: &str = "kube-api-access-";
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Seconds; long enough that clients that never read the token again only get a warning.
const EXPIRATION: u32 = 3607;
const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Completes a new pod.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "pods") || a.verb != Verb::Create || pod.annotation(MIRROR).is_some() {
        return Ok(());
    }
    let name = account_name(pod).to_owned();
    pod.set_at("spec.serviceAccountName", name.as_str());
    pod.set_at("spec.serviceAccount", name.as_str());
    let Some(entry) = a.snapshot.get("serviceaccounts", a.namespace, &name) else {
        let why = format!(
            "error looking up service account {}/{name}: serviceaccount {name:?} not found",
            a.namespace
        );
        return Err(refuse(a, pod, why));
    };
    let account = entry.tree();
    if automounts(pod, &account) {
        mount_token(pod, a);
    }
    let secrets = account.list_at("imagePullSecrets");
    if pod.list_at("spec.imagePullSecrets").is_empty() && !secrets.is_empty() {
        pod.set_at("spec.imagePullSecrets", Value::Array(secrets.to_vec().into()));
    }
    if account.annotation(ENFORCE).is_some_and(|v| matches!(v, "1" | "t" | "T" | "true" | "True"))
        && let Some(why) = unlisted_secret(pod, &account)
    {
        return Err(refuse(a, pod, why));
    }
    Ok(())
}

/// Whether the pod runs as the namespace's default account and that is not there yet.
pub fn is_early(pod: &Value, a: &Attributes<'_>) -> bool {
    account_name(pod) == DEFAULT
        && a.snapshot.get("serviceaccounts", a.namespace, DEFAULT).is_none()
}

fn account_name(pod: &Value) -> &str {
    let names = [pod.str_at("spec.serviceAccountName"), pod.str_at("spec.serviceAccount")];
    names.into_iter().find(|n| !n.is_empty()).unwrap_or(DEFAULT)
}

fn automounts(pod: &Value, account: &Value) -> bool {
    let said = |o: &Value, path: &str| o.at(path).and_then(Value::as_bool);
    said(pod, "spec.automountServiceAccountToken")
        .or_else(|| said(account, "automountServiceAccountToken"))
        .unwrap_or(true)
}

fn mount_token(pod: &mut Value, a: &Attributes<'_>) {
    let volumes = pod.list_at("spec.volumes");
    let given = volumes.iter().map(|v| v.str_at("name")).find(|n| n.starts_with(VOLUME));
    let given = given.map(str::to_owned);
    let has_volume = given.is_some();
    let name = given.unwrap_or_else(|| {
        format!("{VOLUME}{}", a.world.entropy.of(&["volumes", a.namespace, a.name]).suffix(5))
    });
    let mount = json!({"mountPath": MOUNT, "name": name, "readOnly": true});
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        for container in containers_mut(pod, list) {
            let mounts = container.list_at("volumeMounts");
            if mounts.iter().all(|m| m.str_at("mountPath") != MOUNT) {
                push(container, "volumeMounts", mount.clone());
                needed = true;
            }
        }
    }
    if needed && !has_volume {
        push(pod, "spec.volumes", json!({"name": name, "projected": token_source()}));
    }
}

fn token_source() -> Value {
    let authority = |map: &str, key: &str| json!({"configMap": {"name": map, "items": [{"key": key, "path": key}]}});
    let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    json!({"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": EXPIRATION, "path": "token"}},
        authority("kube-root-ca.crt", "ca.crt"),
        {"downwardAPI": {"items": [{"fieldRef": field, "path": "namespace"}]}},
        authority("openshift-service-ca.crt", "service-ca.crt"),
    ]})
}

/// What is wrong with the secrets a pod refers to, for accounts that list what may be used.
fn unlisted_secret(pod: &Value, account: &Value) -> Option<String> {
    let listed =
        |path: &str, name: &str| account.list_at(path).iter().any(|s| s.str_at("name") == name);
    let sa = account.name();
    for volume in pod.list_at("spec.volumes") {
        let name = volume.str_at("secret.secretName");
        if volume.at("secret").is_some() && !listed("secrets", name) {
            return Some(format!(
                "volume with secret.secretName={name:?} is not allowed because service account {sa} does not reference that secret"
            ));
        }
    }
    for (list, what) in
        [("spec.initContainers", "init container"), ("spec.containers", "container")]
    {
        for c in pod.list_at(list) {
            let container = c.str_at("name");
            for env in c.list_at("env").iter().filter(|e| e.at("valueFrom.secretKeyRef").is_some())
            {
                let name = env.str_at("valueFrom.secretKeyRef.name");
                if !listed("secrets", name) {
                    return Some(format!(
                        "{what} {container} with envVar {} referencing secret.secretName={name:?} is not allowed because service account {sa} does not reference that secret",
                        env.str_at("name")
                    ));
                }
            }
            for from in c.list_at("envFrom").iter().filter(|e| e.at("secretRef").is_some()) {
                let name = from.str_at("secretRef.name");
                if !listed("secrets", name) {
                    return Some(format!(
                        "{what} {container} with envFrom referencing secret.secretName={name:?} is not allowed because service account {sa} does not reference that secret"
                    ));
                }
            }
        }
    }
    for (i, secret) in pod.list_at("spec.imagePullSecrets").iter().enumerate() {
        let name = secret.str_at("name");
        if !listed("imagePullSecrets", name) {
            return Some(format!(
                "imagePullSecrets[{i}].name={name:?} is not allowed because service account {sa} does not reference that imagePullSecret"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission::testing::Scene;

    fn account(name: &str, mut fields: Value) -> (&'static str, Value) {
        fields.set_at("metadata.namespace", "n");
        fields.set_at("metadata.name", name);
        ("serviceaccounts", fields)
    }

    fn scene() -> Scene {
        Scene::new(vec![
            account("default", json!({"imagePullSecrets": [{"name": "pull"}]})),
            account("shy", json!({"automountServiceAccountToken": false})),
            account(
                "strict",
                json!({"metadata": {"annotations": {ENFORCE: "true"}},
                "secrets": [{"name": "ok"}]}),
            ),
        ])
    }

    fn run(spec: Value) -> Result<Value, String> {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": spec});
        let scene = scene();
        let a = scene.attributes("pods", Verb::Create, "n", "p");
        mutate(&mut pod, &a).map(|()| pod["spec"].take()).map_err(|e| e.to_string())
    }

    #[test]
    fn pods_get_account_token_and_pull_secrets() {
        let spec = run(json!({"containers": [{"name": "c"}, {"name": "d",
            "volumeMounts": [{"mountPath": MOUNT, "name": "mine"}]}],
            "initContainers": [{"name": "i"}]}))
        .unwrap();
        assert_eq!(spec["serviceAccountName"], "default");
        assert_eq!(spec["serviceAccount"], "default");
        assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull"}]));
        let volume = spec["volumes"][0].str_at("name");
        assert!(volume.starts_with(VOLUME) && volume.len() == VOLUME.len() + 5, "{volume}");
        let mount = json!([{"mountPath": MOUNT, "name": volume, "readOnly": true}]);
        assert_eq!(spec["containers"][0]["volumeMounts"], mount);
        assert_eq!(spec["containers"][1].list_at("volumeMounts").len(), 1);
        assert_eq!(spec["initContainers"][0]["volumeMounts"], mount);
        let sources = spec["volumes"][0].list_at("projected.sources");
        assert_eq!(sources.len(), 4);
        assert_eq!(sources[0]["serviceAccountToken"]["expirationSeconds"], 3607);
    }

    #[test]
    fn tokens_can_be_declined() {
        for spec in [
            json!({"containers": [{}], "automountServiceAccountToken": false}),
            json!({"containers": [{}], "serviceAccountName": "shy"}),
        ] {
            assert_eq!(run(spec).unwrap().get("volumes"), None);
        }
        let spec = json!({"containers": [{}], "serviceAccount": "shy",
            "automountServiceAccountToken": true});
        assert_eq!(run(spec).unwrap().list_at("volumes").len(), 1);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            run(json!({"serviceAccountName": "x"})),
            Err("pods \"p\" is forbidden: error looking up service account n/x: serviceaccount \"x\" not found".into())
        );
        assert_eq!(
            run(json!({"serviceAccountName": "strict",
                "volumes": [{"name": "v", "secret": {"secretName": "other"}}]})),
            Err("pods \"p\" is forbidden: volume with secret.secretName=\"other\" is not allowed because service account strict does not reference that secret".into())
        );
    }
}
