"""Writes the whole site to one GeoPackage, styled and with times, so that QGIS shows the night as one opens it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.commands.exports import DENSITY_SQL, exportable_rows, storeys_of
from jobs.site import Site
from schemas.errors import SelectionError

if TYPE_CHECKING:
    from storage.exports.formats.layer import Layer

_CELLS = "density"
_WHERE = "x_m IS NOT NULL AND y_m IS NOT NULL"
_FEATURES = "SELECT * FROM features WHERE space = 'map' AND kind = '{kind}' ORDER BY feature_id"
_TRACK_POINTS = f"SELECT camera, track_id, label, time, x_m, y_m FROM positions WHERE {_WHERE} ORDER BY ALL"


@dataclass(frozen=True)
class _Part:
    """A layer of the file: its query, the geometry type if it is empty, and whether each row is of one person."""

    name: str
    title: str
    sql: str
    kind: str
    table: str | None = None
    personal: bool = False


_PARTS = (
    _Part("zones", "Zones", _FEATURES.format(kind="zone"), "Polygon"),
    _Part(
        "people_by_hour",
        "People in zones by hour",
        "SELECT camera, zone, local_hour, hour AS start_time, hour + INTERVAL 1 HOUR AS end_time, people, max_count, "
        "observed_s FROM people_by_hour WHERE zone IN (SELECT feature_id FROM features WHERE space = 'map') "
        "ORDER BY ALL",
        "Polygon",
        "people_by_hour",
    ),
    _Part(
        _CELLS,
        "Density: time that people spent per area",
        DENSITY_SQL,
        "Polygon",
    ),
    _Part("lines", "Counting lines", _FEATURES.format(kind="line"), "LineString"),
    _Part("tracks", "Tracks", _TRACK_POINTS, "LineString", "positions", personal=True),
    _Part(
        "positions",
        "Positions",
        f"SELECT * EXCLUDE (date) FROM positions WHERE {_WHERE} ORDER BY time, camera, track_id",
        "Point",
        "positions",
        personal=True,
    ),
    _Part(
        "crossings",
        "Crossings of lines",
        f"SELECT * EXCLUDE (date) FROM zone_events WHERE kind = 'cross' AND {_WHERE} "
        "ORDER BY time, camera, track_id, feature",
        "Point",
        "zone_events",
        personal=True,
    ),
    _Part(
        "interactions",
        "Interactions",
        f"SELECT * EXCLUDE (date) FROM interactions WHERE {_WHERE} ORDER BY start_time, camera, interaction_id",
        "Point",
        "interactions",
        personal=True,
    ),
    _Part("cameras", "Cameras", f"SELECT * FROM cameras WHERE {_WHERE} ORDER BY camera", "Point", "cameras"),
)


@dataclass(frozen=True)
class SiteExport:
    """What was written: number of features by layer, and what was left out for third parties."""

    features: dict[str, int]
    note: str


def export_site(
    site: Site,
    target: Path,
    references: tuple[str, ...] = (),
    least_people: int = 0,
    cell_m: float | None = None,
    as_of: str | None = None,
) -> SiteExport:
    """Writes cameras, zones, lines, tracks, positions, crossings, interactions, density and people by hour.

    Layers without features are in the file too. Features in pixels of a camera have no place on the map.

    Args:
        references: names of reference layers to add.
        least_people: for third parties: layers of single people are left out, and figures of fewer people; 0 for all.
        cell_m: edge of a cell of density; None for the default.

    Raises:
        SelectionError: there is no such reference layer, or no such run.
        UserError: the file cannot be written.
    """
    from storage.exports.geo import export_layers  # GIS libraries

    parts = [*(_reference(site, name) for name in references), *_PARTS]
    out = [part.title for part in parts if part.personal] if least_people else []
    kept = [part for part in parts if part.title not in out]
    layers = [_layer(site, part, least_people, cell_m, as_of) for part in kept]
    notes = [f"For third parties: layers of single people are left out ({', '.join(out)})"] if out else []
    notes += [f"{layer.title}: {layer.note}" for layer in layers if layer.note]
    export_layers(layers, target)
    return SiteExport({layer.name: layer.rows.num_rows for layer in layers}, ". ".join(notes))


def _reference(site: Site, name: str) -> _Part:
    known = [layer.name for layer in site.files.config.layers if layer.role == "reference"]
    if name not in known:
        raise SelectionError(f"there is no reference layer {name!r}; there are {', '.join(known) or 'none'}")
    return _Part(f"layer_{name}", name, f'SELECT * FROM "layer_{name}"', "Unknown")


def _layer(site: Site, part: _Part, least: int, cell_m: float | None, as_of: str | None) -> "Layer":
    from pyproj import CRS

    from storage.exports.density import CELL_M, density_cells
    from storage.exports.geo import ExportOptions, make_layer
    from storage.exports.geometries import track_lines
    from storage.exports.places import with_places, with_storeys
    from storage.exports.third_parties import Protected, protect
    from storage.store.layer_versions import features_as_of

    made: dict[str, Callable[[pa.Table], pa.Table]] = {
        _CELLS: lambda rows: density_cells(rows, CELL_M if cell_m is None else cell_m),
        "tracks": track_lines,
        "people_by_hour": lambda rows: with_places(rows, lambda: features_as_of(site.files, site.store, as_of)),
    }
    rows = exportable_rows(site, part.sql, as_of)
    rows = with_storeys(made.get(part.name, lambda rows: rows)(rows), storeys_of(site))
    safe = protect(rows, least, personal=False) if least else Protected(rows, "")
    options = ExportOptions(table=part.table, kind=part.kind, title=part.title)
    return make_layer(part.name, safe.rows, CRS.from_user_input(site.files.config.crs), options, safe.note)
