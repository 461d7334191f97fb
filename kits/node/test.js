// For node:test: one server per process, started when first wanted; a fresh cluster per test.

import { after } from "node:test";
import { Host } from "./index.js";

let host;

// Here, not in a test: a hook of a test runs when that test ends.
after(async () => (await host)?.stop());

/** The server of this process. */
export function theHost() {
  host ??= Host.start();
  return host;
}

/** A test function that gets a fresh cluster; what happened in it is told when the test fails. */
export function withCluster(work, settings) {
  return async (context) => {
    const cluster = await (await theHost()).create(undefined, settings);
    try {
      await work(cluster, context);
    } catch (error) {
      const trail = await cluster.trail().catch((why) => `not to be had: ${why.message}`);
      // Line by line: reporters write a line's end in a message as it is written in a string.
      for (const line of ["pocketshift trail:", ...trail.trimEnd().split("\n")]) context.diagnostic(line);
      throw error;
    } finally {
      await cluster.delete();
    }
  };
}
