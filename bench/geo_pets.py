"""Scores positions and calibration on real footage: PETS, TUD-Campus, and PETS' own Tsai calibration.

``pets.*``: the whole pipeline with the real detector, frames 201 to 400 against the published places: by control
points, with the share of true places within the 95 % ellipses, and by people alone (turned and moved onto the truth,
never stretched). ``pets.first_*`` are frames 1 to 200. ``campus.*``: a street clip of people who overlap. It has true
boxes but no places, so its ground is one that its own people show, and the truth is where the feet of true boxes are on
it. ``tsai.*``: the ground of PETS' control points against the data set's own calibration. Measured-real.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from bench.depth_no_survey import OVERLAP, without_points
from bench.material import ASSETS
from bench.pets import GT_SCALE, TICKS_A_FRAME
from bench.real_site import build_real_site, pets_anchor
from jobs.commands.results import connect
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from ops.arrays import boxes_of, float_columns
from ops.boxes import iou_matrix
from ops.ground.ground_model import FAR_HEIGHTS, lay_on
from ops.ground.homography import ground_plane
from ops.ground.lens import lens_position
from ops.ground.pinhole import PinholeGround
from ops.ground.point_fit import apply, homography
from ops.ground.project import to_ground, to_pixels
from schemas.values import CameraView, ControlPoint, Float64, Int64

ELLIPSE_95 = 5.99
FIRST, LAST = (1, 200), (201, 400)
CAMPUS = PinholeGround((640, 480), 700.0, -0.0155, -0.0167, 1.19)
"""The ground of TUD-Campus, as `ops.ground.people` measures it by the true boxes; the focal length is rounded."""

CAMPUS_POINTS_PX = ((40, 350), (320, 345), (600, 350), (60, 400), (320, 420), (600, 400), (100, 465), (500, 465))
CAMPUS_TICKS = 512
CAMPUS_ORIGIN_M = (121000.0, 486000.0)
TSAI_SIZE_PX, TSAI_HORIZON_PX, TSAI_POINTS = (768, 576), 100, 12

Truth = tuple[Int64, Float64, Float64]
"""Frames ``(N,)``, boxes ``(N, 4)`` in pixels of the clip, and places ``(N, 2)``."""

Errors = tuple[Int64, Float64, Float64, Float64]
"""Frames, found places, true places and covariances of matched boxes."""


def measure(folder: Path) -> dict[str, float]:
    """Returns all figures, from sites built in an empty folder."""
    truth = _pets_truth()
    build_real_site(folder / "pets", ASSETS, ("pets",))
    surveyed = _run(folder / "pets", "pets", "positions", truth, TICKS_A_FRAME)
    config = folder / "pets" / "site.toml"
    config.write_text(without_points(config.read_text()))
    alone = _run(folder / "pets", "pets", "local_positions", truth, TICKS_A_FRAME)
    figures = _figures("pets", _between(surveyed, LAST)) | _figures("pets.first", _between(surveyed, FIRST), "_")
    figures |= _against_drawn_boxes(surveyed, truth)
    frames, found, true, _ = _between(alone, LAST)
    off = np.linalg.norm(lay_on(found, true) - true, axis=1)
    figures |= {"pets.self_calibrated_median_m": _round(np.median(off)), "pets.matched": float(len(frames))}
    return figures | _campus(folder / "campus") | tsai_figures()


def _against_drawn_boxes(surveyed: Errors, truth: Truth) -> dict[str, float]:
    """Returns the errors of frames 201 to 400 against the feet of drawn boxes, and where published places are theirs.

    Places and boxes are published by the same people, but of some walkers they are up to four pixels apart.
    """
    _, boxes, places = truth
    view, _ = _pets_view()
    plane = ground_plane(view)
    assert plane is not None
    feet = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    drawn = to_ground(plane, feet)
    alike = np.linalg.norm(feet - to_pixels(plane, places), axis=1) < 1
    frames, found, true, spread = _between(surveyed, LAST)
    row = np.array([int(np.abs(places - each).sum(axis=1).argmin()) for each in true])
    kept = alike[row]
    return _figures("pets.drawn", (frames, found, drawn[row], spread), "_") | _figures(
        "pets.alike", (frames[kept], found[kept], true[kept], spread[kept]), "_"
    )


def tsai_figures() -> dict[str, float]:
    """Returns how far the ground of PETS' control points is from that of the data set's own calibration."""

    camera = Tsai.read(ASSETS / "gt" / "PETS09-S2L1" / "tsai_view_001.xml")
    points, origin = _pets_view()
    plane = ground_plane(points)
    assert plane is not None
    lens = lens_position(points, plane)
    assert lens is not None
    off = lens - np.array([*origin, 0.0]) - camera.place_m
    width, height = plane.size_px
    grid = np.meshgrid((np.arange(24) + 0.5) * width / 24, (np.arange(18) + 0.5) * height / 18)
    pixels = np.stack(grid, axis=-1).reshape(-1, 2)
    ours, theirs = to_ground(plane, pixels) - origin, camera.to_ground(pixels / GT_SCALE)
    away = np.linalg.norm(ours - (lens[:2] - origin), axis=1)
    near = away < FAR_HEIGHTS * lens[2]
    apart = np.linalg.norm(ours - theirs, axis=1)[near]
    frames, boxes, places = _pets_truth()
    feet = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]]) / GT_SCALE
    own = np.linalg.norm(camera.to_ground(feet) - (places - origin), axis=1)
    return {
        "tsai.lens_height_off_m": _round(abs(off[2])),
        "tsai.lens_aside_m": _round(np.hypot(*off[:2])),
        "tsai.ground_median_m": _round(np.median(apart)),
        "tsai.ground_p90_m": _round(np.quantile(apart, 0.9)),
        "tsai.truth_median_m": _round(np.median(own[frames <= LAST[1]])),
    } | tsai_lens_figures(camera)


def tsai_lens_figures(camera: "Tsai") -> dict[str, float]:
    """Returns how well points that are clicked through the lens of PETS fix its ground, with and without the lens.

    Twelve points all over the visible floor, with errors of one pixel; means of six draws.
    """
    middles = np.meshgrid((np.arange(24) + 0.5) * TSAI_SIZE_PX[0] / 24, (np.arange(18) + 0.5) * TSAI_SIZE_PX[1] / 18)
    pixels = np.stack(middles, axis=-1).reshape(-1, 2)
    places = camera.to_ground(pixels)
    away = np.linalg.norm(places - camera.place_m[:2], axis=1)
    seen = (pixels[:, 1] > TSAI_HORIZON_PX) & (away < FAR_HEIGHTS * camera.place_m[2])
    pixels, places = pixels[seen], places[seen] + CAMPUS_ORIGIN_M
    chosen = [0]
    while len(chosen) < TSAI_POINTS:
        apart = np.linalg.norm(pixels[:, None] - pixels[chosen][None], axis=2).min(axis=1)
        chosen.append(int(apart.argmax()))
    off: dict[str, list[Float64]] = {"lens": [], "no_lens": []}
    for seed in range(6):
        clicks = pixels[chosen] + np.random.default_rng(seed).normal(0, 1, (TSAI_POINTS, 2))
        pairs = zip(clicks.tolist(), places[chosen].tolist(), strict=True)
        points = tuple(ControlPoint(u, v, x, y) for (u, v), (x, y) in pairs)
        bent = ground_plane(CameraView("tsai", "", "UTC", True, points, TSAI_SIZE_PX))
        flat = homography(places[chosen] - places.mean(axis=0), clicks, "tsai")
        assert bent is not None
        off["lens"].append(np.linalg.norm(to_ground(bent, pixels) - places, axis=1))
        straight = apply(np.asarray(np.linalg.inv(flat)), pixels) + places.mean(axis=0)
        off["no_lens"].append(np.linalg.norm(straight - places, axis=1))
    return {
        f"tsai.{name}_{figure}": _round(np.mean([np.quantile(each, share) for each in errors]))
        for name, errors in off.items()
        for figure, share in (("median_m", 0.5), ("p90_m", 0.9))
    }


class Tsai:
    """A camera as R. Y. Tsai describes it (IEEE Journal of Robotics and Automation, 1987), in metres.

    Attributes:
        place_m: ``(3,)`` of the lens.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values
        (sa, ca), (sb, cb), (sc, cc) = ((np.sin(values[name]), np.cos(values[name])) for name in ("rx", "ry", "rz"))
        self._camera_from_world = np.array(
            [
                [cb * cc, cc * sa * sb - ca * sc, sa * sc + ca * cc * sb],
                [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - cc * sa],
                [-sb, cb * sa, ca * cb],
            ]
        )
        shift = np.array([values[name] for name in ("tx", "ty", "tz")]) / 1000
        self.place_m: Float64 = -self._camera_from_world.T @ shift

    @classmethod
    def read(cls, path: Path) -> "Tsai":
        """Reads a calibration of the PETS data set."""
        values = {name: value for part in ET.parse(path).getroot() for name, value in part.attrib.items()}
        return cls({name: float(value) for name, value in values.items()})

    def to_ground(self, pixels: Float64) -> Float64:
        """Returns places ``(N, 2)`` on the ground of pixels ``(N, 2)``, metres."""
        known = self._values
        x = (pixels[:, 0] - known["cx"]) * known["dpx"] / known["sx"]
        y = (pixels[:, 1] - known["cy"]) * known["dpy"]
        straight = 1 + known["kappa1"] * (x**2 + y**2)
        ahead = np.ones(len(pixels))
        sight = np.column_stack([x * straight, y * straight, ahead * known["focal"]]) @ self._camera_from_world
        return np.asarray(self.place_m[:2] - sight[:, :2] * (self.place_m[2] / sight[:, 2])[:, None])


