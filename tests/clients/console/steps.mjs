// What the walks through the console share: a browser, signing in, dialogs, and axe.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A browser with one page, in which every error is one of the test. */
export async function open(base, options = {}) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => /Content Security Policy|TrustedTypes/.test(m.text()) && problems.push(m.text()));
  return { browser, context, page, problems, base };
}

export async function signIn({ page, base }, name, password) {
  await page.goto(`${base}/console`);
  await page.getByLabel("Username").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
}

export const click = (page, name) => page.getByRole("button", { name, exact: true }).click();

/** Fills in a dialog and waits until it is gone. */
export async function answer(page, title, values, label) {
  const dialog = page.getByRole("dialog", { name: title });
  for (const [name, value] of Object.entries(values)) {
    const field = dialog.getByLabel(name, { exact: true });
    if ((await field.evaluate((e) => e.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await dialog.getByRole("button", { name: label, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

export const go = (page, address) => page.evaluate((to) => { location.hash = to; }, `#${address}`);

/** Waits for a text on the page. */
export const sees = (page, text) => page.getByText(text).first().waitFor();

/** Fails on what axe calls serious or worse. */
export async function accessible(page, where) {
  if (!(await page.evaluate(() => "axe" in window))) {
    const session = await page.context().newCDPSession(page);
    // Past the page's own policy, which lets no script in.
    await session.send("Runtime.evaluate", { expression: axe });
  }
  const { violations } = await page.evaluate(() => axe.run(document));
  const grave = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  if (grave.length) throw new Error(`${where}: ${JSON.stringify(grave.map((v) => [v.id, v.nodes.map((n) => n.html)]))}`);
}
