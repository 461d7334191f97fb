// The page of a route, as a browser shows it: without TLS, redirected to it, with it, and over a
// WebSocket. Says what each showed, a line each.

import { open } from "./steps.mjs";

const [plain, redirected, shop] = process.argv.slice(2);
const { browser, page } = await open("");

const first = await page.goto(plain);
console.log(first.status(), (await page.innerText("body")).split("\n")[0]);
const second = await page.goto(redirected);
console.log(second.status(), new URL(page.url()).protocol, (await page.innerText("body")).split("\n")[0]);
await page.goto(plain);
const said = await page.evaluate(
  (url) => new Promise((resolve, reject) => {
    const heard = [];
    const socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.length === 1) socket.send("once more");
      else resolve(heard.join(", "));
    };
    socket.onerror = () => reject(new Error("the socket"));
  }),
  plain.replace("http:", "ws:"),
);
console.log(said);
const nobody = await page.goto(shop);
console.log(nobody.status(), await page.innerText("h1"));
await browser.close();
