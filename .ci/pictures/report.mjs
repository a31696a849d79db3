// Takes screenshots of the beginning of a report page: on a screen in light and dark mode, and on a phone.
//
//   node report.mjs PAGE FOLDER SUFFIX TIME_ZONE     writes FOLDER/report-light SUFFIX.png and so on (without the blank)
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { require, start } from "../page/chromium.mjs";

const { PNG } = require("pngjs");
const [file, folder, suffix, timezoneId] = process.argv.slice(2);
const browser = await start();
for (const [name, width, colorScheme] of [["light", 960, "light"], ["dark", 960, "dark"], ["narrow", 360, "light"]]) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, timezoneId });
  const page = await context.newPage();
  await page.goto(pathToFileURL(resolve(file)).href);
  // Without the alpha channel and with the best compression, a picture has half the size.
  const picture = PNG.sync.read(await page.screenshot());
  const path = join(folder, `report-${name}${suffix}.png`);
  const content = PNG.sync.write(picture, { colorType: 2, inputHasAlpha: true, deflateLevel: 9 });
  writeFileSync(path, content);
  console.log(`${path}: ${Math.ceil(content.length / 1024)} KB`);
  await context.close();
}
await browser.close();
