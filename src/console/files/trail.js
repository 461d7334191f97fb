// What the server's trail tells: changes in a line each, with the fields that changed.

import { h } from "./dom.js";

/** A change in a line, and the fields that changed; those behind the first led to the one before. */
export function told({ resource, namespace, name, user, agent, verb, sub, what, revision, fields }, i) {
  const object = [resource, namespace, name].filter(Boolean).join(" ");
  const by = user ? `by ${user}${agent ? ` with ${agent}` : ""} (${verb}${sub ? ` of ${sub}` : ""})`
    : "by the server itself";
  return h("div", {}, h("p", {}, `${i ? "because of " : ""}${object} ${what ?? "written"} ${by}, revision ${revision}`),
    h("ul", { class: "note" }, (fields ?? []).map(({ field, before, after }) => h("li", {}, h("code", {}, field),
      before !== undefined && after !== undefined && `: ${before} → ${after}`))));
}
