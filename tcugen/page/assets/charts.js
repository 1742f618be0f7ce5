// The charts of the page, one function each: from its content to what ECharts draws. Colours follow the style sheet.
"use strict";

const REASON_COLOURS = {
  work: "#3b6fd8", tiles: "#a9c1ee", weights: "#e08a1e", load: "#c2477f", store: "#7d4fc4", drain: "#2a9d8f",
  pool: "#87a330", accumulators: "#d4b106", program: "#8a8f98", control: "#c9503c",
};

function styleColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function layerColour(layer) {
  // Neighbours differ by the golden angle, so that they are told apart however many there are.
  const dark = document.documentElement.dataset.theme === "dark";
  return `hsl(${((layer * 137.508) % 360).toFixed(1)} ${dark ? "48% 52%" : "58% 62%"})`;
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const exact = (number) => whole.format(number);
const nodesOf = (layer) => layer.nodes.join(" + ");
const cyclesOf = (layer) => layer.simulated_cycles ?? layer.predicted_cycles;
const escaped = (text) => echarts.format.encodeHTML(text);

function base() {
  const text = styleColour("--text"), soft = styleColour("--soft");
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
    tooltip: { backgroundColor: styleColour("--card"), borderColor: styleColour("--line"), textStyle: { color: text, fontSize: 12.5 }, confine: true },
    legend: { top: 0, textStyle: { color: soft }, type: "scroll", pageTextStyle: { color: soft }, pageIconColor: soft },
    grid: { left: 10, right: 16, top: 34, bottom: 8, containLabel: true },
  };
}

function axis(more) {
  const soft = styleColour("--soft"), line = styleColour("--line");
  return {
    nameTextStyle: { color: soft }, axisLabel: { color: soft }, axisLine: { lineStyle: { color: line } },
    splitLine: { lineStyle: { color: line } }, axisTick: { lineStyle: { color: line } }, ...more,
    ...(more.axisLabel ? { axisLabel: { color: soft, ...more.axisLabel } } : {}),
  };
}

function zoom(more) {
  const soft = styleColour("--soft");
  return { height: 16, bottom: 6, borderColor: styleColour("--line"), textStyle: { color: soft }, brushSelect: false, ...more };
}

function layerAxis(layers) {
  return axis({ type: "category", data: layers.map(nodesOf), axisLabel: { rotate: layers.length > 12 ? 40 : 20, fontSize: 11, width: 110, overflow: "truncate", hideOverlap: true } });
}

// Stacked bars per layer: `parts` are [name, colour, value of a layer].
function stacked(layers, parts, unit, share) {
  const totals = layers.map((layer) => parts.reduce((sum, part) => sum + part[2](layer), 0));
  return {
    ...base(),
    tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "shadow" }, formatter: (points) => {
      const at = points[0].dataIndex, lines = parts.map((part) => [part[0], part[1], part[2](layers[at])]).filter((line) => line[2] >= 0.5);
      return `<b>${escaped(nodesOf(layers[at]))}</b> ${exact(totals[at])} ${unit}<br>` + lines.map((line) =>
        `<span style="color:${line[1]}">&#9632;</span> ${line[0]} ${exact(line[2])} (${(100 * line[2] / totals[at]).toFixed(1)} %)`).join("<br>");
    } },
    xAxis: layerAxis(layers),
    yAxis: axis({ type: "value", max: share ? 100 : undefined, name: share ? "%" : unit, axisLabel: { formatter: (value) => share ? value : short.format(value) } }),
    series: parts.map((part) => ({
      name: part[0], type: "bar", stack: "all", color: part[1], barCategoryGap: "22%",
      data: layers.map((layer, at) => share ? (totals[at] ? 100 * part[2](layer) / totals[at] : 0) : part[2](layer)),
    })),
  };
}

function cyclesChart(content, share) {
  const found = new Set(content.layers.flatMap((layer) => Object.keys(layer.losses).filter((reason) => layer.losses[reason] >= 0.5)));
  const losses = Object.keys(REASON_COLOURS).filter((reason) => found.has(reason));
  return stacked(content.layers, [
    ["the network's work", REASON_COLOURS.work, (layer) => layer.macs / content.multipliers],
    ...losses.map((reason) => [reason, REASON_COLOURS[reason], (layer) => layer.losses[reason] ?? 0]),
  ], "cycles", share);
}

function trafficChart(content) {
  return stacked(content.layers, [
    ["weights", REASON_COLOURS.weights, (layer) => layer.traffic.weights],
    ["load", REASON_COLOURS.load, (layer) => layer.traffic.load],
    ["store", REASON_COLOURS.store, (layer) => layer.traffic.store],
  ], "bytes", false);
}

