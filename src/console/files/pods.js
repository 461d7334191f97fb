// Pods as squares coloured by the digest they run: one stop of the tab key, arrows go on from there.

import { follow, h } from "./dom.js";
import { digest, short, state } from "./objects.js";

/** A list that `draw`, with pods and a palette, brings up to date. */
export function podList(label) {
  const list = h("ul", { class: "pods", "aria-label": label });
  list.addEventListener("keydown", move);
  return list;
}

/** Brings a list of pods up to date. */
export function drawPods(list, pods, palette) {
  follow(list, pods, (pod) => pod.metadata.uid, make, (item, pod) => update(item, pod, palette));
  const first = list.querySelector("a");
  if (first && !list.querySelector('a[tabindex="0"]')) first.tabIndex = 0;
}

function make(pod) {
  const { namespace, name } = pod.metadata;
  const to = `#/p/${encodeURIComponent(namespace)}/object/pods/${encodeURIComponent(name)}`;
  return h("li", {}, h("a", { href: to, tabindex: "-1" }));
}

function update(item, pod, palette) {
  const link = item.firstElementChild;
  if (link.pod === pod) return;
  link.pod = pod;
  const what = digest(pod);
  const { letter, className } = palette.of(what);
  const { word, sort } = state(pod);
  const said = `${pod.metadata.name}: ${word}${what ? `, image ${letter} ${short(what)}` : ""}`;
  if (link.said === said) return;
  link.said = said;
  link.textContent = letter;
  link.className = `${className} ${sort}`;
  link.setAttribute("aria-label", said);
  link.title = said;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function move(event) {
  const step = STEPS[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll("a")];
  const next = links[links.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  for (const link of links) link.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** What the letters and colours stand for. */
export function drawLegend(list, palette) {
  follow(list, palette.entries(), ([name]) => name, ([name, { letter, className }]) =>
    h("li", {}, h("span", { class: `swatch ${className}`, "aria-hidden": "true" }, letter),
      h("code", {}, short(name))));
}
