// Exercises: the list, one with its tasks and its grade, and the board of a class.

import { desk } from "../api.js";
import { follow, h, replace, text } from "../dom.js";
import { act, announce, button, View } from "../view.js";

const address = (name, student) =>
  `#/lab/${encodeURIComponent(name)}${student ? `/${encodeURIComponent(student)}` : ""}`;

class Labs extends View {
  open() {
    this.rows = h("tbody");
    this.board = h("div");
    this.shows = button("Show the board", () => this.#board(), { class: "primary" });
    this.append(
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Exercises" },
        h("table", {},
          h("thead", {}, h("tr", {}, ["Exercise", "Part", "Sort", "Points", "Started"]
            .map((title) => h("th", { scope: "col" }, title)))), this.rows)),
      h("p", { class: "row" }, this.shows), this.board);
    return this.read();
  }

  async read() {
    try {
      this.items = (await desk("GET", "labs")).items;
      this.drawSoon();
    } catch (e) {
      announce(e.message, true);
    }
  }

  draw() {
    follow(this.rows, this.items ?? [], (lab) => lab.name, (lab) =>
      h("tr", {}, h("th", { scope: "row" }, h("a", { href: address(lab.name) }, lab.title)),
        h("td", {}, lab.part), h("td", {}, lab.guided ? "guided" : "graded"), h("td", {}, lab.points),
        h("td")), (row, lab) => text(row.lastElementChild, lab.started ? "yes" : "no"));
  }

  /** What every student has earned, from now on: the server answers when something has happened. */
  async #board() {
    this.shows.hidden = true;
    for (let seen = ""; this.isConnected;) {
      try {
        const board = await desk("GET", "labs/board", { seen });
        seen = board.seen;
        this.#drawBoard(board.items);
      } catch (e) {
        this.shows.hidden = false;
        return announce(e.message, true);
      }
    }
  }

  #drawBoard(items) {
    if (!items.length) return replace(this.board, h("p", { class: "note" }, "No lab is started."));
    const row = ({ student, url, grade }) => h("tr", {},
      h("th", { scope: "row" }, student),
      h("td", {}, h("a", { href: address(grade.name, url && student) }, grade.title)),
      h("td", {}, h("meter", { min: 0, max: grade.of, value: grade.points, "aria-hidden": "true" }),
        `${grade.points} of ${grade.of}`),
      h("td", {}, grade.checks.filter((c) => !c.passed).map((c) => c.title).join("; ")),
      h("td", {}, url ? h("a", { href: `${url}/console` }, url.replace(/^.*:/, "port ")) : "this one"));
    return replace(this.board, h("h2", {}, "Board"),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Board" }, h("table", {},
        h("thead", {}, h("tr", {}, ["Student", "Exercise", "Points", "Missing", "Cluster"]
          .map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, items.map(row)))));
  }
}

class Lab extends View {
  open() {
    this.content = h("div", { class: "lab" });
    this.append(this.content);
    return this.read();
  }

  get place() {
    return `labs/${encodeURIComponent(this.parameters.name)}`;
  }

  get query() {
    return this.parameters.student ? { student: this.parameters.student } : {};
  }

  async read() {
    try {
      this.#show(await desk("GET", this.place, this.query));
    } catch (e) {
      announce(e.message, true);
    }
  }

  #show(lab) {
    this.grades = h("div", { "aria-live": "polite" });
    this.hints = h("ol");
    const project = lab.status?.project;
    const buttons = project
      ? [button("Grade", () => this.#grade(), { class: "primary" }),
        lab.hints > 0 && button("Hint", () => this.#hint()),
        button("Finish", () => this.#change("DELETE", "", "The exercise is finished."))]
      : [button("Start", () => this.#change("POST", "/start", "The exercise is started."), { class: "primary" })];
    replace(this.content,
      h("div", {}, h("h2", {}, lab.title), lab.text.split(/\n\s*\n/).map((p) => h("p", {}, marked(p))),
        project && h("p", {}, "Work in ",
          h("a", { href: `#/p/${encodeURIComponent(project)}/topology` }, `the project ${project}`), ".")),
      h("aside", { class: "card", "aria-label": "Tasks and grade" },
        h("h3", {}, "Tasks"), h("ol", {}, lab.tasks.map((task) => h("li", {}, marked(task)))),
        lab.commands && [h("h3", {}, "Commands"), h("pre", { class: "commands", tabindex: "0" }, lab.commands.join("\n"))],
        h("p", { class: "row" }, buttons), this.hints, this.grades));
  }

  async #change(method, what, said) {
    await act(said, () => desk(method, `${this.place}${what}`, this.query));
    await this.read();
  }

  async #hint() {
    try {
      const { hint } = await desk("POST", `${this.place}/hint`, this.query);
      this.hints.append(h("li", {}, marked(hint)));
    } catch (e) {
      announce(e.message, true);
    }
  }

  async #grade() {
    try {
      const grade = await desk("GET", `${this.place}/grade`, this.query);
      replace(this.grades, h("h3", {}, `${grade.points} of ${grade.of} points`),
        h("ul", { class: "checks" }, grade.checks.map((check) => h("li", { class: check.passed ? "" : "bad-text" },
          `${check.passed ? "✓" : "✗"} ${check.title} (${check.points} of ${check.of})`,
          check.reason && h("span", { class: "note" }, ` ${check.reason}`)))));
    } catch (e) {
      announce(e.message, true);
    }
  }
}

/** A paragraph of Markdown, as far as exercises use it: what stands between backticks is code. */
const marked = (text) =>
  text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));

customElements.define("view-labs", Labs);
customElements.define("view-lab", Lab);
