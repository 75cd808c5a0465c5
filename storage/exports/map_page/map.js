"use strict";
// Shows the chosen time on the map: every layer, the density, the figures and the windows in the charts obey it.

const scene = readJson("scene");
const span = scene.end_ms - scene.start_ms;
const LENGTHS_S = [5, 10, 30, 60, 300, 900, 3600, 10800, 43200, 86400, 604800, 2592000];
const PLAY_S = 30;  // how long the whole period plays
const REACH_PX = 14;  // how far from a path a click may be
const time = { from: 0, to: span };
const shown = new Map([...document.querySelectorAll(".layers input")].map((box) => [box.value, box]));
const waitingColumns = new Map();
let points = null, chosen = -1, playing = 0;

const plain = (values) => (values instanceof Float32Array ? new Float32Array(values) : values instanceof Int32Array ? new Int32Array(values) : Float64Array.from(values));
const cameraColour = (number) => scene.camera_colours[number % scene.camera_colours.length][plots.dark ? 1 : 0];
const cameraName = (number) => scene.cameras[number]?.name ?? "";
const isEverything = () => time.from <= 0 && time.to >= span;
const layer = (name) => shown.get(name)?.checked ?? false;
const count = (number) => number.toLocaleString("en");

/** Returns local time as text. */
function local(t) {
  const utc = scene.start_ms + t, after = scene.offsets.filter(([since]) => since <= utc).at(-1) ?? scene.offsets[0];
  return new Date(utc + after[1]).toISOString().slice(0, 19).replace("T", " ");
}

function duration(seconds) {
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const [length, name] = units.find(([each]) => seconds >= each && seconds % each === 0) ?? units[3];
  return `${seconds / length} ${name}${seconds === length ? "" : "s"}`;
}

/** Returns the first index in [low, high) whose value is at least the given one; values rise. */
function lowerBound(values, wanted, low = 0, high = values.length) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low;
}

/**
 * Gives a source new columns with the next frame, the last ones that are asked for until then.
 * Bokeh reads columns in several steps, also when a colour changes: it fails when their length changes in between.
 */
function fill(name, columns) {
  if (!waitingColumns.size) requestAnimationFrame(() => {
    for (const [source, values] of waitingColumns) source.data = values;
    waitingColumns.clear();
  });
  const source = plots.model(name);
  if (source) waitingColumns.set(source, columns);
}

/** Makes marks fainter the more there are, beyond a number that is readable in full. */
function fade(name, number, readable) {
  const glyph = plots.model(`layer-${name}`)?.glyph, alpha = Math.max(0.08, Math.min(0.75, readable / Math.max(number, 1)));
  if (glyph) glyph.setv({ line_alpha: alpha, ...(name === "tracks" ? {} : { fill_alpha: alpha }) });
}

function readPoints() {
  const all = plots.model("all-points");
  if (!all) return;
  points = Object.fromEntries(Object.entries(Object.fromEntries(all.data instanceof Map ? all.data : Object.entries(all.data))).map(([name, values]) => [name, plain(values)]));
  const { x, y, t, track } = points;
  points.first = scene.tracks.first;
  points.metres = new Float64Array(x.length);
  for (let i = 1; i < x.length; i++) {
    points.metres[i] = track[i] === track[i - 1] ? points.metres[i - 1] + Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]) : 0;
  }
  points.byTime = Uint32Array.from(t.keys()).sort((a, b) => t[a] - t[b]);
  points.sorted = Float64Array.from(points.byTime, (index) => t[index]);
}

/** Returns the first and the last-but-one point of a track within a time. */
function slice(number, from = time.from, to = time.to) {
  const start = points.first[number], end = points.first[number + 1] ?? points.t.length;
  return [lowerBound(points.t, from, start, end), lowerBound(points.t, to + 1, start, end)];
}

