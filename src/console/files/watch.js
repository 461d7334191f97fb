// Objects as they are now: listed once, then followed by a watch with bookmarks.

import { Failure } from "./api.js";
import { reading } from "./reading.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

const pause = (signal, millis) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, millis);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); });
  });

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
    let version = "";
    for await (const page of reading({ work: "list", url: this.url, query: this.query }, this.#stop.signal)) {
      for (const item of page.items) found.set(item.metadata.uid, item);
      ({ version } = page);
    }
    this.items = found;
    this.#order = null;
    this.#forget();
    this.ready = true;
    this.failure = null;
    this.changed("LIST", null);
    return version;
  }

  /** Follows changes to the end of the watch; answers the version that was reached. */
  async #follow(version) {
    const query = { ...this.query, resourceVersion: version };
    for await (const part of reading({ work: "watch", url: this.url, query }, this.#stop.signal)) {
      for (const [type, object] of part.changes) {
        if (type !== "MODIFIED" || !this.items.has(object.metadata.uid)) this.#order = null;
        if (type === "DELETED") this.items.delete(object.metadata.uid);
        else this.items.set(object.metadata.uid, object);
        if (this.items.size > this.most * 2) this.#forget();
        this.changed(type, object);
      }
      version = part.version ?? version;
    }
    return version;
  }
}

/** Samples of a workload's past, as far as the server still knows it, from its objects at these paths. */
export async function past(urls, query, deployment, bounds) {
  for await (const { samples } of reading({ work: "past", urls, query, deployment, bounds })) return samples;
  return [];
}
