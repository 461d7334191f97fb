// A Deployment's past, from the changes of its ReplicaSets (or their like) and pods.

import { byOwner, controller, holds, revision } from "./objects.js";

/** Most changes that are gone through, and most samples that are taken of them. */
const MOST = 5000;
const SAMPLES = 400;

/** How many pods each revision has, by what they do. */
export function sizes(sets, podsOf) {
  return sets.map((set) => {
    const all = podsOf.get(set.metadata.uid) ?? [];
    const going = all.filter((pod) => pod.metadata.deletionTimestamp).length;
    const ready = all.filter((pod) => holds(pod, "Ready") && !pod.metadata.deletionTimestamp).length;
    return { number: revision(set), ready, coming: all.length - ready - going, going };
  }).filter((r) => r.number).sort((a, b) => b.number - a.number);
}

/** The latest moment an object speaks of. */
function moment(object) {
  const times = (object.status?.conditions ?? []).map((c) => c.lastTransitionTime);
  times.push(object.metadata.creationTimestamp, object.metadata.deletionTimestamp);
  return Math.max(...times.filter(Boolean).map((time) => Date.parse(time)));
}

/** Samples of the time line, one for each change or for some; the bounds are taken to have been the same. */
export function earlier(changes, deployment, bounds) {
  const known = { sets: new Map(), pods: new Map() };
  const samples = [];
  let at = 0;
  const looked = changes.slice(-MOST);
  const every = Math.ceil(looked.length / SAMPLES);
  for (const [i, { plural, type, object }] of looked.entries()) {
    const { uid } = object.metadata;
    const place = plural === "pods" ? known.pods : known.sets;
    if (type === "DELETED") place.delete(uid);
    else place.set(uid, object);
    at = Math.max(at, moment(object));
    if (i % every && i < looked.length - 1) continue;
    const own = [...known.sets.values()].filter((set) =>
      controller(set)?.uid === deployment.metadata.uid);
    samples.push({ at, revisions: sizes(own, byOwner(known.pods.values())), bounds });
  }
  return samples;
}
