"use strict";
// Names lines, zones and cameras on the map: each name takes the first free place beside its shape, or is not shown.

const brush = document.createElement("canvas").getContext("2d");
const LABEL_HEIGHT_PX = 17, LABEL_GAP_PX = 5;
const SCALE_BAR_SHARE = 0.3;  // of the map's width that the scale bar takes at most: 2.5 times its wanted length
let waiting = 0;

function placeLabelsSoon(map) {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => placeLabels(map));
}

/** Yields places for a text of a width: offset of its left end and of its middle from a corner of the box. */
function* places([west, south, east, north], width, isPoint) {
  const up = isPoint ? 16 : LABEL_HEIGHT_PX / 2 + 3;
  const middle = (west + east) / 2;
  yield [isPoint ? middle - width / 2 : west, north - up];
  yield [isPoint ? middle - width / 2 : west, south + up];
  yield [east + LABEL_GAP_PX + (isPoint ? 8 : 0), (north + south) / 2];
  yield [west - width - LABEL_GAP_PX - (isPoint ? 8 : 0), (north + south) / 2];
  yield [isPoint ? middle - width / 2 : east - width, north - up];
  yield [isPoint ? middle - width / 2 : east - width, south + up];
  yield [middle - width / 2, (north + south) / 2];
}

function placeLabels(map) {
  const { inner_width: width, inner_height: height, x_range: x, y_range: y } = map;
  if (!(width > 0)) return;
  brush.font = "bold 12px system-ui, sans-serif";
  const scale = width / (x.end - x.start), taken = [[width - 46, 0, width, 56], [0, height - 58, width * SCALE_BAR_SHARE + 40, height]];
  const style = getComputedStyle(document.documentElement), columns = { x: [], y: [], text: [], colour: [] };
  const pixel = ([west, south, east, north]) => [(west - x.start) * scale, (y.end - south) * scale, (east - x.start) * scale, (y.end - north) * scale];
  const visible = scene.labels.filter((each) => layer(each.kind));
  for (const { box } of visible.filter((each) => each.kind === "cameras")) {
    const [column, row] = pixel(box);
    taken.push([column - 8, row - 8, column + 8, row + 8]);
  }
  for (const label of visible) {
    const box = pixel(label.box), length = brush.measureText(label.text).width + 4;
    for (const [left, middle] of places(box, length, label.kind === "cameras")) {
      const place = [left, middle - LABEL_HEIGHT_PX / 2, left + length, middle + LABEL_HEIGHT_PX / 2];
      const free = taken.every((other) => place[2] <= other[0] || place[0] >= other[2] || place[3] <= other[1] || place[1] >= other[3]);
      if (!free || place[0] < 2 || place[2] > width - 2 || place[1] < 2 || place[3] > height - 2) continue;
      taken.push(place);
      columns.x.push(x.start + (left + 2) / scale);
      columns.y.push(y.end - middle / scale);
      columns.text.push(label.text);
      columns.colour.push(label.kind === "cameras" ? cameraColour(label.camera) : style.getPropertyValue(label.kind === "lines" ? "--line" : "--zone").trim());
      break;
    }
  }
  document.documentElement.dataset.labels = columns.text.join("|");
  fill("labels", columns);
}
