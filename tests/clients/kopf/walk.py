"""Runs the operator of `websites.py` against a cluster and drives it with the official client.

The kubeconfig is the first argument. Any surprise ends it with an error.
"""
import os
import pathlib
import signal
import subprocess
import sys

from kubernetes import client, config, watch

NAMESPACE = "default"
LIMIT = 60
HERE = pathlib.Path(__file__).parent
GROUP = ("example.com", "v1", NAMESPACE, "websites")


def until(listing, *place, done, **arguments):
    """Watches until `done(type, object)`; the server ends the watch after LIMIT seconds."""
    last = None
    for event in watch.Watch().stream(listing, *place, timeout_seconds=LIMIT, **arguments):
        last = event["type"], event["raw_object"]
        if done(*last):
            return last[1]
    raise AssertionError(f"waited {LIMIT} s in vain; last seen: {last}")


def site(name, done, **more):
    """Waits for a website."""
    selector = f"metadata.name={name}"
    return until(custom.list_namespaced_custom_object, *GROUP, field_selector=selector, done=done, **more)


def map_of(name, done):
    """Waits for a config map."""
    selector = f"metadata.name={name}"
    return until(core.list_namespaced_config_map, NAMESPACE, field_selector=selector, done=done)


config.load_kube_config(sys.argv[1])
core, custom = client.CoreV1Api(), client.CustomObjectsApi()
definitions, hooks = client.ApiextensionsV1Api(), client.AdmissionregistrationV1Api()
definitions.create_custom_resource_definition({
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "websites.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "websites", "kind": "Website", "shortNames": ["ws"]},
        "versions": [{
            "name": "v1",
            "served": True,
            "storage": True,
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "spec": {
                        "type": "object",
                        "required": ["text"],
                        "properties": {"text": {"type": "string"}},
                    },
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }},
        }],
    },
})
until(
    definitions.list_custom_resource_definition,
    field_selector="metadata.name=websites.example.com",
    done=lambda _, o: any(
        c["type"] == "Established" and c["status"] == "True" for c in o.get("status", {}).get("conditions") or []
    ),
)
environment = dict(os.environ, KUBECONFIG=sys.argv[1])
command = [sys.executable, "-m", "kopf", "run", "--standalone", "-A", str(HERE / "websites.py")]
with open(pathlib.Path(sys.argv[1]).parent / "kopf.log", "w+") as log:
    operator = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until(
            hooks.list_validating_webhook_configuration,
            field_selector="metadata.name=auto.example.com",
            done=lambda _, o: bool(o.get("webhooks")),
        )
        body = {"apiVersion": "example.com/v1", "kind": "Website"}
        body |= {"metadata": {"name": "one"}, "spec": {"text": "hello"}}
        custom.create_namespaced_custom_object(*GROUP, body)
        made = site("one", lambda _, o: o.get("status", {}).get("create", {}).get("map") == "one")
        assert made["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"], made
        assert made["status"]["ready"] is True, made
        child = core.read_namespaced_config_map("one", NAMESPACE)
        assert child.data == {"text": "hello"}, child
        assert child.metadata.owner_references[0].uid == made["metadata"]["uid"], child

        custom.patch_namespaced_custom_object(*GROUP, "one", {"spec": {"text": "goodbye"}})
        map_of("one", lambda _, o: o["data"]["text"] == "goodbye")
        site("one", lambda _, o: o["status"].get("update/spec.text", o["status"].get("update")) is not None)

        loud = dict(body, metadata={"name": "loud"}, spec={"text": "HELLO"})
        try:
            custom.create_namespaced_custom_object(*GROUP, loud)
            raise AssertionError("it was let in")
        except client.ApiException as refused:
            assert refused.status == 403 and "do not shout" in refused.body, refused

        core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "t", "labels": {"touch": "me"}}})
        map_of("t", lambda _, o: o["metadata"]["labels"].get("touched") == "yes")

        before = custom.get_namespaced_custom_object(*GROUP, "one")["metadata"]["resourceVersion"]
        custom.delete_namespaced_custom_object(*GROUP, "one")
        map_of("one-was-here", lambda kind, _: kind == "ADDED")
        site("one", lambda kind, _: kind == "DELETED", resource_version=before)
        operator.send_signal(signal.SIGINT)
        assert operator.wait(LIMIT) == 0
    except BaseException:
        operator.kill()
        log.seek(0)
        print(log.read(), file=sys.stderr)
        raise
print("ok")
