// The projects one may see, and a new one.

import { create, KINDS, path, remove } from "../api.js";
import { follow, h, text } from "../dom.js";
import { age } from "../objects.js";
import { act, ask, button, View } from "../view.js";

class Projects extends View {
  open() {
    this.projects = this.follow("projects", "");
    this.rows = h("tbody");
    this.append(
      h("p", {}, button("New project", () => this.add(), { class: "primary" })),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Projects" },
        h("table", {},
          h("thead", {}, h("tr", {}, ["Name", "Display name", "Status", "Requester", "Age", "Actions"]
            .map((title) => h("th", { scope: "col" }, title)))),
          this.rows)));
  }

  draw() {
    follow(this.rows, this.projects.sorted(), (p) => p.metadata.uid, (project) => {
      const { name } = project.metadata;
      const to = `#/p/${encodeURIComponent(name)}/topology`;
      const cells = ["display", "status", "requester", "age"].map((cell) => h("td", { class: cell }));
      return h("tr", {}, h("th", { scope: "row" }, h("a", { href: to }, name)), cells,
        h("td", {}, button("Delete", () => this.drop(name), { "aria-label": `Delete ${name}` })));
    }, (row, project) => {
      const notes = project.metadata.annotations ?? {};
      const cells = row.querySelectorAll("td");
      text(cells[0], notes["openshift.io/display-name"]);
      text(cells[1], project.status?.phase);
      text(cells[2], notes["openshift.io/requester"]);
      text(cells[3], age(project.metadata.creationTimestamp));
    });
  }

  add() {
    ask("New project", [
      { name: "name", label: "Name", required: true },
      { name: "display", label: "Display name" },
    ], "Create", async ({ name, display }) => {
      await create("/apis/project.openshift.io/v1/projectrequests", {
        apiVersion: "project.openshift.io/v1", kind: "ProjectRequest",
        metadata: { name }, displayName: display,
      });
      location.hash = `#/p/${encodeURIComponent(name)}/topology`;
    });
  }

  drop(name) {
    ask(`Delete the project ${name} and all that is in it?`, [], "Delete", () =>
      act(`Project ${name} is being deleted.`, () => remove(path(KINDS.projects, "", name))));
  }
}

customElements.define("view-projects", Projects);
