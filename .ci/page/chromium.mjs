// Loads the packages below target/, and starts the browser whose path is in the environment variable CHROMIUM.
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are installed below target/, not next to this file.
export const require = createRequire(join(process.env.NODE_MODULES_PARENT ?? process.cwd(), "x.js"));

export const start = () => require("playwright-core").chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
