// What one can do to a Deployment's rollout, as `oc rollout` and `oc set` do it.

import { KINDS, merge, patch, path } from "./api.js";
import { revision } from "./objects.js";

/** Annotations that belong to a Deployment, and not to one of its revisions. */
const OWN = ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
  "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to"];

const place = ({ metadata: { namespace, name } }) => path(KINDS.deployments, namespace, name);

/** Pauses or resumes. */
export const pause = (deployment, paused) =>
  merge(place(deployment), { spec: { paused: paused ? true : null } });

/** Goes back to a revision's template. */
export function undo(deployment, set) {
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
  const rollingUpdate = type === "Recreate" ? null
    : { maxSurge: amount(surge), maxUnavailable: amount(unavailable) };
  return merge(place(deployment), { spec: { strategy: { type, rollingUpdate } } });
}

/** More or fewer pods. */
export const scale = (deployment, replicas) =>
  merge(path(KINDS.deployments, deployment.metadata.namespace, deployment.metadata.name, "scale"),
    { spec: { replicas: Number(replicas) } });

/** New pods of the same template, as `oc rollout restart`. */
export const restart = (deployment) => merge(place(deployment), { spec: { template: { metadata: {
  annotations: { "kubectl.kubernetes.io/restartedAt": new Date().toISOString().replace(/\.\d+Z/, "Z") } } } } });

/** Why a revision came about, as its author says. */
export const cause = (set) => set.metadata.annotations?.["kubernetes.io/change-cause"] ?? "";
