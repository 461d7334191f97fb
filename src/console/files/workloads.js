// Workloads as cards: their revisions, and the pods of each.

import { follow, h, text } from "./dom.js";
import { condition, revision, triggers } from "./objects.js";
import { drawPods, podList } from "./pods.js";

/** Where an object is shown. */
export const objectAddress = (plural, { metadata: { namespace, name } }) =>
  `#/p/${encodeURIComponent(namespace)}/object/${plural}/${encodeURIComponent(name)}`;

/** Kinds whose rollouts are shown: which kind stands for a revision, and how strategies are called. */
export const ROLLING = {
  deployments: { sets: "replicasets", strategies: ["RollingUpdate", "Recreate"] },
  deploymentconfigs: { sets: "replicationcontrollers", strategies: ["Rolling", "Recreate"] },
};

/** Where a workload's rollout is shown. */
export const rolloutAddress = (plural, { metadata: { namespace, name } }) =>
  `#/p/${encodeURIComponent(namespace)}/rollout/${plural}/${encodeURIComponent(name)}`;

/** A card for a workload of a kind. */
export function workloadCard(kind, object) {
  const rolls = kind.plural in ROLLING;
  const to = rolls ? rolloutAddress(kind.plural, object) : objectAddress(kind.plural, object);
  const parts = { state: h("p", { class: "state" }), triggers: h("ul", { class: "triggers" }),
    revisions: h("div", { class: "revisions" }) };
  const card = h("article", { class: "card workload", "aria-label": `${kind.kind} ${object.metadata.name}` },
    h("h3", {}, h("span", { class: "kind" }, kind.kind), h("a", { href: to }, object.metadata.name)),
    parts.state, parts.triggers, parts.revisions,
    rolls && h("p", { class: "row" },
      h("a", { href: objectAddress(kind.plural, object) }, "YAML")));
  card.parts = parts;
  return card;
}

/** What a workload is at, in a line. */
export function summary(object) {
  const wanted = object.spec.replicas ?? object.status?.desiredNumberScheduled ?? 1;
  const ready = object.status?.readyReplicas ?? object.status?.numberReady ?? 0;
  const progress = condition(object, "Progressing");
  const words = [`${ready} of ${wanted} ready`];
  if (object.spec.paused) words.push("paused");
  if (progress?.status === "False") words.push(progress.reason);
  else if (condition(object, "Available")?.status === "False") words.push("not available");
  return words.join(", ");
}

/** Brings a card up to date: `sets` are its ReplicaSets or their like, with their pods. */
export function drawWorkload(card, object, sets, palette) {
  const { parts } = card;
  card.object = object;
  text(parts.state, summary(object));
  const failed = condition(object, "Progressing")?.status === "False";
  parts.state.className = failed ? "state bad-text" : "state";
  follow(parts.triggers, triggers(object), (t) => `${t.tag} ${t.containers}`,
    () => h("li"), (item, t) => text(item,
      `${t.tag} sets ${t.containers.join(", ")}${t.paused ? " (by hand only)" : ""}`));
  const sorted = [...sets].sort((a, b) => revision(b.set) - revision(a.set));
  follow(parts.revisions, sorted, (entry) => entry.set.metadata.uid, ({ set }) => {
    const pods = podList(`Pods of ${set.metadata.name}`);
    const label = h("p", { class: "note" });
    const section = h("div", { class: "revision" }, label, pods);
    section.parts = { pods, label };
    return section;
  }, (section, { set, pods }) => drawSet(section, set, pods, palette));
}

function drawSet(section, set, pods, palette) {
  const images = set.spec.template?.spec.containers.map((c) => c.image.replace(/^.*\//, "")) ?? [];
  const number = revision(set);
  const name = number ? `Revision ${number}` : set.metadata.name;
  const count = pods.length === 1 ? "1 pod" : `${pods.length} pods`;
  text(section.parts.label, `${name} · ${images.join(", ").replace(/(@sha256:.{12})[0-9a-f]*/g, "$1")} · ${count}`);
  section.classList.toggle("empty", pods.length === 0);
  drawPods(section.parts.pods, pods, palette);
}
