"""Renders the report of a night as one HTML page that works without a network, in the look of the map page."""

from datetime import datetime
from pathlib import Path

from schemas.night_report import SiteReport
from storage.exports.pages.clock import Clock
from storage.exports.pages.page import write_page
from storage.exports.pages.plots import Plots
from storage.exports.report_page.charts import cost_chart, footage_chart, hour_charts

__all__ = ["render_report"]

_HERE = Path(__file__).parent


def render_report(report: SiteReport, target: Path, now: datetime) -> None:
    """Writes the page; the same arguments give the same bytes.

    Args:
        report: what it says.
        target: the page; replaced if it exists.
        now: aware time of creation, shown on the page.

    Raises:
        StoreFull: no space is left.
    """
    plots, clock = Plots(), Clock(report.timezone)
    if any(camera.spans for camera in report.coverage):
        plots.add("footage", footage_chart(plots, report, clock))
    charts = hour_charts(plots, report, clock)
    if report.costs:
        plots.add("costs", cost_chart(plots, report))
    judged = [hour for hour in report.hours if hour.verdict != "unknown"]
    write_page(
        target,
        _HERE / "page.html",
        (),
        plots,
        report=report,
        night=datetime.fromisoformat(report.date).strftime("%A %-d %B %Y"),
        made=clock.text(round(now.timestamp() * 1e6), "%Y-%m-%d %H:%M"),
        charts=charts,
        recorded_s=sum(camera.recorded_s for camera in report.coverage),
        lost_s=sum(camera.lost_s for camera in report.coverage),
        busiest=max(report.places, key=lambda place: (place.place != "view", place.people), default=None),
        judged=len(judged),
        worker_s=sum(cost.worker_s for cost in report.costs),
    )
