// The page's side of what is read beside it by a worker (`reader.js`).

import { Failure } from "./api.js";
import { expired, token } from "./session.js";

const READER = "/console/reader.js";
/** Nothing else is ever begun as a script. */
const policy = globalThis.trustedTypes?.createPolicy("reader", { createScriptURL: () => READER });

let worker = null;
let last = 0;
/** Who is told of what comes, by the job's number. */
const heard = new Map();

function begun() {
  if (worker) return worker;
  worker = new Worker(policy?.createScriptURL(READER) ?? READER, { type: "module" });
  worker.onmessage = ({ data: { id, ...said } }) => heard.get(id)?.(said);
  worker.onerror = () => {
    worker = null;
    for (const tell of heard.values()) tell({ failure: { message: "what reads beside the page cannot be started" } });
  };
  return worker;
}

/** The parts of what is read, as they come; until the end, or until the signal says stop. */
export async function* reading(job, signal) {
  signal?.throwIfAborted();
  const id = ++last;
  const parts = [];
  let wake = null;
  const tell = (said) => {
    parts.push(said);
    wake?.();
  };
  const abort = () => tell({ failure: { message: "stopped" } });
  heard.set(id, tell);
  signal?.addEventListener("abort", abort);
  const reader = begun();
  reader.postMessage({ id, token: token(), ...job });
  try {
    for (;;) {
      while (!parts.length) await new Promise((resolve) => (wake = resolve));
      const { part, failure } = parts.shift();
      if (failure?.code === 401) expired();
      if (failure) throw new Failure(failure.code, failure);
      if (!part) return;
      yield part;
      reader.postMessage({ id, more: true });
    }
  } finally {
    heard.delete(id);
    signal?.removeEventListener("abort", abort);
    reader.postMessage({ id, stop: true });
  }
}
