// Runs commands, copies, reads logs and forwards ports with the official Node client.
// The kubeconfig is the first argument. Any surprise ends it with an error.
import assert from "node:assert/strict";
import net from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import * as k8s from "@kubernetes/client-node";

const config = new k8s.KubeConfig();
config.loadFromFile(process.argv[2]);
const core = config.makeApiClient(k8s.CoreV1Api);
const namespace = "node-streams";
const image = "registry.access.redhat.com/ubi9/nginx-120:1-86";
const limit = Date.now() + 60_000;

// Asks again until the answer is true; what is not there yet is asked for again.
async function until(what, ask) {
  for (;;) {
    if (await ask()) return;
    if (Date.now() > limit) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

await core.createNamespace({ body: { metadata: { name: namespace } } });
const body = {
  metadata: { name: "web" },
  spec: { containers: [{ name: "nginx", image }] },
};
await until("a service account", () =>
  core.createNamespacedPod({ namespace, body }).then(() => true, (e) => {
    assert.equal(e.code, 403);
    return false;
  }));
await until("the pod", async () => {
  const pod = await core.readNamespacedPod({ namespace, name: "web" });
  return pod.status.conditions?.some((c) => c.type === "Ready" && c.status === "True");
});

function sink() {
  const chunks = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

// Runs a command; answers its outputs and its Status.
function run(command, input) {
  const out = sink();
  const err = sink();
  return new Promise((resolve, reject) => {
    new k8s.Exec(config)
      .exec(namespace, "web", "nginx", command, out.stream, err.stream, input ?? null, false,
        (status) => resolve({ out: out.text(), err: err.text(), status }))
      .catch(reject);
  });
}

const plain = await run(["sh", "-c", "echo out; echo err >&2"]);
assert.deepEqual([plain.out, plain.err, plain.status.status], ["out\n", "err\n", "Success"]);
const failed = await run(["sh", "-c", "exit 7"]);
assert.equal(failed.status.reason, "NonZeroExitCode");
assert.deepEqual(failed.status.details.causes, [{ reason: "ExitCode", message: "7" }]);
const counted = await run(["wc", "-c"], Readable.from([Buffer.alloc(100_000, "x")]));
assert.equal(counted.out.trim(), "100000");

const log = new PassThrough();
const lines = [];
log.on("data", (chunk) => lines.push(chunk.toString()));
const following = await new k8s.Log(config).log(namespace, "web", "nginx", log, { follow: true });

const forward = new k8s.PortForward(config);
const server = net.createServer((socket) => {
  forward.portForward(namespace, "web", [8080], socket, null, socket);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`, {
  headers: { connection: "close" },
});
assert.equal(answer.status, 200);
assert.match(await answer.text(), /web/);
server.close();

await until("the request in the log", () => lines.join("").includes("GET / HTTP/1.1"));
following.abort();
await assert.rejects(
  run(["true"]).then(() =>
    new k8s.Exec(config).exec(namespace, "web", "nobody", ["true"], null, null, null, false)));
console.log("ok");
process.exit(0);
