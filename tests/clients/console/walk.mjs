// A walk through every view, as a developer and then as the administrator. Says `ok` at its end.

import { accessible, answer, click, go, open, sees, signIn } from "./steps.mjs";

const [base, password] = process.argv.slice(2);
const HOSTILE = `<img src=x onerror="document.title='taken'">`;
const NGINX = "registry.access.redhat.com/ubi9/nginx-120";
const browsing = await open(base);
const { page } = browsing;

async function projects() {
  await click(page, "New project");
  await accessible(page, "a dialog");
  await answer(page, "New project", { Name: "shop", "Display name": HOSTILE }, "Create");
  await go(page, "/projects");
  await sees(page, HOSTILE);
  await accessible(page, "projects");
}

async function topology() {
  await go(page, "/p/shop/topology");
  for (const version of ["20.0.2", "20.0.3"]) {
    await click(page, "Tag an image");
    await answer(page, "Tag an image",
      { "Image stream tag": `keycloak:${version}`, Image: `quay.io/keycloak/keycloak:${version}` }, "Tag");
    await sees(page, `from quay.io/keycloak/keycloak:${version}`);
  }
  await click(page, "New alias");
  await answer(page, "New alias", { "Name of the alias": "20", "It shall track": "20.0.2" }, "Create");
  await sees(page, "alias of 20.0.2");
  const deploy = async (Name, image, Replicas, Strategy) => {
    await click(page, "Deploy an image");
    await answer(page, "Deploy an image",
      { Name, "Image, or a tag of an image stream": image, Replicas, Strategy }, "Deploy");
  };
  await deploy("login", "keycloak:20", "2", "RollingUpdate");
  await deploy("web", `${NGINX}:1-86`, "3", "RollingUpdate");
  await page.getByRole("article", { name: "Deployment web" }).getByText("3 of 3 ready").waitFor();
  const login = page.getByRole("article", { name: "Deployment login" });
  await login.getByText("2 of 2 ready").waitFor();
  await click(page, "Expose");
  await answer(page, "Expose a workload by a service and a route", { Workload: "web", Port: "8080" }, "Expose");
  await page.getByRole("article", { name: "Service web" }).getByText("3 pods").waitFor();
  await page.getByRole("article", { name: "Route web" }).getByText("web 100 %").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".wire").length === 3);
  await accessible(page, "topology");
  await click(page, "Apply YAML");
  const map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n";
  await answer(page, "Apply YAML", { Manifests: map }, "Apply");
  await sees(page, "Applied: ConfigMap one.");
  await click(page, "Move alias 20");
  await answer(page, "Move the alias 20", { "It shall track": "20.0.3" }, "Move");
  await login.getByText("Revision 2").waitFor();
  await login.getByText("2 of 2 ready").waitFor();
}

async function rollout() {
  await page.getByRole("link", { name: "web", exact: true }).first().click();
  const line = page.locator("#timeline-said");
  await line.getByText("revision 1: 3 available").waitFor();
  await click(page, "Set image");
  await answer(page, "Set image", { Image: `${NGINX}:1-87` }, "Set");
  await line.getByText(/^revision 2: 3 available, 0 coming, 0 going; at most 4 pods, at least 3/).waitFor();
  await click(page, "Undo");
  await line.getByText(/^revision 3: 3 available, 0 coming, 0 going/).waitFor();
  await click(page, "Set strategy");
  await answer(page, "Set strategy", { Strategy: "Recreate" }, "Set");
  await sees(page, "all pods end before the first new one starts");
  await click(page, "Undo to this, revision 2");
  await line.getByText(/^revision 4: 3 available, 0 coming, 0 going; at most 3 pods, at least 0/).waitFor();
  await click(page, "Pause");
  await sees(page, "The rollout is paused.");
  await click(page, "Undo");
  await sees(page, "A paused Deployment cannot be rolled back");
  await click(page, "Resume");
  await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
  await accessible(page, "rollout");
}

const CONFIG = `apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {name: legacy}
spec:
  replicas: 2
  selector: {app: legacy}
  template:
    metadata: {labels: {app: legacy}}
    spec: {containers: [{name: nginx, image: "${NGINX}:1-86"}]}
  triggers: [{type: ConfigChange}]
`;

async function config() {
  await go(page, "/p/shop/topology");
  await click(page, "Apply YAML");
  await answer(page, "Apply YAML", { Manifests: CONFIG }, "Apply");
  const legacy = page.getByRole("article", { name: "DeploymentConfig legacy" });
  await legacy.getByText("2 of 2 ready").waitFor();
  await legacy.getByRole("link", { name: "legacy", exact: true }).click();
  const line = page.locator("#timeline-said");
  await line.getByText(/^revision 1: 2 available, 0 coming, 0 going/).waitFor();
  await click(page, "Set image");
  await answer(page, "Set image", { Image: `${NGINX}:1-87` }, "Set");
  await line.getByText(/^revision 2: 2 available, 0 coming, 0 going/).waitFor();
  await click(page, "Undo");
  await line.getByText(/^revision 3: 2 available, 0 coming, 0 going/).waitFor();
  await page.getByRole("row", { name: /^3 \(current\)/ }).getByText(`${NGINX}:1-86`).waitFor();
  await accessible(page, "the rollout of a DeploymentConfig");
}

