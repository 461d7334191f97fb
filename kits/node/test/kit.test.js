// The kit against a running program: what its README promises. Without another package: the
// administrator's certificate opens the API over node:https.

import assert from "node:assert/strict";
import https from "node:https";
import test from "node:test";
import { PocketshiftError } from "../index.js";
import { theHost, withCluster } from "../test.js";

const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m", namespace: "default" }, data: { a: "b" } };
const labels = { app: "web" };
const web = {
  apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "default" },
  spec: {
    replicas: 3, selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [
      { name: "c", image: "registry.access.redhat.com/ubi9/nginx-120:1-86" }] } },
  },
};

function get(cluster, path, method = "GET", body = undefined) {
  const data = (name) => {
    const found = cluster.kubeconfigText.match(new RegExp(`${name}: (\\S+)`));
    return Buffer.from(found[1], "base64");
  };
  const options = {
    method, headers: body ? { "content-type": "application/json" } : {}, agent: false, ca: data("certificate-authority-data"),
    cert: data("client-certificate-data"), key: data("client-key-data"),
  };
  return new Promise((resolve, reject) => {
    const request = https.request(cluster.url + path, options, (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve({ code: answer.statusCode, body: JSON.parse(text) }));
    });
    request.on("error", reject);
    request.end(body && JSON.stringify(body));
  });
}

const MAP = "/api/v1/namespaces/default/configmaps/m";

test("a rollout is settled", withCluster(async (cluster) => {
  await cluster.apply(web);
  await cluster.settled();
  const { body } = await get(cluster, "/apis/apps/v1/namespaces/default/deployments/web");
  assert.equal(body.status.readyReplicas, 3);
}));

test("checkpoints, forks and resets", withCluster(async (cluster) => {
  await cluster.apply(JSON.stringify(map));
  await cluster.checkpoint("with-map");
  const fork = await cluster.fork();
  assert.equal((await get(fork, MAP, "DELETE")).code, 200);
  await fork.delete();
  assert.deepEqual((await get(cluster, MAP)).body.data, { a: "b" });
  await cluster.reset();
  assert.equal((await get(cluster, MAP)).code, 404);
  await cluster.reset("with-map");
  assert.equal((await get(cluster, MAP)).code, 200);
}));

test("the clock", withCluster(async (cluster) => {
  assert.equal(await cluster.clock.now(), "2030-01-01T00:00:00Z");
  assert.equal(await cluster.clock.step("15m"), "2030-01-01T00:15:00Z");
}, { time: "2030-01-01T00:00:00Z" }));

test("faults and what happened", withCluster(async (cluster) => {
  const maps = "/api/v1/namespaces/default/configmaps";
  const name = await cluster.addFault(
    { verb: "create", resource: ["configmaps", "secrets"], status: 503, times: 1, for: "10m" });
  assert.equal((await get(cluster, maps, "POST", map)).code, 503);
  await cluster.checkpoint("failed");
  assert.equal((await get(cluster, maps, "POST", map)).code, 201);
  const [rule] = await cluster.faults();
  assert.deepEqual([rule.metadata.name, rule.status.applied], [name, 1]);
  await cluster.removeFaults(name);
  assert.deepEqual(await cluster.faults(), []);
  assert.match(await cluster.trail(), /configmaps default\/ refused/);
  const since = await cluster.trail("failed");
  assert.ok(since.includes("configmaps default/m created") && !since.includes("console-public"), since);
  await assert.rejects(cluster.addFault({ status: 200 }), /from 400 to 599/);
}));

const fails = { skip: !("KIT_FAILS" in process.env) && "it shows what is told of a test that fails" };
test("that fails", fails, withCluster(async (cluster) => {
  await cluster.apply(JSON.stringify(map));
  throw new Error("on purpose");
}));

test("clusters are gone when they are deleted", async () => {
  const host = await theHost();
  const cluster = await host.create("gone");
  assert.ok((await host.clusters()).includes("gone"));
  await cluster.delete();
  assert.ok(!(await host.clusters()).includes("gone"));
  await assert.rejects(cluster.reset(), (why) =>
    why instanceof PocketshiftError && why.message.startsWith("there is no cluster"));
});
