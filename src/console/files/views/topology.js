// A project at a glance: image streams, workloads with their pods, services and routes, and what
// leads from one to the other.

import { create, get, KINDS, path } from "../api.js";
import { follow, h, text } from "../dom.js";
import { apply } from "../manifests.js";
import { byOwner, controller, fits, Palette, triggers } from "../objects.js";
import { drawLegend, drawPods, podList } from "../pods.js";
import { drawStream, streamCard, tagged, tags } from "../streams.js";
import { act, ask, button, View } from "../view.js";
import { Wires } from "../wires.js";
import { drawWorkload, objectAddress, workloadCard } from "../workloads.js";

/** Kinds of workloads, and which kind stands between them and their pods. */
const WORKLOADS = [["deployments", "replicasets"], ["deploymentconfigs", "replicationcontrollers"],
  ["statefulsets", null], ["daemonsets", null], ["jobs", null]];

class Topology extends View {
  palette = new Palette();

  open() {
    const { project } = this.parameters;
    this.watches = {};
    const plurals = [...WORKLOADS.flat().filter(Boolean), "pods", "services", "routes", "imagestreams"];
    for (const plural of plurals) this.watches[plural] = this.follow(plural, project);
    const column = (title) => {
      const list = h("div", { class: "cards" });
      this.board.append(h("section", { "aria-label": title }, h("h2", {}, title), list));
      return list;
    };
    this.board = h("div", { class: "board" });
    this.streams = column("Image streams");
    this.workloads = column("Workloads");
    this.services = column("Services");
    this.routes = column("Routes");
    this.loose = podList("Pods on their own");
    this.looseCard = h("article", { class: "card", hidden: true }, h("h3", {}, "Pods on their own"), this.loose);
    this.workloads.after(this.looseCard);
    this.legend = h("ul", { class: "legend", "aria-label": "Images by digest" });
    this.append(
      h("p", { class: "row" },
        button("Deploy an image", () => this.deploy(), { class: "primary" }),
        button("Tag an image", () => this.tag()),
        button("Apply YAML", () => this.apply()),
        button("Expose", () => this.expose())),
      this.legend, this.board);
    this.wires = new Wires(this.board);
  }

  close() {
    this.wires.stop();
  }

  draw() {
    const pods = [...this.watches.pods.items.values()];
    const podsOf = byOwner(pods);
    follow(this.streams, this.watches.imagestreams.sorted(), (o) => o.metadata.uid, streamCard,
      (card, stream) => drawStream(card, stream, this.palette));
    this.#drawWorkloads(podsOf);
    const loose = pods.filter((pod) => !controller(pod));
    this.looseCard.hidden = loose.length === 0;
    drawPods(this.loose, loose, this.palette);
    follow(this.services, this.watches.services.sorted(), (o) => o.metadata.uid,
      (o) => this.#card("Service", "services", o), (card, o) => this.#drawService(card, o, pods));
    follow(this.routes, this.watches.routes.sorted(), (o) => o.metadata.uid,
      (o) => this.#card("Route", "routes", o), (card, o) => this.#drawRoute(card, o));
    drawLegend(this.legend, this.palette);
    this.wires.set(this.#arrows());
  }

  #drawWorkloads(podsOf) {
    const all = WORKLOADS.flatMap(([plural, between]) => {
      const setsOf = between ? byOwner(this.watches[between].items.values()) : null;
      return this.watches[plural].sorted().map((object) => {
        const sets = setsOf ? setsOf.get(object.metadata.uid) ?? [] : [object];
        const withPods = sets.map((set) => ({ set, pods: podsOf.get(set.metadata.uid) ?? [] }));
        return { kind: KINDS[plural], object, sets: withPods };
      });
    });
    follow(this.workloads, all, (w) => w.object.metadata.uid, (w) => workloadCard(w.kind, w.object),
      (card, w) => drawWorkload(card, w.object, w.sets, this.palette));
  }

  #card(kind, plural, object) {
    const card = h("article", { class: "card", "aria-label": `${kind} ${object.metadata.name}` },
      h("h3", {}, h("span", { class: "kind" }, kind),
        h("a", { href: objectAddress(plural, object) }, object.metadata.name)),
      h("p", { class: "state" }), h("p", { class: "note" }));
    return card;
  }

  #drawService(card, service, pods) {
    card.object = service;
    const { selector, ports } = service.spec;
    const chosen = selector ? pods.filter((pod) => fits(selector, pod.metadata.labels)) : [];
    text(card.querySelector(".state"), chosen.length === 1 ? "1 pod" : `${chosen.length} pods`);
    text(card.querySelector(".note"), (ports ?? []).map((p) => `${p.port} → ${p.targetPort}`).join(", "));
  }

