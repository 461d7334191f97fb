// What all views share: following objects, drawing once a frame, saying what went wrong.

import { KINDS, path } from "./api.js";
import { framed, h, replace } from "./dom.js";
import { Watch } from "./watch.js";

/** A view; `open` builds it, `draw` brings it up to date, and what it follows ends with it. */
export class View extends HTMLElement {
  #watches = [];
  #alerts = h("div", { role: "alert" });
  drawSoon = framed(() => this.isConnected && this.#redraw());

  /** What the address says. */
  parameters = {};

  connectedCallback() {
    this.append(this.#alerts);
    this.open();
    this.drawSoon();
  }

  disconnectedCallback() {
    for (const watch of this.#watches) watch.stop();
    this.#watches = [];
    this.close();
  }

  open() {}
  draw() {}
  close() {}

  /** Follows a kind's objects; `seen` is told of every change before the view is drawn. */
  follow(plural, namespace, { query, seen, most } = {}) {
    const changed = (type, object) => {
      seen?.(type, object);
      this.drawSoon();
    };
    const watch = new Watch(path(KINDS[plural], namespace), { query, changed, most });
    this.#watches.push(watch);
    return watch;
  }

  #redraw() {
    const failures = new Set(this.#watches.map((w) => w.failure?.message).filter(Boolean));
    const shown = [...failures].sort().join("\n");
    if (this.#alerts.shown !== shown) {
      this.#alerts.shown = shown;
      replace(this.#alerts, [...failures].sort().map((why) => h("p", { class: "problem" }, why)));
    }
    this.draw();
  }
}

/** Says something to everybody, those who listen included. */
export function announce(text, bad = false) {
  const place = document.getElementById("news");
  replace(place, h("p", { class: bad ? "problem" : "news" }, text,
    h("button", { type: "button", class: "plain", "aria-label": "Dismiss",
      onclick: () => replace(place) }, "✕")));
}

/** Does something a button asks for; says how it ended. */
export async function act(said, work) {
  try {
    const done = await work();
    announce(said);
    return done;
  } catch (e) {
    announce(e.message, true);
    return null;
  }
}

/** A button that does something. */
export const button = (label, work, attributes) =>
  h("button", { type: "button", ...attributes, onclick: work }, label);

/**
 * Asks for some values in a dialog: `fields` are `{ name, label, value, options, required }`.
 * Does `work` with them and closes; when it fails, says why and stays.
 */
export function ask(title, fields, label, work) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const inputs = fields.map((field) => {
    const id = `ask-${field.name}`;
    const told = field.note && `${id}-note`;
    const common = { id, name: field.name, value: field.value ?? "", required: field.required,
      "aria-describedby": told };
    const input = field.options
      ? h("select", { id, name: field.name }, field.options.map((option) =>
        h("option", { value: option, selected: option === field.value }, option)))
      : field.lines ? h("textarea", { ...common, class: "yaml", rows: field.lines, spellcheck: "false" })
      : h("input", { ...common, autocomplete: "off", spellcheck: "false", type: field.type });
    return h("div", { class: "field" }, h("label", { for: id }, field.label), input,
      field.note && h("span", { class: "note", id: told }, field.note));
  });
  const form = h("form", { class: "ask" }, h("h2", { id: "ask-title" }, title), inputs, problem,
    h("div", { class: "row" },
      h("button", { class: "primary" }, label),
      button("Cancel", () => dialog.close())));
  const dialog = h("dialog", { "aria-labelledby": "ask-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await work(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (e) {
      problem.hidden = false;
      problem.textContent = e.message;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
