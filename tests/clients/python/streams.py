"""Runs commands, attaches, reads logs and forwards ports with the official Python client.

The kubeconfig is the first argument. Any surprise ends it with an error.
"""
import sys
import time

from kubernetes import client, config, watch
from kubernetes.stream import portforward, stream

NAMESPACE = "python-streams"
IMAGE = "registry.access.redhat.com/ubi9/nginx-120:1-86"
LIMIT = 60
POD = {
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "nginx", "image": IMAGE}]},
}


def ready(pod):
    conditions = pod.status.conditions or []
    return any(c.type == "Ready" and c.status == "True" for c in conditions)


config.load_kube_config(sys.argv[1])
core = client.CoreV1Api()
core.create_namespace({"metadata": {"name": NAMESPACE}})
deadline = time.monotonic() + LIMIT
while True:
    try:
        core.create_namespaced_pod(NAMESPACE, POD)
        break
    except client.ApiException as e:
        # The namespace has no service account yet.
        assert e.status == 403 and time.monotonic() < deadline, e
events = watch.Watch().stream(core.list_namespaced_pod, NAMESPACE, timeout_seconds=LIMIT)
assert any(ready(event["object"]) for event in events), "the pod is not ready"


def run(command, **arguments):
    settings = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **arguments}
    call = core.connect_get_namespaced_pod_exec
    return stream(call, "web", NAMESPACE, container="nginx", command=command, **settings)


assert run(["echo", "hello"]) == "hello\n"
assert sorted(run(["sh", "-c", "echo out; echo err >&2"]).split()) == ["err", "out"]

session = run(["sh", "-c", "exit 7"], _preload_content=False)
session.run_forever(timeout=LIMIT)
assert session.returncode == 7, session.returncode

session = run(["cat"], stdin=True, _preload_content=False)
session.write_stdin("line one\n")
assert session.readline_stdout(timeout=LIMIT) == "line one"
session.write_stdin("x" * 200_000 + "\n")
assert len(session.readline_stdout(timeout=LIMIT)) == 200_000
session.close()
assert not session.is_open()

forward = portforward(core.connect_get_namespaced_pod_portforward, "web", NAMESPACE, ports="8080,81")
socket = forward.socket(8080)
socket.settimeout(LIMIT)
socket.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
answer = b""
while chunk := socket.recv(4096):
    answer += chunk
assert answer.startswith(b"HTTP/1.1 200") and b"web" in answer, answer
assert forward.error(8080) is None
# Nobody listens on port 81.
refused = forward.socket(81)
refused.settimeout(LIMIT)
assert refused.recv(1) == b""
assert "error forwarding port 81 to pod web" in forward.error(81), forward.error(81)

def read_log(**arguments):
    # Decoded here: this version of the client prints the bytes instead of decoding them.
    read = core.read_namespaced_pod_log("web", NAMESPACE, _preload_content=False, **arguments)
    return read.data.decode()


log = read_log()
assert 'GET / HTTP/1.1" 200' in log, log
assert read_log(tail_lines=1) == log.splitlines()[-1] + "\n"
followed = core.read_namespaced_pod_log("web", NAMESPACE, follow=True, _preload_content=False)
assert followed.readline().decode() in log
followed.close()
try:
    core.read_namespaced_pod_log("web", NAMESPACE, previous=True)
    raise AssertionError("there is no previous log")
except client.ApiException as e:
    assert e.status == 400 and "previous terminated container" in e.body, e
print("ok")
