"""Renders the site as one HTML page that works without a network: a map over time, and charts and tables of counts.

``scene`` collects what is shown, ``figure`` and ``charts`` draw it with Bokeh, ``trajectories`` and ``references`` thin
it out. ``map.js`` shows the time that is chosen, ``labels.js`` names places without collisions.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from schemas.values import Feature
from storage.exports.map_page.places import MAX_ROWS, line_rows, zone_rows
from storage.exports.map_page.scene import build_scene
from storage.exports.map_page.tables import MapTables
from storage.exports.pages.clock import Clock
from storage.exports.pages.page import write_page
from storage.exports.pages.plots import Plots, as_script
from storage.site.file import SiteFiles
from storage.site.pictures import Picture

__all__ = ["MapTables", "render_map"]

_HERE = Path(__file__).parent


def render_map(
    site: SiteFiles,
    features: Sequence[Feature],
    pictures: Sequence[Picture],
    tables: MapTables,
    target: Path,
    now: datetime,
    max_tracks: int = 5000,
) -> int:
    """Writes the map page, and returns its size in bytes; the same arguments give the same bytes.

    Args:
        site: the site; the map uses its CRS and time zone.
        features: of all layers; zones and lines in pixels of a camera are named on the page but not drawn.
        pictures: of the ground, the lowest first.
        tables: what the page shows.
        target: the page; replaced if it exists.
        now: aware time of creation, shown on the page.
        max_tracks: most tracks to draw; of more, some evenly spread over time.

    Raises:
        StoreFull: no space is left.
    """
    plots = Plots()
    scene = build_scene(plots, site, features, pictures, tables, max_tracks)
    zones, lines = zone_rows(tables.counts), line_rows(tables)
    return write_page(
        target,
        _HERE / "page.html",
        (_HERE / "labels.js", _HERE / "map.js"),
        plots,
        site=site.config,
        facts=scene["facts"],
        scene=as_script(scene["data"]),
        made=Clock(site.config.timezone).text(round(now.timestamp() * 1e6), "%Y-%m-%d %H:%M"),
        zones=zones[:MAX_ROWS],
        lines=lines[:MAX_ROWS],
        left_out=max(len(zones) - MAX_ROWS, 0) + max(len(lines) - MAX_ROWS, 0),
        step=tables.step,
    )
