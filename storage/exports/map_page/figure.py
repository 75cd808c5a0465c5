"""The map as a plot of Bokeh: the base, what site.toml has on the map, and empty layers that ``map.js`` fills."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from bokeh.core.properties import field, value
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    HoverTool,
    LinearColorMapper,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.models.annotations.legends import ScaleBar
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from schemas.values import Feature, FeatureKind, Float64
from storage.exports.map_page.references import rings
from storage.exports.map_page.trajectories import Bounds, Point
from storage.exports.pages.colours import DENSITY_DARK, DENSITY_LIGHT
from storage.exports.pages.plots import FONT, Plots
from storage.site.pictures import Picture

_ARROW_SHARE = 0.03  # length of a line's arrow, share of the map's longer side
_BAR = "#7b858f"  # readable on light and on dark paper
_HOVERS = {
    "zones": "<b>@name</b><br>zone",
    "lines": "<b>@name</b><br>line; the arrow points from its left to its right",
    "cameras": "<b>@name</b><br>camera @id",
    "tracks": "<b>@label</b>, @camera_name<br>@from to @to<br>@length{0.0} m in @seconds{0.0} s, @speed{0.0} m/s",
    "points": "<b>@label</b>, @camera_name<br>@time<br>@speed_text<br>± @sigma{0.00} m",
    "crossings": "<b>@what</b><br>@label, @camera_name<br>@time",
    "interactions": "<b>@what</b><br>@camera_name<br>@time",
    "density": "@density{0.0} s/m²",
}
_SIDES: dict[str, Any] = {"tracks": "right", "lines": "right", "zones": "below", "density": "left"}
"""Side of the mouse of a layer's tooltip: by it ``looks.css`` shows the one of the uppermost layer only."""


def map_figure(
    plots: Plots,
    extent: Bounds,
    origin: Point,
    pictures: Sequence[Picture],
    references: Sequence[Any],
    features: Sequence[Feature],
    cameras: dict[str, Any],
    cell_m: float,
) -> figure:
    """Returns the map; coordinates are metres from the origin, north is up.

    Args:
        plots: gets the colours.
        extent: west, south, east and north of the first view.
        origin: of the coordinates, in the site's CRS.
        pictures: floor plans and aerial pictures, the lowest first.
        references: shapes of reference layers.
        features: zones and lines on the map.
        cameras: columns of the cameras: ``id``, ``name``, ``x``, ``y`` (NaN without a place).
        cell_m: edge of a cell of the density.
    """
    plot = _frame(plots, np.subtract(extent, (*origin, *origin)).tolist())
    for picture in pictures:
        _picture(plots, plot, picture, origin)
    _references(plots, plot, references, origin)
    _density(plots, plot, cell_m)
    _zones(plots, plot, [each for each in features if each.kind is FeatureKind.ZONE], origin)
    _tracks(plots, plot)
    _lines(plots, plot, [each for each in features if each.kind is FeatureKind.LINE], origin, extent)
    _events(plots, plot)
    _path(plots, plot)
    _cameras(plots, plot, cameras)
    _labels(plots, plot)
    _scale_bar(plots, plot)
    return plot


def _frame(plots: Plots, extent: Bounds) -> figure:
    """Returns an empty map with its tools; its extent is in metres from the origin."""
    west, south, east, north = extent
    plot = figure(
        name="map",
        x_range=Range1d(start=west, end=east),
        y_range=Range1d(start=south, end=north),
        sizing_mode="stretch_both",
        min_border=0,
        x_axis_location=None,
        y_axis_location=None,
        tools=[],
        toolbar_location="above",
        lod_threshold=20_000,
    )
    plot.toolbar.logo = None
    wheel, pan = WheelZoomTool(), PanTool()
    plot.add_tools(pan, wheel, BoxZoomTool(match_aspect=True), SaveTool(filename="map"), ResetTool())
    plot.toolbar.active_scroll, plot.toolbar.active_drag = wheel, pan
    plots.paint(plot, background_fill_color="paper", border_fill_color="panel", outline_line_color="rule")
    for grid in plot.grid:
        plots.paint(grid, grid_line_color="grid")
    return plot


