"""What a camera's known ground is good for: distances from the lens and places, by control points and without.

    python -m bench.depth_grounds [--json]

On PETS with the real detector's tracks. Ground, depth and positions are computed with the eight control points of the
material, with two of them, and without any. The truth is the published place of each person's feet, and the place of
the lens in the data set's own calibration.

``near_*`` is a survey by four points at the corners of a square of 3 m, wherever it lies in view: 24 draws, each with
clicks that err by 2 pixels. Positions by these points alone, as without op ``ground``, beside what people make of them.
Needs the real material ($NIGHTSHIFT_ASSETS).
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa

from bench.depth_no_survey import matched, pets_truth
from bench.material import ASSETS, print_figures, require_assets
from bench.pets import TICKS_A_FRAME
from bench.real_site import build_real_site, pets_anchor
from jobs.commands.results import connect
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.site import open_site
from ops.depth import Depth
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.project import to_ground, to_pixels
from ops.ground_models import Ground
from ops.positions import Positions
from schemas.errors import SiteError
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import ControlPoint, Float64, UnitContext
from storage.archive.segments import segment_maker
from tests.support.fakes import FakeServices, make_unit

DRAWS = 24
SQUARE_M = 3.0
CLICK_PX = 2.0


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    require_assets()
    with tempfile.TemporaryDirectory() as folder:
        print_figures({"grounds": measure(Path(folder))}, arguments.json)
    sys.stdout.flush()


def measure(folder: Path, workers: int | None = None) -> dict[str, float]:
    """Returns errors of distances and places in an empty folder: medians and 90 % quantiles, metres.

    ``depth_*_share`` are errors of distances as shares of them, ``depth_*_factor`` what all distances have in common,
    and ``depth_*_in_two_sigmas`` the share of those that are wrong by less than two of their standard deviations.
    """
    build_real_site(folder, ASSETS, ("pets",))
    run_site(open_site(folder), Selection(ops=("link",)), RunOptions(workers=workers))
    film = read_film(folder)
    points = film.unit.camera.control_points
    figures: dict[str, float] = {"film_points": float(film.points.num_rows)}
    for name, chosen in (("surveyed", points), ("two_points", (points[3], points[1])), ("no_points", ())):
        figures |= _distances(name, film, film.with_points(chosen))
    return figures | _near_surveys(film)


@dataclass(frozen=True)
class Film:
    """The tracks of PETS, and whose they are."""

    unit: UnitContext
    points: pa.Table

    def with_points(self, control_points: Sequence[ControlPoint]) -> UnitContext:
        """Returns the camera-day with other control points."""
        return replace(self.unit, camera=replace(self.unit.camera, control_points=tuple(control_points)))

    def pairs(self, rows: pa.Table, columns: Sequence[str]) -> tuple[Float64, Float64]:
        """Returns columns ``(N, C)`` of rows whose box is a true person's, and that person's place ``(N, 2)``."""
        joined = self.points.join(rows.select(["track_id", "time", *columns]), ["track_id", "time"], join_type="inner")
        joined = joined.sort_by([("time", "ascending"), ("track_id", "ascending")])
        moments = np.asarray(joined["pts"].to_numpy() // TICKS_A_FRAME + 1, np.int64)
        return matched(joined, moments, pets_truth(), columns)


def read_film(root: Path) -> Film:
    """Returns the tracks of people of a site of PETS, which must be there."""
    site = open_site(root)
    make = segment_maker(recorded_inventory(site.store).timeline)
    segments = [make(number) for number in range(recorded_inventory(site.store).timeline.num_rows)]
    with closing(connect(site)) as connection:
        rows = connection.execute("SELECT * FROM track_points ORDER BY time, track_id").to_arrow_table()
    points = TABLES["track_points"].conform(rows.select(TABLES["track_points"].schema.names))
    return Film(make_unit(segments, site.files.config.camera_view("pets"), unit="day"), points)


def true_lens(assets: Path) -> Float64:
    """Returns the lens ``(3,)`` of PETS in the site's CRS, by Tsai's calibration of the data set."""
    root = ElementTree.parse(assets / "gt" / "PETS09-S2L1" / "tsai_view_001.xml").getroot()
    extrinsic = root.find("Extrinsic")
    assert extrinsic is not None
    angles, shift = ([float(extrinsic.attrib[kind + axis]) for axis in "xyz"] for kind in "rt")
    (a, b, c), (d, e, f) = np.cos(angles), np.sin(angles)
    about_x, about_y = np.array([[1, 0, 0], [0, a, -d], [0, d, a]]), np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    turn = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]]) @ about_y @ about_x
    anchor = pets_anchor(assets)
    return np.asarray(-turn.T @ np.array(shift) / 1000 + [anchor.x0_m, anchor.y0_m, 0])


def _distances(name: str, film: Film, unit: UnitContext) -> dict[str, float]:
    inputs = _with_ground(film, unit)
    lens_m = true_lens(ASSETS)
    depth = Depth().run(unit, inputs, FakeServices())["depth"]
    found, places = film.pairs(depth, ("distance_m", "sigma_m"))
    true_m = np.hypot(np.hypot(*(places - lens_m[:2]).T), lens_m[2])
    off = np.abs(found[:, 0] - true_m)
    factor = float(np.median(found[:, 0] / true_m))
    return {
        f"depth_{name}_median_m": _round(np.median(off)),
        f"depth_{name}_p90_m": _round(np.quantile(off, 0.9)),
        f"depth_{name}_median_share": _round(np.median(off / true_m)),
        f"depth_{name}_factor": _round(factor),
        f"depth_{name}_median_after_factor_m": _round(np.median(np.abs(found[:, 0] / factor - true_m))),
        f"depth_{name}_in_two_sigmas": _round((off < 2 * found[:, 1]).mean()),
        f"depth_{name}_rows": float(len(off)),
    }


def _near_surveys(film: Film) -> dict[str, float]:
    plane = ground_plane(film.unit.camera)
    assert plane is not None
    errors: dict[str, list[float]] = {"alone": [], "of_all": []}
    used = 0
    for seed in range(DRAWS):
        unit = film.with_points(_square(plane, np.random.default_rng([seed, 60])))
        try:
            inputs = _with_ground(film, unit)
        except SiteError:  # clicks that fix no plane: the site is refused before anything runs
            continue
        used += any(row["used"] and row["source"] == "fused" for row in inputs["ground_models"].to_pylist())
        for name, given in (("alone", {"track_points": film.points}), ("of_all", inputs)):
            found, places = film.pairs(Positions().run(unit, given, FakeServices())["positions"], ("x_m", "y_m"))
            errors[name].append(float(np.median(np.linalg.norm(found - places, axis=1))))
    figures = {"near_draws": float(len(errors["alone"])), "near_made_surer": float(used)}
    for name, each in errors.items():
        figures |= {f"near_{name}_median_m": _round(np.median(each)), f"near_{name}_worst_m": _round(max(each))}
    return figures


def _square(plane: GroundPlane, random: np.random.Generator) -> list[ControlPoint]:
    """Returns control points at the corners of a square in view, turned at random, with clicks that err."""
    width, height = plane.size_px
    while True:
        middle = to_ground(plane, np.array([[random.uniform(0, width), random.uniform(height / 2, height)]]))[0]
        angles = random.uniform(0, 2 * np.pi) + np.arange(4) * np.pi / 2
        corners = middle + SQUARE_M / np.sqrt(2) * np.column_stack([np.cos(angles), np.sin(angles)])
        pixels = to_pixels(plane, corners)
        if np.isfinite(pixels).all() and (pixels > 0).all() and (pixels < plane.size_px).all():
            pixels = pixels + random.normal(0, CLICK_PX, (4, 2))
            rows = zip(pixels.tolist(), corners.tolist(), strict=True)
            return [ControlPoint(u, v, x, y) for (u, v), (x, y) in rows]


def _with_ground(film: Film, unit: UnitContext) -> Tables:
    inputs = {"track_points": film.points}
    return inputs | dict(Ground().run(unit, inputs, FakeServices()))


def _round(value: float) -> float:
    return round(float(value), 3)


if __name__ == "__main__":
    main()
