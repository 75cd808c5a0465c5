"""Draws a layer as a map, PNG or SVG: with scale bar, units, legend and north."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from schemas.errors import UserError
from storage.exports.formats.layer import Layer
from storage.exports.formats.styles import PALETTE, RAMP, Colours, colours_of, name_column
from storage.exports.geometries import Geometries, total_bounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE_IN, _DPI = (8.0, 6.4), 150
_MARGIN = 0.08
_LEAST_EXTENT = 4.0
"""A single point is drawn with this much around it, in metres (or pixels)."""
_GREY = "#555555"


def write_picture(layer: Layer, path: Path) -> None:
    """Writes a map of the features, north up; text in it names CRS, period and what was left out.

    Raises:
        UserError: no feature has a place.
    """
    bounds = total_bounds(layer.geometries)
    if bounds is None:
        raise UserError("no row has a place to draw: choose other rows, or write a .csv")
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The same rows give the same bytes: ids in an SVG come from the salt, and there is no date.
    with mpl.rc_context({"svg.hashsalt": "nightshift", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.03, 0.08, 0.70, 0.84))
        _draw(axes, layer)
        _frame(axes, bounds, layer.crs.is_engineering)
        axes.set_title(layer.title or layer.name, loc="left", fontsize=11)
        figure.text(0.03, 0.025, _caption(layer), fontsize=7, color=_GREY, wrap=True)
        suffix = path.suffix.removeprefix(".")
        metadata: dict[str, str | None] = {"Title": layer.title or layer.name, "Description": layer.description}
        metadata |= {"Software": None} if suffix == "png" else {"Date": None, "Creator": None}
        figure.savefig(path, format=suffix, metadata=metadata)


def _draw(axes: "Axes", layer: Layer) -> None:
    colours = colours_of(layer)
    colour_of = _feature_colours(layer, colours)
    for kind, draw in (("Polygon", _polygons), ("LineString", _lines), ("Point", _points)):
        chosen = np.array([shape is not None and shape.geom_type.endswith(kind) for shape in layer.geometries], bool)
        if chosen.any():
            draw(axes, layer.geometries[chosen], colour_of[chosen])
    _legend(axes, layer, colours)
    names = name_column(layer)
    if names is not None:
        places: dict[str, shapely.Point] = {}
        for name, shape in zip(layer.rows[names].to_pylist(), layer.geometries, strict=True):
            if shape is not None and not shape.is_empty:
                places.setdefault(str(name), shape.representative_point())
        for name, point in places.items():
            axes.annotate(name, (point.x, point.y), xytext=(4, 4), textcoords="offset points", fontsize=8)


def _feature_colours(layer: Layer, colours: Colours) -> "np.ndarray":
    """Returns a colour for each feature, ``(N,)`` text."""
    if not colours.column:
        return np.full(layer.rows.num_rows, PALETTE[0], object)
    values = layer.rows[colours.column].to_pylist()
    if colours.values:
        by_value = dict(zip(colours.values, PALETTE, strict=False))
        return np.array([by_value.get(str(value), _GREY) for value in values], object)
    inner = np.asarray(colours.edges[1:-1])
    return np.array([_GREY if v is None else RAMP[int(np.searchsorted(inner, float(v)))] for v in values], object)


def _polygons(axes: "Axes", shapes: Geometries, colours: "np.ndarray") -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path as Outline

    outlines, faces = [], []
    for shape, colour in zip(shapes, colours, strict=True):
        for part in shapely.get_parts(shapely.orient_polygons(shape)):
            rings = [part.exterior, *part.interiors]
            outlines.append(
                Outline.make_compound_path(*(Outline(np.asarray(ring.coords)[:, :2], closed=True) for ring in rings))
            )
            faces.append(colour)
    axes.add_collection(PathCollection(outlines, facecolors=faces, edgecolors=faces, alpha=0.6, linewidths=0.6))


def _lines(axes: "Axes", shapes: Geometries, colours: "np.ndarray") -> None:
    from matplotlib.collections import LineCollection

    parts, owner = shapely.get_parts(shapes, return_index=True)
    lines = [np.asarray(part.coords)[:, :2] for part in parts]
    axes.add_collection(LineCollection(lines, colors=list(colours[owner]), linewidths=1.2, alpha=0.9))


def _points(axes: "Axes", shapes: Geometries, colours: "np.ndarray") -> None:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    places = shapely.get_coordinates(parts)
    size = 14 if len(places) < 500 else 4
    axes.scatter(
        places[:, 0], places[:, 1], s=size, c=list(colours[owner]), linewidths=0, rasterized=len(places) > 5000
    )


def _legend(axes: "Axes", layer: Layer, colours: Colours) -> None:
    from matplotlib.patches import Patch

    if colours.values:
        entries = list(zip(colours.values, PALETTE, strict=False))
    elif colours.edges:
        ranges = zip(colours.edges, colours.edges[1:], strict=False)
        entries = [(f"{low:.3g} to {high:.3g}", colour) for (low, high), colour in zip(ranges, RAMP, strict=True)]
    else:
        entries = [(layer.title or layer.name, PALETTE[0])]
    facts = layer.facts.get(colours.column)
    title = facts.alias if facts else colours.column.replace("_", " ") or None
    handles = [Patch(color=colour, label=label) for label, colour in entries]
    axes.legend(handles=handles, title=title, loc="upper left", bbox_to_anchor=(1.01, 0.82), frameon=False, fontsize=8)


def _frame(axes: "Axes", bounds: tuple[float, float, float, float], in_pixels: bool) -> None:
    """Sets the extent, and draws scale bar and north; pictures have v downwards, and no north."""
    west, south, east, north = bounds
    extent = max(east - west, north - south, _LEAST_EXTENT) * (1 + 2 * _MARGIN)
    x, y = (west + east) / 2, (south + north) / 2
    wide = extent * max(1.0, (east - west) / max(north - south, 1e-9) if east - west < north - south else 1.0)
    axes.set_xlim(x - wide / 2, x + wide / 2)
    axes.set_ylim(y - extent / 2, y + extent / 2)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#bbbbbb")
    if in_pixels:
        axes.invert_yaxis()
    length = nice_length(wide / 4)
    unit = "px" if in_pixels else "m"
    bar = axes.transAxes.inverted().transform(axes.transData.transform([(x, y), (x + length, y)]))
    share = float(bar[1, 0] - bar[0, 0])
    axes.plot([1.03, 1.03 + share], [0.06, 0.06], transform=axes.transAxes, color="black", linewidth=3, clip_on=False)
    axes.text(1.03, 0.08, f"{length:g} {unit}", transform=axes.transAxes, fontsize=8)
    if not in_pixels:
        style = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.5}
        axes.annotate("", (1.06, 0.99), (1.06, 0.90), xycoords="axes fraction", arrowprops=style, annotation_clip=False)
        axes.text(1.06, 0.865, "N", transform=axes.transAxes, ha="center", fontsize=9, weight="bold")


def nice_length(longest: float) -> float:
    """Returns the longest of 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(step * power for step in (1, 2, 5) if step * power <= longest))


def _caption(layer: Layer) -> str:
    crs = "pixels: u to the right, v downwards" if layer.crs.is_engineering else f"{layer.crs.name}, grid north up"
    parts = [f"{layer.rows.num_rows:,} rows", crs]
    if layer.times:
        start, end = layer.times
        first, last = (layer.rows[name].drop_null().to_pylist() for name in (start, end or start))
        if first and last:
            parts.insert(1, f"{min(first):%Y-%m-%d %H:%M} to {max(last):%Y-%m-%d %H:%M} UTC")
    return "; ".join([*parts, *([layer.note] if layer.note else [])])
