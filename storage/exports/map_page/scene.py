"""Builds what the map page shows: its plots, the columns that ``map.js`` shows in time, and the facts around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from schemas.values import Feature, FeatureKind
from storage.exports.map_page.charts import activity_strip, count_charts, counted_activity, span_of, span_of_charts
from storage.exports.map_page.event_columns import angles, crossing, event_columns, meeting
from storage.exports.map_page.figure import map_figure
from storage.exports.map_page.references import clip_references
from storage.exports.map_page.tables import MapTables
from storage.exports.map_page.trajectories import (
    Bounds,
    Point,
    density_steps,
    point_columns,
    present,
    read_trajectories,
    thin,
    track_columns,
    typical_bounds,
)
from storage.exports.pages.clock import Clock
from storage.exports.pages.colours import CAMERAS
from storage.exports.pages.plots import Plots
from storage.site.file import SiteFiles
from storage.site.pictures import Picture

if TYPE_CHECKING:
    from pandas import DataFrame

READABLE_TRACKS = 500
"""Most tracks, and crossings, that are shown at first: more would hide the density."""


def build_scene(
    plots: Plots,
    site: SiteFiles,
    features: Sequence[Feature],
    pictures: Sequence[Picture],
    tables: MapTables,
    max_tracks: int,
) -> dict[str, Any]:
    """Draws the plots, and returns the facts that ``page.html`` and ``map.js`` need.

    Returns:
        ``data``: numbers for ``map.js``; ``facts``: what the page says.
    """
    clock = Clock(site.config.timezone)
    shown = _collect(features, pictures, tables, max_tracks)
    if shown.bounds:
        cell_m = shown.grid["cell_m"] if shown.grid else 1.0
        plots.add(
            "map",
            map_figure(plots, shown.extent, shown.origin, pictures, shown.shapes, shown.counting, shown.place, cell_m),
        )
    columns, events = _columns(shown, tables)
    if shown.timed:
        plots.add("strip", _strip(plots, shown, tables, clock))
    charts, more_charts = count_charts(plots, tables, clock, span_of_charts(tables) or (shown.start_us, shown.end_us))
    plots.carry([ColumnDataSource(values, name=f"all-{name}") for name, values in columns.items()])
    facts = _facts(shown, events, clock) | {
        "charts": charts,
        "more_charts": more_charts,
        "pixel_features": [
            feature.feature_id
            for feature in features
            if feature.space == "pixel" and feature.kind is not FeatureKind.REFERENCE
        ],
    }
    return {"data": _data(shown, clock), "facts": facts}


@dataclass(frozen=True, eq=False)
class _Shown:
    """What the page shows, and where.

    Attributes:
        counting: zones and lines on the map.
        shapes: of reference layers, near the map.
        pictures: whether there are any.
        trajectories: all positions.
        drawn: those that are drawn, about one every ``step_s``.
        bounds: of all on the map; None if there is nothing.
        extent, origin: of the first view, and of all coordinates, in the site's CRS.
        timed: whether anything has a time.
        start_us, end_us: the period.
        ids: of cameras.
        place: columns of cameras.
        grid: of the density; ``spent`` has the time in its cells. None without positions.
    """

    counting: Sequence[Feature]
    shapes: Sequence[Any]
    pictures: bool
    trajectories: "DataFrame"
    drawn: "DataFrame"
    step_s: float
    bounds: Bounds | None
    extent: Bounds
    origin: Point
    timed: bool
    start_us: int
    end_us: int
    ids: list[str]
    place: dict[str, Any]
    grid: dict[str, Any] | None
    spent: dict[str, Any] | None

    @property
    def camera_names(self) -> list[dict[str, str]]:
        """Id and name of each camera."""
        return [{"id": each, "name": name} for each, name in zip(self.ids, self.place["name"], strict=True)]


class _Events(NamedTuple):
    """Numbers of crossings and of interactions, and of those that are drawn."""

    crossings: int
    drawn_crossings: int
    interactions: int
    drawn_interactions: int


def _collect(features: Sequence[Feature], pictures: Sequence[Picture], tables: MapTables, max_tracks: int) -> _Shown:
    trajectories = read_trajectories(tables.positions)
    on_map = [feature for feature in features if feature.space == "map"]
    references = [feature for feature in on_map if feature.kind is FeatureKind.REFERENCE]
    counting = [feature for feature in on_map if feature.kind is not FeatureKind.REFERENCE]
    typical = typical_bounds(trajectories)
    # Streets may be those of a whole city, and a picture too: they set the extent only where there is nothing else.
    bounds = _bounds(counting, tables.cameras, typical) or _bounds(references, tables.cameras, None)
    bounds = bounds or (pictures[0].bounds if pictures else None)
    extent = bounds or (0.0, 0.0, 100.0, 100.0)
    origin = (float(np.floor(extent[0])), float(np.floor(extent[1])))
    drawn, step_s = thin(trajectories, max_tracks)
    span = span_of(tables) or span_of_charts(tables)
    start_us = span[0] if span else 0
    ids = sorted({*tables.cameras["camera"].to_pylist(), *tables.positions["camera"].unique().to_pylist()})
    grid, spent = _density(trajectories, typical, origin, start_us) if typical else (None, None)
    return _Shown(
        counting=counting,
        shapes=clip_references(references, bounds) if bounds and references else [],
        pictures=bool(pictures),
        trajectories=trajectories,
        drawn=drawn,
        step_s=step_s,
        bounds=bounds,
        extent=extent,
        origin=origin,
        timed=span is not None,
        start_us=start_us,
        end_us=max(span[1], start_us + 1_000_000) if span else 1_000_000,
        ids=ids,
        place=_camera_columns(tables.cameras, ids, origin),
        grid=grid,
        spent=spent,
    )


def _density(
    trajectories: "DataFrame", bounds: Bounds, origin: Point, start_us: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the grid of the density, and the columns of the time in its cells."""
    grid = density_steps(trajectories, bounds, origin)
    spent = {name: grid.pop(name) for name in ("step", "cell", "spent_s")}
    return grid | {"start": (int(trajectories["time_us"].min()) - start_us) / 1e3}, spent


