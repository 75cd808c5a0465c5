"use strict";
// Draws the scene. Coordinates are metres east (x) and north (y) of scene.origin; the scene stores centimetres.
const scene = JSON.parse(document.getElementById("scene").textContent);
const $ = (id) => document.getElementById(id);
const canvas = $("map"), pen = canvas.getContext("2d"), dark = matchMedia("(prefers-color-scheme: dark)");
const HUES = [212, 295, 165, 250, 325, 190, 130, 272];  // cool colours, as density uses warm ones
const RAMPS = { light: [[255, 226, 150, 0.3], [250, 165, 75, 0.55], [214, 60, 38, 0.75]],
                dark: [[120, 56, 24, 0.3], [200, 96, 30, 0.6], [255, 214, 110, 0.75]] };
const FONT = "600 12px system-ui, sans-serif";
const shown = { references: true, density: true, zones: true, lines: true, views: true, cameras: true, tracks: true };
const view = { x: 0, y: 0, scale: 1, width: 1, height: 1 };
const time = { from: -Infinity, to: Infinity };
let ink = {}, heat = null, hovered = null, waiting = false;

// ---- scene ---------------------------------------------------------------------------------------------------------

const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] / 100, flat[2 * i + 1] / 100]);
const cumulative = (steps, unit) => { let sum = 0; return Float64Array.from(steps, (step) => (sum += step) / unit); };
const cameras = scene.cameras.map((camera, index) => ({
  id: camera.id, name: camera.name, index,
  place: camera.place && pairs(camera.place)[0], hull: pairs(camera.hull),
  hue: index < HUES.length ? HUES[index] : (index * 137.5) % 360,
}));
const byId = new Map(cameras.map((camera) => [camera.id, camera]));
const features = scene.features.map((feature) => ({
  id: feature.id, kind: feature.kind, corner: pairs(feature.corner)[0],
  parts: feature.parts.map(pairs),
}));
const references = scene.references.map((layer) => layer.parts.map(pairs));
const tracks = scene.tracks.map((track) => ({  // t in seconds since scene.start_ms; v in m/s, negative if unknown
  id: track.id, label: track.label, camera: byId.get(track.camera),
  t: cumulative(track.t, 100), x: cumulative(track.x, 100), y: cumulative(track.y, 100), v: track.v.map((v) => v / 100),
}));
const lastTime = tracks.reduce((last, track) => Math.max(last, track.t[track.t.length - 1]), 0);
const trackAlpha = Math.max(0.35, Math.min(0.75, 20 / Math.sqrt(tracks.length)));  // more tracks, more transparent
const longestGap = Math.max(3, 4 * scene.step_s);

const clock = (options) => new Intl.DateTimeFormat("sv-SE", { timeZone: scene.timezone, ...options });
const DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const dayAndTime = clock({ ...DAY, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = clock(DAY);
const local = (seconds) => dayAndTime.format(scene.start_ms + seconds * 1000);

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "panel", "ink", "quiet", "zone", "line", "grid", "reference"]) {
    ink[name] = style.getPropertyValue("--" + name).trim();
  }
  heat = scene.density && paintHeat(scene.density);
}
const colour = (camera, alpha = 1) => `hsl(${camera.hue} ${dark.matches ? "75% 66%" : "72% 40%"} / ${alpha})`;

function ramp(share) {
  const stops = RAMPS[dark.matches ? "dark" : "light"];
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((value, i) => value + (stops[low + 1][i] - value) * (at - low));
}

function paintHeat(grid) {  // one pixel per cell, north up
  const picture = document.createElement("canvas");
  // A transparent border all around, so that smoothing fades the outer cells out.
  const width = picture.width = grid.columns + 2, height = picture.height = grid.rows + 2;
  const pixels = new ImageData(width, height);
  for (let i = 0; i < grid.cells.length; i += 2) {
    const row = Math.floor(grid.cells[i] / grid.columns), column = grid.cells[i] % grid.columns;
    const [r, g, b, alpha] = ramp(grid.cells[i + 1] / 10 / Math.max(grid.top, 0.1));
    pixels.data.set([r, g, b, alpha * 255], 4 * ((grid.rows - row) * width + column + 1));
  }
  picture.getContext("2d").putImageData(pixels, 0, 0);
  return picture;
}

// ---- the view ------------------------------------------------------------------------------------------------------

const toScreen = (x, y) => [view.width / 2 + (x - view.x) * view.scale, view.height / 2 - (y - view.y) * view.scale];
const toGround = (sx, sy) => [view.x + (sx - view.width / 2) / view.scale,
                              view.y - (sy - view.height / 2) / view.scale];

