"""What a format writes: named features with a geometry each, and what their columns mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS

from storage.exports.field_facts import FieldFacts
from storage.exports.geometries import Geometries
from storage.exports.geometry_columns import GEOMETRY, is_binary, is_geometry
from storage.exports.gis_columns import Columns, attributes, free_name
from storage.exports.results import plain

UNKNOWN_KIND = "Unknown"
"""Geometry type of a layer without features, or with several types."""
_TIMES = (("start_time", "end_time"), ("time", None), ("bin_start", None), ("hour", None))
"""Columns that say when a feature was: from and to, or at what moment; the first pair that a layer has counts."""


@dataclass(frozen=True)
class Layer:
    """Features to write.

    Attributes:
        name: the layer's name: letters, digits and underscores.
        rows: the features, as a query gives them.
        geometries: ``(N,)`` shapely geometries in ``crs``, None where a feature has none.
        crs: their CRS.
        kind: geometry type of a layer without geometries, such as ``"Point"``.
        facts: units and meanings by name of column.
        title: the layer's name for people.
        note: what was left out for third parties; empty for the owner's own exports.
    """

    name: str
    rows: pa.Table
    geometries: Geometries
    crs: CRS
    kind: str = UNKNOWN_KIND
    facts: Mapping[str, FieldFacts] = field(default_factory=dict)
    title: str = ""
    note: str = ""

    @property
    def columns(self) -> Columns:
        """Returns the columns beside the geometry, without binary ones."""
        return attributes(self.rows)

    @property
    def shown(self) -> pa.Table:
        """Returns the rows without binary columns that are no geometry."""
        return self.rows.select(
            [each.name for each in self.rows.schema if is_geometry(each) or not is_binary(each.type)]
        )

    @property
    def kinds(self) -> list[str]:
        """Returns the geometry types, sorted."""
        return sorted({geometry.geom_type for geometry in self.geometries if geometry is not None})

    @property
    def geometry_type(self) -> str:
        """Returns the one geometry type of the layer, or ``"Unknown"``."""
        kinds = self.kinds or [self.kind]
        return kinds[0] if len(kinds) == 1 else UNKNOWN_KIND

    @property
    def times(self) -> tuple[str, str | None] | None:
        """Returns the columns of start and end, or of the moment and None; None if features have no time."""
        names = {each.name for each in self.rows.schema if pa.types.is_timestamp(each.type)}
        return next(((start, end) for start, end in _TIMES if start in names and (end is None or end in names)), None)

    @property
    def description(self) -> str:
        """Returns title and note as one text."""
        return ". ".join(text for text in (self.title or self.name, self.note) if text)


def one_type(layer: Layer) -> Layer:
    """Returns a layer whose polygons are multipolygons if one of them is, and so for lines and points."""
    kinds = layer.kinds
    if len(kinds) != 2 or kinds[0] != f"Multi{kinds[1]}":
        return layer
    many = {"Point": shapely.multipoints, "LineString": shapely.multilinestrings, "Polygon": shapely.multipolygons}
    geometries = layer.geometries.copy()
    for number, geometry in enumerate(geometries):
        if geometry is not None and geometry.geom_type == kinds[1]:
            geometries[number] = many[kinds[1]]([geometry])
    return replace(layer, geometries=geometries)


def by_type(layer: Layer) -> list[Layer]:
    """Returns a layer for each of points, lines and polygons, named after them if there are several.

    Features without a geometry go with the first.
    """
    single = one_type(layer)
    families = sorted({kind.removeprefix("Multi") for kind in single.kinds})
    if len(families) < 2:
        return [single]
    of = [None if shape is None else shape.geom_type.removeprefix("Multi") for shape in single.geometries]
    parts = []
    for family in families:
        mask = pa.array([each == family or (each is None and family == families[0]) for each in of])
        part = replace(
            single,
            name=f"{single.name}_{family.lower()}s",
            title=f"{single.title or single.name} ({family.lower()}s)",  # a GeoPackage has each title once
            rows=single.rows.filter(mask),
            geometries=single.geometries[mask.to_numpy(zero_copy_only=False)],
        )
        parts.append(one_type(part))
    return parts


def with_geometries(columns: Columns, name: str, layer: Layer) -> pa.Table:
    """Returns columns and geometries (WKB, in a column of this name), with aliases and units as GDAL reads them."""
    taken: list[str] = []
    fields = []
    for column, values in columns.items():
        facts = layer.facts.get(column)
        alias = free_name(facts.alias if facts else column, taken)  # a GeoPackage has each alias once
        taken.append(alias)
        metadata = {"GDAL:OGR:alternative_name": alias}
        if facts:
            metadata |= {"GDAL:OGR:comment": facts.sentence, "meaning": facts.meaning, "unit": facts.unit}
        fields.append(pa.field(column, values.type, metadata=metadata))
    fields.append(pa.field(name, pa.binary()))
    arrays = [*columns.values(), pa.chunked_array([pa.array(shapely.to_wkb(layer.geometries), pa.binary())])]
    return pa.table(arrays, schema=pa.schema(fields))


def newest_time(layers: list[Layer]) -> str:
    """Returns the last time in the layers as ISO 8601, or 1970: files have no clock of their own, so they repeat."""
    last: list[Any] = []
    for layer in layers:
        for name in layer.times or ():
            if name and layer.rows.num_rows:
                last.append(pc.max(layer.rows[name].cast(pa.timestamp("ms"), safe=False)).as_py())
    known = [time for time in last if time is not None]
    return f"{max(known).isoformat(timespec='milliseconds')}Z" if known else "1970-01-01T00:00:00.000Z"


def field_documents(layer: Layer) -> dict[str, object]:
    """Returns units and meanings as a JSON object, for formats that have no place for them."""
    found = {name: layer.facts[name] for name in layer.columns if name in layer.facts}
    return {name: plain({"meaning": facts.meaning, "unit": facts.unit}) for name, facts in found.items()}


def geometry_name(columns: Columns) -> str:
    """Returns a name for the geometry that no column has: one of its name would crash GDAL."""
    return free_name(GEOMETRY, columns)
