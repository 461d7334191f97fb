// Reads beside the page, as a worker: lists, watches and the past. What came is parsed here, cut down to what
// views show, and handed over together, so that the page has the time to draw.

import { Failure, get, lines, send } from "./api.js";
import { earlier } from "./history.js";
import { actAs } from "./session.js";
import { shown } from "./shown.js";

const PAGE = 500;
/** How long changes are gathered before they are handed over, in milliseconds, and how many at a time. */
const PAUSE = 16;
const MOST = 200;
/** Seconds in which the past is told. */
const TOLD = 1;

/** What the page has asked for, by number. */
const jobs = new Map();

const plural = (url) => url.split("/").pop();

/** Changes on their way to the page, the latest of each object; the next are handed over when it wants more. */
class Changes {
  #waiting = new Map();
  #wanted = true;
  #timer = null;

  constructor(id) {
    this.id = id;
  }

  add(type, object) {
    const { uid } = object.metadata;
    const before = this.#waiting.get(uid)?.[0];
    this.#waiting.set(uid, [before === "ADDED" && type === "MODIFIED" ? before : type, object]);
    this.#soon();
  }

  more() {
    this.#wanted = true;
    this.#soon();
  }

  /** All that is left, and the version that was reached. */
  end(version) {
    clearTimeout(this.#timer);
    postMessage({ id: this.id, part: { changes: [...this.#waiting.values()], version } });
    this.#waiting.clear();
  }

  #soon() {
    if (!this.#wanted || !this.#waiting.size) return;
    this.#timer ??= setTimeout(() => this.#hand(), PAUSE);
  }

  #hand() {
    this.#timer = null;
    this.#wanted = false;
    const changes = [];
    for (const [uid, change] of this.#waiting) {
      if (changes.push(change) > MOST) break;
      this.#waiting.delete(uid);
    }
    postMessage({ id: this.id, part: { changes } });
  }
}

const WORK = {
  /** All objects, page by page. */
  async list({ id, url, query }) {
    let page = null;
    do {
      page = await get(url, { ...query, limit: PAGE, ...(page && { continue: page.metadata.continue }) });
      const kind = page.kind.replace(/List$/, "");
      const items = (page.items ?? []).map((item) =>
        shown(plural(url), { kind, apiVersion: page.apiVersion, ...item }));
      postMessage({ id, part: { items, version: page.metadata.resourceVersion } });
    } while (page.metadata.continue);
  },

  /** What changes, to the end of the watch. */
  async watch({ id, url, query }, job) {
    const changes = (job.changes = new Changes(id));
    let version = query.resourceVersion;
    const asked = { ...query, watch: 1, allowWatchBookmarks: true };
    const answer = await send("GET", url, { query: asked, signal: job.stop.signal });
    for await (const line of lines(answer)) {
      if (!line) continue;
      const { type, object } = JSON.parse(line);
      if (type === "ERROR") throw new Failure(object.code, object);
      version = object.metadata.resourceVersion;
      if (type !== "BOOKMARK") changes.add(type, shown(plural(url), object));
    }
    changes.end(version);
  },

  /** Samples of a workload's past, from the changes of its objects that the server still knows of. */
  async past({ id, urls, query, deployment, bounds }) {
    const found = await Promise.all(urls.map((url) => told(url, query, "1")));
    const changes = found.flat().sort((a, b) => a.version - b.version);
    postMessage({ id, part: { samples: changes.length ? earlier(changes, deployment, bounds) : [] } });
  },
};

/** Changes from a version on, as `{ version, plural, type, object }`. */
async function told(url, query, from) {
  const asked = { ...query, watch: 1, resourceVersion: from, timeoutSeconds: TOLD };
  const changes = [];
  try {
    for await (const line of lines(await send("GET", url, { query: asked }))) {
      const { type, object } = JSON.parse(line);
      if (type === "ERROR") throw new Failure(object.code, object);
      if (type === "BOOKMARK") continue;
      // Of thousands of changes nothing is kept but what tells when and whose.
      const { metadata: { uid, ownerReferences, annotations, creationTimestamp, deletionTimestamp }, status } = object;
      const kept = { metadata: { uid, ownerReferences, annotations, creationTimestamp, deletionTimestamp },
        status: { conditions: status?.conditions } };
      changes.push({ version: Number(object.metadata.resourceVersion), plural: plural(url), type, object: kept });
    }
  } catch (e) {
    // What is older than the window is not known any more; the refusal says where that begins.
    const floor = /\((\d+)\)/.exec(e.message)?.[1];
    if (e instanceof Failure && e.code === 410 && floor && floor !== from) return told(url, query, floor);
    throw e;
  }
  return changes;
}

onmessage = async ({ data }) => {
  const { id, work, token, more, stop } = data;
  if (more) return jobs.get(id)?.changes?.more();
  if (stop) return jobs.get(id)?.stop.abort();
  const job = { stop: new AbortController() };
  jobs.set(id, job);
  actAs(token);
  try {
    await WORK[work](data, job);
    postMessage({ id, done: true });
  } catch ({ code, message, reason, causes }) {
    postMessage({ id, failure: { code, message, reason, details: { causes } } });
  }
  jobs.delete(id);
};
