// The cluster's clock: what it shows, and stopping, stepping and running it; and what happened of late,
// as the trail tells it.

import { desk } from "../api.js";
import { h, replace, text } from "../dom.js";
import { told } from "../trail.js";
import { announce, button, View } from "../view.js";

/** Changes around the chosen one that are shown before it. */
const BEFORE = 3;
/** Users whose changes nobody asks for: those that happen while people sign in. */
const QUIET = /^oauth(access|authorize)tokens\./;

class ClockView extends View {
  open() {
    this.shown = h("p", { class: "state big" });
    this.rate = h("p", { class: "note" });
    this.step = h("input", { id: "step", value: "15m", size: 8 });
    this.until = h("input", { id: "until", placeholder: "2031-01-02T03:04:05Z", size: 24 });
    this.fast = h("input", { id: "rate", type: "number", value: 60, min: 0, max: 1000 });
    this.append(this.shown, this.rate,
      h("p", { class: "row" }, button("Stop", () => this.move({ rate: 0 })),
        button("Run", () => this.move({ rate: 1 })),
        button("Next moment somebody waits for", () => this.move({ next: "" }))),
      h("p", { class: "row" }, h("label", { for: "step" }, "Step ", this.step),
        button("Step", () => this.move({ by: this.step.value }))),
      h("p", { class: "row" }, h("label", { for: "until" }, "Until ", this.until),
        button("Go", () => this.move({ to: this.until.value }))),
      h("p", { class: "row" }, h("label", { for: "rate" }, "Times as fast ", this.fast),
        button("Set", () => this.move({ rate: this.fast.value }))));
    this.past = h("input", { type: "range", id: "past", min: 0, max: 0, value: 0, oninput: () => this.#tell() });
    this.when = h("p", { class: "note", id: "past-said" });
    this.changes = h("div", { class: "card past", "aria-live": "polite" });
    this.append(h("h2", {}, "The recent past"),
      h("p", { class: "row" }, h("label", { for: "past" }, "Change "), this.past,
        button("Read again", () => this.read())), this.when, this.changes);
    this.items = [];
    return this.move(null);
  }

  /** Moves time (or only reads it) and shows what the clock says then. */
  async move(query) {
    const buttons = [...this.querySelectorAll("button")];
    for (const one of buttons) one.disabled = true;
    if (query) text(this.rate, "Time moves; what is due is being done.");
    try {
      const reading = await desk(query ? "POST" : "GET", "time", query ?? {});
      this.reading = { ...reading, at: performance.now(), now: Date.parse(reading.now) };
      this.#tick();
      await this.read();
    } catch (e) {
      announce(e.message, true);
    }
    for (const one of buttons) one.disabled = false;
  }

  /** Reads what happened, as far as the server still knows it. */
  async read() {
    const { items } = await desk("GET", "trail", {});
    this.items = items.filter(({ resource }) => !QUIET.test(resource ?? ""));
    const last = Math.max(0, this.items.length - 1);
    Object.assign(this.past, { max: last, value: last, disabled: last === 0 });
    this.#tell();
  }

  /** Tells of the chosen change, after those that came right before it. */
  #tell() {
    const chosen = Number(this.past.value);
    const item = this.items[chosen];
    const at = item?.time ? ` at ${item.time.replace("T", " ").replace("Z", " UTC")}` : "";
    text(this.when, item ? `Change ${chosen + 1} of ${this.items.length}${at}` : "Nothing has happened yet.");
    replace(this.changes, this.items.slice(Math.max(0, chosen - BEFORE), chosen + 1).reverse()
      .map((one, i) => h("div", { class: i ? "earlier" : "" }, told(one, 0))));
  }

  /** Shows the time once a second while it runs; the server is not asked. */
  #tick() {
    clearTimeout(this.timer);
    if (!this.isConnected) return;
    const { now, rate, next, at } = this.reading;
    const shown = new Date(now + (performance.now() - at) * rate);
    text(this.shown, shown.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC"));
    const how = rate === 0 ? "It stands still." : rate === 1 ? "It runs." : `It runs ${rate} times as fast.`;
    text(this.rate, next && rate === 0 ? `${how} Somebody waits for ${next.replace(/\.\d+Z$/, "Z")}.` : how);
    if (rate > 0) this.timer = setTimeout(() => this.#tick(), 1000);
  }

  close() {
    clearTimeout(this.timer);
  }
}

customElements.define("view-clock", ClockView);
