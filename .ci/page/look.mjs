// Checks report pages in a real browser: on a phone, on a screen in light and dark mode, and in print. A page
// must cause no errors, network requests or horizontal scrolling, must meet WCAG 2.1 A and AA according to axe, must
// contain a QR code of the sign-in address, and must show its times in the time zone of the browser.
//
//   node look.mjs FOLDER PAGE...     screenshots are written to FOLDER; CHROMIUM is the browser (default /usr/bin/chromium)
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { require, start } from "./chromium.mjs";

const jsqr = require("jsqr");
const { PNG } = require("pngjs");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [folder, ...pages] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const faults = [];
const ways = [
  { name: "light", width: 1280, height: 900, colorScheme: "light" },
  { name: "dark", width: 1280, height: 900, colorScheme: "dark" },
  { name: "narrow-light", width: 360, height: 740, colorScheme: "light" },
  { name: "narrow-dark", width: 360, height: 740, colorScheme: "dark" },
];

const browser = await start();
for (const file of pages) {
  const name = basename(file, ".html");
  const address = pathToFileURL(resolve(file)).href;
  for (const way of ways) {
    const say = (fault) => faults.push(`${name}, ${way.name}: ${fault}`);
    const context = await browser.newContext({ viewport: { width: way.width, height: way.height }, colorScheme: way.colorScheme, timezoneId: "Asia/Tokyo" });
    const page = await context.newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && say(`console: ${message.text()}`));
    page.on("pageerror", (error) => say(`error: ${error}`));
    page.on("request", (request) => request.url().split("#")[0] !== address && say(`it asks for ${request.url()}`));
    await page.goto(address);
    const times = await page.evaluate(() => [...document.querySelectorAll("time")].map((time) => [time.textContent, time.title]));
    if (times.length === 0) say("it has no times");
    for (const [shown, utc] of times) if (!/ (JST|GMT\+9)$/.test(shown) || !/ UTC$/.test(utc)) say(`the time ${utc} is shown as ${shown}`);
    // Opens all collapsed sections, because their content must be readable too.
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
    const wide = await page.evaluate(() => {
      const room = document.documentElement.clientWidth;
      const beyond = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > room + 1);
      return { scrolls: document.documentElement.scrollWidth > room, beyond: beyond.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)) };
    });
    if (wide.scrolls) say(`it scrolls sideways: ${wide.beyond.join(" | ")}`);
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() =>
      axe.run(document, { runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] } }));
    for (const violation of violations) say(`${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.target).slice(0, 5).join(", ")}`);
    // If axe has not measured the contrast, it reports no violation even if the contrast is insufficient.
    if (!passes.some((pass) => pass.id === "color-contrast")) say("no contrast was measured");
    await page.screenshot({ path: join(folder, `${name}-${way.name}.png`), fullPage: true });
    const code = page.locator(".sign-in svg");
    const { data, width, height } = PNG.sync.read(await code.screenshot());
    const read = jsqr(new Uint8ClampedArray(data), width, height)?.data;
    const wanted = await page.locator(".address").innerText();
    if (read !== wanted) say(`the code says ${read}, the page ${wanted}`);
    await context.close();
  }
  const page = await browser.newPage();
  await page.goto(address);
  const print = () => page.pdf({ format: "A4", margin: { top: "15mm", bottom: "15mm", left: "12mm", right: "12mm" } });
  // On a busy machine the first attempt to print can fail. The second attempt succeeds.
  writeFileSync(join(folder, `${name}.pdf`), await print().catch(print));
  await page.close();
}
await browser.close();
faults.forEach((fault) => console.error(fault));
console.log(`${pages.length} pages in ${ways.length} ways and on paper: ${faults.length} faults`);
process.exit(faults.length > 0 || pages.length === 0 ? 1 : 0);
