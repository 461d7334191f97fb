// Arrows between the cards of a page, in a picture that lies behind them.

import { framed, s } from "./dom.js";

const FIELDS = ["from", "to", "sort", "paused"];

const same = (known, wanted) => known.length === wanted.length
  && wanted.every((wire, i) => FIELDS.every((field) => wire[field] === known[i][field]));

/** A layer of arrows over (or rather under) `place`. */
export class Wires {
  constructor(place) {
    this.place = place;
    this.lines = s("g");
    this.picture = s("svg", { class: "wires", "aria-hidden": "true" },
      s("defs", {}, ["trigger", "traffic", "alias"].map((sort) =>
        s("marker", { id: `head-${sort}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7,
          markerHeight: 7, orient: "auto-start-reverse" },
        s("path", { d: "M0 0 8 4 0 8z", class: `head ${sort}` })))),
      this.lines);
    place.prepend(this.picture);
    this.wanted = [];
    this.drawSoon = framed(() => this.#draw());
    this.observer = new ResizeObserver(this.drawSoon);
    // What grows moves what lies below it in its column.
    for (const one of [place, ...place.querySelectorAll(".cards")]) this.observer.observe(one);
  }

  /** Arrows as `{ from, to, sort, paused }`, where ends are elements. */
  set(wanted) {
    if (same(this.wanted, wanted)) return;
    this.wanted = wanted;
    this.drawSoon();
  }

  stop() {
    this.observer.disconnect();
  }

  #draw() {
    const base = this.place.getBoundingClientRect();
    const paths = this.wanted.filter(({ from, to }) => from.isConnected && to.isConnected)
      .map(({ from, to, sort, paused }) => {
        const [a, b] = [from.getBoundingClientRect(), to.getBoundingClientRect()];
        const right = a.left < b.left;
        const x1 = (right ? a.right : a.left) - base.left;
        const x2 = (right ? b.left : b.right) - base.left;
        const y1 = (a.top + a.bottom) / 2 - base.top;
        const y2 = b.top + Math.min(24, b.height / 2) - base.top;
        const bend = Math.max(20, Math.abs(x2 - x1) / 2) * (right ? 1 : -1);
        return s("path", { class: `wire ${sort}${paused ? " paused" : ""}`,
          d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
          "marker-end": `url(#head-${sort})` });
      });
    this.picture.setAttribute("width", this.place.clientWidth);
    this.picture.setAttribute("height", this.place.scrollHeight);
    this.lines.replaceChildren(...paths);
  }
}
