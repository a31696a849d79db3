// Draws the recording of a terminal as an animated SVG without scripts, external fonts or network access. A viewer that
// does not animate, or whose user prefers reduced motion, shows the end of the recording.
//
//   node terminal.mjs RECORDING SVG COLUMNS ROWS TITLE COMMAND     RECORDING is a file of record.py
import { readFileSync, writeFileSync } from "node:fs";
import { require } from "../page/chromium.mjs";

const { Terminal } = require("@xterm/headless");

const [recording, svg, columns, rows, title, command] = process.argv.slice(2);
// The length of a frame, in seconds. A frame contains all output of this time.
const FRAME = 0.15;
// The number of seconds for which the prompt is shown before the first output, and for which the last frame is shown
// before the animation starts again.
const [PROMPT, END] = [1, 8];
// Size of a character cell, distance of the text from the edge, and font size, in SVG units.
const [WIDTH, HEIGHT, MARGIN, FONT] = [8.4, 19, 16, 14];
// The colors of the report page in dark mode.
const [GROUND, INK, FAINT] = ["#12171d", "#e8edf2", "#97a4b1"];
const COLORS = { 1: "#ff9a91", 2: "#65d08b", 3: "#f2b45c" };

const terminal = new Terminal({ cols: Number(columns), rows: Number(rows), allowProposedApi: true });
const write = (text) => new Promise((done) => terminal.write(text, done));
const escaped = (text) => text.replace(/[&<>]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[character]);
const short = (number) => String(Number(number.toFixed(2)));

// The text elements of a row: one for each part whose characters have the same style and width, without blanks at its
// ends. `textLength` keeps the columns aligned in every font.
function drawn(line) {
  const parts = [];
  for (let column = 0; column < terminal.cols; column++) {
    const cell = line.getCell(column);
    if (cell.getWidth() === 0) continue;
    const color = cell.isFgDefault() ? (cell.isDim() ? FAINT : INK) : COLORS[cell.getFgColor()];
    if (color === undefined) throw new Error(`color ${cell.getFgColor()} is not in the palette`);
    const wide = cell.getWidth() === 2;
    const style = `fill="${color}"${cell.isBold() ? ' font-weight="bold"' : ""}${wide ? ' class="wide"' : ""}`;
    const blank = (cell.getChars() || " ") === " ";
    const last = parts.at(-1);
    // Two blanks separate columns, whose texts are placed independently.
    if (blank) continue;
    if (last && last.style === style && column - last.end < (wide ? 1 : 2)) {
      last.text += " ".repeat(column - last.end) + cell.getChars();
      last.end = column + cell.getWidth();
    } else parts.push({ style, text: cell.getChars(), begin: column, end: column + cell.getWidth() });
  }
  return parts
    .map(({ style, text, begin, end }) => `<text x="${short(MARGIN + begin * WIDTH)}" textLength="${short((end - begin) * WIDTH)}" ${style}>${escaped(text)}</text>`)
    .join("");
}

const screen = () => Array.from({ length: terminal.rows }, (_, row) => {
  const line = terminal.buffer.active.getLine(terminal.buffer.active.viewportY + row);
  return line ? drawn(line) : "";
});

// Rows that show the same text from `begin` to `end` (seconds). Each row of the screen is drawn once for each text.
const shown = [];
let before = [];
function frame(time) {
  const now = screen();
  now.forEach((text, row) => {
    if (text === before[row]) return;
    const open = shown.findLast((one) => one.row === row && one.end === undefined);
    if (open) open.end = time;
    if (text) shown.push({ row, text, begin: time });
  });
  before = now;
}

await write(`$ ${command}`);
frame(0);
await write("\r\n");
const chunks = readFileSync(recording, "utf8").trim().split("\n").map((line) => JSON.parse(line));
let time = PROMPT;
for (const [index, [seconds, text]] of chunks.entries()) {
  await write(text);
  const next = chunks[index + 1]?.[0];
  if (next !== undefined && Math.floor(next / FRAME) === Math.floor(seconds / FRAME)) continue;
  time = PROMPT + seconds;
  frame(time);
}
const total = time + END;

const percent = (seconds) => `${short((seconds / total) * 100)}%`;
const rules = new Map();
const lines = shown.map(({ row, text, begin, end }) => {
  const steps = `${begin > 0 ? "0%{opacity:0}" : ""}${percent(begin)}{opacity:1}${end === undefined ? "" : `${percent(end)}{opacity:0}`}`;
  if (!rules.has(steps)) rules.set(steps, `k${rules.size}`);
  return `<g class="${rules.get(steps)}${end === undefined ? " end" : ""}" transform="translate(0 ${MARGIN + FONT + row * HEIGHT})">${text}</g>`;
});
const [width, height] = [Math.ceil(terminal.cols * WIDTH + 2 * MARGIN), terminal.rows * HEIGHT + 2 * MARGIN];
writeFileSync(svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}</title>
<style>
text{font:${FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Noto Sans Mono CJK JP",monospace;white-space:pre}
.wide{font-size:${FONT + 2}px}
g{opacity:0;animation:${short(total)}s step-end infinite}
.end{opacity:1}
${[...rules].map(([steps, name]) => `@keyframes ${name}{${steps}}.${name}{animation-name:${name}}`).join("\n")}
@media (prefers-reduced-motion:reduce){g{animation:none!important}}
</style>
<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>
${lines.join("\n")}
</svg>
`);
console.log(`${svg}: ${shown.length} texts, ${short(total)} s`);
