// A terminal in a container of a pod, or on a node by a pod made for it, as `oc debug node` does.

import { create, get, KINDS, path, remove, socket } from "../api.js";
import { framed, h, replace } from "../dom.js";
import { state } from "../objects.js";
import { keyBytes, Screen } from "../screen.js";
import { announce, button, View } from "../view.js";
import { Watch } from "../watch.js";

const PROTOCOL = "v5.channel.k8s.io";
const [IN, OUT, ERR, FAULT, RESIZE] = [0, 1, 2, 3, 4];

class Terminal extends View {
  #socket = null;
  #watch = null;

  open() {
    const { pod, node } = this.parameters;
    this.container = h("select", { id: "container" });
    this.command = h("input", { id: "command", value: node ? "chroot /host sh" : "sh", autocomplete: "off" });
    this.output = h("pre", { class: "terminal", tabindex: "0", role: "application",
      "aria-label": `Terminal ${pod ? `in ${pod}` : `on ${node}`}; Shift and Tab leave it` });
    this.output.addEventListener("keydown", (event) => this.#key(event));
    this.output.addEventListener("paste", (event) => {
      event.preventDefault();
      this.#send(IN, event.clipboardData.getData("text/plain").replaceAll("\n", "\r"));
    });
    this.show = framed(() => this.#show());
    this.append(h("p", { class: "row" },
      h("label", { for: "container" }, "Container ", this.container),
      h("label", { for: "command" }, "Command ", this.command),
      button("Connect again", () => this.connect())), this.output);
    this.#begin().catch((e) => announce(e.message, true));
  }

  async #begin() {
    this.place = this.parameters.node ? await this.#debug() : await this.#known();
    if (!this.isConnected) return this.close();
    await this.connect();
    this.output.focus();
  }

  /** The pod that is named. */
  async #known() {
    const { project, pod } = this.parameters;
    const url = path(KINDS.pods, project, pod);
    const { spec } = await get(url);
    replace(this.container, spec.containers.map((c) => h("option", { value: c.name }, c.name)));
    return url;
  }

  /** A pod on the node, in a namespace of its own; both go when the terminal is closed. */
  async #debug() {
    const { node } = this.parameters;
    const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
    const namespace = await create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace",
      metadata: { generateName: "openshift-debug-", labels, annotations: { "openshift.io/node-selector": "" } } });
    this.made = `/api/v1/namespaces/${namespace.metadata.name}`;
    const name = `${node.replaceAll(".", "-")}-debug`;
    const pods = path(KINDS.pods, namespace.metadata.name);
    replace(this.container, h("option", { value: "container-00" }, "container-00"));
    await create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: {
      nodeName: node, hostPID: true, hostNetwork: true, restartPolicy: "Never",
      volumes: [{ name: "host", hostPath: { path: "/", type: "Directory" } }],
      containers: [{ name: "container-00", image: "registry.access.redhat.com/ubi9/ubi", command: ["/bin/sh"],
        stdin: true, tty: true, securityContext: { privileged: true, runAsUser: 0 },
        volumeMounts: [{ name: "host", mountPath: "/host" }] }] } });
    await this.#running(pods, name);
    return `${pods}/${name}`;
  }

  #running(pods, name) {
    return new Promise((resolve, reject) => {
      const changed = () => {
        const pod = [...this.#watch.items.values()][0];
        if (this.#watch.failure) reject(this.#watch.failure);
        else if (pod && state(pod).sort === "ready") resolve();
        else if (pod && state(pod).sort === "bad") reject(new Error(`The pod is ${state(pod).word}.`));
      };
      this.#watch = new Watch(pods, { query: { fieldSelector: `metadata.name=${name}` }, changed });
    });
  }

  async connect() {
    this.#socket?.close();
    this.screen = new Screen();
    const query = [["container", this.container.value], ["stdin", "true"], ["stdout", "true"], ["tty", "true"],
      ...this.command.value.split(/\s+/).filter(Boolean).map((word) => ["command", word])];
    const made = (this.#socket = socket(`${this.place}/exec`, query, PROTOCOL));
    const decoder = new TextDecoder();
    this.early = "";
    made.onopen = () => {
      this.#size();
      if (this.early) this.#send(IN, this.early);
    };
    made.onmessage = ({ data }) => {
      const bytes = new Uint8Array(data);
      const channel = bytes[0];
      if (channel === OUT || channel === ERR) this.screen.write(decoder.decode(bytes.subarray(1), { stream: true }));
      if (channel === FAULT) this.#ended(new TextDecoder().decode(bytes.subarray(1)));
      this.show();
    };
    made.onclose = ({ wasClean }) => {
      if (made === this.#socket && !wasClean && this.isConnected) announce("The connection was cut off, or not allowed.", true);
    };
    this.show();
  }

  #ended(text) {
    let status = null;
    try {
      status = JSON.parse(text);
    } catch {
      status = { message: text };
    }
    this.screen.write(`\r\n[${status.status === "Success" ? "ended" : status.message}]\r\n`);
  }

  #key(event) {
    const bytes = keyBytes(event);
    if (!bytes || (event.ctrlKey && event.key === "c" && !getSelection().isCollapsed)) return;
    event.preventDefault();
    this.#send(IN, bytes);
  }

  /** Sends on a channel; what is typed before the connection is there waits for it. */
  #send(channel, text) {
    if (this.#socket?.readyState === WebSocket.CONNECTING) this.early += text;
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const bytes = new TextEncoder().encode(text);
    const message = new Uint8Array(bytes.length + 1);
    message[0] = channel;
    message.set(bytes, 1);
    this.#socket.send(message);
  }

  #size() {
    const { clientWidth, clientHeight } = this.output;
    const Width = Math.max(20, Math.floor(clientWidth / 8.5));
    const Height = Math.max(5, Math.floor(clientHeight / 18));
    this.#send(RESIZE, JSON.stringify({ Width, Height }));
  }

  #show() {
    const [before, at, after] = this.screen.parts();
    replace(this.output, before, h("span", { class: "cursor" }, at), after);
    this.output.scrollTop = this.output.scrollHeight;
  }

  close() {
    this.#socket?.close();
    this.#watch?.stop();
    if (this.made) remove(this.made).catch((e) => announce(e.message, true));
    this.made = null;
  }
}

customElements.define("view-terminal", Terminal);