function showTracks() {
  const names = ["xs", "ys", "colour", "label", "camera_name", "from", "to", "length", "seconds", "speed"];
  const lines = Object.fromEntries(names.map((name) => [name, []])), heads = { x: [], y: [], colour: [] };
  let number = 0;
  for (let each = 0; each < points.first.length; each++) {
    const [low, high] = slice(each);
    if (low >= high) continue;
    number++;
    if (chosen >= 0 && chosen !== each) continue;
    const camera = scene.tracks.camera[each], last = high - 1, seconds = (points.t[last] - points.t[low]) / 1000;
    const metres = points.metres[last] - points.metres[low];
    const row = [points.x.subarray(low, high), points.y.subarray(low, high), cameraColour(camera), scene.tracks.label[each],
      cameraName(camera), local(points.t[low]), local(points.t[last]).slice(11), metres, seconds, seconds ? metres / seconds : NaN];
    names.forEach((name, column) => lines[name].push(row[column]));
    heads.x.push(points.x[last]);
    heads.y.push(points.y[last]);
    heads.colour.push(cameraColour(camera));
  }
  fade("tracks", lines.xs.length, 60);
  fill("tracks", lines);
  fill("heads", layer("tracks") && !isEverything() ? heads : { x: [], y: [], colour: [] });
  return number;
}

function showPoints() {
  const columns = { x: [], y: [], colour: [], label: [], camera_name: [], time: [], speed_text: [], sigma: [] };
  const [low, high] = [lowerBound(points.sorted, time.from), lowerBound(points.sorted, time.to + 1)];
  for (const i of layer("points") ? points.byTime.subarray(low, high) : []) {
    const each = points.track[i];
    if (chosen >= 0 && chosen !== each) continue;
    columns.x.push(points.x[i]);
    columns.y.push(points.y[i]);
    columns.colour.push(cameraColour(scene.tracks.camera[each]));
    columns.label.push(scene.tracks.label[each]);
    columns.camera_name.push(cameraName(scene.tracks.camera[each]));
    columns.time.push(local(points.t[i]));
    columns.speed_text.push(Number.isFinite(points.speed[i]) ? `${points.speed[i].toFixed(2)} m/s` : "speed unknown");
    columns.sigma.push(points.sigma[i]);
  }
  fill("points", columns);
}

function showEvents(from, to) {
  const all = plots.model(`all-${from}`), columns = { x: [], y: [], angle: [], what: [], label: [], camera_name: [], time: [] };
  if (!all) return 0;
  const get = (name) => all.get_column(name);
  const [t, until, x, y, angle, what, label, camera] = ["t", "until", "x", "y", "angle", "what", "label", "camera"].map(get);
  for (let i = 0; i < t.length; i++) {
    if (t[i] > time.to || until[i] < time.from) continue;
    const end = until[i] > t[i] ? ` to ${local(until[i]).slice(11)}` : "";
    const row = [x[i], y[i], angle[i], what[i], label[i], cameraName(camera[i]), local(t[i]) + end];
    Object.values(columns).forEach((column, number) => column.push(row[number]));
  }
  fade(to, columns.x.length, 150);
  fill(to, columns);
  return columns.x.length;
}

function showDensity() {
  const spent = plots.model("all-spent"), grid = scene.grid;
  if (!spent) return;
  const [step, cell, seconds] = ["step", "cell", "spent_s"].map((name) => spent.get_column(name));
  const length = grid.step_s * 1000, sums = new Map();
  const [from, to] = [(time.from - grid.start) / length, (time.to - grid.start) / length];
  for (let i = lowerBound(step, Math.floor(from)); i < step.length && step[i] <= to; i++) {
    const share = Math.min(step[i] + 1, to) - Math.max(step[i], from);
    if (share > 0) sums.set(cell[i], (sums.get(cell[i]) ?? 0) + seconds[i] * Math.min(share, 1));
  }
  const area = grid.cell_m ** 2, columns = { x: [], y: [], density: [] };
  for (const [number, sum] of sums) {
    columns.x.push(grid.x + (number % grid.columns + 0.5) * grid.cell_m);
    columns.y.push(grid.y + (Math.floor(number / grid.columns) + 0.5) * grid.cell_m);
    columns.density.push(sum / area);
  }
  const ranked = columns.density.toSorted((a, b) => a - b), top = ranked[Math.floor((ranked.length - 1) * 0.95)] || 1;
  plots.model("density-colours").high = top;
  $("top").textContent = `≥ ${top.toPrecision(2)} s/m²`;
  fill("density", columns);
}

