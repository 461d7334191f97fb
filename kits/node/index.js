// Clusters for tests: one server per run, one cluster per test.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The program's own words about what it did not do. */
export class PocketshiftError extends Error {}

/** The program: the one POCKETSHIFT names, the one in this package, or the first on the path. */
export function program() {
  if (process.env.POCKETSHIFT) return process.env.POCKETSHIFT;
  const name = process.platform === "win32" ? "pocketshift.exe" : "pocketshift";
  const own = join(dirname(fileURLToPath(import.meta.url)), "bin", name);
  return existsSync(own) ? own : name;
}

/** Settings as flags of the program: `true` stands alone, arrays are repeated. */
function flags(settings) {
  return Object.entries(settings).flatMap(([key, values]) => {
    const flag = "--" + key.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase());
    return [values].flat().map((value) => (value === true ? flag : `${flag}=${value}`));
  });
}

/** A running server with any number of clusters. */
export class Host {
  #process;
  #environment;
  #folder;
  #number = 0;

  /** Starts one; `flags` are added to those of `pocketshift serve`. */
  static async start(...flags) {
    const host = new Host();
    host.#folder = await mkdtemp(join(tmpdir(), "pocketshift-"));
    host.kubeconfig = join(host.#folder, "kubeconfig");
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("POCKETSHIFT"));
    host.#environment = { ...Object.fromEntries(kept), POCKETSHIFT_KUBECONFIG: host.kubeconfig };
    const words = ["serve", "--in-memory", "--instant", "--secure-port", "0", "--registry-port", "0",
      "--router-http-port", "off", "--router-https-port", "off", ...flags];
    const path = join(host.#folder, "log");
    const log = await open(path, "w");
    host.#process = spawn(program(), words, { env: host.#environment, stdio: ["ignore", "pipe", log.fd] });
    try {
      await greeting(host.#process);
    } catch (why) {
      const said = await readFile(path, "utf8");
      await rm(host.#folder, { recursive: true, force: true });
      throw new PocketshiftError(`the server did not start: ${why.message} ${said}`.trim());
    } finally {
      await log.close();
    }
    // A test run that ends does not wait for the server.
    host.#process.unref();
    host.#process.stdout.unref?.();
    return host;
  }

  /** Runs a command of the program against this server; answers what it prints. */
  run(...words) {
    return new Promise((resolve, reject) => {
      const options = { env: this.#environment, maxBuffer: 64 << 20 };
      execFile(program(), words, options, (error, out, err) => {
        if (!error) return resolve(out);
        reject(new PocketshiftError(err.trim().replace(/^pocketshift: /, "") || error.message));
      });
    });
  }

  /** Creates a cluster. Settings are those of `pocketshift cluster create`: `{ nodes: 1, time: "…" }`. */
  async create(name = `test-${++this.#number}`, settings = {}) {
    return this.#found(await this.run("cluster", "create", name, "-o", "json", ...flags(settings)));
  }

  /** A cluster that begins as another is now. */
  async fork(from, name = `${from}-${++this.#number}`) {
    return this.#found(await this.run("cluster", "fork", from, name, "-o", "json"));
  }

  async #found(made) {
    const cluster = new Cluster(this, JSON.parse(made), this.#folder);
    await writeFile(cluster.kubeconfig, cluster.kubeconfigText, { mode: 0o600 });
    return cluster;
  }

  /** The names of all clusters. */
  async clusters() {
    const lines = (await this.run("cluster", "list")).trim().split("\n").slice(1);
    return lines.map((line) => line.split(" ")[0]);
  }

  /** Stops the server and everything in it. */
  async stop() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode === null && this.#process.kill()) {
      this.#process.ref();
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function greeting(server) {
  return new Promise((resolve, reject) => {
    let said = "";
    server.stdout.setEncoding("utf8");
    server.stdout.on("data", (text) => {
      said += text;
      if (said.includes("-u kubeadmin")) resolve();
    });
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}

/** A cluster of its own: address, registries, certificates, clock. */
export class Cluster {
  #host;

  constructor(host, made, folder) {
    this.#host = host;
    this.name = made.name;
    this.url = made.url;
    this.registry = made.registry;
    this.kubeadminPassword = made.kubeadminPassword;
    this.kubeconfigText = made.kubeconfig;
    this.kubeconfig = join(folder, `${made.name}.kubeconfig`);
    this.clock = new Clock(this);
  }

  /** Runs a command of the program that is about a cluster: `run("node", "fail", "worker01")`. */
  run(...words) {
    return this.#host.run(...words, "--cluster", this.name);
  }

  /** Applies manifests (YAML or JSON text, or objects) as the administrator. */
  async apply(manifests) {
    const list = (items) => JSON.stringify({ kind: "List", items });
    const text = typeof manifests === "string" ? manifests : list([manifests].flat());
    const path = this.kubeconfig.replace(/kubeconfig$/, "apply");
    await writeFile(path, text);
    await this.#host.run("cluster", "apply", this.name, path);
  }

  /** Resolves when the cluster has done all there is to do now. */
  async settled() {
    await this.#host.run("cluster", "settled", this.name);
  }

  /** Keeps what the cluster is now. */
  async checkpoint(name) {
    await this.#host.run("cluster", "checkpoint", this.name, name);
  }

  /** Puts the cluster back to a checkpoint, or to its start. */
  async reset(to) {
    await this.#host.run("cluster", "reset", this.name, ...(to ? ["--to", to] : []));
  }

  /**
   * Lets requests, nodes, disks, pulls or containers fail by rule; resolves to the rule's name. The words are
   * those of `pocketshift fault add`: `{ verb: "create", resource: "configmaps", status: 503, times: 1 }`.
   */
  async addFault(rule, name) {
    return (await this.run("fault", "add", ...(name ? [name] : []), ...flags(rule))).trim();
  }

  /** The rules, each with how often it has matched and was applied. */
  async faults() {
    return JSON.parse(await this.run("fault", "list", "--json")).items;
  }

  /** Takes away the rules of these names, or all. */
  async removeFaults(...names) {
    await this.run("fault", "remove", ...(names.length ? names : ["--all"]));
  }

  /**
   * What happened, by whom and because of what: since a checkpoint, a resourceVersion or a moment, or as far
   * back as it is known.
   */
  trail(since) {
    return this.run("trail", ...(since ? [`--since=${since}`] : []));
  }

  /** A cluster that begins as this one is now. */
  fork(name) {
    return this.#host.fork(this.name, name);
  }

  /** Ends the cluster. */
  async delete() {
    await this.#host.run("cluster", "delete", this.name);
    await rm(this.kubeconfig, { force: true });
  }
}

/** A cluster's clock. A move resolves when all work that was due is done; to what it then shows. */
class Clock {
  #cluster;

  constructor(cluster) {
    this.#cluster = cluster;
  }

  async #time(...words) {
    return (await this.#cluster.run("time", ...words)).split(" ")[0];
  }

  now() {
    return this.#time("show");
  }
  /** Lets it stand still. */
  stop() {
    return this.#time("stop");
  }
  /** Lets it run as the machine's. */
  run() {
    return this.#time("run");
  }
  /** Lets it run so many times as fast. */
  rate(times) {
    return this.#time("rate", String(times));
  }
  /** Moves it on: "90s", "15m", "1h30m". */
  step(by) {
    return this.#time("step", by);
  }
  /** Moves it on to when something happens next. */
  next() {
    return this.#time("next");
  }
  /** Moves it on to a moment. */
  until(moment) {
    return this.#time("until", moment);
  }
}
