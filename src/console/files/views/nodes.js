// Nodes: whether they are well, how full their disks are, and the images they hold.

import { desk } from "../api.js";
import { follow, h, text } from "../dom.js";
import { holds, short } from "../objects.js";
import { act, button, View } from "../view.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes as people read it. */
export function size(bytes) {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

const FACTORS = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, m: 1e-3 };

/** The bytes of a quantity. */
export function bytes(quantity) {
  const found = /^([0-9.]+)([A-Za-z]*)$/.exec(quantity ?? "");
  return found ? Number(found[1]) * (FACTORS[found[2]] ?? 1) : 0;
}

class Nodes extends View {
  open() {
    this.nodes = this.follow("nodes", "");
    this.cards = h("div", { class: "cards wide" });
    this.append(this.cards);
  }

  draw() {
    follow(this.cards, this.nodes.sorted(), (n) => n.metadata.uid, (node) => this.#make(node),
      (card, node) => this.#update(card, node));
  }

  #make(node) {
    const { name } = node.metadata;
    const parts = { state: h("p", { class: "state" }), meter: h("meter", { min: 0, "aria-label": `Images on the disk of ${name}` }),
      disk: h("p", { class: "note" }), count: h("summary"), rows: h("tbody") };
    const card = h("article", { class: "card", "aria-label": `Node ${name}` },
      h("h2", {}, h("a", { href: `#/object/nodes/${encodeURIComponent(name)}` }, name)),
      parts.state, parts.meter, parts.disk,
      h("p", { class: "row" },
        h("a", { href: `#/node/${encodeURIComponent(name)}/terminal` }, "Terminal"),
        button("Fail", () => act(`${name} falls silent.`, () => desk("PUT", `nodes/${encodeURIComponent(name)}/outage`)),
          { "aria-label": `Fail ${name}` }),
        button("Recover", () => act(`${name} is back.`, () => desk("DELETE", `nodes/${encodeURIComponent(name)}/outage`)),
          { "aria-label": `Recover ${name}` })),
      h("details", {}, parts.count,
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Images on ${name}` },
          h("table", {}, h("thead", {}, h("tr", {}, ["Image", "Digest", "Size"].map((title) =>
            h("th", { scope: "col" }, title)))), parts.rows))));
    card.parts = parts;
    return card;
  }

  #update(card, node) {
    const { parts } = card;
    const images = node.status.images ?? [];
    const words = [holds(node, "Ready") ? "Ready" : "Not ready"];
    if (node.spec.unschedulable) words.push("cordoned");
    for (const type of ["DiskPressure", "MemoryPressure", "PIDPressure"]) if (holds(node, type)) words.push(type);
    text(parts.state, words.join(", ")).classList.toggle("bad-text", words[0] !== "Ready");
    const whole = bytes(node.status.capacity?.["ephemeral-storage"]);
    const used = images.reduce((sum, image) => sum + (image.sizeBytes ?? 0), 0);
    Object.assign(parts.meter, { max: whole || 1, value: used });
    text(parts.disk, `Images fill ${size(used)} of ${size(whole)}`);
    text(parts.count, images.length === 1 ? "1 image" : `${images.length} images`);
    follow(parts.rows, images, (image) => (image.names ?? []).join(" "), (image) => {
      const names = image.names ?? [];
      const byDigest = names.find((n) => n.includes("@")) ?? "";
      const tags = names.filter((n) => !n.includes("@"));
      return h("tr", {}, h("th", { scope: "row" }, tags.join(", ") || byDigest.split("@")[0]),
        h("td", {}, h("code", {}, short(byDigest.split("@")[1] ?? ""))), h("td", {}, size(image.sizeBytes ?? 0)));
    });
  }
}

customElements.define("view-nodes", Nodes);
