// A Deployment's rollout as it goes: its revisions over time, and what one can do about it.

import { KINDS, path } from "../api.js";
import { follow, framed, h, replace, text } from "../dom.js";
import { sizes } from "../history.js";
import { bounds, byOwner, condition, controller, Palette, revision } from "../objects.js";
import { drawLegend, drawPods, podList } from "../pods.js";
import { cause, pause, previous, restart, scale, setImage, setStrategy, undo } from "../rollouts.js";
import { key, picture, Samples, timeline } from "../timeline.js";
import { act, ask, button, View } from "../view.js";
import { past } from "../watch.js";
import { objectAddress, ROLLING, summary } from "../workloads.js";
import { drawEvents, eventTable } from "./events.js";

/** How often at most the events and the time line are drawn, in milliseconds: few read so fast. */
const EVENTS = 1000;
const LINE = 250;
/** How many events are shown. */
const SHOWN = 50;

class Rollout extends View {
  lineSoon = framed(() => this.isConnected && this.#drawLine(), LINE);
  palette = new Palette();
  samples = new Samples();

  open() {
    const { project, plural, name } = this.parameters;
    const query = { fieldSelector: `metadata.name=${name}` };
    this.rolling = ROLLING[plural] ?? ROLLING.deployments;
    this.deployments = this.follow(plural in ROLLING ? plural : "deployments", project, { query });
    this.sets = this.follow(this.rolling.sets, project);
    this.pods = this.follow("pods", project);
    const eventsSoon = framed(() => this.#drawEvents(), EVENTS);
    this.events = this.follow("events", project, { seen: eventsSoon, most: 4 * SHOWN });
    this.state = h("p", { class: "state big" });
    this.facts = h("p", { class: "note" });
    this.pauses = button("Pause", () => this.pause());
    this.picture = picture();
    this.said = h("p", { id: "timeline-said", class: "note" });
    this.key = h("div");
    this.moment = h("input", { type: "range", id: "moment", min: 0, max: 0, value: 0, oninput: () => {
      this.chosen = this.moment.value === this.moment.max ? null : Number(this.moment.value);
      this.#drawLine();
    } });
    this.legend = h("ul", { class: "legend", "aria-label": "Images by digest" });
    this.rows = h("tbody");
    this.table = eventTable();
    this.append(this.state, this.facts, this.#buttons(),
      h("h2", {}, "Time line"), this.picture,
      h("p", { class: "row" }, h("label", { for: "moment" }, "Moment "), this.moment), this.said, this.key,
      h("h2", {}, "Revisions"), this.legend,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Revisions" },
        h("table", {},
          h("thead", {}, h("tr", {}, ["Revision", "Image", "Cause", "Pods", "Undo"]
            .map((title) => h("th", { scope: "col" }, title)))), this.rows)),
      h("h2", {}, "Events"), this.table);
  }

  #buttons() {
    return h("p", { class: "row" }, this.pauses,
      button("Undo", () => this.undo(previous(this.own()))),
      button("Set image", () => this.image()),
      button("Set strategy", () => this.strategy()),
      button("Scale", () => this.scale()),
      button("Restart", () => act("The rollout begins.", () => restart(this.deployment))));
  }

  get deployment() {
    return [...this.deployments.items.values()][0];
  }

  /** The ReplicaSets of the Deployment. */
  own() {
    const uid = this.deployment?.metadata.uid;
    return this.sets.sorted().filter((set) => controller(set)?.uid === uid);
  }

  draw() {
    const { deployment } = this;
    if (!deployment) {
      text(this.state, this.deployments.ready ? "There is no such workload." : "");
      return;
    }
    const sets = this.own().sort((a, b) => revision(b) - revision(a));
    const podsOf = byOwner(this.pods.items.values());
    const limits = bounds(deployment);
    this.#drawState(deployment, limits);
    this.#drawRevisions(sets, podsOf);
    const sample = { at: Date.now(), revisions: sizes(sets, podsOf), bounds: limits };
    if (this.pods.ready && this.sets.ready && this.samples.add(sample)) this.lineSoon();
    if (this.pods.ready && !this.asked) this.#past(deployment, limits);
  }

