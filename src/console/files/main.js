// The console's frame: who is signed in, where one is, and the view that belongs there.

import { get } from "./api.js";
import { h, replace } from "./dom.js";
import { signOut, signedIn } from "./session.js";
import { announce, button } from "./view.js";
import "./views/clock.js";
import "./views/events.js";
import "./views/labs.js";
import "./views/logs.js";
import "./views/nodes.js";
import "./views/object.js";
import "./views/projects.js";
import "./views/registries.js";
import "./views/rollout.js";
import "./views/terminal.js";
import "./views/topology.js";

/** Addresses, the elements that show them, and how they are called. */
const ROUTES = [
  ["/projects", "view-projects", () => "Projects"],
  ["/p/:project/topology", "view-topology", (p) => `Topology of ${p.project}`],
  ["/p/:project/rollout/:plural/:name", "view-rollout", (p) => `Rollout of ${p.name}`],
  ["/p/:project/events", "view-events", (p) => `Events of ${p.project}`],
  ["/p/:project/logs/:pod", "view-logs", (p) => `Log of ${p.pod}`],
  ["/p/:project/terminal/:pod", "view-terminal", (p) => `Terminal in ${p.pod}`],
  ["/p/:project/object/:plural/:name", "view-object", (p) => p.name],
  ["/object/:plural/:name", "view-object", (p) => p.name],
  ["/nodes", "view-nodes", () => "Nodes"],
  ["/node/:node/terminal", "view-terminal", (p) => `Terminal on ${p.node}`],
  ["/registries", "view-registries", () => "Registries"],
  ["/clock", "view-clock", () => "Clock"],
  ["/labs", "view-labs", () => "Labs"],
  ["/lab/:name", "view-lab", (p) => `Lab ${p.name}`],
  ["/lab/:name/:student", "view-lab", (p) => `Lab ${p.name} of ${p.student}`],
];

const CLUSTER = [["Projects", "/projects"], ["Nodes", "/nodes"], ["Registries", "/registries"],
  ["Clock", "/clock"], ["Labs", "/labs"]];

/** The route of an address, with what its variable parts say. */
function match(address) {
  const parts = address.split("/").slice(1).map(decodeURIComponent);
  for (const [pattern, element, title] of ROUTES) {
    const wanted = pattern.split("/").slice(1);
    if (wanted.length !== parts.length) continue;
    const fits = wanted.every((part, i) => part.startsWith(":") || part === parts[i]);
    if (!fits) continue;
    const named = wanted.flatMap((part, i) => part.startsWith(":") ? [[part.slice(1), parts[i]]] : []);
    const parameters = Object.fromEntries(named);
    return { element, parameters, title: title(parameters) };
  }
  return null;
}

const main = h("main", { id: "main", tabindex: "-1" });
const nav = h("nav", { "aria-label": "Views" });

function links(here, list) {
  return h("ul", {}, list.map(([label, to]) =>
    h("li", {}, h("a", { href: `#${to}`, "aria-current": here === to && "page" }, label))));
}

function show() {
  const address = location.hash.slice(1) || "/projects";
  let found = null;
  try {
    found = match(address);
  } catch {
    // An address that is no text.
  }
  if (!found) return location.replace("#/projects");
  const { project } = found.parameters;
  const root = `/p/${encodeURIComponent(project)}`;
  replace(nav, links(address, CLUSTER),
    project && h("h2", {}, project),
    project && links(address, [["Topology", `${root}/topology`], ["Events", `${root}/events`]]));
  document.title = `${found.title} · pocketshift`;
  const view = document.createElement(found.element);
  view.parameters = found.parameters;
  replace(main, h("h1", {}, found.title), view);
  replace(document.getElementById("news"));
}

async function start() {
  await signedIn();
  const user = await get("/apis/user.openshift.io/v1/users/~");
  replace(document.body,
    h("a", { class: "skip", href: "#main", onclick: (e) => { e.preventDefault(); main.focus(); } },
      "Skip to the view"),
    h("header", {}, h("span", { class: "brand" }, "pocketshift"),
      h("span", { class: "user" }, user.metadata.name), button("Sign out", signOut)),
    h("div", { id: "news", role: "status", "aria-live": "polite" }), nav, main);
  addEventListener("hashchange", show);
  show();
}

addEventListener("unhandledrejection", (event) => {
  if (document.getElementById("news")) announce(event.reason?.message ?? "something failed", true);
});

start().catch((e) => replace(document.body,
  h("main", {}, h("h1", {}, "pocketshift"), h("p", { class: "problem", role: "alert" }, e.message),
    button("Sign in", () => location.assign("/console")))));
