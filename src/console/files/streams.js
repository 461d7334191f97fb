// Image streams as cards: tags, what they are aliases of, their history, and moving them.

import { call, create, Failure, KINDS, path } from "./api.js";
import { follow, h, replace, text } from "./dom.js";
import { age, short } from "./objects.js";
import { act, ask, button } from "./view.js";

/** The tags of a stream: what they are meant to be and what they were. */
export function tags(stream) {
  const found = new Map();
  for (const tag of stream.spec.tags ?? []) found.set(tag.name, { name: tag.name, spec: tag, items: [] });
  for (const tag of stream.status?.tags ?? []) {
    const known = found.get(tag.tag) ?? { name: tag.tag, spec: null };
    found.set(tag.tag, { ...known, items: tag.items ?? [], conditions: tag.conditions ?? [] });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The tag of the same stream that a tag is an alias of; empty when it is none. */
export function aliasOf(stream, tag) {
  const from = tag.spec?.from;
  if (from?.kind !== "ImageStreamTag" || (from.namespace ?? stream.metadata.namespace) !== stream.metadata.namespace) return "";
  const [name, inner] = from.name.includes(":") ? from.name.split(":") : [stream.metadata.name, from.name];
  return name === stream.metadata.name ? inner : "";
}

/** Points a tag at another of the same stream, as `oc tag --alias` does. */
export function alias(project, stream, from, to) {
  return tagged(project, stream, to, { from: { kind: "ImageStreamTag", name: `${stream}:${from}` } });
}

/** Sets a tag of a stream; makes both where they are missing. */
export async function tagged(project, stream, tag, fields) {
  const name = `${stream}:${tag}`;
  const body = { apiVersion: "image.openshift.io/v1", kind: "ImageStreamTag",
    metadata: { name, namespace: project }, tag: { name: tag, annotations: null, generation: null,
      importPolicy: {}, referencePolicy: { type: "Source" }, ...fields } };
  try {
    return await call("PUT", path(KINDS.imagestreamtags, project, name), { body });
  } catch (e) {
    if (!(e instanceof Failure) || e.code !== 404) throw e;
    return create(path(KINDS.imagestreamtags, project), body);
  }
}

/** A card for a stream. */
export function streamCard(stream) {
  const { namespace, name } = stream.metadata;
  const to = `#/p/${encodeURIComponent(namespace)}/object/imagestreams/${encodeURIComponent(name)}`;
  const list = h("ul", { class: "tags" });
  const card = h("article", { class: "card stream", "aria-label": `Image stream ${name}` },
    h("h3", {}, h("span", { class: "kind" }, "Image stream"), h("a", { href: to }, name)), list,
    h("p", { class: "row" }, button("New alias", () => newAlias(card.stream))));
  card.list = list;
  return card;
}

/** Brings a card up to date. */
export function drawStream(card, stream, palette) {
  card.stream = stream;
  follow(card.list, tags(stream), (tag) => tag.name, makeTag,
    (item, tag) => drawTag(item, stream, tag, palette));
}

function makeTag(tag) {
  const parts = { swatch: h("span", { class: "swatch", "aria-hidden": "true" }), origin: h("span"),
    history: h("ol"), count: h("summary"), actions: h("span") };
  const item = h("li", {}, parts.swatch, h("strong", {}, tag.name), " ", parts.origin, " ", parts.actions,
    h("details", {}, parts.count, parts.history));
  item.parts = parts;
  return item;
}

function drawTag(item, stream, tag, palette) {
  const { swatch, origin, history, count, actions } = item.parts;
  const current = tag.items[0]?.image ?? "";
  const { letter, className } = palette.of(current);
  text(swatch, letter).className = `swatch ${className}`;
  const target = aliasOf(stream, tag);
  const from = tag.spec?.from;
  const scheduled = tag.spec?.importPolicy?.scheduled ? ", scheduled" : "";
  const failed = tag.conditions?.find((c) => c.type === "ImportSuccess" && c.status === "False");
  text(origin, target ? `alias of ${target}` : from ? `from ${from.name}${scheduled}` : "pushed");
  origin.title = failed?.message ?? "";
  origin.className = failed ? "bad-text" : "note";
  if (item.target !== target) {
    item.target = target;
    replace(actions, target && button("Move alias", () => moveAlias(item.stream, tag.name),
      { "aria-label": `Move alias ${tag.name}` }));
  }
  item.stream = stream;
  const shown = JSON.stringify(tag.items.map((i) => i.image));
  if (item.shown === shown) return;
  item.shown = shown;
  text(count, tag.items.length === 1 ? "1 image" : `${tag.items.length} images`);
  replace(history, tag.items.map((old) => h("li", {},
    h("span", { class: `swatch ${palette.of(old.image).className}`, "aria-hidden": "true" },
      palette.of(old.image).letter),
    h("code", {}, short(old.image)), ` ${age(old.created)} ago`)));
}

function moveAlias(stream, name) {
  const others = tags(stream).map((t) => t.name).filter((t) => t !== name);
  ask(`Move the alias ${name}`, [{ name: "from", label: "It shall track", options: others }], "Move",
    ({ from }) => move(stream, from, name));
}

function newAlias(stream) {
  const names = tags(stream).map((t) => t.name);
  ask("New alias", [
    { name: "to", label: "Name of the alias", required: true },
    { name: "from", label: "It shall track", options: names },
  ], "Create", ({ from, to }) => move(stream, from, to));
}

async function move(stream, from, to) {
  const { namespace, name } = stream.metadata;
  await alias(namespace, name, from, to);
  await act(`Tag ${name}:${to} set up to track ${name}:${from}.`, async () => {});
}