function rooflineChart(content) {
  const bus = content.architecture.bus_bytes, peak = content.multipliers;
  const dots = content.layers.map((layer) => {
    const bytes = layer.traffic.weights + layer.traffic.load + layer.traffic.store;
    return { layer, bytes, value: [layer.macs / bytes, layer.macs / cyclesOf(layer)] };
  }).filter((dot) => dot.layer.macs && dot.bytes && cyclesOf(dot.layer));
  const all = content.layers.reduce((sum, layer) => sum + cyclesOf(layer), 0);
  const xs = dots.map((dot) => dot.value[0]).concat([peak / bus]);
  // Room for the largest dots, and for the labels of slope and roof.
  const left = Math.min(...xs.map((x) => x / 3), peak / bus / 40), right = Math.max(...xs) * 3;
  const ys = dots.map((dot) => dot.value[1]).concat([peak]);
  const low = Math.min(...ys) / 2.5, high = peak * 4;
  const slope = [];
  const from = Math.max(left, low / bus);
  slope.push([from, from * bus], [peak / bus, peak], [right, peak]);
  const soft = styleColour("--soft"), powers = { axisLabel: { showMinLabel: false, showMaxLabel: false }, splitLine: { showMinLine: false, showMaxLine: false, lineStyle: { color: styleColour("--line") } } };
  const sizeOf = (dot) => 7 + 40 * Math.sqrt(cyclesOf(dot.layer) / all);
  // Most dots lie on the roof: its label is above the largest.
  const clear = Math.max(0, ...dots.map(sizeOf)) / 2 + 2;
  return {
    ...base(),
    legend: { show: false },
    grid: { left: 50, right: 16, top: 34, bottom: 42 },
    tooltip: { ...base().tooltip, formatter: (point) => point.seriesName === "roof" ? "" :
      `<b>${escaped(nodesOf(point.data.layer))}</b><br>${point.value[0].toFixed(1)} MACs per byte<br>${point.value[1].toFixed(1)} MACs per cycle (${(100 * point.value[1] / peak).toFixed(1)} % of ${exact(peak)})` },
    xAxis: axis({ ...powers, type: "log", min: left, max: right, name: "MACs per byte", nameLocation: "middle", nameGap: 26, minorSplitLine: { show: false } }),
    yAxis: axis({ ...powers, type: "log", min: low, max: high, name: "MACs per cycle", nameTextStyle: { color: soft, align: "left" }, minorSplitLine: { show: false } }),
    series: [
      { name: "roof", type: "line", data: slope, symbol: "none", color: soft, lineStyle: { width: 2, type: "dashed" }, silent: true,
        markPoint: { symbol: "circle", symbolSize: 1, label: { color: soft, position: "top", distance: clear, fontSize: 11 }, data: [
          { coord: [Math.sqrt(peak / bus * right), peak], value: "", label: { formatter: `${exact(peak)} multipliers` } },
          { coord: [peak / bus / 1.8, peak / 1.8], value: "", label: { formatter: `bus, ${bus} bytes a cycle`, position: "left", distance: 12 } }] } },
      { name: "layers", type: "scatter", data: dots.map((dot) => ({ value: dot.value, layer: dot.layer, itemStyle: { color: layerColour(dot.layer.number), opacity: 0.85, borderColor: styleColour("--card") },
        symbolSize: sizeOf(dot) })) },
    ],
  };
}

function predictionChart(content) {
  const layers = content.layers;
  return {
    ...base(),
    tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "shadow" }, formatter: (points) => {
      const layer = layers[points[0].dataIndex], off = layer.predicted_cycles - layer.simulated_cycles;
      return `<b>${escaped(nodesOf(layer))}</b><br>predicted ${exact(layer.predicted_cycles)}<br>simulated ${exact(layer.simulated_cycles)}<br>difference ${exact(off)}`;
    } },
    xAxis: layerAxis(layers),
    yAxis: axis({ type: "value", name: "cycles", axisLabel: { formatter: (value) => short.format(value) } }),
    series: [
      { name: "predicted", type: "bar", color: REASON_COLOURS.tiles, data: layers.map((layer) => layer.predicted_cycles) },
      { name: "simulated", type: "bar", color: REASON_COLOURS.work, data: layers.map((layer) => layer.simulated_cycles) },
    ],
  };
}

// Rectangles [from, to] x [low, high] over time, clipped to the plot.
function rectangle(low, high, style) {
  return (parameters, api) => {
    const start = api.coord([api.value(0), low(api)]), end = api.coord([api.value(1), high(api)]);
    const area = parameters.coordSys;
    const shape = echarts.graphic.clipRectByRect(
      { x: start[0], y: end[1], width: Math.max(end[0] - start[0], 1), height: Math.max(start[1] - end[1], 1) },
      { x: area.x, y: area.y, width: area.width, height: area.height });
    return shape && { type: "rect", shape, ...style(api, shape) };
  };
}

