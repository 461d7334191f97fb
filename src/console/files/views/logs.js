// A container's log as it grows.

import { get, KINDS, lines, path, send } from "../api.js";
import { framed, h, replace } from "../dom.js";
import { announce, View } from "../view.js";

const MOST = 5000;

class Logs extends View {
  #stop = null;
  #waiting = [];

  open() {
    const { project, pod } = this.parameters;
    this.url = path(KINDS.pods, project, pod);
    this.container = h("select", { id: "container", onchange: () => this.read() });
    this.previous = h("input", { type: "checkbox", id: "previous", onchange: () => this.read() });
    this.log = h("pre", { class: "log", tabindex: "0", role: "log", "aria-label": `Log of ${pod}` });
    this.flush = framed(() => this.#show());
    this.append(
      h("p", { class: "row" }, h("label", { for: "container" }, "Container ", this.container),
        h("label", { for: "previous" }, this.previous, " of the one before")),
      this.log);
    this.#begin().catch((e) => announce(e.message, true));
  }

  async #begin() {
    const pod = await get(this.url);
    const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((c) => c.name);
    replace(this.container, names.map((name) => h("option", { value: name }, name)));
    this.container.value = pod.spec.containers[0].name;
    await this.read();
  }

  async read() {
    this.#stop?.abort();
    const { signal } = (this.#stop = new AbortController());
    replace(this.log);
    const query = { container: this.container.value, follow: true, tailLines: MOST };
    if (this.previous.checked) query.previous = true;
    try {
      const answer = await send("GET", `${this.url}/log`, { query, accept: "*/*", signal });
      for await (const line of lines(answer)) {
        this.#waiting.push(line);
        this.flush();
      }
    } catch (e) {
      if (!signal.aborted) announce(e.message, true);
    }
  }

  #show() {
    const { log } = this;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(...this.#waiting.splice(0).map((line) => document.createTextNode(`${line}\n`)));
    while (log.childNodes.length > MOST) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  close() {
    this.#stop?.abort();
  }
}

customElements.define("view-logs", Logs);
