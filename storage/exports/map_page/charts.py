"""Charts of counts: people in each zone and crossings of each line over local time, and the strip below the map."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource, Range1d, RangeTool
from bokeh.plotting import figure

from schemas.values import Float64
from storage.exports.map_page.tables import MapTables
from storage.exports.pages.clock import Clock
from storage.exports.pages.plots import Plots
from storage.exports.pages.time_figure import hover, time_figure

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_CHARTS = 12
"""Most charts on a page: those of the lines and zones with the most people."""
_PER = {"minute": "bin", "hour": "hour", "day": "day"}
_SIDES = (("left_to_right", "accent", "along the arrow"), ("right_to_left", "warm", "against it"))


@dataclass(frozen=True)
class Chart:
    """A chart and the words around it.

    Attributes:
        element: id of the element that holds it.
        title: the zone or the line.
        subtitle: camera and class.
        keys: pairs of a colour's name and what has that colour.
        total: figure to read at a glance.
        unit: of ``total``.
    """

    element: str
    title: str
    subtitle: str
    keys: tuple[tuple[str, str], ...]
    total: str
    unit: str


def count_charts(plots: Plots, tables: MapTables, clock: Clock, span_us: tuple[int, int]) -> tuple[list[Chart], int]:
    """Draws a chart for each line and zone of each camera, and returns them with the number that is left out.

    Args:
        plots: gets the charts.
        tables: ``people`` and ``flows`` are drawn.
        clock: of the axes.
        span_us: start and end of the axes, microseconds since 1970.
    """
    names = dict(zip(*(tables.cameras[name].to_pylist() for name in ("camera", "name")), strict=True))
    people, flows = tables.people.to_pandas(), tables.flows.to_pandas()
    people = people[people["zone"].ne("view") | (people["zone"].nunique() == 1)]
    groups = [(*key, rows) for key, rows in flows.groupby(["line", "camera", "label"], sort=True)]
    groups.sort(key=lambda group: (group[2] != "person", -group[3]["crossings"].sum()))
    inside = [(*key, rows) for key, rows in people.groupby(["zone", "camera", "label"], sort=True)]
    inside = [group for group in inside if group[3]["people"].sum()]
    inside.sort(key=lambda group: (group[2] != "person", -group[3]["people"].sum()))
    per = _PER[tables.step]
    if tables.step == "minute" and len(people):
        per = f"{people['length_s'].max():g} s" if people["length_s"].max() != 60 else "minute"
    charts: list[Chart] = []
    for line, camera, label, rows in groups[:MAX_CHARTS]:
        element = f"chart-{len(charts)}"
        plots.add(element, _flow_chart(plots, rows, clock, span_us, f"crossings per {per}", element))
        keys = tuple((colour, said) for _, colour, said in _SIDES)
        subtitle = f"{names.get(camera) or camera} · {label}"
        charts.append(Chart(element, line, subtitle, keys, f"{rows['crossings'].sum():,}", "crossings"))
    for zone, camera, label, rows in inside[: max(MAX_CHARTS - len(charts), 0)]:
        element = f"chart-{len(charts)}"
        what = "people" if label == "person" else "tracks"
        plots.add(element, _zone_chart(plots, rows, clock, span_us, f"{what} per {per}", element))
        keys = (("zone", f"{what} per {per}, each once"), ("ink", "most at once"))
        subtitle = f"{names.get(camera) or camera} · {label}"
        title = "whole view" if zone == "view" else zone
        charts.append(Chart(element, title, subtitle, keys, f"{rows['max_count'].max():,}", "most at once"))
    return charts, len(groups) + len(inside) - len(charts)


def activity_strip(plots: Plots, edges_us: Float64, number: Float64, clock: Clock, unit: str) -> figure:
    """Returns the strip below the map: how many were there over time, with the shown time as a window to drag.

    Args:
        plots: gets the colours.
        edges_us: ``(N + 1,)`` edges of the bars, microseconds since 1970.
        number: ``(N,)`` heights.
        clock: of the axis.
        unit: of the heights.
    """
    start, end = edges_us[0] / 1e3, edges_us[-1] / 1e3
    plot = time_figure(plots, clock, (int(edges_us[0]), int(edges_us[-1])), unit, most=9)
    source = ColumnDataSource({"x": edges_us / 1e3, "top": np.append(number, number[-1])})
    bars = plot.varea_step(x="x", y1=0, y2="top", source=source, step_mode="after")
    plots.paint(bars.glyph, fill_color="reference")
    shown = Range1d(start=start, end=end, name="shown", bounds=(start, end))
    tool = RangeTool(x_range=shown)
    tool.overlay.update(fill_alpha=0.18, line_alpha=0.9, line_width=1.5, line_dash="solid")
    tool.overlay.use_handles = False
    plots.paint(tool.overlay, fill_color="accent", line_color="accent")
    plot.add_tools(tool)
    plot.y_range = Range1d(start=0, end=max(float(number.max(initial=0)), 1) * 1.15)
    plot.name = "strip"
    return plot


def _flow_chart(
    plots: Plots, rows: "DataFrame", clock: Clock, span_us: tuple[int, int], unit: str, element: str
) -> figure:
    plot = time_figure(plots, clock, span_us, unit, element)
    top = 1
    for side, (direction, colour, said) in enumerate(_SIDES):
        there = rows[rows["direction"].eq(direction)]
        start, width = there["start_us"].to_numpy(float) / 1e3, there["length_s"].to_numpy(float) * 1e3
        source = ColumnDataSource(
            {
                "left": start + width * (0.08 + 0.42 * side),
                "right": start + width * (0.5 + 0.42 * side),
                "top": there["crossings"].to_numpy(),
                "time": [clock.text(time_us, "%a %d %b %H:%M") for time_us in there["start_us"]],
                "what": [said] * len(there),
            }
        )
        bars = plot.quad(left="left", right="right", bottom=0, top="top", source=source, line_color=None)
        plots.paint(bars.glyph, fill_color=colour)
        hover(plot, bars, "<b>@top</b> @what<br>@time")
        top = max(top, int(there["crossings"].max()) if len(there) else 0)
    plot.y_range = Range1d(start=0, end=top * 1.12)
    return plot


def _zone_chart(
    plots: Plots, rows: "DataFrame", clock: Clock, span_us: tuple[int, int], unit: str, element: str
) -> figure:
    plot = time_figure(plots, clock, span_us, unit, element)
    rows = rows.sort_values("start_us")
    start, width = rows["start_us"].to_numpy(float) / 1e3, rows["length_s"].to_numpy(float) * 1e3
    columns: dict[str, Any] = {
        "left": start + width * 0.08,
        "right": start + width * 0.92,
        "top": rows["people"].to_numpy(),
        "most": rows["max_count"].to_numpy(),
        "seen": (rows["observed_s"] / 60).to_numpy(float),
        "time": [clock.text(time_us, "%a %d %b %H:%M") for time_us in rows["start_us"]],
    }
    source = ColumnDataSource(columns)
    bars = plot.quad(left="left", right="right", bottom=0, top="top", source=source, line_color=None)
    most = plot.segment(x0="left", x1="right", y0="most", y1="most", source=source, line_width=2)
    plots.paint(bars.glyph, fill_color="zone")
    plots.paint(most.glyph, line_color="ink")
    hover(plot, bars, "<b>@top</b>, at most @most at once<br>@time<br>@seen{0.#} min of footage")
    plot.y_range = Range1d(start=0, end=max(int(rows["people"].max()), int(rows["max_count"].max()), 1) * 1.12)
    return plot


def span_of(tables: MapTables) -> tuple[int, int] | None:
    """Returns start and end of everything that the tables have, microseconds since 1970; None if they have nothing."""
    edges: list[tuple[int, int]] = []
    for table, start, end in (
        (tables.positions, "time", "time"),
        (tables.events, "time", "time"),
        (tables.interactions, "start_time", "end_time"),
    ):
        if table.num_rows:
            first, last = (table[name].cast("int64").to_numpy() for name in (start, end))
            edges.append((int(first.min()), int(last.max())))
    return (min(start for start, _ in edges), max(end for _, end in edges)) if edges else None


def span_of_charts(tables: MapTables) -> tuple[int, int] | None:
    """Returns start and end of the times of ``people`` and ``flows``; None if there are none."""
    found = []
    for table in (tables.people, tables.flows):
        if table.num_rows:
            start = table["start_us"].to_numpy()
            found.append((int(start.min()), int((start + table["length_s"].to_numpy() * 1e6).max())))
    return (min(start for start, _ in found), max(end for _, end in found)) if found else None


def counted_activity(tables: MapTables, span_us: tuple[int, int]) -> tuple[Float64, Float64]:
    """Returns edges and heights of the strip where nobody has a position: people per time in the whole views."""
    rows = tables.people.to_pandas()
    rows = rows[rows["zone"].eq("view")]
    if rows.empty:
        return np.array(span_us, float), np.zeros(1)
    summed = rows.groupby("start_us")["people"].sum()
    edges = np.append(summed.index.to_numpy(float), summed.index[-1] + rows["length_s"].iloc[-1] * 1e6)
    return edges, summed.to_numpy(float)
