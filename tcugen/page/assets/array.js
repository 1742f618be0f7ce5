// Shows one cycle of the array at a time, by hand or one after the other.
"use strict";

const content = JSON.parse(document.getElementById("content").textContent);
const root = document.documentElement, svg = document.getElementById("array");
const CELL = 104, GAP = 34, LEFT = 150, TOP = 46;
const { rows, columns, cycles } = content;

function node(name, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// Tiles are counted by the swaps that each row has seen: [cycle][row] of the live plane and of the shadow plane.
const tiles = (() => {
  const live = Array(rows).fill(0);
  const shadow = live.map((_, row) => {
    const first = cycles.find((cycle) => cycle.swaps[row] || cycle.loaded_row === row);
    return first && first.swaps[row] ? 1 : 0;
  });
  return cycles.map((cycle) => {
    const now = { live: [...live], shadow: [...shadow] };
    cycle.swaps.forEach((swap, row) => { if (swap) live[row] += 1; });
    if (cycle.loaded_row >= 0) shadow[cycle.loaded_row] = live[cycle.loaded_row] + 1;
    return now;
  });
})();

function tileColour(tile, strength) {
  const dark = root.dataset.theme === "dark";
  return `hsl(${(210 + tile * 137.508) % 360} ${dark ? 38 : 62}% ${dark ? 16 + 14 * strength : 96 - 14 * strength}%)`;
}

const x = (column) => LEFT + column * (CELL + 14), y = (row) => TOP + row * (CELL + GAP);
const parts = [];
svg.setAttribute("viewBox", `0 0 ${x(columns) + 10} ${y(rows) + 46}`);
node("text", { x: 62, y: 24, class: "word" }, svg, "pixel bytes");
for (let row = 0; row < rows; row++) {
  const group = node("g", {}, svg), middle = y(row) + CELL / 2;
  node("path", { class: "wire", d: `M96,${middle} H${x(columns) - 14}` }, group);
  node("rect", { class: "operand-back", x: 28, y: middle - 20, width: 68, height: 40, rx: 8 }, group);
  const operand = node("text", { class: "operand", x: 62, y: middle + 6 }, group);
  const cells = [];
  for (let column = 0; column < columns; column++) {
    const centre = x(column) + CELL / 2;
    node("path", { class: "wire", d: `M${centre},${y(row) + CELL} v${GAP}` }, group);
    const back = node("rect", { class: "cell", x: x(column), y: y(row), width: CELL, height: CELL, rx: 10 }, group);
    const shadowBack = node("rect", { class: "shadow-back", x: x(column) + CELL - 42, y: y(row) + 6, width: 36, height: 20, rx: 5 }, group);
    const shadow = node("text", { class: "shadow", x: x(column) + CELL - 24, y: y(row) + 20 }, group);
    const live = node("text", { class: "live", x: centre, y: y(row) + 58 }, group);
    const product = node("text", { class: "product", x: centre, y: y(row) + 82 }, group);
    const sum = node("text", { class: "sum", x: centre + 30, y: y(row) + CELL + 21 }, group);
    cells.push({ back, shadowBack, shadow, live, product, sum });
  }
  parts.push({ group, operand, cells });
}
const results = Array.from({ length: columns }, (_, column) => {
  node("rect", { class: "result-back", x: x(column) + 8, y: y(rows), width: CELL - 16, height: 34, rx: 8 }, svg);
  return node("text", { class: "operand", x: x(column) + CELL / 2, y: y(rows) + 23 }, svg);
});
node("text", { x: 75, y: y(rows) + 22, class: "word" }, svg, "sums of all rows");

let at = 0, timer = null;

function say(cycle) {
  const said = [];
  if (cycle.loaded_row >= 0) said.push(`row ${cycle.loaded_row} of the next tile is stored`);
  cycle.swaps.forEach((swap, row) => { if (swap) said.push(`the swap reaches row ${row}`); });
  return said.length ? said.join("; ") : "pixels stream through, sums run down";
}

function show() {
  const cycle = cycles[at];
  document.getElementById("at").value = at;
  document.getElementById("cycle").textContent = `cycle ${cycle.cycle.toLocaleString("en-US")}`;
  document.getElementById("said").textContent = say(cycle);
  parts.forEach((part, row) => {
    part.operand.textContent = cycle.operands[row];
    part.group.setAttribute("class", `${cycle.swaps[row] ? "swapping" : ""} ${cycle.loaded_row === row ? "loading" : ""}`);
    part.cells.forEach((cell, column) => {
      cell.live.textContent = cycle.live[row][column];
      cell.shadow.textContent = cycle.shadow[row][column];
      cell.product.textContent = `product ${cycle.products[row][column]}`;
      cell.sum.textContent = cycle.sums[row][column];
      cell.back.style.fill = tileColour(tiles[at].live[row], 1);
      cell.shadowBack.style.fill = tileColour(tiles[at].shadow[row], 1.7);
    });
  });
  results.forEach((result, column) => { result.textContent = cycle.sums[rows - 1][column]; });
}

function go(to) {
  at = Math.max(0, Math.min(cycles.length - 1, to));
  show();
}

function stop() {
  clearInterval(timer);
  timer = null;
  document.getElementById("play").textContent = "play";
}

function play() {
  stop();
  document.getElementById("play").textContent = "pause";
  timer = setInterval(() => at + 1 < cycles.length ? go(at + 1) : stop(), 1000 / document.getElementById("speed").value);
}

document.getElementById("play").addEventListener("click", () => timer ? stop() : play());
document.getElementById("speed").addEventListener("input", () => { if (timer) play(); });
document.getElementById("back").addEventListener("click", () => { stop(); go(at - 1); });
document.getElementById("on").addEventListener("click", () => { stop(); go(at + 1); });
document.getElementById("at").addEventListener("input", (event) => { stop(); go(Number(event.target.value)); });
document.addEventListener("keydown", (event) => {
  if (event.target.type === "range") return;
  if (event.key === "ArrowRight") { stop(); go(at + 1); }
  if (event.key === "ArrowLeft") { stop(); go(at - 1); }
});

function setTheme(theme) {
  root.dataset.theme = theme;
  show();
}
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
document.getElementById("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
prefersDark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
setTheme(prefersDark.matches ? "dark" : "light");