  #drawRoute(card, route) {
    card.object = route;
    text(card.querySelector(".state"), route.spec.host);
    const all = [route.spec.to, ...(route.spec.alternateBackends ?? [])];
    const whole = all.reduce((sum, to) => sum + (to.weight ?? 100), 0) || 1;
    text(card.querySelector(".note"), all.map((to) =>
      `${to.name} ${Math.round(((to.weight ?? 100) * 100) / whole)} %`).join(", "));
  }

  /** What leads from where to where. */
  #arrows() {
    const cards = (list) => [...list.children];
    const tagItems = new Map();
    const found = [];
    for (const card of cards(this.streams)) {
      const { stream } = card;
      const items = card.list.followed ?? new Map();
      for (const tag of tags(stream)) tagItems.set(`${stream.metadata.name}:${tag.name}`, items.get(tag.name));
    }
    for (const card of cards(this.workloads)) {
      for (const { tag, paused } of triggers(card.object)) {
        const from = tagItems.get(tag);
        if (from) found.push({ from, to: card, sort: "trigger", paused });
      }
    }
    for (const card of cards(this.services)) {
      const { selector } = card.object.spec;
      for (const workload of selector ? cards(this.workloads) : []) {
        const labels = workload.object.spec.template?.metadata?.labels;
        if (fits(selector, labels)) found.push({ from: card, to: workload, sort: "traffic" });
      }
    }
    for (const card of cards(this.routes)) {
      const names = [card.object.spec.to, ...(card.object.spec.alternateBackends ?? [])].map((t) => t.name);
      for (const service of cards(this.services)) {
        if (names.includes(service.object.metadata.name)) found.push({ from: card, to: service, sort: "traffic" });
      }
    }
    return found;
  }

  deploy() {
    const { project } = this.parameters;
    ask("Deploy an image", [
      { name: "name", label: "Name", required: true },
      { name: "image", label: "Image, or a tag of an image stream", required: true,
        note: "such as quay.io/keycloak/keycloak:20.0.2, or keycloak:20 when there is such a stream" },
      { name: "replicas", label: "Replicas", value: "3", type: "number" },
      { name: "strategy", label: "Strategy", options: ["RollingUpdate", "Recreate"], value: "RollingUpdate" },
    ], "Deploy", async ({ name, image, replicas, strategy }) => {
      const streams = [...this.watches.imagestreams.items.values()].map((s) => s.metadata.name);
      const made = deployment(name, image, replicas, strategy);
      if (!image.includes("/") && streams.includes(image.split(":")[0])) await this.#track(made, image);
      await create(path(KINDS.deployments, project), made);
    });
  }

  /** Lets a Deployment that will be made run what an image stream tag means, now and later. */
  async #track(made, image) {
    const name = image.includes(":") ? image : `${image}:latest`;
    const tag = await get(path(KINDS.imagestreamtags, this.parameters.project, name));
    const [container] = made.spec.template.spec.containers;
    container.image = tag.image.dockerImageReference;
    const fieldPath = `spec.template.spec.containers[?(@.name=="${container.name}")].image`;
    made.metadata.annotations = { "image.openshift.io/triggers":
      JSON.stringify([{ from: { kind: "ImageStreamTag", name }, fieldPath }]) };
  }

  apply() {
    ask("Apply YAML", [{ name: "text", label: "Manifests", lines: 18, required: true,
      note: "documents between lines of ---; all are tried on the server before the first is made" }],
    "Apply", async ({ text: manifests }) => {
      const done = await apply(manifests, this.parameters.project);
      await act(`Applied: ${done.join(", ")}.`, async () => {});
    });
  }

  tag() {
    const { project } = this.parameters;
    ask("Tag an image", [
      { name: "to", label: "Image stream tag", note: "such as keycloak:20.0.2", required: true },
      { name: "from", label: "Image", note: "such as quay.io/keycloak/keycloak:20.0.2", required: true },
      { name: "scheduled", label: "Import again on a schedule", options: ["no", "yes"], value: "no" },
    ], "Tag", async ({ to, from, scheduled }) => {
      const [stream, tag = "latest"] = to.split(":");
      await tagged(project, stream, tag, { from: { kind: "DockerImage", name: from },
        importPolicy: scheduled === "yes" ? { scheduled: true } : {} });
    });
  }

  expose() {
    const { project } = this.parameters;
    const names = WORKLOADS.flatMap(([plural]) => this.watches[plural].sorted())
      .map((o) => o.metadata.name);
    ask("Expose a workload by a service and a route", [
      { name: "name", label: "Workload", options: names },
      { name: "port", label: "Port", value: "8080", type: "number" },
    ], "Expose", ({ name, port }) => act(`${name} is exposed.`, async () => {
      const workload = WORKLOADS.flatMap(([plural]) => this.watches[plural].sorted())
        .find((o) => o.metadata.name === name);
      await create(path(KINDS.services, project), { apiVersion: "v1", kind: "Service", metadata: { name },
        spec: { selector: workload.spec.selector?.matchLabels ?? workload.spec.selector,
          ports: [{ port: Number(port), targetPort: Number(port) }] } });
      await create(path(KINDS.routes, project), { apiVersion: "route.openshift.io/v1", kind: "Route",
        metadata: { name }, spec: { to: { kind: "Service", name }, port: { targetPort: Number(port) } } });
    }));
  }
}

/** A Deployment of an image. */
const deployment = (name, image, replicas, strategy) => ({
  apiVersion: "apps/v1", kind: "Deployment", metadata: { name, labels: { app: name } },
  spec: { replicas: Number(replicas), strategy: { type: strategy },
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image }] } } },
});

customElements.define("view-topology", Topology);
