// What one can do to the rollout of a Deployment or DeploymentConfig, as `oc rollout` and `oc set` do
// it.

import { byKind, call, create, merge, patch, path } from "./api.js";
import { revision } from "./objects.js";

/** Annotations that belong to a Deployment, and not to one of its revisions. */
const OWN = ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
  "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to"];

const place = ({ kind, metadata: { namespace, name } }, sub) => path(byKind(kind), namespace, name, sub);

const isConfig = (workload) => workload.kind === "DeploymentConfig";

/** Pauses or resumes. */
export const pause = (deployment, paused) =>
  merge(place(deployment), { spec: { paused: paused ? true : null } });

/** Goes back to a revision's template. */
export function undo(deployment, set) {
  if (isConfig(deployment)) return rollback(deployment, set);
  const template = structuredClone(set.spec.template);
  delete template.metadata?.labels?.["pod-template-hash"];
  const annotations = {};
  for (const name of OWN) {
    const value = deployment.metadata.annotations?.[name];
    if (value !== undefined) annotations[name] = value;
  }
  for (const [name, value] of Object.entries(set.metadata.annotations ?? {})) {
    if (!OWN.includes(name)) annotations[name] = value;
  }
  return patch(place(deployment), [
    { op: "replace", path: "/spec/template", value: template },
    { op: "replace", path: "/metadata/annotations", value: annotations },
  ]);
}

/** The same for a DeploymentConfig: the server says what it would be then. */
async function rollback(config, set) {
  const { name } = config.metadata;
  const body = { apiVersion: "apps.openshift.io/v1", kind: "DeploymentConfigRollback", name,
    spec: { from: { kind: "ReplicationController", name: set.metadata.name }, revision: revision(set),
      includeTriggers: false, includeTemplate: true, includeReplicationMeta: false, includeStrategy: false } };
  const back = await create(place(config, "rollback"), body);
  return call("PUT", place(config), { body: back });
}

/** The revision before the current one. */
export function previous(sets) {
  const sorted = [...sets].sort((a, b) => revision(b) - revision(a));
  return sorted[1] ?? null;
}

/** Gives a container another image. */
export function setImage(deployment, container, image) {
  const at = deployment.spec.template.spec.containers.findIndex((c) => c.name === container);
  return patch(place(deployment), [
    { op: "test", path: `/spec/template/spec/containers/${at}/name`, value: container },
    { op: "replace", path: `/spec/template/spec/containers/${at}/image`, value: image },
  ]);
}

/** Another strategy; the bounds are those of a rolling update. */
export function setStrategy(deployment, { type, surge, unavailable }) {
  const amount = (text) => (/^\d+$/.test(text) ? Number(text) : text);
  if (isConfig(deployment)) {
    const rollingParams = type === "Recreate" ? null
      : { maxSurge: amount(surge), maxUnavailable: amount(unavailable) };
    return merge(place(deployment), { spec: { strategy: { type, rollingParams } } });
  }
  const rollingUpdate = type === "Recreate" ? null
    : { maxSurge: amount(surge), maxUnavailable: amount(unavailable) };
  return merge(place(deployment), { spec: { strategy: { type, rollingUpdate } } });
}

/** More or fewer pods. */
export const scale = (deployment, replicas) =>
  merge(place(deployment, "scale"), { spec: { replicas: Number(replicas) } });

/** New pods of the same template, as `oc rollout restart`; of a DeploymentConfig a new version. */
export const restart = (deployment) => isConfig(deployment)
  ? create(place(deployment, "instantiate"), { apiVersion: "apps.openshift.io/v1", kind: "DeploymentRequest",
    name: deployment.metadata.name, latest: true, force: true })
  : merge(place(deployment), { spec: { template: { metadata: {
  annotations: { "kubectl.kubernetes.io/restartedAt": new Date().toISOString().replace(/\.\d+Z/, "Z") } } } } });

/** Why a revision came about, as its author says. */
export const cause = (set) => set.metadata.annotations?.["kubernetes.io/change-cause"]
  ?? set.metadata.annotations?.["openshift.io/deployment.status-reason"] ?? "";
