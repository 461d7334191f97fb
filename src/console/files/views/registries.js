// The vendors' registries: what they hold, moving a floating tag, and outages.

import { desk } from "../api.js";
import { follow, h, replace, text } from "../dom.js";
import { short } from "../objects.js";
import { act, announce, ask, button, View } from "../view.js";

class Registries extends View {
  open() {
    this.filter = h("input", { id: "filter", type: "search", oninput: this.drawSoon, autocomplete: "off" });
    this.list = h("div", { class: "cards wide" });
    this.append(h("p", { class: "row" }, h("label", { for: "filter" }, "Repositories with ", this.filter)), this.list);
    return this.read();
  }

  async read() {
    try {
      this.hosts = (await desk("GET", "registries")).items;
      this.drawSoon();
    } catch (e) {
      announce(e.message, true);
    }
  }

  draw() {
    const wanted = this.filter.value;
    follow(this.list, this.hosts ?? [], (r) => r.host, (registry) => this.#make(registry), (card, registry) => {
      text(card.state, registry.down ? "Outage" : "Answers").classList.toggle("bad-text", registry.down);
      text(card.outage, registry.down ? "End the outage" : "Begin an outage");
      card.registry = registry;
      const found = registry.repositories.filter((name) => `${registry.host}/${name}`.includes(wanted));
      card.hidden = wanted !== "" && found.length === 0;
      follow(card.rows, found, (name) => name, (name) => this.#repository(registry.host, name));
    });
  }

  #make({ host }) {
    const state = h("p", { class: "state" });
    const rows = h("ul", { class: "repositories" });
    const outage = button("", () => this.outage(card.registry));
    const card = h("article", { class: "card", "aria-label": `Registry ${host}` },
      h("h2", {}, host), state, h("p", { class: "row" }, outage), rows);
    return Object.assign(card, { state, rows, outage });
  }

  #repository(host, name) {
    const place = h("div");
    const details = h("details", { ontoggle: () => details.open && this.#tags(place, host, name) },
      h("summary", {}, name), place);
    return h("li", {}, details);
  }

  async #tags(place, host, name) {
    try {
      const { tags } = await desk("GET", `registries/${host}/tags`, { repository: name });
      replace(place, h("table", {},
        h("thead", {}, h("tr", {}, ["Tag", "Digest", "Actions"].map((t) => h("th", { scope: "col" }, t)))),
        h("tbody", {}, Object.entries(tags).map(([tag, digest]) => h("tr", {},
          h("th", { scope: "row" }, tag), h("td", {}, h("code", {}, short(digest))),
          h("td", {}, button("Move", () => this.move(place, host, name, tag, Object.keys(tags)),
            { "aria-label": `Move the tag ${tag}` })))))));
    } catch (e) {
      announce(e.message, true);
    }
  }

  move(place, host, name, tag, all) {
    ask(`Move ${host}/${name}:${tag}`, [{ name: "from", label: "To what this means now", options: all }], "Move",
      async ({ from }) => {
        await desk("PUT", `v2/${host}/${name}/manifests/${tag}`, { from });
        await this.#tags(place, host, name);
      });
  }

  async outage({ host, down }) {
    await act(down ? `${host} answers again.` : `${host} has an outage.`,
      () => desk(down ? "DELETE" : "PUT", `registries/${host}/outage`));
    await this.read();
  }
}

customElements.define("view-registries", Registries);
