// Manifests of any kind, applied on the server: all of them are tried before the first is made.

import { get, send } from "./api.js";

const word = (text, name, before) =>
  new RegExp(`${before}["']?${name}["']?:\\s*["']?([^\\s"',}#]+)`, "m").exec(text)?.[1] ?? "";

/** The fields of a document's metadata themselves, without what is inside of them. */
function metadata(part) {
  const flow = /^metadata:\s*\{/m.exec(part);
  if (flow) {
    let [depth, own] = [0, ""];
    for (const c of part.slice(flow.index + flow[0].length - 1)) {
      if (c === "{" || c === "[") depth++;
      if (depth === 1) own += c;
      if ((c === "}" || c === "]") && --depth === 0) break;
    }
    return (name) => word(own, name, "[{,]\\s*");
  }
  const lines = /^metadata:[ \t]*\n((?:[ \t]+.*(?:\n|$)|[ \t]*\n)*)/m.exec(part)?.[1] ?? "";
  const indent = /^[ \t]+/.exec(lines)?.[0] ?? "";
  return (name) => word(lines, name, `^${indent}`);
}

/** The documents of a YAML text, with what they say they are. */
export function documents(text) {
  return text.split(/^---\s*$/m).filter((part) => /^\s*[^\s#]/m.test(part)).map((part) => {
    const of = metadata(part);
    return { text: part, apiVersion: word(part, "apiVersion", "^"), kind: word(part, "kind", "^"),
      name: of("name"), namespace: of("namespace") };
  });
}

/** The path of what a document is about, as the server's discovery has it. */
async function place({ apiVersion, kind, name, namespace }, project) {
  if (!apiVersion || !kind || !name) throw new Error("every document needs apiVersion, kind and metadata.name");
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await get(root);
  const found = resources.find((r) => r.kind === kind && !r.name.includes("/"));
  if (!found) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
  const within = found.namespaced ? `/namespaces/${encodeURIComponent(namespace || project)}` : "";
  return `${root}${within}/${found.name}/${encodeURIComponent(name)}`;
}

/** Applies every document of a text; answers what was applied. */
export async function apply(text, project) {
  const all = documents(text);
  if (!all.length) throw new Error("there is nothing to apply");
  const places = await Promise.all(all.map((one) => place(one, project)));
  for (const query of [{ dryRun: "All" }, {}]) {
    for (const [i, one] of all.entries()) {
      await send("PATCH", places[i], { query: { fieldManager: "console", fieldValidation: "Strict", force: true, ...query },
        body: one.text, type: "application/apply-patch+yaml" });
    }
  }
  return all.map((one) => `${one.kind} ${one.name}`);
}
