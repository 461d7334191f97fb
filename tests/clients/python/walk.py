"""Drives a cluster with the official Python client: create, roll, watch, patch, delete, errors.

The kubeconfig is the first argument. Any surprise ends it with an error.
"""
import sys

from kubernetes import client, config, dynamic, utils, watch

NAMESPACE = "python-client"
IMAGE = "registry.access.redhat.com/ubi9/nginx-120:1-86"
LIMIT = 60


def until(listing, done, **arguments):
    """Watches until `done(type, object)`; the server ends the watch after LIMIT seconds."""
    last = None
    for event in watch.Watch().stream(listing, timeout_seconds=LIMIT, **arguments):
        last = event["type"], event["raw_object"]
        if done(event["type"], event["object"]):
            return event["object"]
    raise AssertionError(f"waited {LIMIT} s in vain; last seen: {last}")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except client.ApiException as e:
        assert e.status == code, e
        return e
    raise AssertionError(f"{call} was not refused")


config.load_kube_config(sys.argv[1])
core, apps = client.CoreV1Api(), client.AppsV1Api()
core.create_namespace({"metadata": {"name": NAMESPACE}})
web = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": IMAGE}]},
        },
    },
}
made = utils.create_from_dict(client.ApiClient(), web)[0]
assert made.metadata.creation_timestamp.tzinfo is not None
assert made.spec.strategy.rolling_update.max_surge == "25%"


def ready(count):
    return lambda _, o: (
        (o.status.observed_generation or 0) >= o.metadata.generation
        and o.spec.replicas == count
        and (o.status.available_replicas or 0) == count
    )


until(apps.list_namespaced_deployment, ready(2), namespace=NAMESPACE)
pods = core.list_namespaced_pod(NAMESPACE, label_selector="app=web").items
assert len(pods) == 2 and all(p.status.phase == "Running" for p in pods)
assert all(p.status.container_statuses[0].ready for p in pods)

# Strategic merge: the container is found by name, the rest of it stays.
patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}]}}}}
rolled = apps.patch_namespaced_deployment("web", NAMESPACE, patch)
assert rolled.spec.template.spec.containers[0].image == IMAGE
apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 3}})
until(apps.list_namespaced_deployment, ready(3), namespace=NAMESPACE)

core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "settings"}, "data": {"a": "1"}})
settings = core.read_namespaced_config_map("settings", NAMESPACE)
settings.data["b"] = "2"
assert core.replace_namespaced_config_map("settings", NAMESPACE, settings).data == {"a": "1", "b": "2"}
settings.metadata.resource_version = "1"
refused(409, core.replace_namespaced_config_map, name="settings", namespace=NAMESPACE, body=settings)
error = refused(404, core.read_namespaced_pod, name="nobody", namespace=NAMESPACE)
assert 'pods \\"nobody\\" not found' in error.body, error.body
refused(422, core.create_namespaced_config_map, namespace=NAMESPACE, body={"metadata": {"name": "Not Valid"}})

# The dynamic client finds OpenShift's own kinds by discovery.
openshift = dynamic.DynamicClient(client.ApiClient())
projects = openshift.resources.get(api_version="project.openshift.io/v1", kind="Project")
assert NAMESPACE in [p.metadata.name for p in projects.get().items]

core.delete_namespace(NAMESPACE)
until(core.list_namespace, lambda t, o: t == "DELETED" and o.metadata.name == NAMESPACE)
print("ok")
