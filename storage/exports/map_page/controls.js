"use strict";
// Handles pointer and keys on the map of map.js, shows what the pointer is on, and fills the panel beside the map.

function nearest(sx, sy, reach_px) {
  const [x, y] = toGround(sx, sy);
  let best = (reach_px / view.scale) ** 2, found = null;
  for (const track of shown.tracks ? tracks : []) {
    for (let point = 0; point < track.t.length; point++) {
      const far = (track.x[point] - x) ** 2 + (track.y[point] - y) ** 2;
      if (far < best && track.t[point] >= time.from && track.t[point] <= time.to) best = far, found = { track, point };
    }
  }
  return found;
}

function hover(sx, sy, reach_px) {
  const found = nearest(sx, sy, reach_px), tip = $("tip");
  if (found || hovered) redraw();
  hovered = found;
  tip.hidden = !found;
  if (!found) return;
  const { track, point } = found, speed = track.v[point];
  tip.textContent = `${track.label} ${track.id}\n${track.camera.name} · ${local(track.t[point])}\n`
    + (speed < 0 ? "speed unknown" : `${speed.toFixed(2)} m/s`);
  tip.style.left = `${sx + 18 + tip.offsetWidth > view.width ? Math.max(4, sx - 14 - tip.offsetWidth) : sx + 14}px`;
  tip.style.top = `${sy + 14 + tip.offsetHeight > view.height ? sy - 14 - tip.offsetHeight : sy + 14}px`;
}

function showPlace(sx, sy) {
  const [x, y] = toGround(sx, sy), fitted = scene.lonlat;
  let text = `x ${(x + scene.origin[0]).toFixed(2)}  y ${(y + scene.origin[1]).toFixed(2)} m`;
  if (fitted) {
    const u = (x - fitted.x) / fitted.half, v = (y - fitted.y) / fitted.half, terms = [1, u, v, u * u, u * v, v * v];
    const degrees = (weights) => weights.reduce((sum, weight, i) => sum + weight * terms[i], 0).toFixed(7);
    if (Math.hypot(u, v) < 3) text += `\nlon ${degrees(fitted.lon)}°  lat ${degrees(fitted.lat)}°`;
  }
  $("cursor").textContent = text;
}

const fingers = new Map();
function at(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at(event));
});
canvas.addEventListener("pointermove", (event) => {
  const [x, y] = at(event), before = fingers.get(event.pointerId);
  showPlace(x, y);
  if (!before) return hover(x, y, 10);
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  const share = other ? 0.5 : 1;  // each of two fingers moves the map by half
  pan((x - before[0]) * share, (y - before[1]) * share);
  if (other) {
    const apart = Math.hypot(before[0] - other[0], before[1] - other[1]);
    if (apart > 0) zoom(Math.hypot(x - other[0], y - other[1]) / apart, (x + other[0]) / 2, (y + other[1]) / 2);
  }
  fingers.set(event.pointerId, [x, y]);
  hover(x, y, event.pointerType === "mouse" ? 10 : 22);
});
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, (event) => {
    fingers.delete(event.pointerId);
    if (kind === "pointerup") hover(...at(event), event.pointerType === "mouse" ? 10 : 22);
  });
}
canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hover(-1e6, -1e6, 0); });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 20 : 1;
  zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) / 400), ...at(event));
}, { passive: false });

const KEYS = {
  "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), "0": fit,
  ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0), ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
};
document.addEventListener("keydown", (event) => {
  const free = document.activeElement === canvas || document.activeElement === document.body;
  if (!free || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
$("zoom").addEventListener("click", (event) => KEYS[event.target.dataset.do]?.());

// ---- panel ---------------------------------------------------------------------------------------------------------

function element(name, text = "", style = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.style.cssText = style;
  return made;
}

function fillPanel() {
  const any = (kind) => features.some((feature) => feature.kind === kind);
  const rows = [["zones", "Zones", any("zone")], ["lines", "Lines; arrow: left to right", any("line")],
    ["cameras", "Cameras", cameras.some((camera) => camera.place)],
    ["views", "Where a camera saw positions", cameras.some((camera) => camera.hull.length)],
    ["tracks", "Tracks, coloured by camera", tracks.length > 0],
    ...(references.length ? [["references", `Reference: ${scene.references.map(({ layer }) => layer).join(", ")}`, true]] : []),
    ["density", "Density: time spent", heat !== null]];
  for (const [key, text, there] of rows) {
    const label = element("label"), box = element("input");
    box.type = "checkbox";
    box.checked = there;
    box.disabled = !there;
    box.addEventListener("change", () => {
      shown[key] = box.checked;
      hover(-1e6, -1e6, 0);
      redraw();
    });
    const symbol = element("i");
    symbol.className = key;
    label.append(box, symbol, text + (there ? "" : " (none)"));
    $("layers").append(label);
  }
  if (heat) {
    const legend = element("div"), { top, cell_m: cell } = scene.density;
    legend.className = "ramp";
    legend.append(element("i"), element("span", "0"), element("span", `≥ ${top} s/m² in cells of ${cell} m`));
    $("layers").append(legend);
  }
  for (const camera of cameras) {
    const row = element("li"), dot = element("i");
    row.append(dot, element("span", camera.name));
    if (camera.name !== camera.id) row.append(element("small", camera.id));
    camera.dot = dot;
    $("cameras").append(row);
  }
}

function paintPanel() {
  cameras.forEach((camera) => { camera.dot.style.background = colour(camera); });
  const bar = document.querySelector(".ramp i");
  const paint = (share) => `rgba(${ramp(share).map((value, i) => (i < 3 ? Math.round(value) : value)).join(", ")})`;
  if (bar) bar.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(paint).join(", ")})`;
}

function setUpTime() {
  if (!tracks.length) return;
  const from = $("from"), to = $("to");
  for (const slider of [from, to]) {
    slider.min = 0;
    slider.max = Math.ceil(lastTime);
    slider.step = Math.max(1, Math.round(lastTime / 1000));
    slider.value = slider === from ? 0 : slider.max;
    slider.addEventListener("input", () => {
      if (+from.value > +to.value) (slider === from ? to : from).value = slider.value;
      show();
    });
  }
  const show = () => {
    time.from = +from.value;
    time.to = +to.value + +to.step > +to.max ? Infinity : +to.value;
    const [start, end] = [local(time.from), local(Math.min(time.to, lastTime))];
    $("span").textContent = `${start} – ${start.slice(0, 10) === end.slice(0, 10) ? end.slice(11) : end}`;
    from.setAttribute("aria-valuetext", start);
    to.setAttribute("aria-valuetext", end);
    hover(-1e6, -1e6, 0);
    redraw();
  };
  const days = [0, lastTime].map((seconds) => day.format(scene.start_ms + seconds * 1000));
  $("period").textContent = (days[0] === days[1] ? days[0] : days.join(" to ")) + " · ";
  $("time").hidden = false;
  show();
}

function start() {
  readColours();
  fillPanel();
  paintPanel();
  setUpTime();
  dark.addEventListener("change", () => { readColours(); paintPanel(); redraw(); });
  new ResizeObserver(resize).observe(canvas.parentElement);
  resize();
}
start();
