// Requests to the API as the user who is signed in, and the kinds the console knows.

import { expired, token, tokenProtocol } from "./session.js";

const kind = (group, version, name, plural, namespaced = true) =>
  ({ group, version, kind: name, plural, namespaced });

/** Kinds by their plural names. */
export const KINDS = {
  projects: kind("project.openshift.io", "v1", "Project", "projects", false),
  pods: kind("", "v1", "Pod", "pods"),
  services: kind("", "v1", "Service", "services"),
  events: kind("", "v1", "Event", "events"),
  nodes: kind("", "v1", "Node", "nodes", false),
  configmaps: kind("", "v1", "ConfigMap", "configmaps"),
  replicationcontrollers: kind("", "v1", "ReplicationController", "replicationcontrollers"),
  deployments: kind("apps", "v1", "Deployment", "deployments"),
  replicasets: kind("apps", "v1", "ReplicaSet", "replicasets"),
  statefulsets: kind("apps", "v1", "StatefulSet", "statefulsets"),
  daemonsets: kind("apps", "v1", "DaemonSet", "daemonsets"),
  deploymentconfigs: kind("apps.openshift.io", "v1", "DeploymentConfig", "deploymentconfigs"),
  imagestreams: kind("image.openshift.io", "v1", "ImageStream", "imagestreams"),
  imagestreamtags: kind("image.openshift.io", "v1", "ImageStreamTag", "imagestreamtags"),
  routes: kind("route.openshift.io", "v1", "Route", "routes"),
  jobs: kind("batch", "v1", "Job", "jobs"),
};

/** The entry of a kind by its own name. */
export const byKind = (name) => Object.values(KINDS).find((k) => k.kind === name);

/** The path of a kind's objects, or of one of them. */
export function path({ group, version, plural, namespaced }, namespace, name, sub) {
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const parts = [plural, name, sub].filter(Boolean).map(encodeURIComponent).join("/");
  const within = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${within}/${parts}`;
}

/** What the server refused, in its own words. */
export class Failure extends Error {
  constructor(code, status) {
    super(status?.message || `the server answered ${code}`);
    this.code = code;
    this.reason = status?.reason ?? "";
    this.causes = status?.details?.causes ?? [];
  }
}

async function failure(answer) {
  const said = await answer.text();
  let status = null;
  try {
    status = JSON.parse(said);
    // The registries' own form.
    if (status.errors) status = { message: status.errors.map((e) => e.message).join("; ") };
  } catch {
    status = { message: said.trim() };
  }
  if (answer.status === 401) expired();
  return new Failure(answer.status, status);
}

/** Sends a request; answers what came, once it is known to be good. */
export async function send(method, url, { query, body, type, accept, signal } = {}) {
  // Browsers are people to the API, whose answers it would indent; the desk knows no such thing.
  const plain = url.startsWith("/console/") ? {} : { pretty: "false" };
  const parameters = new URLSearchParams({ ...plain, ...query });
  const headers = { authorization: `Bearer ${token()}`, accept: accept ?? "application/json" };
  if (body !== undefined) headers["content-type"] = type ?? "application/json";
  const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(`${url}?${parameters}`, { method, headers, body: sent, signal });
  if (!answer.ok) throw await failure(answer);
  return answer;
}

/** The same, for an answer in JSON. */
export async function call(method, url, options) {
  return (await send(method, url, options)).json();
}

/** Reads an object or a list. */
export const get = (url, query) => call("GET", url, { query });

/** Creates an object. */
export const create = (url, body) => call("POST", url, { body });

/** Changes some fields of an object. */
export const merge = (url, body) =>
  call("PATCH", url, { body, type: "application/merge-patch+json" });

/** Changes an object step by step (RFC 6902). */
export const patch = (url, body) =>
  call("PATCH", url, { body, type: "application/json-patch+json" });

/** Deletes an object. */
export const remove = (url) => call("DELETE", url);

/** Asks at the desk, where time and the world outside are moved. */
export async function desk(method, place, query) {
  const answer = await send(method, `/console/desk/${place}`, { query });
  const said = await answer.text();
  return said ? JSON.parse(said) : null;
}

/** The lines of an answer that does not end, as they come. */
export async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const pieces = (rest + value).split("\n");
    rest = pieces.pop();
    yield* pieces;
  }
  if (rest) yield rest;
}

/** A WebSocket to a path of the API, signed in. */
export function socket(url, query, protocol) {
  const to = new URL(`${url}?${new URLSearchParams(query)}`, location.href);
  to.protocol = "wss:";
  const made = new WebSocket(to, [protocol, tokenProtocol()]);
  made.binaryType = "arraybuffer";
  return made;
}