  #drawEvents() {
    const { deployment } = this;
    if (!deployment || !this.isConnected) return;
    const uids = new Set([deployment.metadata.uid]);
    for (const set of this.own()) uids.add(set.metadata.uid);
    drawEvents(this.table, [...this.events.items.values()].filter((e) =>
      uids.has(e.involvedObject.uid) || e.involvedObject.name?.startsWith(`${deployment.metadata.name}-`)), SHOWN);
  }

  #drawLine() {
    const { list } = this.samples;
    const last = list.length - 1;
    Object.assign(this.moment, { max: last, value: this.chosen ?? last });
    text(this.said, timeline(this.picture, this.samples, Date.now(), this.chosen ?? last));
    const numbers = [...new Set(list.flatMap((x) => x.revisions.map((r) => r.number)))];
    replace(this.key, key(numbers.sort((a, b) => a - b)));
  }

  /** What happened before the view was opened, as far as the server still knows it. */
  async #past(deployment, limits) {
    this.asked = true;
    const { project } = this.parameters;
    const { selector } = deployment.spec;
    const labels = Object.entries(selector.matchLabels ?? selector);
    const query = { labelSelector: labels.map(([name, value]) => `${name}=${value}`).join(",") };
    const urls = [this.rolling.sets, "pods"].map((plural) => path(KINDS[plural], project));
    const { uid } = deployment.metadata;
    // Without a past there is only what is seen from now on.
    const samples = await past(urls, query, { metadata: { uid } }, limits).catch(() => []);
    if (!this.isConnected || !samples.length) return;
    this.samples.precede(samples);
    this.#drawLine();
  }

  #drawState(deployment, limits) {
    const progress = condition(deployment, "Progressing");
    text(this.state, `${summary(deployment)}${progress?.message ? `. ${progress.message}` : ""}`);
    this.state.classList.toggle("bad-text", progress?.status === "False");
    const { type = this.rolling.strategies[0] } = deployment.spec.strategy ?? {};
    const how = limits.recreate ? `${type}: all pods end before the first new one starts`
      : `${type}: at most ${limits.most} pods, at least ${limits.least} available`;
    if (this.how !== how) {
      this.how = how;
      replace(this.facts, how, " · ", h("a", { href: objectAddress(this.parameters.plural, deployment) }, "YAML"));
    }
    text(this.pauses, deployment.spec.paused ? "Resume" : "Pause");
  }

  #drawRevisions(sets, podsOf) {
    const current = sets[0]?.metadata.uid;
    follow(this.rows, sets, (set) => set.metadata.uid, (set) => {
      const pods = podList(`Pods of ${set.metadata.name}`);
      const row = h("tr", {}, h("th", { scope: "row" }), h("td", {}, h("code")), h("td"), h("td", {}, pods),
        h("td", {}, button("Undo to this", () => this.undo(row.set))));
      row.pods = pods;
      return row;
    }, (row, set) => {
      row.set = set;
      const [number, image, why, , undoes] = row.children;
      const mine = set.metadata.uid === current;
      text(number, mine ? `${revision(set)} (current)` : revision(set));
      text(image.firstChild, set.spec.template.spec.containers.map((c) => c.image).join(", "));
      text(why, cause(set));
      drawPods(row.pods, podsOf.get(set.metadata.uid) ?? [], this.palette);
      undoes.firstChild.hidden = mine;
      undoes.firstChild.setAttribute("aria-label", `Undo to this, revision ${revision(set)}`);
    });
    drawLegend(this.legend, this.palette);
  }

  pause() {
    const paused = !this.deployment.spec.paused;
    return act(paused ? "The rollout is paused." : "The rollout goes on.",
      () => pause(this.deployment, paused));
  }

  undo(set) {
    return act(`Rolled back${set ? ` to revision ${revision(set)}` : ""}.`, () => {
      if (this.deployment.spec.paused) throw new Error(`A paused ${this.deployment.kind} cannot be rolled back; resume it first.`);
      if (!set) throw new Error("There is no revision before this one.");
      return undo(this.deployment, set);
    });
  }

  image() {
    const { containers } = this.deployment.spec.template.spec;
    ask("Set image", [
      { name: "container", label: "Container", options: containers.map((c) => c.name) },
      { name: "image", label: "Image", value: containers[0].image, required: true },
    ], "Set", ({ container, image }) => setImage(this.deployment, container, image));
  }

  strategy() {
    const { strategy = {} } = this.deployment.spec;
    const rolling = strategy.rollingUpdate ?? strategy.rollingParams ?? {};
    ask("Set strategy", [
      { name: "type", label: "Strategy", options: this.rolling.strategies, value: strategy.type },
      { name: "surge", label: "Most pods beyond the wanted", value: rolling.maxSurge ?? "25%" },
      { name: "unavailable", label: "Most pods missing", value: rolling.maxUnavailable ?? "25%" },
    ], "Set", (wanted) => setStrategy(this.deployment, wanted));
  }

  scale() {
    ask("Scale", [{ name: "replicas", label: "Replicas", type: "number", value: this.deployment.spec.replicas }],
      "Scale", ({ replicas }) => scale(this.deployment, replicas));
  }
}

customElements.define("view-rollout", Rollout);
