// Elements from values. Text becomes text nodes and nothing else, whatever it holds.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An HTML element: `h("a", { href: "#/" }, "text", other)`. */
export const h = (name, attributes, ...children) =>
  fill(document.createElement(name), attributes, children);

/** An SVG element. */
export const s = (name, attributes, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** Puts these in the place of all children. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Sets a text only where it changes, so that what is selected stays selected. */
export function text(element, value) {
  const shown = String(value ?? "");
  if (element.textContent !== shown) element.textContent = shown;
  return element;
}

/**
 * Makes the children of an element follow a list: one per item, known by its key, made once and
 * then updated. What has the focus keeps it.
 */
export function follow(element, items, key, make, update) {
  const known = (element.followed ??= new Map());
  const wanted = new Set();
  let place = element.firstElementChild;
  for (const item of items) {
    const name = key(item);
    wanted.add(name);
    let child = known.get(name);
    if (!child) known.set(name, (child = make(item)));
    update?.(child, item);
    if (child === place) place = place.nextElementSibling;
    else element.insertBefore(child, place);
  }
  for (const [name, child] of known) {
    if (wanted.has(name)) continue;
    child.remove();
    known.delete(name);
  }
}

/** Calls a function when what was changed in this frame is on the screen. */
export function painted(work) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    work();
  };
  port2.postMessage(null);
}

/** How much of the time work may take that is asked for all the time: one part in so many. */
const SHARE = 6;

/**
 * Calls a function once before the next frame, however often it is asked to, and not sooner than
 * `pause` milliseconds after the last time. One that takes long, with what the browser then has to
 * draw, gets less often its turn, so that the page goes on answering.
 */
export function framed(work, pause = 0) {
  let asked = false;
  let rested = 0;
  const run = () => {
    const started = performance.now();
    const took = () => {
      const now = performance.now();
      rested = Math.max(started + pause, now + (now - started) * SHARE);
    };
    asked = false;
    work();
    took();
    painted(took);
  };
  return () => {
    if (asked) return;
    asked = true;
    const rest = rested - performance.now();
    if (rest > 16) setTimeout(() => requestAnimationFrame(run), rest);
    else requestAnimationFrame(run);
  };
}
