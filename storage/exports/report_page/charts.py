"""Charts of the report: footage over the day, people per hour beside what is usual, and what the ops took."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from bokeh.models import ColumnDataSource, FactorRange, Range1d
from bokeh.plotting import figure

from schemas.night_report import HourOfPeople, SiteReport
from storage.exports.pages.clock import Clock
from storage.exports.pages.plots import Plots
from storage.exports.pages.time_figure import hover, show_rows, time_figure

MAX_CHARTS = 6
"""Most charts of hours: those of the zones with the most people."""


@dataclass(frozen=True)
class HourChart:
    """A chart of people per hour: the id of its element, its place, and its people on this day, hours added up."""

    element: str
    zone: str
    camera: str
    has_usual: bool


def footage_chart(plots: Plots, report: SiteReport, clock: Clock) -> figure:
    """Returns a bar per camera over the local day: where there is footage, and where there is none."""
    cameras = [camera.name for camera in report.coverage][::-1]
    span = _day_us(report)
    plot = time_figure(plots, clock, span, "", most=13, rows=cameras)
    whole = plot.hbar(y=cameras, left=span[0] / 1e3, right=span[1] / 1e3, height=0.62, line_color=None)
    plots.paint(whole.glyph, fill_color="missing")
    rows = [(camera.name, *each) for camera in report.coverage for each in camera.spans]
    source = ColumnDataSource(
        {
            "camera": [name for name, _, _ in rows],
            "left": [start.timestamp() * 1e3 for _, start, _ in rows],
            "right": [end.timestamp() * 1e3 for _, _, end in rows],
            "from": [_clock_time(clock, start) for _, start, _ in rows],
            "to": [_clock_time(clock, end) for _, _, end in rows],
        }
    )
    bars = plot.hbar(y="camera", left="left", right="right", height=0.62, source=source, line_width=1)
    plots.paint(bars.glyph, fill_color="accent", line_color="accent")
    hover(plot, bars, "<b>@camera</b><br>footage from @from to @to")
    return plot


def hour_charts(plots: Plots, report: SiteReport, clock: Clock) -> list[HourChart]:
    """Draws people per hour of the busiest zones, beside what is usual where that is known."""
    groups: dict[tuple[str, str], list[HourOfPeople]] = {}
    for hour in report.hours:
        groups.setdefault((hour.camera, hour.zone), []).append(hour)
    named = {key for key in groups if key[1] != "view"}
    chosen = [(key, hours) for key, hours in groups.items() if key in named or not named]
    chosen.sort(key=lambda each: (-sum(hour.people for hour in each[1]), each[0]))
    charts: list[HourChart] = []
    for (camera, zone), hours in chosen[:MAX_CHARTS]:
        element = f"hours-{len(charts)}"
        plots.add(element, _hour_chart(plots, report, hours, clock, element))
        has_usual = any(hour.usual is not None for hour in hours)
        charts.append(HourChart(element, "whole view" if zone == "view" else zone, camera, has_usual))
    return charts


def cost_chart(plots: Plots, report: SiteReport) -> figure:
    """Returns a bar per op: seconds of workers per hour of footage."""
    costs = [cost for cost in report.costs if cost.worker_s_per_hour][:12][::-1]
    ops = [cost.op for cost in costs]
    plot = figure(
        height=70 + 24 * len(ops),
        sizing_mode="stretch_width",
        tools=[],
        toolbar_location=None,
        y_range=FactorRange(factors=ops),
    )
    plot.xaxis.axis_label = "worker-seconds per hour of footage"
    plots.paint_frame(plot)
    show_rows(plots, plot)
    figures = [cost.worker_s_per_hour for cost in costs]
    source = ColumnDataSource({"op": ops, "cost": figures, "units": [cost.units for cost in costs]})
    bars = plot.hbar(y="op", left=0, right="cost", height=0.66, source=source, line_color=None)
    plots.paint(bars.glyph, fill_color="accent")
    hover(plot, bars, "<b>@op</b><br>@cost{0,0.0} worker-seconds per hour of footage<br>@units units")
    plot.x_range = Range1d(start=0, end=max((each or 0 for each in figures), default=1) * 1.05 or 1)
    return plot


def _hour_chart(plots: Plots, report: SiteReport, hours: list[HourOfPeople], clock: Clock, element: str) -> figure:
    plot = time_figure(plots, clock, _day_us(report), "people per hour", element, most=9)
    start = np.array([hour.hour.timestamp() * 1e3 for hour in hours])
    top = max(*(hour.people for hour in hours), *(hour.most or 0 for hour in hours), 1)
    known = [(at, hour) for at, hour in zip(start, hours, strict=True) if hour.usual is not None]
    if known:
        band = ColumnDataSource(
            {
                "left": [at for at, _ in known],
                "right": [at + 3.6e6 for at, _ in known],
                "least": [hour.least for _, hour in known],
                "most": [hour.most for _, hour in known],
                "usual": [hour.usual for _, hour in known],
            }
        )
        drawn = plot.quad(left="left", right="right", bottom="least", top="most", source=band, line_color=None)
        plots.paint(drawn.glyph, fill_color="missing")
    for unusual, colour in ((False, "zone"), (True, "warm")):
        rows = [
            (at, each) for at, each in zip(start, hours, strict=True) if (each.verdict in ("more", "fewer")) == unusual
        ]
        source = ColumnDataSource(
            {
                "left": [at + 3.6e6 * 0.12 for at, _ in rows],
                "right": [at + 3.6e6 * 0.88 for at, _ in rows],
                "people": [hour.people for _, hour in rows],
                "time": [_clock_time(clock, hour.hour) for _, hour in rows],
                "seen": [hour.observed_s / 60 for _, hour in rows],
                "usual": ["unknown" if hour.usual is None else f"{hour.usual:.0f}" for _, hour in rows],
            }
        )
        bars = plot.quad(left="left", right="right", bottom=0, top="people", source=source, line_color=None)
        plots.paint(bars.glyph, fill_color=colour)
        hover(plot, bars, "<b>@people</b> people from @time<br>usual: @usual<br>@seen{0.#} min of footage")
    if known:
        medians = plot.segment(x0="left", x1="right", y0="usual", y1="usual", source=band, line_width=2)
        plots.paint(medians.glyph, line_color="ink")
    plot.y_range = Range1d(start=0, end=top * 1.12)
    return plot


def _day_us(report: SiteReport) -> tuple[int, int]:
    """Returns start and end of the local day, microseconds since 1970."""
    start = datetime.fromisoformat(report.date).replace(tzinfo=ZoneInfo(report.timezone))
    end = start + timedelta(days=1)  # the same local time a day later, also where clocks change
    return round(start.timestamp() * 1e6), round(end.timestamp() * 1e6)


def _clock_time(clock: Clock, time: datetime) -> str:
    return clock.text(round(time.timestamp() * 1e6), "%H:%M:%S")
