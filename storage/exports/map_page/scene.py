"""Builds what the map page shows: its plots, the columns that ``map.js`` shows in time, and the facts around them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bokeh.models import ColumnDataSource

from schemas.values import Feature, FeatureKind, Float32
from storage.exports.map_page.charts import activity_strip, count_charts, counted_activity, span_of, span_of_charts
from storage.exports.map_page.figure import map_figure, to_the_right
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

MAX_EVENTS = 20_000
"""Most crossings, and most interactions, on a page; of more, some evenly spread over time."""

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
    end_us = max(span[1], start_us + 1_000_000) if span else 1_000_000
    ids = sorted({*tables.cameras["camera"].to_pylist(), *tables.positions["camera"].unique().to_pylist()})
    grid = density_steps(trajectories, typical, origin) if typical else None
    place = _camera_columns(tables.cameras, ids, origin)
    shapes = clip_references(references, bounds) if bounds and references else []
    if bounds:
        cell_m = grid["cell_m"] if grid else 1.0
        plots.add("map", map_figure(plots, extent, origin, pictures, shapes, counting, place, cell_m))
    columns = {"points": point_columns(drawn, origin, start_us)} if len(drawn) else {}
    if grid:
        grid["start"] = (int(trajectories["time_us"].min()) - start_us) / 1e3
        columns["spent"] = {name: grid.pop(name) for name in ("step", "cell", "spent_s")}
    crossed = tables.events.filter(pc.equal(tables.events["kind"], "cross"))
    met = tables.interactions.filter(pc.not_equal(tables.interactions["object_kind"], "zone"))
    columns["crossed"], crossings = _event_columns(crossed, "time", _crossing, ids, origin, start_us)
    columns["crossed"]["angle"] = _angles(columns["crossed"], counting, origin)
    columns["met"], interactions = _event_columns(met, "start_time", _meeting, ids, origin, start_us)
    if span:
        edges, number = (
            present(trajectories, start_us, end_us) if len(drawn) else counted_activity(tables, (start_us, end_us))
        )
        unit = "people seen" if not len(drawn) or set(drawn["label"]) == {"person"} else "tracks"
        plots.add("strip", activity_strip(plots, edges, number, clock, unit))
    charts, more_charts = count_charts(plots, tables, clock, span_of_charts(tables) or (start_us, end_us))
    plots.carry([ColumnDataSource(values, name=f"all-{name}") for name, values in columns.items()])
    data = {
        "origin": origin,
        "extent": np.subtract(extent, (*origin, *origin)).round(3).tolist(),
        "start_ms": start_us / 1e3,
        "end_ms": end_us / 1e3,
        "offsets": clock.offsets(start_us, end_us),
        "cameras": [{"id": each, "name": name} for each, name in zip(ids, place["name"], strict=True)],
        "camera_colours": [list(colour) for colour in CAMERAS],
        "tracks": track_columns(drawn, ids),
        "grid": grid,
        "labels": _labels(counting, place, origin),
    }
    facts = {
        "empty": bounds is None,
        "period": clock.period(start_us, end_us) if span else "",
        "cameras": [{"id": each, "name": name} for each, name in zip(ids, place["name"], strict=True)],
        "tracks": trajectories["number"].nunique(),
        "drawn_tracks": drawn["number"].nunique(),
        "points": len(trajectories),
        "drawn_points": len(drawn),
        "step_s": step_s,
        "outside": grid["outside"] if grid else 0,
        "density": grid,
        "crossings": crossed.num_rows,
        "drawn_crossings": crossings,
        "interactions": met.num_rows,
        "drawn_interactions": interactions,
        "charts": charts,
        "more_charts": more_charts,
        "unplaced": [each for each, x in zip(ids, place["x"], strict=True) if np.isnan(x)],
        "pixel_features": [
            feature.feature_id
            for feature in features
            if feature.space == "pixel" and feature.kind is not FeatureKind.REFERENCE
        ],
        "layers": _layers(
            counting,
            shapes,
            pictures,
            place,
            facts_there=(len(drawn), drawn["number"].nunique(), crossings, interactions, grid),
        ),
        "timed": span is not None,
    }
    return {"data": data, "facts": facts}


def _layers(
    counting: Sequence[Feature], shapes: Sequence[Any], pictures: Sequence[Picture], place: Any, facts_there: Any
) -> list[tuple[str, str, bool, bool]]:
    """Returns id, name, whether there is something, and whether it is shown at first, for each layer of the map."""
    points, tracks, crossings, interactions, grid = facts_there
    kinds = {feature.kind for feature in counting}
    return [
        ("picture", "Picture of the ground", bool(pictures), True),
        ("reference", "Streets and buildings", bool(shapes), True),
        ("density", "Density: time spent", grid is not None, True),
        ("zones", "Zones", FeatureKind.ZONE in kinds, True),
        ("lines", "Lines", FeatureKind.LINE in kinds, True),
        ("tracks", "Tracks", points > 0, tracks <= READABLE_TRACKS),
        ("points", "Positions", points > 0, False),
        ("crossings", "Crossings", crossings > 0, crossings <= READABLE_TRACKS),
        ("interactions", "Interactions", interactions > 0, False),
        ("cameras", "Cameras", bool(np.isfinite(place["x"]).any()), True),
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


def _crossing(row: dict[str, Any]) -> tuple[str, str]:
    along = "along the arrow" if row["direction"] == "left_to_right" else "against the arrow"
    return f"{row['feature']}, {along}", row["label"]


def _meeting(row: dict[str, Any]) -> tuple[str, str]:
    thing = f" {row['object_label']}" if row["object_label"] else ""
    return f"{row['verb'].replace('_', ' ')}{thing}", row["subject_label"]


def _event_columns(
    events: pa.Table, time: str, said: Any, ids: Sequence[str], origin: Point, start_us: int
) -> tuple[dict[str, Any], int]:
    """Returns columns of the events that have a place, sorted by time, and their number."""
    events = events.filter(pc.and_(pc.is_valid(events["x_m"]), pc.is_valid(events["y_m"])))
    events = events.sort_by([(time, "ascending"), ("camera", "ascending")])
    if events.num_rows > MAX_EVENTS:
        events = events.take(np.linspace(0, events.num_rows - 1, MAX_EVENTS).round().astype(np.int64))
    rows = events.to_pylist()
    what = [said(row) for row in rows]
    times_us = events[time].cast("int64").to_numpy()
    ends_us = events["end_time"].cast("int64").to_numpy() if "end_time" in events.column_names else times_us
    columns = {
        "t": ((times_us - start_us) / 1e3).round(),
        "until": ((ends_us - start_us) / 1e3).round(),
        "x": (events["x_m"].to_numpy() - origin[0]).astype(np.float32),
        "y": (events["y_m"].to_numpy() - origin[1]).astype(np.float32),
        "camera": [ids.index(row["camera"]) if row["camera"] in ids else -1 for row in rows],
        "what": [each for each, _ in what],
        "label": [each for _, each in what],
        "angle": np.zeros(len(rows), np.float32),
    }
    return columns, len(rows)


def _angles(crossed: dict[str, Any], features: Sequence[Feature], origin: Point) -> Float32:
    """Returns the directions of crossings, for triangles that point north at 0: radians, anticlockwise."""
    lines = {feature.feature_id: feature.geometry for feature in features if feature.kind is FeatureKind.LINE}
    angles = np.zeros(len(crossed["x"]), np.float32)
    for number, (what, x, y) in enumerate(zip(crossed["what"], crossed["x"], crossed["y"], strict=True)):
        line, _, side = what.rpartition(", ")
        if line in lines:
            east, north = to_the_right(lines[line], np.array([x, y]) + origin)
            turned = np.pi if side.startswith("against") else 0
            angles[number] = np.arctan2(north, east) - np.pi / 2 + turned
    return angles


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