def _columns(shown: _Shown, tables: MapTables) -> tuple[dict[str, dict[str, Any]], _Events]:
    """Returns the columns that ``map.js`` shows in time."""
    origin, start_us, ids = shown.origin, shown.start_us, shown.ids
    columns: dict[str, dict[str, Any]] = (
        {"points": point_columns(shown.drawn, origin, start_us)} if len(shown.drawn) else {}
    )
    if shown.spent:
        columns["spent"] = shown.spent
    crossed = tables.events.filter(pc.equal(tables.events["kind"], "cross"))
    met = tables.interactions.filter(pc.not_equal(tables.interactions["object_kind"], "zone"))
    columns["crossed"], crossings = event_columns(crossed, "time", crossing, ids, origin, start_us)
    columns["crossed"]["angle"] = angles(columns["crossed"], shown.counting, origin)
    columns["met"], interactions = event_columns(met, "start_time", meeting, ids, origin, start_us)
    return columns, _Events(crossed.num_rows, crossings, met.num_rows, interactions)


def _strip(plots: Plots, shown: _Shown, tables: MapTables, clock: Clock) -> figure:
    if not len(shown.drawn):
        edges, number = counted_activity(tables, (shown.start_us, shown.end_us))
        return activity_strip(plots, edges, number, clock, "people seen")
    edges, number = present(shown.trajectories, shown.start_us, shown.end_us)
    unit = "people seen" if set(shown.drawn["label"]) == {"person"} else "tracks"
    return activity_strip(plots, edges, number, clock, unit)


def _data(shown: _Shown, clock: Clock) -> dict[str, Any]:
    """Returns the numbers for ``map.js``."""
    return {
        "origin": shown.origin,
        "extent": np.subtract(shown.extent, (*shown.origin, *shown.origin)).round(3).tolist(),
        "start_ms": shown.start_us / 1e3,
        "end_ms": shown.end_us / 1e3,
        "offsets": clock.offsets(shown.start_us, shown.end_us),
        "cameras": shown.camera_names,
        "camera_colours": [list(colour) for colour in CAMERAS],
        "tracks": track_columns(shown.drawn, shown.ids),
        "grid": shown.grid,
        "labels": _labels(shown.counting, shown.place, shown.origin),
    }