function showPath() {
  const some = chosen >= 0;
  $("path").hidden = $("unselect").hidden = !some;
  $("hint").hidden = some;
  if (!some) return fill("path", { x: [], y: [], size: [] });
  const [low, high] = slice(chosen, -Infinity, Infinity), last = high - 1, seconds = (points.t[last] - points.t[low]) / 1000;
  const metres = points.metres[last], size = Array.from({ length: high - low }, (_, i) => (i === 0 ? 9 : i === high - low - 1 ? 14 : 0));
  fill("path", { x: points.x.subarray(low, high), y: points.y.subarray(low, high), size });
  const facts = [["what", scene.tracks.label[chosen]], ["camera", cameraName(scene.tracks.camera[chosen])],
    ["from", local(points.t[low])], ["to", local(points.t[last])], ["seen for", `${seconds.toFixed(1)} s`],
    ["walked", `${metres.toFixed(1)} m`], ["on average", seconds ? `${(metres / seconds).toFixed(2)} m/s` : "–"],
    ["track", scene.tracks.id[chosen]]];
  $("path").replaceChildren(...facts.flatMap((pair) => pair.map((text, i) => {
    const element = document.createElement(i ? "dd" : "dt");
    element.textContent = text;
    return element;
  })));
}

function show() {
  const everything = isEverything(), from = local(time.from), to = local(time.to);
  const number = points ? showTracks() : 0;
  if (points) showPoints();
  const crossed = showEvents("crossed", "crossings"), met = showEvents("met", "interactions");
  showDensity();
  if ($("window")) {
    const day = scene.end_ms - scene.start_ms > 3.6e6 * 12 ? 0 : 11;
    $("window").textContent = `${from.slice(day)} – ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to}`;
    for (const [id, now] of [["sum-tracks", number], ["sum-crossings", crossed], ["sum-interactions", met]]) {
      $(id).dataset.all ??= $(id).textContent;
      $(id).textContent = everything ? $(id).dataset.all : count(now);
    }
  }
  for (let chart = 0, box; (box = plots.model(`window-chart-${chart}`)); chart++) {
    box.left = scene.start_ms + time.from;
    box.right = scene.start_ms + time.to;
    box.visible = !everything;
  }
}

function setTime(from, to) {
  const length = Math.min(to - from, span);
  time.from = Math.max(0, Math.min(from, span - length));
  time.to = time.from + length;
  const range = plots.model("shown"), at = $("at");
  if (range) range.setv({ start: scene.start_ms + time.from, end: scene.start_ms + time.to });
  if (at) {
    at.disabled = isEverything();
    at.value = span > length ? Math.round(time.from / (span - length) * 1000) : 0;
    at.setAttribute("aria-valuetext", `${local(time.from)} to ${local(time.to)}`);
  }
  show();
}

function play(on) {
  playing = on ? performance.now() : 0;
  $("play").textContent = on ? "❚❚ Pause" : "▶ Play";
  $("play").setAttribute("aria-pressed", String(on));
  if (!on) return;
  if (isEverything()) {
    const length = 1000 * (LENGTHS_S.findLast((each) => each * 1000 * 8 <= span) ?? LENGTHS_S[0]);
    $("length").value = String(length);
    setTime(0, Math.min(length, span));
  } else if (time.to >= span) setTime(0, time.to - time.from);
  requestAnimationFrame(advance);
}

function advance(now) {
  if (!playing) return;
  const ahead = (now - playing) / 1000 * span / PLAY_S;
  playing = now;
  setTime(time.from + ahead, time.to + ahead);
  if (time.to >= span) play(false); else requestAnimationFrame(advance);
}

