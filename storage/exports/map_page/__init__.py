"""Renders the site as one HTML page that works without a network: layers, cameras, tracks and density.

``scene`` builds the data, ``trajectories`` prepares positions. ``page.html`` includes ``map.css``, ``map.js``, which
draws, and ``controls.js``, which handles pointer, keys and panel.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from schemas.values import Feature, FeatureKind
from storage.exports.map_page.scene import MAX_ZONE_ROWS, build_scene, placed_cameras, zone_rows
from storage.files import write_atomic
from storage.site.file import SiteFiles

__all__ = ["render_map"]

_HERE = Path(__file__).parent
_SCRIPT_ENDERS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}


def render_map(
    site: SiteFiles,
    features: Sequence[Feature],
    cameras: pa.Table,
    positions: pa.Table,
    counts: pa.Table | None,
    target: Path,
    now: datetime,
    max_tracks: int = 2000,
) -> None:
    """Writes the map page; the same arguments give the same bytes.

    Args:
        site: the site; the map uses its CRS and time zone.
        features: of all layers; zones and lines in pixels of a camera are named on the page but not drawn.
        cameras: the table ``cameras``.
        positions: the table ``positions``.
        counts: the table ``counts``, for the page's table of zones; None leaves that out.
        target: the page; replaced if it exists.
        now: aware time of creation, shown on the page.
        max_tracks: most tracks to draw; of more, some evenly spread over time.

    Raises:
        StoreFull: no space is left.
    """
    scene = build_scene(site, features, cameras, positions, max_tracks)
    placed = placed_cameras(cameras)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_text("page.html")).render(
        site=site.config,
        drawn=scene,
        made=now.astimezone(ZoneInfo(site.config.timezone)).strftime("%Y-%m-%d %H:%M"),
        zones=zone_rows(counts) if counts is not None else [],
        max_zones=MAX_ZONE_ROWS,
        unplaced=[camera for camera in cameras["camera"].to_pylist() if camera not in placed],
        pixel_features=[
            feature.feature_id
            for feature in features
            if feature.space == "pixel" and feature.kind is not FeatureKind.REFERENCE
        ],
        style=Markup(_text("map.css")),
        map_script=Markup(_text("map.js")),
        controls_script=Markup(_text("controls.js")),
        scene=_as_script(scene),
    )
    write_atomic(target, page.encode("utf-8", "replace"))


def _as_script(scene: Mapping[str, object]) -> Markup:
    """Returns JSON for a script element, with ``<``, ``>`` and ``&`` escaped so that no text can end the element."""
    return Markup(json.dumps(scene, separators=(",", ":"), allow_nan=False).translate(_SCRIPT_ENDERS))


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
