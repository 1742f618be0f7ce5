// What the page does: draws its charts, sorts and filters its tables, changes between light and dark.
"use strict";

const content = JSON.parse(document.getElementById("content").textContent);
const root = document.documentElement;

const charts = {
  "chart-cycles": () => cyclesChart(content, document.getElementById("cycles-share").checked),
  "chart-roofline": () => rooflineChart(content),
  "chart-traffic": () => trafficChart(content),
  "chart-prediction": () => predictionChart(content),
  "chart-timeline": () => timelineChart(content),
  "chart-memory": () => memoryChart(content),
  "chart-error": () => errorChart(content),
};

function drawAll() {
  for (const [id, option] of Object.entries(charts)) {
    const place = document.getElementById(id);
    if (!place) continue;
    const chart = echarts.getInstanceByDom(place) ?? echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(option(), { notMerge: true });
  }
  for (const loss of document.querySelectorAll(".loss")) loss.style.borderLeftColor = REASON_COLOURS[loss.dataset.reason];
}

function setTheme(theme) {
  root.dataset.theme = theme;
  drawAll();
}

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
document.getElementById("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
prefersDark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
document.getElementById("cycles-share").addEventListener("change", drawAll);
window.addEventListener("resize", () => {
  for (const id of Object.keys(charts)) echarts.getInstanceByDom(document.getElementById(id) ?? document.body)?.resize();
});

function valueOf(row, column) {
  const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : text;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.tabIndex = 0;
    const sort = () => {
      // Numbers begin with the largest: that is what is looked for.
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const other = first === "descending" ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((cell) => cell.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows].sort((a, b) => sign * compare(valueOf(a, column), valueOf(b, column)));
      table.tBodies[0].append(...rows);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of document.getElementById("layer-table").tBodies[0].rows) {
    row.hidden = !`${row.cells[1].textContent} ${row.cells[2].textContent}`.toLowerCase().includes(wanted);
  }
});

setTheme(prefersDark.matches ? "dark" : "light");
