// The events of a project, the newest first.

import { follow, h, text } from "../dom.js";
import { View } from "../view.js";

export const MOST = 200;

/** When an event was last seen. */
const seen = (event) =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;

/** Events, the newest first, at most so many as a page can show. */
export function newest(events, most = MOST) {
  const sorted = [...events].sort((a, b) => {
    const [x, y] = [seen(a), seen(b)];
    if (x !== y) return x < y ? 1 : -1;
    return Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion);
  });
  return sorted.slice(0, most);
}

/** A table of events that `drawEvents` brings up to date. */
export function eventTable() {
  const rows = h("tbody");
  const table = h("div", { class: "scroll events", tabindex: "0", role: "region", "aria-label": "Events" },
    h("table", {},
      h("thead", {}, h("tr", {}, ["Time", "Type", "Reason", "Object", "Message"]
        .map((title) => h("th", { scope: "col" }, title)))),
      rows));
  table.rows = rows;
  return table;
}

export function drawEvents(table, events, most) {
  follow(table.rows, newest(events, most), (event) => event.metadata.uid,
    () => h("tr", {}, Array.from({ length: 5 }, () => h("td"))),
    (row, event) => {
      const about = event.involvedObject;
      const count = event.series?.count ?? event.count ?? 1;
      const moment = (seen(event) ?? "").replace("T", " ").replace(/(\.\d+)?Z$/, "");
      row.className = event.type === "Warning" ? "warning" : "";
      [moment, event.type, event.reason, `${about.kind} ${about.name}`,
        count > 1 ? `${event.message} (${count} times)` : event.message]
        .forEach((value, i) => text(row.children[i], value));
    });
}

class Events extends View {
  open() {
    this.events = this.follow("events", this.parameters.project, { most: MOST });
    this.table = eventTable();
    this.append(this.table);
  }

  draw() {
    drawEvents(this.table, this.events.items.values());
  }
}

customElements.define("view-events", Events);