def _campus(root: Path) -> dict[str, float]:
    build_real_site(root, ASSETS, ("tud",))
    pixels = np.array(CAMPUS_POINTS_PX, np.float64)
    local = CAMPUS.ground_plane("")
    places = to_ground(local, pixels) + CAMPUS_ORIGIN_M
    points = ", ".join(
        f"{{u = {u}, v = {v}, x = {x:.4f}, y = {y:.4f}}}" for (u, v), (x, y) in zip(pixels, places, strict=True)
    )
    config = root / "site.toml"
    given = f'id = "tud"\nimage_size = [640, 480]\ncontrol_points = [{points}]'
    config.write_text(config.read_text().replace('id = "tud"', given))
    raw = np.loadtxt(ASSETS / "gt" / "TUD-Campus" / "gt.txt", delimiter=",")
    boxes = np.column_stack([raw[:, 2:4], raw[:, 2:4] + raw[:, 4:6]])
    feet = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    truth = (raw[:, 0].astype(np.int64), boxes, to_ground(local, feet) + CAMPUS_ORIGIN_M)
    errors = _run(root, "tud", "positions", truth, CAMPUS_TICKS)
    return _figures("campus", errors) | {"campus.matched": float(len(errors[0]))}


def _pets_truth() -> Truth:
    raw = np.loadtxt(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    anchor = pets_anchor(ASSETS)
    boxes = np.column_stack([raw[:, 2:4], raw[:, 2:4] + raw[:, 4:6]]) * GT_SCALE
    return raw[:, 0].astype(np.int64), boxes, raw[:, 7:9] + [anchor.x0_m, anchor.y0_m]


def _pets_view() -> tuple[CameraView, Float64]:
    """Returns the camera of PETS with its control points, and the map position of the data set's origin."""
    read = json.loads((ASSETS / "gt" / "PETS09-S2L1" / "ground_control_points.json").read_text())
    anchor = pets_anchor(ASSETS)
    origin = np.array([anchor.x0_m, anchor.y0_m])
    points = tuple(
        ControlPoint(each["u_px"], each["v_px"], anchor.x0_m + each["x_m"], anchor.y0_m + each["y_m"])
        for each in read["points"]
    )
    width, height = read["image_size_px"]
    return CameraView("pets", "", "UTC", True, points, (width, height)), origin


def _run(root: Path, camera: str, table: str, truth: Truth, ticks: int) -> Errors:
    """Runs a site as far as a table of positions, and matches its people with true boxes that they overlap by half."""
    run_site(open_site(root), Selection(ops=(table,)), RunOptions(workers=None))
    with closing(connect(open_site(root))) as connection:
        rows = connection.execute(
            f"""SELECT t.pts, x1, y1, x2, y2, p.x_m, p.y_m, var_x_m2, cov_xy_m2, var_y_m2 FROM track_points t
                JOIN {table} p USING (camera, track_id, time)
                WHERE camera = '{camera}' AND t.label = 'person' ORDER BY t.time, track_id"""
        ).to_arrow_table()
    frames, boxes = rows["pts"].to_numpy() // ticks + 1, boxes_of(rows)
    when, true_boxes, places = truth
    mine, theirs = [], []
    for frame in np.unique(frames):
        here, there = np.flatnonzero(frames == frame), np.flatnonzero(when == frame)
        if len(there):
            overlap = iou_matrix(boxes[here], true_boxes[there])
            best = overlap.argmax(axis=1)
            hit = overlap[np.arange(len(here)), best] >= OVERLAP
            mine.append(here[hit])
            theirs.append(there[best[hit]])
    rows_of, true = np.concatenate(mine), places[np.concatenate(theirs)]
    spread = float_columns(rows, ("var_x_m2", "cov_xy_m2", "cov_xy_m2", "var_y_m2")).reshape(-1, 2, 2)
    return frames[rows_of], float_columns(rows, ("x_m", "y_m"))[rows_of], true, spread[rows_of]


def _between(errors: Errors, span: tuple[int, int]) -> Errors:
    kept = (errors[0] >= span[0]) & (errors[0] <= span[1])
    return errors[0][kept], errors[1][kept], errors[2][kept], errors[3][kept]


def _figures(name: str, errors: Errors, join: str = ".") -> dict[str, float]:
    _, found, true, spread = errors
    off = found - true
    apart, away = np.hypot(*off.T), np.einsum("ni,nij,nj->n", off, np.linalg.inv(spread), off)
    return {
        f"{name}{join}median_m": _round(np.median(apart)),
        f"{name}{join}p90_m": _round(np.quantile(apart, 0.9)),
        f"{name}{join}ellipse95": _round((away < ELLIPSE_95).mean()),
    }


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 3)