function timeAxes(content) {
  const last = Math.max(cyclesOfRun(content), ...content.timeline.map((span) => span.end));
  return {
    xAxis: axis({ type: "value", min: 0, max: last, name: "cycles", nameLocation: "end", axisLabel: { formatter: (value) => short.format(value), hideOverlap: true } }),
    dataZoom: [zoom({ type: "slider", filterMode: "weakFilter", labelFormatter: (value) => exact(value) }), { type: "inside", filterMode: "weakFilter" }],
  };
}

function cyclesOfRun(content) {
  return content.simulated_cycles ?? content.predicted_cycles;
}

function timelineChart(content) {
  const units = content.units, spans = content.timeline;
  return {
    ...base(),
    legend: { show: false },
    grid: { left: 100, right: 46, top: 14, bottom: 58 },
    tooltip: { ...base().tooltip, formatter: (point) => {
      const span = spans[point.dataIndex];
      return `<b>${escaped(nodesOf(content.layers[span.layer]))}</b><br>${units[span.unit]}, instruction ${exact(span.instruction)}<br>cycles ${exact(span.start)} to ${exact(span.end)} (${exact(span.end - span.start)})`;
    } },
    ...timeAxes(content),
    yAxis: axis({ type: "category", data: units, inverse: true, splitLine: { show: true, lineStyle: { color: styleColour("--line") } }, axisLabel: { color: styleColour("--text") } }),
    series: [{
      type: "custom", encode: { x: [0, 1], y: 2 }, progressive: 2000,
      data: spans.map((span) => [span.start, span.end, span.unit, span.layer]),
      renderItem: (parameters, api) => {
        const start = api.coord([api.value(0), api.value(2)]), end = api.coord([api.value(1), api.value(2)]);
        const height = api.size([0, 1])[1] * 0.72, area = parameters.coordSys;
        const shape = echarts.graphic.clipRectByRect(
          { x: start[0], y: start[1] - height / 2, width: Math.max(end[0] - start[0], 0.7), height },
          { x: area.x, y: area.y, width: area.width, height: area.height });
        return shape && { type: "rect", shape, style: { fill: layerColour(api.value(3)), stroke: styleColour("--card"), lineWidth: shape.width > 3 ? 0.6 : 0 } };
      },
    }],
  };
}

function memoryChart(content) {
  const boxes = content.memory_map, capacity = 1024 * content.architecture.activation_kib;
  const card = styleColour("--card"), text = styleColour("--text");
  return {
    ...base(),
    legend: { show: false },
    grid: { left: 70, right: 46, top: 24, bottom: 58 },
    tooltip: { ...base().tooltip, formatter: (point) => {
      const box = boxes[point.dataIndex];
      return `<b>${escaped(box.name)}</b> (${box.kind})<br>${exact(box.bytes)} bytes from address ${exact(box.address)}<br>cycles ${exact(box.start)} to ${exact(box.end)}`;
    } },
    ...timeAxes(content),
    yAxis: axis({ type: "value", min: 0, max: capacity, interval: capacity / 4, name: "address", axisLabel: { formatter: (value) => `${exact(value / 1024)} KiB` } }),
    series: [{
      type: "custom", encode: { x: [0, 1], y: [2, 3] },
      data: boxes.map((box, number) => [box.start, box.end, box.address, box.address + box.bytes, number]),
      renderItem: rectangle((api) => api.value(2), (api) => api.value(3), (api, shape) => {
        const box = boxes[api.value(4)];
        const wide = shape.width > 6 * box.name.length + 8 && shape.height > 13;
        return {
          style: { fill: layerColour(api.value(4)), opacity: box.kind === "buffers" ? 0.45 : 0.9, stroke: card, lineWidth: 0.8, lineDash: box.kind === "buffers" ? [4, 3] : null },
          textContent: wide ? { style: { text: box.name, fill: text, fontSize: 10.5, fontFamily: getComputedStyle(document.body).fontFamily } } : undefined,
          textConfig: { position: "inside" },
        };
      }),
    }],
  };
}

function errorChart(content) {
  const layers = content.layers.filter((layer) => layer.decibels !== null);
  return {
    ...base(),
    legend: { show: false },
    tooltip: { ...base().tooltip, trigger: "axis", valueFormatter: (value) => `${value.toFixed(1)} dB` },
    xAxis: layerAxis(layers),
    yAxis: axis({ type: "value", name: "dB" }),
    series: [{ name: "signal to error", type: "bar", color: REASON_COLOURS.drain, data: layers.map((layer) => layer.decibels) }],
  };
}
