// A rollout as a picture: pods of each revision over time, between the bounds the strategy sets.

import { h, replace, s } from "./dom.js";

const MOST = 400;
/** A silence that is longer is drawn as if it were this long, in milliseconds. */
const FOLD = 4000;
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [720, 260, 34, 24, 12];

/**
 * Samples `{ at, revisions: [{ number, ready, coming, going }], bounds }` as they are seen. Pods that
 * are going are not counted by the bounds.
 */
export class Samples {
  list = [];

  /** Takes a sample if anything is different from the last one. */
  add(sample) {
    const shown = JSON.stringify([sample.revisions, sample.bounds]);
    if (this.list.at(-1)?.shown === shown) return false;
    this.list.push({ ...sample, shown });
    if (this.list.length > MOST) this.list.shift();
    return true;
  }

  /** Puts samples of the past before those that were seen. */
  precede(earlier) {
    const seen = this.list;
    this.list = [];
    const shift = seen.length && earlier.length ? seen[0].at - earlier.at(-1).at - FOLD : 0;
    for (const sample of earlier) this.add({ ...sample, at: sample.at + shift });
    for (const sample of seen) this.add(sample);
  }
}

/** Draws samples up to now, with a mark at one of them; answers a sentence about that one. */
export function timeline(picture, samples, now, chosen = samples.list.length - 1) {
  const { list } = samples;
  if (!list.length) return "";
  const places = [0];
  for (let i = 1; i < list.length; i++) {
    places.push(places[i - 1] + Math.min(FOLD, Math.max(40, list[i].at - list[i - 1].at)));
  }
  const end = places.at(-1) + Math.min(FOLD, Math.max(400, now - list.at(-1).at));
  const most = Math.max(...list.map((x) => Math.max(x.bounds.most, sum(x))), 1);
  const x = (place) => LEFT + (place / end) * (WIDTH - LEFT - 8);
  const y = (count) => HEIGHT - BOTTOM - (count / most) * (HEIGHT - BOTTOM - TOP);
  const next = (i) => places[i + 1] ?? end;
  const numbers = [...new Set(list.flatMap((one) => one.revisions.map((r) => r.number)))].sort((a, b) => a - b);
  replace(picture,
    s("title", {}, "Pods of each revision over time"),
    scale(most, y),
    areas(list, numbers, { x, y, places, next }),
    line(list, (one) => one.bounds.most, "most", { x, y, places, next }),
    line(list, (one) => one.bounds.least, "least", { x, y, places, next }),
    list.map((one, i) => i > 0 && one.at - list[i - 1].at > FOLD &&
      s("text", { x: x(places[i]) - 8, y: HEIGHT - 6, class: "fold" }, "⋯")),
    chosen < list.length - 1 &&
      s("line", { class: "chosen", x1: x(places[chosen]), x2: x(places[chosen]), y1: TOP, y2: HEIGHT - BOTTOM }));
  return sentence(list[chosen]);
}

const sum = (sample) => sample.revisions.reduce((all, r) => all + r.ready + r.coming + r.going, 0);

function sentence({ revisions, bounds }) {
  const parts = revisions.filter((r) => r.ready + r.coming + r.going > 0)
    .map((r) => `revision ${r.number}: ${r.ready} available, ${r.coming} coming, ${r.going} going`);
  return `${parts.join("; ") || "no pods"}; at most ${bounds.most} pods, at least ${bounds.least} available`;
}

function scale(most, y) {
  const step = Math.max(1, Math.ceil(most / 6));
  const lines = [];
  for (let count = 0; count <= most; count += step) {
    lines.push(s("line", { x1: LEFT, x2: WIDTH - 8, y1: y(count), y2: y(count), class: "grid" }),
      s("text", { x: LEFT - 6, y: y(count) + 4, "text-anchor": "end" }, count));
  }
  return lines;
}

const WORDS = { ready: "available", coming: "coming", going: "going" };

/** Stacked steps: for each revision what is available, what comes, and what goes. */
function areas(list, numbers, { x, y, places, next }) {
  const shapes = [];
  const base = list.map(() => 0);
  for (const field of ["ready", "coming", "going"]) {
    for (const number of numbers) {
      let top = "";
      const lower = [];
      list.forEach((one, i) => {
        const count = one.revisions.find((r) => r.number === number)?.[field] ?? 0;
        const [x1, x2] = [x(places[i]), x(next(i))];
        top += `${top ? "L" : "M"}${x1} ${y(base[i] + count)}H${x2}`;
        lower.push(`L${x2} ${y(base[i])}H${x1}`);
        base[i] += count;
      });
      shapes.push(s("path", { d: `${top}${lower.reverse().join("")}Z`,
        class: `area d${(number - 1 + 8) % 8} ${field}` },
      s("title", {}, `Revision ${number}, ${WORDS[field]}`)));
    }
  }
  return shapes;
}

function line(list, value, name, { x, y, places, next }) {
  const d = list.map((one, i) => `${i ? "L" : "M"}${x(places[i])} ${y(value(one))}H${x(next(i))}`).join("");
  return s("path", { d, class: `bound ${name}` });
}

/** An empty picture. */
export const picture = () =>
  s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "timeline", role: "img", "aria-labelledby": "timeline-said" });

/** What its colours and lines mean. */
export function key(numbers) {
  return h("ul", { class: "legend" },
    numbers.map((number) => h("li", {},
      h("span", { class: `swatch d${(number - 1 + 8) % 8}`, "aria-hidden": "true" }, number), `Revision ${number}`)),
    h("li", { class: "note" }, "full: available; pale: coming; outlined: going, which no bound counts"),
    h("li", {}, h("span", { class: "stroke most", "aria-hidden": "true" }), "most pods (surge)"),
    h("li", {}, h("span", { class: "stroke least", "aria-hidden": "true" }), "least available"));
}
