"""Map pages and what they are drawn from, for tests."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from shapely.geometry import LineString

from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from storage.exports.map_page import render_map
from storage.site.file import SiteFiles, cameras_table, load_site

NOW = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)


START = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


X, Y = 121390.0, 487335.0


CAMERA = '\n[[cameras]]\nid = "{id}"\nname = {name}\nposition = [{x}, {y}]\n'


class Page(HTMLParser):
    """What a browser makes of the page: the elements, and the text inside each kind."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, str | None]] = []
        self.text = ""
        self._scene = ""
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == ("script", "scene"):
            self._scene += data
        elif self.open and self.open[-1][0] not in ("script", "style"):
            self.text += data + " "

    @property
    def scene(self) -> Any:
        return json.loads(self._scene)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def with_camera(root: Path, name: str = "Gate") -> SiteFiles:
    path = root / "site.toml"
    path.write_text(path.read_text() + CAMERA.format(id="gate", name=json.dumps(name), x=X, y=Y))
    return load_site(root)


def walk(
    track: str, east_m: Sequence[float], north_m: Sequence[float], fps: float = 10, after_s: float = 0
) -> pa.Table:
    rows = len(east_m)
    steps = [START + timedelta(seconds=after_s + number / fps) for number in range(rows)]
    nothing = np.zeros(rows)
    return TABLES["positions"].conform(
        {
            "camera": ["gate"] * rows,
            "track_id": [track] * rows,
            "time": steps,
            "label": ["person"] * rows,
            "x_m": [X + east for east in east_m],
            "y_m": [Y + north for north in north_m],
            "state": ["observed"] * rows,
            "speed_m_s": [1.25, *[None] * (rows - 1)],
            **dict.fromkeys(("lon", "lat", "var_x_m2", "cov_xy_m2", "var_y_m2"), nothing),
        }
    )


def draw(site: SiteFiles, positions: pa.Table | None = None, features: Sequence[Feature] = (), **more: Any) -> Page:
    target = site.root / "maps" / "map.html"
    positions = TABLES["positions"].empty() if positions is None else positions
    counts = more.pop("counts", None)
    render_map(site, features, cameras_table(site), positions, counts, target, NOW, **more)
    return Page(target)


def zone(feature_id: str, shape: Any, space: Any = "map") -> Feature:
    kind = FeatureKind.LINE if isinstance(shape, LineString) else FeatureKind.ZONE
    return Feature(feature_id, "layer", kind, space, "gate" if space == "pixel" else None, shape)
