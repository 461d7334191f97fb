// Pods as squares coloured by the digest they run: one stop of the tab key, arrows go on from there.

import { follow, h } from "./dom.js";
import { digest, short, state } from "./objects.js";

/** A list that `drawPods` brings up to date. */
export function podList(label) {
  const list = h("div", { class: "pods", role: "list", "aria-label": label });
  list.addEventListener("keydown", move);
  return Object.assign(list, { links: new Map(), places: [], empty: [] });
}

/** So many places make a block, which the browser lays out and paints apart from all others. */
const BLOCK = 50;
/** How long the places of pods that are gone stay empty, in milliseconds, and how many move up at once. */
const EMPTY = 1000;
const MOVES = 50;
/** How much of a frame squares may take, in milliseconds; the others come with the next. */
const SHARE = 4;

/**
 * Brings a list of pods up to date. While pods come and go the others stay where they are: who comes
 * takes an empty place, and what is still empty after a while is taken by the last ones.
 */
export function drawPods(list, pods, palette) {
  const { links, empty } = list;
  const wanted = new Set();
  for (const pod of pods) wanted.add(pod.metadata.uid);
  for (const [uid, known] of links) {
    if (wanted.has(uid)) continue;
    links.delete(uid);
    empty.push(known.parentNode);
    known.remove();
  }
  const ends = performance.now() + SHARE;
  for (const pod of pods) {
    const { uid } = pod.metadata;
    let known = links.get(uid);
    if (known?.pod === pod) continue;
    if (performance.now() > ends) {
      list.late = () => drawPods(list, pods, palette);
      list.next ??= requestAnimationFrame(() => {
        list.next = null;
        list.late?.();
      });
      return;
    }
    if (!known) {
      known = link(pod);
      links.set(uid, known);
      (empty.pop() ?? place(list)).append(known);
    }
    update(known, pod, palette);
  }
  list.late = null;
  if (empty.length) list.closing ??= setTimeout(() => close(list), EMPTY);
  if (!list.stop?.isConnected) {
    list.stop = list.querySelector("a");
    if (list.stop) list.stop.tabIndex = 0;
  }
}

/** One more place at the end. */
function place(list) {
  const made = h("span", { role: "listitem" });
  if (list.places.length % BLOCK === 0) list.append(h("div", { class: "block", role: "none" }));
  list.lastElementChild.append(made);
  list.places.push(made);
  return made;
}

/** Lets the last ones move up into empty places. */
function close(list) {
  const empty = new Set(list.empty);
  const focused = document.activeElement;
  for (let moved = 0; empty.size && moved < MOVES; moved++) {
    const last = list.places.pop();
    if (!empty.delete(last)) {
      const [first] = empty;
      empty.delete(first);
      first.append(last.firstChild);
    }
    const block = last.parentNode;
    last.remove();
    if (!block.firstChild) block.remove();
  }
  list.empty = [...empty];
  list.closing = empty.size ? setTimeout(() => close(list)) : null;
  if (list.contains(focused)) focused.focus();
}

function link(pod) {
  const { namespace, name } = pod.metadata;
  const to = `#/p/${encodeURIComponent(namespace)}/object/pods/${encodeURIComponent(name)}`;
  return h("a", { href: to, tabindex: "-1" });
}

function update(link, pod, palette) {
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
  event.currentTarget.stop = next;
  next.focus();
}

/** What the letters and colours stand for. */
export function drawLegend(list, palette) {
  follow(list, palette.entries(), ([name]) => name, ([name, { letter, className }]) =>
    h("li", {}, h("span", { class: `swatch ${className}`, "aria-hidden": "true" }, letter),
      h("code", {}, short(name))));
}
