// Objects as they are now: listed once, then followed by a watch with bookmarks.

import { Failure, get, lines, send } from "./api.js";

const PAGE = 500;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

const pause = (signal, millis) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, millis);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); });
  });

/** So long at a time the page may read what has changed, in milliseconds. */
const SLICE = 4;
let turnEnds = 0;

/** Lets frames be drawn and keys be heard between changes, however many come at once. */
async function turn() {
  if (performance.now() < turnEnds) return;
  await new Promise((resolve) => setTimeout(resolve));
  turnEnds = performance.now() + SLICE;
}

/** Follows the objects of a path until it is stopped. */
export class Watch {
  /** By uid. */
  items = new Map();
  /** Whether the first list is complete. */
  ready = false;
  /** Why nothing can be followed. */
  failure = null;
  #stop = new AbortController();
  /** Uids in the order of names, as long as no object comes or goes. */
  #order = null;

  /** `changed` is told of every change, with the event's type and object; `most`: how many are kept, the latest. */
  constructor(url, { query = {}, changed, most }) {
    this.url = url;
    this.most = most;
    this.query = query;
    this.changed = changed;
    this.#run();
  }

  stop() {
    this.#stop.abort();
  }

  /** The objects in the order of their names. */
  sorted() {
    this.#order ??= [...this.items.values()].sort((a, b) =>
      a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0)
      .map((object) => object.metadata.uid);
    return this.#order.map((uid) => this.items.get(uid));
  }

  async #run() {
    const { signal } = this.#stop;
    let version = "";
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        if (!version) version = await this.#list();
        version = await this.#follow(version);
        wait = FIRST_WAIT;
      } catch (e) {
        if (signal.aborted) return;
        if (e instanceof Failure && e.code === 410) {
          version = "";
          continue;
        }
        this.failure = e;
        this.changed("FAILURE", null);
        // What is forbidden may be granted, but nobody is asked often.
        await pause(signal, e instanceof Failure && e.code < 500 ? LONGEST_WAIT : wait);
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
    }
  }

  /** Keeps the latest only, if there are too many. */
  #forget() {
    if (!(this.items.size > this.most)) return;
    const latest = [...this.items.values()].sort((a, b) =>
      Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion));
    this.items = new Map(latest.slice(0, this.most).map((object) => [object.metadata.uid, object]));
    this.#order = null;
  }

  async #list() {
    const found = new Map();
    let page = null;
    do {
      const query = { ...this.query, limit: PAGE };
      if (page) query.continue = page.metadata.continue;
      page = await get(this.url, query);
      const kind = page.kind.replace(/List$/, "");
      for (const item of page.items ?? []) {
        found.set(item.metadata.uid, trimmed({ kind, apiVersion: page.apiVersion, ...item }));
      }
    } while (page.metadata.continue);
    this.items = found;
    this.#order = null;
    this.#forget();
    this.ready = true;
    this.failure = null;
    this.changed("LIST", null);
    return page.metadata.resourceVersion;
  }

  /** Follows changes to the end of the watch; answers the version that was reached. */
  async #follow(version) {
    const query = { ...this.query, watch: 1, allowWatchBookmarks: true, resourceVersion: version };
    const answer = await send("GET", this.url, { query, signal: this.#stop.signal });
    for await (const line of lines(answer)) {
      if (!line) continue;
      await turn();
      const { type, object } = JSON.parse(line);
      if (type === "ERROR") throw new Failure(object.code, object);
      version = object.metadata.resourceVersion;
      if (type === "BOOKMARK") continue;
      if (type !== "MODIFIED" || !this.items.has(object.metadata.uid)) this.#order = null;
      if (type === "DELETED") this.items.delete(object.metadata.uid);
      else this.items.set(object.metadata.uid, trimmed(object));
      if (this.items.size > this.most * 2) this.#forget();
      this.changed(type, object);
    }
    return version;
  }
}

/** Seconds in which the past is told. */
const TOLD = 1;

/**
 * The changes the server still knows of, oldest first: of several paths, in the order in which they
 * happened, as `{ version, plural, type, object }`.
 */
export async function past(paths, query) {
  const found = await Promise.all(paths.map(([plural, url]) => told(plural, url, query, "1")));
  return found.flat().sort((a, b) => a.version - b.version);
}

async function told(plural, url, query, from) {
  const asked = { ...query, watch: 1, resourceVersion: from, timeoutSeconds: TOLD };
  const changes = [];
  try {
    const answer = await send("GET", url, { query: asked });
    for await (const line of lines(answer)) {
      await turn();
      const { type, object } = JSON.parse(line);
      if (type === "ERROR") throw new Failure(object.code, object);
      if (type === "BOOKMARK") continue;
      // Of thousands of changes nothing is kept but what tells when and whose.
      const { metadata: { uid, ownerReferences, annotations, creationTimestamp, deletionTimestamp }, status } = object;
      const kept = { metadata: { uid, ownerReferences, annotations, creationTimestamp, deletionTimestamp },
        status: { conditions: status?.conditions } };
      changes.push({ version: Number(object.metadata.resourceVersion), plural, type, object: kept });
    }
  } catch (e) {
    // What is older than the window is not known any more; the refusal says where that begins.
    const floor = /\((\d+)\)/.exec(e.message)?.[1];
    if (e instanceof Failure && e.code === 410 && floor && floor !== from) return told(plural, url, query, floor);
    throw e;
  }
  return changes;
}

/** Without what no view shows and every object has a lot of. */
function trimmed(object) {
  delete object.metadata.managedFields;
  return object;
}
