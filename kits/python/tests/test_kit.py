"""The kit against a running program: what its README promises."""

import json
import os

import pytest

import pocketshift

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "default"},
       "data": {"a": "b"}}
LABELS = {"app": "web"}
WEB = {"apiVersion": "apps/v1", "kind": "Deployment",
       "metadata": {"name": "web", "namespace": "default"},
       "spec": {"replicas": 3, "selector": {"matchLabels": LABELS}, "template": {
           "metadata": {"labels": LABELS}, "spec": {"containers": [
               {"name": "c", "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}}}}


def test_a_rollout_is_settled(cluster):
    cluster.apply([WEB])
    cluster.settled()
    web = cluster.apps_v1().read_namespaced_deployment("web", "default")
    assert web.status.ready_replicas == 3


def test_checkpoints_forks_and_resets(cluster):
    core = cluster.core_v1()
    cluster.apply(json.dumps(MAP))
    cluster.checkpoint("with-map")
    with cluster.fork() as fork:
        fork.core_v1().delete_namespaced_config_map("m", "default")
    assert core.read_namespaced_config_map("m", "default").data == {"a": "b"}
    cluster.reset()
    names = [m.metadata.name for m in core.list_namespaced_config_map("default").items]
    assert "m" not in names
    cluster.reset("with-map")
    assert core.read_namespaced_config_map("m", "default").data == {"a": "b"}


def test_the_clock(pocketshift_host):
    with pocketshift_host.create(time="2030-01-01T00:00:00Z") as cluster:
        assert cluster.clock.now() == "2030-01-01T00:00:00Z"
        assert cluster.clock.step("15m") == "2030-01-01T00:15:00Z"


def test_faults_and_what_happened(cluster):
    from kubernetes.client.rest import ApiException
    core = cluster.core_v1()
    name = cluster.add_fault(verb="create", resource=["configmaps", "secrets"], status=503, times=1, for_="10m")
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_config_map("default", MAP)
    assert refused.value.status == 503
    cluster.checkpoint("failed")
    core.create_namespaced_config_map("default", MAP)
    (rule,) = cluster.faults()
    assert (rule["metadata"]["name"], rule["status"]["applied"]) == (name, 1)
    cluster.remove_faults(name)
    assert cluster.faults() == []
    assert "configmaps default/ refused" in cluster.trail()
    since = cluster.trail(since="failed")
    assert "configmaps default/m created" in since and "console-public" not in since
    with pytest.raises(pocketshift.PocketshiftError, match="from 400 to 599"):
        cluster.add_fault(status=200)


@pytest.mark.skipif("KIT_FAILS" not in os.environ, reason="it shows what is told of a test that fails")
def test_that_fails(cluster):
    cluster.apply([MAP])
    raise AssertionError("on purpose")


def test_clusters_are_gone_when_they_are_deleted(pocketshift_host):
    with pocketshift_host.create("gone") as cluster:
        assert "gone" in pocketshift_host.clusters()
    assert "gone" not in pocketshift_host.clusters()
    with pytest.raises(pocketshift.PocketshiftError, match="there is no cluster"):
        cluster.reset()