def _facts(shown: _Shown, events: _Events, clock: Clock) -> dict[str, Any]:
    """Returns what the page says of the map."""
    return {
        "empty": shown.bounds is None,
        "period": clock.period(shown.start_us, shown.end_us) if shown.timed else "",
        "cameras": shown.camera_names,
        "tracks": shown.trajectories["number"].nunique(),
        "drawn_tracks": shown.drawn["number"].nunique(),
        "points": len(shown.trajectories),
        "drawn_points": len(shown.drawn),
        "step_s": shown.step_s,
        "outside": shown.grid["outside"] if shown.grid else 0,
        "density": shown.grid,
        **events._asdict(),
        "unplaced": [each for each, x in zip(shown.ids, shown.place["x"], strict=True) if np.isnan(x)],
        "layers": _layers(shown, events),
        "timed": shown.timed,
    }


def _layers(shown: _Shown, events: _Events) -> list[tuple[str, str, bool, bool]]:
    """Returns id, name, whether there is something, and whether it is shown at first, for each layer of the map."""
    kinds = {feature.kind for feature in shown.counting}
    some, few = len(shown.drawn) > 0, shown.drawn["number"].nunique() <= READABLE_TRACKS
    crossings = events.drawn_crossings
    return [
        ("picture", "Picture of the ground", shown.pictures, True),
        ("reference", "Streets and buildings", bool(shown.shapes), True),
        ("density", "Density: time spent", shown.grid is not None, True),
        ("zones", "Zones", FeatureKind.ZONE in kinds, True),
        ("lines", "Lines", FeatureKind.LINE in kinds, True),
        ("tracks", "Tracks", some, few),
        ("points", "Positions", some, False),
        ("crossings", "Crossings", crossings > 0, crossings <= READABLE_TRACKS),
        ("interactions", "Interactions", events.drawn_interactions > 0, False),
        ("cameras", "Cameras", bool(np.isfinite(shown.place["x"]).any()), True),
    ]


def _bounds(features: Sequence[Feature], cameras: pa.Table, typical: Bounds | None) -> Bounds | None:
    """Returns the initial extent of the map; None if there is nothing to show."""
    boxes: list[Bounds] = [feature.geometry.bounds for feature in features if not feature.geometry.is_empty]
    places = zip(cameras["x_m"].to_pylist(), cameras["y_m"].to_pylist(), strict=True)
    boxes += [(x, y, x, y) for x, y in places if x is not None and y is not None]
    boxes += [typical] if typical else []
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _camera_columns(cameras: pa.Table, ids: Sequence[str], origin: Point) -> dict[str, Any]:
    rows = {row["camera"]: row for row in cameras.select(["camera", "name", "x_m", "y_m"]).to_pylist()}
    found = [rows.get(each, {"name": each, "x_m": None, "y_m": None}) for each in ids]
    x, y = (np.array([np.nan if row[name] is None else row[name] for row in found], float) for name in ("x_m", "y_m"))
    return {
        "id": list(ids),
        "name": [row["name"] or each for row, each in zip(found, ids, strict=True)],
        "x": x - origin[0],
        "y": y - origin[1],
    }


def _labels(features: Sequence[Feature], place: dict[str, Any], origin: Point) -> list[dict[str, Any]]:
    """Returns what is named on the map, the most important first, with the corners where a name may be."""
    named: list[dict[str, Any]] = []
    for feature in sorted(features, key=lambda each: each.kind is not FeatureKind.LINE):
        west, south, east, north = np.subtract(feature.geometry.bounds, (*origin, *origin)).tolist()
        kind = "lines" if feature.kind is FeatureKind.LINE else "zones"
        named.append({"kind": kind, "text": feature.feature_id, "box": [west, south, east, north]})
    for number, (name, x, y) in enumerate(zip(place["name"], place["x"], place["y"], strict=True)):
        if np.isfinite(x):
            named.append({"kind": "cameras", "text": name, "box": [x, y, x, y], "camera": number})
    return named