function fit() {
  const [west, south, east, north] = scene.extent, margin = Math.min(view.width, view.height) > 450 ? 56 : 34;
  view.x = (west + east) / 2;
  view.y = (south + north) / 2;
  view.scale = Math.min((view.width - 2 * margin) / Math.max(east - west, 4),
                        (view.height - 2 * margin) / Math.max(north - south, 4));
  redraw();
}

function zoom(factor, sx = view.width / 2, sy = view.height / 2) {  // keeps the point under (sx, sy) in place
  const [x, y] = toGround(sx, sy);
  view.scale = Math.min(Math.max(view.scale * factor, 0.002), 2000);
  view.x = x - (sx - view.width / 2) / view.scale;
  view.y = y + (sy - view.height / 2) / view.scale;
  redraw();
}

function pan(dx, dy) {
  view.x -= dx / view.scale;
  view.y += dy / view.scale;
  redraw();
}

function resize() {
  const box = canvas.parentElement.getBoundingClientRect(), ratio = devicePixelRatio || 1, first = view.width === 1;
  view.width = box.width;
  view.height = box.height;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (first) fit();
  draw();  // at once, since a resized canvas is blank
}

// ---- drawing -------------------------------------------------------------------------------------------------------

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function draw() {
  pen.fillStyle = ink.paper;
  pen.fillRect(0, 0, view.width, view.height);
  pen.lineJoin = pen.lineCap = "round";
  drawGrid();
  if (shown.references) references.forEach(drawReferences);
  const zones = features.filter((feature) => feature.kind === "zone");
  const lines = features.filter((feature) => feature.kind === "line");
  if (shown.zones) zones.forEach(drawZone);
  if (shown.density && heat) drawHeat();
  if (shown.views) cameras.forEach(drawHull);
  if (shown.tracks) tracks.forEach((track) => track === hovered?.track || drawTrack(track));
  if (shown.tracks && hovered) drawHovered();
  if (shown.lines) lines.forEach(drawLine);
  if (shown.cameras) cameras.filter((camera) => camera.place).forEach(drawCamera);
  if (shown.zones) zones.forEach(nameZone);
  if (scene.empty) return;
  drawScaleBar();
  drawNorth();
}

function roundDown(length) {  // to 1, 2 or 5 times a power of ten
  const ten = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].find((times) => times * ten <= length) * ten;
}

function drawGrid() {
  const [west, south] = toGround(0, view.height), [east, north] = toGround(view.width, 0), step = roundDown(160 / view.scale);
  const [ox, oy] = scene.origin;
  pen.beginPath();
  for (let x = Math.ceil((west + ox) / step) * step - ox; x < east; x += step) {
    const sx = Math.round(toScreen(x, 0)[0]) + 0.5;
    pen.moveTo(sx, 0), pen.lineTo(sx, view.height);
  }
  for (let y = Math.ceil((south + oy) / step) * step - oy; y < north; y += step) {
    const sy = Math.round(toScreen(0, y)[1]) + 0.5;
    pen.moveTo(0, sy), pen.lineTo(view.width, sy);
  }
  stroke(ink.grid, 1);
}

function stroke(style, width, dash = []) {
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.stroke();
}

function trace(points) {
  points.forEach(([x, y], i) => (i ? pen.lineTo : pen.moveTo).apply(pen, toScreen(x, y)));
}

function write(text, x, y, style, align = "center") {
  pen.font = FONT;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.strokeStyle = ink.paper;
  pen.lineWidth = 4;
  pen.setLineDash([]);
  pen.strokeText(text, x, y);
  pen.fillStyle = style;
  pen.fillText(text, x, y);
}

function drawZone(zone) {
  pen.beginPath();
  zone.parts.forEach((ring) => { trace(ring); pen.closePath(); });
  pen.globalAlpha = 0.1;
  pen.fillStyle = ink.zone;
  pen.fill("evenodd");
  pen.globalAlpha = 0.8;
  stroke(ink.zone, 1.2);
  pen.globalAlpha = 1;
}

function nameZone(zone) {  // above the north-western corner, where few lines and tracks cross
  const [x, y] = toScreen(...zone.corner);
  write(zone.id, x, y - 9, ink.zone, "left");
}

function drawReferences(parts) {  // one path for all: a layer may have thousands of streets
  pen.beginPath();
  parts.forEach((part) => {
    if (part.length > 1) return trace(part);
    const [x, y] = toScreen(...part[0]);
    pen.moveTo(x + 2, y), pen.arc(x, y, 2, 0, 7);
  });
  stroke(ink.reference, 1.2);
}

