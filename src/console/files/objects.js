// What the objects of a rollout mean: who owns whom, revisions, the state of pods, image digests.

const controllers = new WeakMap();

/** The owner that controls an object. */
export function controller(object) {
  let found = controllers.get(object);
  if (found === undefined) {
    found = object.metadata.ownerReferences?.find((owner) => owner.controller) ?? null;
    controllers.set(object, found);
  }
  return found;
}

/** Objects by the uid of the owner that controls them. */
export function byOwner(objects) {
  const found = new Map();
  for (const object of objects) {
    const owner = controller(object)?.uid;
    if (!owner) continue;
    if (!found.has(owner)) found.set(owner, []);
    found.get(owner).push(object);
  }
  return found;
}

const REVISION = ["deployment.kubernetes.io/revision",
  "openshift.io/deployment-config.latest-version"];

/** The revision that a ReplicaSet (or its like) stands for; 0 when it says none. */
export function revision(object) {
  const notes = object.metadata.annotations ?? {};
  return Number(REVISION.map((name) => notes[name]).find(Boolean) ?? 0);
}

/** Whether a condition holds. */
export const holds = (object, type) =>
  object.status?.conditions?.some((c) => c.type === type && c.status === "True") ?? false;

/** A condition. */
export const condition = (object, type) =>
  object.status?.conditions?.find((c) => c.type === type) ?? null;

/** The digest of what a pod's first container runs; empty until it is known. */
export function digest(pod) {
  for (const status of pod.status?.containerStatuses ?? []) {
    const found = /sha256:[0-9a-f]{64}/.exec(status.imageID ?? "");
    if (found) return found[0];
  }
  return "";
}

/** A digest as people read it. */
export const short = (name) => name.replace(/sha256:([0-9a-f]{12})[0-9a-f]*/, "sha256:$1");

/** In which state a pod is, in one word, and whether that is good. */
export function state(pod) {
  if (pod.metadata.deletionTimestamp) return { word: "Terminating", sort: "going" };
  const statuses = [...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? [])];
  const waits = statuses.map((s) => s.state?.waiting?.reason).find((why) =>
    why && !["ContainerCreating", "PodInitializing"].includes(why));
  if (waits) return { word: waits, sort: "bad" };
  const phase = pod.status?.phase ?? "Pending";
  if (phase === "Failed") return { word: pod.status.reason ?? "Failed", sort: "bad" };
  if (phase === "Succeeded") return { word: "Completed", sort: "done" };
  if (holds(pod, "Ready")) return { word: "Ready", sort: "ready" };
  if (phase === "Running") return { word: "Running, not ready", sort: "coming" };
  return { word: phase, sort: "coming" };
}

/** The bounds of a rolling update, in pods: never more than `most`, never fewer than `least`. */
export function bounds(deployment) {
  const wanted = deployment.spec.replicas ?? 1;
  const strategy = deployment.spec.strategy ?? {};
  // A custom strategy does as it likes.
  if (strategy.type === "Recreate" || strategy.type === "Custom") return { wanted, most: wanted, least: 0, recreate: true };
  const rolling = strategy.rollingUpdate ?? strategy.rollingParams ?? {};
  const amount = (value, round) => typeof value === "string" && value.endsWith("%")
    ? round((parseInt(value, 10) * wanted) / 100) : Number(value ?? 0);
  const surge = amount(rolling.maxSurge ?? "25%", Math.ceil);
  let gone = amount(rolling.maxUnavailable ?? "25%", Math.floor);
  // Both zero could never move; the controller then lets one be missing.
  if (surge === 0 && gone === 0) gone = 1;
  return { wanted, most: wanted + surge, least: Math.max(0, wanted - gone), recreate: false };
}

/** Image triggers of a workload: which stream tag sets which container. */
export function triggers(object) {
  const found = [];
  for (const trigger of object.spec?.triggers ?? []) {
    const change = trigger.imageChangeParams;
    if (!change) continue;
    found.push({ tag: change.from.name, namespace: change.from.namespace, paused: !change.automatic,
      containers: change.containerNames ?? [] });
  }
  const text = object.metadata.annotations?.["image.openshift.io/triggers"];
  if (!text) return found;
  try {
    for (const trigger of JSON.parse(text)) {
      const container = /name\s*==\s*["']([^"']+)/.exec(trigger.fieldPath)?.[1] ?? "";
      found.push({ tag: trigger.from.name, namespace: trigger.from.namespace,
        paused: trigger.paused === true || trigger.paused === "true", containers: [container] });
    }
  } catch {
    // What is no JSON triggers nothing.
  }
  return found;
}

/** Whether labels fit a plain selector. */
export const fits = (selector, labels) =>
  Object.entries(selector).every(([name, value]) => labels?.[name] === value);

/** How long ago a moment was, as `oc get` says it. */
export function age(moment, now = Date.now()) {
  if (!moment) return "";
  const seconds = Math.max(0, Math.floor((now - Date.parse(moment)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Letters and colours for digests, in the order in which they are first seen. */
export class Palette {
  #known = new Map();

  of(name) {
    if (!name) return { letter: "·", className: "d-none" };
    if (!this.#known.has(name)) {
      const place = this.#known.size;
      this.#known.set(name, { letter: String.fromCharCode(65 + (place % 26)), className: `d${place % 8}` });
    }
    return this.#known.get(name);
  }

  entries() {
    return [...this.#known];
  }
}
