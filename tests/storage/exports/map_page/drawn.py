"""Map pages and what they are drawn from, for tests."""

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from shapely.geometry import LineString

from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from storage.exports.map_page import MapTables, render_map
from storage.site.file import SiteFiles, cameras_table, load_site

NOW = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)


START = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


X, Y = 121390.0, 487335.0


CAMERA = '\n[[cameras]]\nid = "{id}"\nname = {name}\nposition = [{x}, {y}]\n'

PEOPLE = ("camera", "zone", "label", "start_us", "length_s", "people", "max_count", "observed_s")
FLOWS = ("camera", "line", "label", "start_us", "length_s", "direction", "crossings")


class Page(HTMLParser):
    """What a browser makes of the page: the elements, the text inside each kind, and the columns of its plots."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, str | None]] = []
        self.text = ""
        self._json: dict[str, str] = {}
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, element = self.open[-1] if self.open else ("", None)
        if tag == "script" and element:
            self._json[element] = self._json.get(element, "") + data
        elif tag not in ("script", "style"):
            self.text += data + " "

    @property
    def scene(self) -> Any:
        return json.loads(self._json["scene"])

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def columns(self, source: str) -> dict[str, Any]:
        """Returns the columns of a source of the plots, by its name."""
        (found,) = (each for each in _objects(json.loads(self._json["plots"])) if each.get("name") == source)
        return {name: _values(column) for name, column in found["data"]["entries"]}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yields the attributes of all of Bokeh's objects."""
    if isinstance(value, dict):
        if value.get("type") == "object":
            yield value.get("attributes", {})
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _objects(each)


def _values(column: Any) -> Any:
    if isinstance(column, dict):
        return np.frombuffer(gzip.decompress(b64decode(column["array"]["data"])), column["dtype"]).tolist()
    return [_values(each) if isinstance(each, list | dict) else each for each in column]


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
            **dict.fromkeys(("lon", "lat"), nothing),
            **dict.fromkeys(("var_x_m2", "cov_xy_m2", "var_y_m2"), nothing + 0.25),
        }
    )


def crossing(track: str, line: str, after_s: float, east_m: float, direction: str = "left_to_right") -> pa.Table:
    row = {
        "camera": ["gate"], "track_id": [track], "label": ["person"], "feature": [line], "kind": ["cross"],
        "time": [START + timedelta(seconds=after_s)], "direction": [direction], "x_m": [X + east_m], "y_m": [Y],
    }  # fmt: skip
    return TABLES["zone_events"].conform(row)


def counted(names: Sequence[str], *rows: Sequence[Any]) -> pa.Table:
    """Returns the tables ``people`` or ``flows`` of a page, by ``PEOPLE`` or ``FLOWS``."""
    return pa.table({name: [row[column] for row in rows] for column, name in enumerate(names)})


def draw(site: SiteFiles, positions: pa.Table | None = None, features: Sequence[Feature] = (), **more: Any) -> Page:
    target = site.root / "maps" / "map.html"
    step = more.pop("step", "minute")
    given = {name: more.pop(name) for name in ("events", "counts", "people", "flows", "interactions") if name in more}
    empty = {
        "events": TABLES["zone_events"].empty(),
        "interactions": TABLES["interactions"].empty(),
        "counts": TABLES["counts"].empty(),
        "people": counted(PEOPLE),
        "flows": counted(FLOWS),
    }
    positions = TABLES["positions"].empty() if positions is None else positions
    tables = MapTables(cameras=cameras_table(site), positions=positions, step=step, **{**empty, **given})
    size = render_map(site, features, more.pop("pictures", ()), tables, target, NOW, **more)
    assert size == target.stat().st_size
    return Page(target)


def zone(feature_id: str, shape: Any, space: Any = "map") -> Feature:
    kind = FeatureKind.LINE if isinstance(shape, LineString) else FeatureKind.ZONE
    return Feature(feature_id, "layer", kind, space, "gate" if space == "pixel" else None, shape)
