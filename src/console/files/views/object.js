// An object as YAML: what the server's managers note is folded away, and a change is tried on the
// server before it is made.

import { call, desk, KINDS, path, remove, send } from "../api.js";
import { difference } from "../diff.js";
import { h, replace } from "../dom.js";
import { told } from "../trail.js";
import { act, announce, ask, button, View } from "../view.js";

const YAML = "application/yaml";

/** A YAML text without `metadata.managedFields`, and that part by itself. */
export function folded(text) {
  const lines = text.split("\n");
  const start = lines.indexOf("  managedFields:");
  if (start < 0) return { rest: text, managed: "" };
  let end = start + 1;
  while (end < lines.length && /^( {3,}| {2}- )/.test(lines[end])) end++;
  return { rest: [...lines.slice(0, start), ...lines.slice(end)].join("\n"),
    managed: lines.slice(start, end).join("\n") };
}

class ObjectView extends View {
  open() {
    const { project, plural, name } = this.parameters;
    this.kind = KINDS[plural];
    if (!this.kind) return announce(`The console does not know ${plural}.`, true);
    this.url = path(this.kind, project, name);
    this.editor = h("textarea", { class: "yaml", spellcheck: "false", "aria-label": `YAML of ${name}`, rows: 30 });
    this.managed = h("pre");
    this.changes = h("div", { "aria-live": "polite" });
    this.reasons = h("div", { "aria-live": "polite" });
    const more = plural === "pods" && h("p", { class: "row" },
      h("a", { href: `#/p/${encodeURIComponent(project)}/logs/${encodeURIComponent(name)}` }, "Log"),
      h("a", { href: `#/p/${encodeURIComponent(project)}/terminal/${encodeURIComponent(name)}` }, "Terminal"));
    this.append(more || "", this.editor,
      h("p", { class: "row" }, button("Try the change", () => this.try(), { class: "primary" }),
        button("Read again", () => this.read()),
        button("Why", () => this.why()), button("Delete", () => this.drop())),
      this.changes, this.reasons,
      h("details", {}, h("summary", {}, "Managed fields"), this.managed));
    return this.read();
  }

  async read() {
    replace(this.changes);
    try {
      this.#show(await (await send("GET", this.url, { accept: YAML })).text());
    } catch (e) {
      announce(e.message, true);
    }
  }

  #show(text) {
    const { rest, managed } = folded(text);
    this.shown = rest;
    this.editor.value = rest;
    this.managed.textContent = managed;
  }

  #put(query) {
    return send("PUT", this.url, { query: { fieldValidation: "Strict", fieldManager: "console", ...query },
      body: this.editor.value, type: YAML, accept: YAML });
  }

  /** Shows what the server would make of the change. */
  async try() {
    try {
      const made = folded(await (await this.#put({ dryRun: "All" })).text()).rest;
      const lines = difference(this.shown, made);
      if (!lines.length) {
        replace(this.changes, h("p", { class: "note" }, "The server sees no change."));
        return;
      }
      replace(this.changes, h("h2", {}, "What would change"),
        h("pre", { class: "diff" }, lines.map(({ sign, line }) =>
          h("span", { class: sign === "+" ? "come" : sign === "-" ? "gone" : "" }, `${sign} ${line}\n`))),
        h("p", {}, button("Make the change", () => this.save(), { class: "primary" })));
    } catch (e) {
      replace(this.changes, h("p", { class: "problem", role: "alert" }, e.message));
    }
  }

  async save() {
    const text = await act("The change is made.", async () => (await this.#put({})).text());
    if (text !== null) {
      replace(this.changes);
      this.#show(text);
    }
  }

  /** Tells the latest changes, by whom they were made and what each followed from. */
  async why() {
    const { project, plural, name } = this.parameters;
    try {
      const { changes } = await desk("GET", "why", { resource: plural, name, namespace: project ?? "" });
      replace(this.reasons, h("h2", {}, "Why it is so"),
        changes.length === 0 && h("p", { class: "note" }, "The changes are no longer known."),
        h("ol", {}, changes.map((chain) => h("li", {}, chain.map(told)))));
    } catch (e) {
      announce(e.message, true);
    }
  }

  drop() {
    const { name } = this.parameters;
    ask(`Delete ${this.kind.kind} ${name}?`, [], "Delete", async () => {
      await remove(this.url);
      await call("GET", this.url).then(() => announce(`${name} is being deleted.`), () => history.back());
    });
  }
}

customElements.define("view-object", ObjectView);
