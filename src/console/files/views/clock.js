// The cluster's clock: what it shows, and stopping, stepping and running it.

import { desk } from "../api.js";
import { h, text } from "../dom.js";
import { announce, button, View } from "../view.js";

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
    this.ticking = true;
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
    } catch (e) {
      announce(e.message, true);
    }
    for (const one of buttons) one.disabled = false;
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
