"""An operator written with kopf: a Website becomes a ConfigMap, its status says so, and before it goes
it leaves a note. Its own webhook refuses texts that shout.

The webhook's certificate and port are in the environment.
"""
import os

import kopf
from kubernetes import client, config

config.load_kube_config()
core = client.CoreV1Api()


@kopf.on.startup()
def configure(settings, **_):
    folder = os.environ["HOOK_FOLDER"]
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1",
        host="127.0.0.1",
        port=int(os.environ["HOOK_PORT"]),
        certfile=f"{folder}/hook.crt",
        pkeyfile=f"{folder}/hook.key",
        cafile=f"{folder}/hook-ca.crt",
    )
    settings.admission.managed = "auto.example.com"


@kopf.on.validate("example.com", "v1", "websites", id="calm")
def calm(spec, warnings, **_):
    if spec.get("text", "").isupper():
        raise kopf.AdmissionError("do not shout", code=403)
    warnings.append("looked at")


@kopf.on.create("example.com", "v1", "websites")
def create(name, namespace, spec, patch, **_):
    body = {"metadata": {"name": name}, "data": {"text": spec["text"]}}
    kopf.adopt(body)
    core.create_namespaced_config_map(namespace, body)
    patch.status["ready"] = True
    return {"map": name}


@kopf.on.update("example.com", "v1", "websites", field="spec.text")
def update(name, namespace, new, **_):
    core.patch_namespaced_config_map(name, namespace, {"data": {"text": new}})
    return {"text": new}


@kopf.on.delete("example.com", "v1", "websites")
def delete(name, namespace, **_):
    note = {"metadata": {"name": f"{name}-was-here"}, "data": {"name": name}}
    core.create_namespaced_config_map(namespace, note)


@kopf.on.event("", "v1", "configmaps", labels={"touch": "me"})
def touched(name, namespace, labels, **_):
    if "touched" not in labels:
        core.patch_namespaced_config_map(name, namespace, {"metadata": {"labels": {"touched": "yes"}}})