async function object() {
  await go(page, "/p/shop/object/deployments/web");
  const editor = page.getByRole("textbox", { name: "YAML of web" });
  await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("replicas: 3"));
  const shown = await editor.inputValue();
  if (shown.includes("managedFields")) throw new Error("managed fields are not folded");
  await editor.fill(shown.replace("replicas: 3", "replicsa: 3"));
  await click(page, "Try the change");
  await sees(page, 'unknown field "spec.replicsa"');
  await editor.fill(shown.replace("replicas: 3", "replicas: 2"));
  await click(page, "Try the change");
  await sees(page, "+   replicas: 2");
  await accessible(page, "an object");
  await click(page, "Make the change");
  await sees(page, "The change is made.");
  await go(page, "/p/shop/topology");
  await page.getByRole("article", { name: "Deployment web" }).getByText("2 of 2 ready").waitFor();
}

async function pods() {
  await go(page, "/p/shop/events");
  await sees(page, "Scaled up replica set");
  await accessible(page, "events");
  await go(page, "/p/shop/topology");
  const first = page.getByRole("article", { name: "Deployment web" }).locator(".pods a").first();
  await first.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByRole("log").waitFor();
  await accessible(page, "a log");
  await page.goBack();
  await page.getByRole("link", { name: "Terminal", exact: true }).click();
  await page.waitForFunction(() => document.activeElement.className === "terminal");
  await sees(page, "$");
  await page.keyboard.type("echo here | tr a-z A-Z\n");
  await page.getByText("HERE").waitFor();
  await accessible(page, "a terminal");
}

async function refused() {
  await go(page, "/nodes");
  await sees(page, 'User "developer" cannot list resource "nodes"');
  await go(page, "/clock");
  await sees(page, "this takes the rights of a cluster administrator");
  await go(page, "/p/default/topology");
  await sees(page, 'cannot list resource "pods" in API group "" in the namespace "default"');
  await click(page, "Sign out");
  await page.getByLabel("Username").waitFor();
}

async function administrator() {
  await signIn(browsing, "kubeadmin", password);
  await go(page, "/nodes");
  const node = page.getByRole("article", { name: "Node worker01" });
  await node.getByText("Ready", { exact: true }).waitFor();
  await accessible(page, "nodes");
  await node.getByRole("link", { name: "Terminal" }).click();
  await page.waitForFunction(() => document.activeElement.className === "terminal");
  await page.keyboard.type("hostname\n");
  await page.getByText(/hostname\s+worker01/).waitFor();
  await go(page, "/clock");
  await click(page, "Stop");
  await sees(page, "It stands still.");
  const before = await page.locator(".big").textContent();
  await page.getByLabel("Step").fill("30m");
  await click(page, "Step");
  await page.waitForFunction((text) => document.querySelector(".big").textContent !== text, before);
  const after = await page.locator(".big").textContent();
  const [from, to] = [before, after].map((text) => Date.parse(text.replace(" UTC", "Z")));
  if (to - from !== 30 * 60_000) throw new Error(`a step of 30m: ${before} → ${after}`);
  const past = page.locator("#past");
  const told = await page.locator(".past").innerText();
  await past.focus();
  await page.keyboard.press("Home");
  await sees(page, "Change 1 of ");
  if ((await page.locator(".past").innerText()) === told) throw new Error("the past does not move");
  await accessible(page, "the clock");
}

async function registries() {
  await go(page, "/registries");
  await page.getByLabel("Repositories with").fill("keycloak");
  const quay = page.getByRole("article", { name: "Registry quay.io" });
  await quay.getByText("keycloak/keycloak", { exact: true }).click();
  const row = (tag) => quay.getByRole("row", { name: new RegExp(`^${tag} `) });
  const digest = await row("20.0.2").locator("code").textContent();
  await accessible(page, "registries");
  await row("20.0").getByRole("button").click();
  await answer(page, "Move quay.io/keycloak/keycloak:20.0", { "To what this means now": "20.0.2" }, "Move");
  await row("20.0").getByText(digest).waitFor();
  await quay.getByRole("button", { name: "Begin an outage" }).click();
  await quay.getByText("Outage", { exact: true }).waitFor();
  await quay.getByRole("button", { name: "End the outage" }).click();
  await quay.getByText("Answers", { exact: true }).waitFor();
}

async function labs() {
  await go(page, "/labs");
  await accessible(page, "labs");
  await page.getByRole("link", { name: "Go back from a rollout that cannot end" }).click();
  await click(page, "Start");
  await sees(page, "the project goback");
  await go(page, "/labs");
  await click(page, "Show the board");
  await page.getByRole("row", { name: /^developer Go back .* 0 of 6/ }).waitFor();
  await accessible(page, "the board");
  await page.getByRole("region", { name: "Board" }).getByRole("link", { name: /^Go back/ }).click();
  await click(page, "Grade");
  await sees(page, "0 of 6 points");
  await accessible(page, "a lab");
  await go(page, "/p/goback/rollout/deployments/web");
  await click(page, "Undo");
  await sees(page, "2 of 2 ready. ReplicaSet");
  await go(page, "/p/goback/object/deployments/web");
  await click(page, "Why");
  await sees(page, "by kube:admin");
  await go(page, "/lab/rollout-undo");
  await click(page, "Grade");
  await sees(page, "6 of 6 points");
  await click(page, "Finish");
  await sees(page, "The exercise is finished.");
}

try {
  await signIn(browsing, "developer", "developer");
  for (const part of [projects, topology, rollout, config, object, pods, refused, administrator, registries, labs]) {
    await part().catch(async (e) => {
      const shown = await page.locator("body").innerText().catch(() => "");
      throw new Error(`${part.name}: ${e.message}\nThe page says:\n${shown}`);
    });
  }
  if ((await page.title()) === "taken") throw new Error("a name became markup");
  if (browsing.problems.length) throw new Error(browsing.problems.join("\n"));
  console.log("ok");
} finally {
  await browsing.browser.close();
}