function setUpTime() {
  const lengths = LENGTHS_S.filter((each) => each * 1000 < span).map((each) => [each * 1000, duration(each)]);
  for (const [value, text] of [["all", "the whole period"], ...lengths]) $("length").add(new Option(text, value));
  $("length").add(new Option("the chosen time", ""));
  $("length").options[$("length").length - 1].hidden = true;
  $("length").addEventListener("change", () => {
    const length = $("length").value === "all" ? span : +$("length").value;
    setTime(time.from, time.from + length);
  });
  $("at").addEventListener("input", () => {
    const length = time.to - time.from;
    setTime($("at").value / 1000 * (span - length), $("at").value / 1000 * (span - length) + length);
  });
  $("play").addEventListener("click", () => play(!playing));
  const range = plots.model("shown");
  const dragged = () => {
    const [from, to] = [range.start - scene.start_ms, range.end - scene.start_ms];
    if (Math.abs(from - time.from) < 0.5 && Math.abs(to - time.to) < 0.5) return;
    $("length").value = "";
    setTime(from, to);
  };
  range.properties.start.change.connect(dragged);
  range.properties.end.change.connect(dragged);
}

function showLayers(map) {
  for (const each of map.renderers) {
    const box = shown.get(each.name?.replace("layer-", ""));
    if (box) each.visible = box.checked;
  }
}

/** Shows the extent with equal scales on both axes; without one keeps the middle and the scale. */
function fit(map, extent) {
  const { inner_width: width, inner_height: height, x_range: x, y_range: y } = map;
  if (!(width > 0 && height > 0)) return;
  const [west, south, east, north] = extent ?? [x.start, y.start, x.end, y.end];
  const wanted = [(east - west) / width, (north - south) / height].map((each) => each * 1.16);
  const scale = extent ? Math.max(...wanted, 0.005) : (x.end - x.start) / width;
  const [column, row] = [(west + east) / 2, (south + north) / 2];
  x.setv({ start: column - scale * width / 2, end: column + scale * width / 2 });
  y.setv({ start: row - scale * height / 2, end: row + scale * height / 2 });
}

function choose(map, x, y) {
  const reach = REACH_PX * (map.x_range.end - map.x_range.start) / map.inner_width;
  let best = reach ** 2, found = -1;
  for (let each = 0; points && layer("tracks") && each < points.first.length; each++) {
    const [low, high] = slice(each);
    for (let i = low; i < high; i++) {
      const far = (points.x[i] - x) ** 2 + (points.y[i] - y) ** 2;
      if (far < best) [best, found] = [far, each];
    }
  }
  chosen = found;
  showPath();
  show();
}

function recolour() {
  document.querySelectorAll("#cameras i").forEach((dot, number) => { dot.style.background = cameraColour(number); });
  const cameras = plots.model("cameras");
  if (cameras) fill("cameras", { ...Object.fromEntries(cameras.columns().map((name) => [name, cameras.get_column(name)])), colour: scene.cameras.map((_, number) => cameraColour(number)) });
  show();
}

function setUpMap(map) {
  let fitted = false;
  const settle = () => {
    fit(map, fitted ? null : scene.extent);
    fitted ||= map.inner_width > 0;
    placeLabels(map);
  };
  map.properties.inner_width.change.connect(settle);
  map.properties.inner_height.change.connect(() => { fitted = false; settle(); });
  for (const range of [map.x_range, map.y_range]) range.change.connect(() => placeLabelsSoon(map));
  map.on_event("tap", ({ x, y }) => choose(map, x, y));
  map.on_event("reset", () => fit(map, scene.extent));
  for (const box of shown.values()) box.addEventListener("change", () => { showLayers(map); show(); placeLabels(map); });
  $("unselect")?.addEventListener("click", () => { chosen = -1; showPath(); show(); });
  showLayers(map);
  settle();
}

function readAsked() {
  for (const [name, box] of shown) {
    if (asked.has("layers") && !box.disabled) box.checked = asked.get("layers").split(",").includes(name);
  }
  if (asked.has("track") && points) chosen = Math.min(+asked.get("track"), points.first.length - 1);
  const [from, to] = ["from", "to"].map((name) => (asked.has(name) ? +asked.get(name) * 1000 : NaN));
  if (from < to) {
    if ($("length")) $("length").value = "";
    setTime(from, to);
  } else setTime(0, span);
}

plots.ready.then(() => {
  readPoints();
  if ($("play")) setUpTime();
  readAsked();
  const map = plots.model("map");
  if (map) setUpMap(map);
  plots.onTheme.push(() => { recolour(); if (map) placeLabels(map); });
  recolour();
  if (map) placeLabels(map);
  if (points) showPath();
  document.documentElement.dataset.ready = "yes";
});
