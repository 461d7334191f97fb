// Pods as squares coloured by the digest they run: one stop of the tab key, arrows go on from there.

import { follow, h } from "./dom.js";
import { digest, short, state } from "./objects.js";

/** A list that `draw`, with pods and a palette, brings up to date. */
export function podList(label) {
  const list = h("ul", { class: "pods", "aria-label": label });
  list.addEventListener("keydown", move);
  return list;
}

/** How long the places of pods that are gone stay empty, in milliseconds. */
const EMPTY = 1000;

/**
 * Brings a list of pods up to date. While pods come and go the others stay where they are: who comes
 * takes an empty place, and the places that stay empty are closed all at once.
 */
export function drawPods(list, pods, palette) {
  const places = (list.places ??= new Map());
  const empty = (list.empty ??= []);
  const wanted = new Set();
  for (const pod of pods) wanted.add(pod.metadata.uid);
  for (const [uid, place] of places) {
    if (wanted.has(uid)) continue;
    places.delete(uid);
    place.replaceChildren();
    empty.push(place);
  }
  for (const pod of pods) {
    const { uid } = pod.metadata;
    let place = places.get(uid);
    if (!place) {
      place = empty.pop() ?? list.appendChild(h("li"));
      place.append(link(pod));
      places.set(uid, place);
    }
    update(place, pod, palette);
  }
  if (empty.length) list.closing ??= setTimeout(() => close(list), EMPTY);
  if (!list.stop?.isConnected) {
    list.stop = list.querySelector("a");
    if (list.stop) list.stop.tabIndex = 0;
  }
}

function close(list) {
  list.closing = null;
  for (const place of list.empty.splice(0)) place.remove();
}

function link(pod) {
  const { namespace, name } = pod.metadata;
  const to = `#/p/${encodeURIComponent(namespace)}/object/pods/${encodeURIComponent(name)}`;
  return h("a", { href: to, tabindex: "-1" });
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
  event.currentTarget.stop = next;
  next.focus();
}

/** What the letters and colours stand for. */
export function drawLegend(list, palette) {
  follow(list, palette.entries(), ([name]) => name, ([name, { letter, className }]) =>
    h("li", {}, h("span", { class: `swatch ${className}`, "aria-hidden": "true" }, letter),
      h("code", {}, short(name))));
}