function drawHeat() {
  const grid = scene.density, cell = grid.cell_m;
  const [x, y] = toScreen(grid.x - cell, grid.y + (grid.rows + 1) * cell);
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(heat, x, y, heat.width * cell * view.scale, heat.height * cell * view.scale);
}

function drawHull(camera) {
  pen.beginPath();
  trace(camera.hull);
  stroke(colour(camera, 0.7), 1, [5, 4]);
}

function drawTrack(track, alpha = trackAlpha, width = 1.4) {
  let before = -Infinity, px = 0, py = 0;
  pen.beginPath();
  for (let i = 0; i < track.t.length; i++) {
    if (track.t[i] < time.from || track.t[i] > time.to) continue;
    const [sx, sy] = toScreen(track.x[i], track.y[i]), gap = track.t[i] - before > longestGap;
    before = track.t[i];
    if (!gap && Math.abs(sx - px) + Math.abs(sy - py) < 0.8) continue;  // less than a pixel further
    gap ? pen.moveTo(sx, sy) : pen.lineTo(sx, sy);
    px = sx, py = sy;
  }
  stroke(colour(track.camera, alpha), width);
}

function drawHovered() {
  const { track, point } = hovered;
  drawTrack(track, 1, 3.2);
  pen.beginPath();
  pen.arc(...toScreen(track.x[point], track.y[point]), 5, 0, 7);
  pen.fillStyle = colour(track.camera);
  pen.fill();
  stroke(ink.paper, 2);
}

function drawLine(line) {
  line.parts.forEach((part) => {
    pen.beginPath();
    trace(part);
    stroke(ink.line, 2.4);
    drawCrossing(part.map(([x, y]) => toScreen(x, y)), line.id);
  });
}

function drawCrossing(part, label) {  // an arrow in the middle of the line, in the direction left_to_right of the tables
  const lengths = part.slice(1).map(([x, y], i) => Math.hypot(x - part[i][0], y - part[i][1]));
  let left = lengths.reduce((sum, length) => sum + length, 0) / 2, i = 0;
  while (i < lengths.length - 1 && left > lengths[i]) left -= lengths[i++];
  if (!lengths[i]) return;
  const ux = (part[i + 1][0] - part[i][0]) / lengths[i], uy = (part[i + 1][1] - part[i][1]) / lengths[i];
  const mx = part[i][0] + ux * left, my = part[i][1] + uy * left, rx = -uy, ry = ux;  // to the right; screen y points down
  const along = (a, b) => [mx + rx * a + ux * b, my + ry * a + uy * b];
  pen.beginPath();
  pen.moveTo(...along(-9, 0)), pen.lineTo(...along(15, 0));
  pen.moveTo(...along(9, -5)), pen.lineTo(...along(15, 0)), pen.lineTo(...along(9, 5));
  stroke(ink.line, 2);
  const [x, y] = along(-20, 0);
  write(label, x, y, ink.line, rx > 0.5 ? "right" : rx < -0.5 ? "left" : "center");
}

function drawCamera(camera) {
  const [x, y] = toScreen(...camera.place);
  pen.beginPath();
  pen.arc(x, y, 7, 0, 7);
  pen.fillStyle = colour(camera);
  pen.fill();
  stroke(ink.paper, 2);
  pen.beginPath();
  pen.arc(x, y, 2.5, 0, 7);
  pen.fillStyle = ink.paper;
  pen.fill();
  pen.font = FONT;
  const half = pen.measureText(camera.name).width / 2 + 6, inView = x > 0 && x < view.width;
  write(camera.name, inView ? Math.max(half, Math.min(x, view.width - half)) : x, y + 18, colour(camera));
}

function drawScaleBar() {
  const metres = roundDown(140 / view.scale), x = 16, y = view.height - 18, end = x + metres * view.scale;
  pen.beginPath();
  pen.moveTo(x, y - 6), pen.lineTo(x, y), pen.lineTo(end, y), pen.lineTo(end, y - 6);
  stroke(ink.paper, 5);
  stroke(ink.ink, 1.8);
  write(metres >= 1000 ? `${metres / 1000} km` : metres >= 1 ? `${metres} m` : `${Math.round(metres * 100)} cm`,
    (x + end) / 2, y - 10, ink.ink);
}

function drawNorth() {
  const x = view.width - 26, y = 24;
  pen.beginPath();
  pen.moveTo(x, y - 12), pen.lineTo(x + 8, y + 12), pen.lineTo(x, y + 6), pen.lineTo(x - 8, y + 12), pen.closePath();
  stroke(ink.paper, 4);
  pen.fillStyle = ink.ink;
  pen.fill();
  write("N", x, y + 24, ink.ink);
}