def _empty(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _layer(plot: figure, renderer: "GlyphRenderer[Any]") -> None:
    """Names a layer like its source, and gives it a tooltip."""
    renderer.name = f"layer-{renderer.data_source.name}"
    source = renderer.data_source
    side = _SIDES.get(source.name or "", "above")
    hover = HoverTool(renderers=[renderer], tooltips=_HOVERS[source.name or ""], visible=False, attachment=side)
    hover.limit = 4  # in a crowd, a tooltip of all would hide the map
    if source.name == "tracks":
        hover.line_policy = "interp"
    plot.add_tools(hover)


def _picture(plots: Plots, plot: figure, picture: Picture, origin: Point) -> None:
    west, south, east, north = picture.bounds
    source = ColumnDataSource(
        {
            "url": [picture.url],
            "x": [west - origin[0]],
            "y": [north - origin[1]],
            "w": [east - west],
            "h": [north - south],
        },
        name=f"picture-{picture.name}",
    )
    image = plot.image_url("url", "x", "y", "w", "h", source=source, anchor="top_left", name="layer-picture")
    plots.paint_as(image.glyph, "global_alpha", 1.0, 0.7)


def _references(plots: Plots, plot: figure, shapes: Sequence[Any], origin: Point) -> None:
    polygons = [shape for shape in shapes if shape.geom_type == "Polygon"]
    lines = [shape for shape in shapes if shape.geom_type == "LineString"]
    points = [shape for shape in shapes if shape.geom_type == "Point"]
    if polygons:
        xs, ys = _polygons([[polygon] for polygon in polygons], origin)
        areas = plot.multi_polygons(xs=xs, ys=ys, line_width=1, name="layer-reference")
        plots.paint(areas.glyph, fill_color="building", line_color="reference")
    if lines:
        ways = [(shapely.get_coordinates(line) - origin).astype(np.float32) for line in lines]
        drawn = plot.multi_line([way[:, 0] for way in ways], [way[:, 1] for way in ways], line_width=1.5)
        drawn.name = "layer-reference"
        plots.paint(drawn.glyph, line_color="reference")
    if points:
        x, y = (shapely.get_coordinates(points) - origin).astype(np.float32).T
        dots = plot.scatter(x, y, size=4, line_color=None, name="layer-reference")
        plots.paint(dots.glyph, fill_color="reference")


def _density(plots: Plots, plot: figure, cell_m: float) -> None:
    mapper = LinearColorMapper(name="density-colours", palette=DENSITY_LIGHT, low=0, high=1)
    plots.paint_as(mapper, "palette", list(DENSITY_LIGHT), list(DENSITY_DARK))
    cells, colour = _empty("density", "x", "y", "density"), field("density", mapper)
    heat = plot.rect(x="x", y="y", width=cell_m, height=cell_m, source=cells, fill_color=colour, line_color=None)
    _layer(plot, heat)


def _zones(plots: Plots, plot: figure, zones: Sequence[Feature], origin: Point) -> None:
    xs, ys = _polygons([list(shapely.get_parts(zone.geometry)) for zone in zones], origin)
    source = ColumnDataSource({"xs": xs, "ys": ys, "name": [zone.feature_id for zone in zones]}, name="zones")
    drawn = plot.multi_polygons("xs", "ys", source=source, line_width=1.6, fill_alpha=0.07)
    plots.paint(drawn.glyph, fill_color="zone", line_color="zone")
    _layer(plot, drawn)


def _tracks(plots: Plots, plot: figure) -> None:
    """Draws tracks, each with a dot where somebody is at the end of the shown time, and their positions."""
    tracks = _empty("tracks", "xs", "ys", "colour", "label", "camera_name", "from", "to", "length", "seconds", "speed")
    drawn = plot.multi_line("xs", "ys", source=tracks, line_color="colour", line_width=1.6, line_alpha=0.75)
    drawn.hover_glyph = type(drawn.glyph)(line_color="colour", line_width=3.5)
    _layer(plot, drawn)
    heads = plot.scatter(
        "x", "y", source=_empty("heads", "x", "y", "colour"), size=10, fill_color="colour", line_width=1.5
    )
    plots.paint(heads.glyph, line_color="panel")
    points = _empty("points", "x", "y", "colour", "label", "camera_name", "time", "speed_text", "sigma")
    _layer(plot, plot.scatter("x", "y", source=points, size=4, color="colour", line_color=None, fill_alpha=0.7))


def _lines(plots: Plots, plot: figure, lines: Sequence[Feature], origin: Point, extent: Bounds) -> None:
    """Draws lines, each with an arrow at its middle from its left to its right, seen along its drawing direction."""
    longer = max(extent[2] - extent[0], extent[3] - extent[1])
    xs, ys, names = [], [], []
    for line in lines:
        for part in shapely.get_parts(line.geometry):
            way = shapely.get_coordinates(part) - origin
            middle = shapely.get_coordinates(part.interpolate(0.5, normalized=True))[0]
            right = to_the_right(part, middle)
            length = min(longer * _ARROW_SHARE, part.length / 2)
            start, tip = middle - origin, middle - origin + right * length
            head = [tip - (right + turn * np.array([-right[1], right[0]])) * length / 3 for turn in (1, -1)]
            for piece in (way, np.array([start, tip]), np.array([head[0], tip, head[1]])):
                xs.append(piece[:, 0].astype(np.float32))
                ys.append(piece[:, 1].astype(np.float32))
                names.append(line.feature_id)
    source = ColumnDataSource({"xs": xs, "ys": ys, "name": names}, name="lines")
    drawn = plot.multi_line("xs", "ys", source=source, line_width=2.6, line_cap="round", line_join="round")
    plots.paint(drawn.glyph, line_color="line")
    _layer(plot, drawn)


def to_the_right(line: Any, place: Float64) -> Float64:
    """Returns the unit vector (east, north) from a line's left to its right, at the part that is nearest to a place."""
    at = float(np.clip(line.project(shapely.Point(place)), 0, line.length * 0.999))
    ends = [shapely.get_coordinates(line.interpolate(each))[0] for each in (at, at + line.length * 0.001)]
    east, north = (ends[1] - ends[0]) / max(float(np.hypot(*(ends[1] - ends[0]))), 1e-9)
    return np.array([north, -east])


def _events(plots: Plots, plot: figure) -> None:
    for name, marker in (("crossings", "triangle"), ("interactions", "diamond")):
        source = _empty(name, "x", "y", "angle", "what", "label", "camera_name", "time")
        marks = plot.scatter("x", "y", source=source, size=11, marker=marker, angle="angle", line_width=1)
        plots.paint(marks.glyph, fill_color=name.removesuffix("s"), line_color="panel")
        _layer(plot, marks)


def _path(plots: Plots, plot: figure) -> None:
    """Draws the path that was clicked: a bright line, and its points from small to large."""
    source = _empty("path", "x", "y", "size")
    below = plot.line("x", "y", source=source, line_width=7, line_join="round", line_cap="round")
    above = plot.line("x", "y", source=source, line_width=3.5, line_join="round", line_cap="round")
    ends = plot.scatter("x", "y", source=source, size="size", line_width=1.5)
    plots.paint(below.glyph, line_color="panel")
    plots.paint(above.glyph, line_color="ink")
    plots.paint(ends.glyph, fill_color="ink", line_color="panel")


def _cameras(plots: Plots, plot: figure, cameras: dict[str, Any]) -> None:
    source = ColumnDataSource({**cameras, "colour": ["#000000"] * len(cameras["id"])}, name="cameras")
    drawn = plot.scatter("x", "y", source=source, size=15, marker="circle_dot", fill_color="colour", line_width=2)
    plots.paint(drawn.glyph, line_color="panel")
    _layer(plot, drawn)


def _labels(plots: Plots, plot: figure) -> None:
    names = _empty("labels", "x", "y", "text", "colour")
    labels = plot.text("x", "y", source=names, text="text", text_color="colour", text_baseline="middle")
    labels.glyph.update(text_font=value(FONT), text_font_size="12px", text_font_style="bold")
    labels.glyph.update(background_fill_alpha=0.78, padding=2, border_radius=4)
    plots.paint(labels.glyph, background_fill_color="paper")


def _scale_bar(plots: Plots, plot: figure) -> None:
    bar = ScaleBar(
        name="scale",
        unit="m",
        location="bottom_left",
        bar_length=0.12,
        bar_length_units="screen",
        length_sizing="adaptive",
    )
    bar.update(
        label_text_font=FONT, border_line_color=None, background_fill_alpha=0.8, margin=12, label_location="above"
    )
    bar.bar_line_color = _BAR  # Bokeh 3.9 does not draw it again when its colour changes
    plots.paint(bar, label_text_color="ink", background_fill_color="paper")
    plot.add_layout(bar)


def _polygons(features: Sequence[Sequence[Any]], origin: Point) -> tuple[list[Any], list[Any]]:
    """Returns the coordinates of features, each of polygons, each of an outline and holes, as Bokeh nests them."""
    nested = [[rings(polygon, origin) for polygon in polygons] for polygons in features]
    return tuple(
        [[[ring[:, axis].astype(np.float32) for ring in polygon] for polygon in polygons] for polygons in nested]
        for axis in (0, 1)
    )  # type: ignore[return-value]
