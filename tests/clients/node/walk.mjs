// Drives a cluster with the official Node client: create, roll, watch, patch, delete, errors.
// The kubeconfig is the first argument. Any surprise ends it with an error.
import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";

const config = new k8s.KubeConfig();
config.loadFromFile(process.argv[2]);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const namespace = "node-client";
const image = "registry.access.redhat.com/ubi9/nginx-120:1-86";

// Watches a path until `done` says so; the promise fails when the server ends the watch before.
function until(path, done) {
  return new Promise((resolve, reject) => {
    let controller;
    let last;
    const limit = setTimeout(() => {
      controller?.abort();
      reject(new Error(`nothing to be done on ${path}; last seen: ${JSON.stringify(last)}`));
    }, 60_000);
    const end = (settle, value) => {
      clearTimeout(limit);
      settle(value);
      controller?.abort();
    };
    new k8s.Watch(config)
      .watch(path, {}, (type, object) => {
        last = { type, object };
        if (done(type, object)) end(resolve, object);
      }, (error) => end(reject, error ?? new Error(`the watch on ${path} ended`)))
      .then((c) => { controller = c; }, reject);
  });
}

await core.createNamespace({ body: { metadata: { name: namespace } } });
const made = await apps.createNamespacedDeployment({
  namespace,
  body: {
    metadata: { name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "web", image }] },
      },
    },
  },
});
assert.ok(made.metadata.creationTimestamp instanceof Date);
assert.equal(made.spec.strategy.rollingUpdate.maxSurge, "25%");
const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
const ready = (count) => (type, o) =>
  o.metadata.name === "web" && o.status?.observedGeneration >= o.metadata.generation &&
  o.spec.replicas === count && (o.status?.availableReplicas ?? 0) === count;
await until(path, ready(2));
const pods = await core.listNamespacedPod({ namespace, labelSelector: "app=web" });
assert.equal(pods.items.length, 2);
assert.ok(pods.items.every((p) => p.status.phase === "Running"));

await apps.patchNamespacedDeployment(
  { namespace, name: "web", body: [{ op: "replace", path: "/spec/replicas", value: 3 }] },
  k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch));
await until(path, ready(3));

const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace } };
await objects.create({ ...map, data: { a: "1" } });
const read = await objects.read(map);
read.data.b = "2";
const replaced = await objects.replace(read);
assert.deepEqual(replaced.data, { a: "1", b: "2" });
read.metadata.resourceVersion = "1";
await assert.rejects(objects.replace(read), (e) => e.code === 409);
await assert.rejects(
  core.readNamespacedPod({ namespace, name: "nobody" }),
  (e) => e.code === 404 && JSON.parse(e.body).message === 'pods "nobody" not found');

await apps.deleteNamespacedDeployment({ namespace, name: "web", propagationPolicy: "Foreground" });
await core.deleteNamespace({ name: namespace });
await until("/api/v1/namespaces", (type, o) => type === "DELETED" && o.metadata.name === namespace);
console.log("ok");
