import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyproj import Transformer
from shapely.geometry import LineString, Polygon, box

from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from storage.exports.map_page import render_map
from storage.site.file import SiteFiles, cameras_table, load_site, write_new_site

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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_new_site(tmp_path, "Dam", "EPSG:28992", "Europe/Amsterdam")
    return tmp_path


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


def test_the_page_asks_for_nothing_from_outside(root: Path) -> None:
    page = draw(with_camera(root), walk("t1", [0, 1], [0, 1]), [zone("hall", box(X, Y, X + 5, Y + 5))])
    for way_out in (
        r"https?:",
        r"\bsrc\s*=",
        r"@import",
        r"\burl\(",
        r"\bimport\b",
        r"\bfetch\(",
        r"XMLHttp",
        r"//\w+\.",
    ):
        assert not re.search(way_out, page.source), way_out
    assert not [tag for tag, _ in page.tags if tag in ("link", "img", "iframe", "object", "base")]
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy is not None and policy.startswith("default-src 'none'")


def test_names_stay_text(root: Path) -> None:
    hostile = "</script><b>&amp;"
    positions = walk(hostile, [0, 1], [0, 1])
    clean = draw(with_camera(root), walk("t1", [0, 1], [0, 1]), [zone("hall", box(X, Y, X + 5, Y + 5))])
    text = (root / "site.toml").read_text().replace('"Gate"', json.dumps(hostile)).replace('"Dam"', json.dumps(hostile))
    (root / "site.toml").write_text(text)
    page = draw(
        load_site(root), positions, [zone(hostile, box(X, Y, X + 5, Y + 5)), zone(hostile, box(0, 0, 9, 9), "pixel")]
    )
    assert [tag for tag, _ in page.tags if tag != "li"] == [tag for tag, _ in clean.tags if tag != "li"]
    assert page.scene["cameras"][0]["name"] == hostile
    assert page.scene["tracks"][0]["id"] == hostile
    assert page.scene["features"][0]["id"] == hostile
    assert f"they are in a camera's pixels: {hostile}" in page.words


def test_a_track_comes_back_to_the_centimetre(root: Path) -> None:
    east, north = [0.0, 0.42, -1.37], [10.0, 10.5, 12.34]
    scene = draw(with_camera(root), walk("t1", east, north, fps=2)).scene
    (track,) = scene["tracks"]
    west_m, south_m = scene["origin"]
    assert [west_m + x / 100 - X for x in accumulate(track["x"])] == pytest.approx(east, abs=0.0051)
    assert [south_m + y / 100 - Y for y in accumulate(track["y"])] == pytest.approx(north, abs=0.0051)
    assert list(accumulate(track["t"])) == [0, 50, 100]
    assert track["v"] == [125, -1, -1]
    assert scene["start_ms"] == START.timestamp() * 1000


def test_a_fast_camera_is_thinned_to_five_points_a_second_and_both_ends(root: Path) -> None:
    scene = draw(with_camera(root), walk("t1", np.linspace(0, 9, 251).tolist(), [0.0] * 251, fps=25)).scene
    times = list(accumulate(scene["tracks"][0]["t"]))
    assert times == [*range(0, 1001, 20)]
    assert scene["of_points"] == 251


def test_too_many_tracks_are_spread_over_time_and_said(root: Path) -> None:
    tables = [walk(f"t{number}", [0, 1], [0, number], after_s=60 * number) for number in range(9)]
    page = draw(with_camera(root), pa.concat_tables(tables[::-1]), max_tracks=3)
    assert [track["id"] for track in page.scene["tracks"]] == ["t0", "t4", "t8"]
    assert "3 of 9 tracks" in page.words
    assert "Left out: 6 tracks" in page.words


def test_density_holds_all_the_time_spent_and_where(root: Path) -> None:
    standing = walk("t1", [0.25] * 101, [3.25] * 101)
    passing = walk("t2", np.linspace(0.1, 9.9, 50).tolist(), [0.25] * 50, after_s=100)
    grid = draw(with_camera(root), pa.concat_tables([standing, passing])).scene
    density = grid["density"]
    cells = dict(zip(density["cells"][::2], density["cells"][1::2], strict=True))
    seconds = {cell: tenths / 10 * density["cell_m"] ** 2 for cell, tenths in cells.items()}
    assert sum(seconds.values()) == pytest.approx(10 + 4.9, abs=0.3)
    fullest = max(seconds, key=lambda cell: seconds[cell])
    assert seconds[fullest] == pytest.approx(10, abs=0.05)
    column, row = fullest % density["columns"], fullest // density["columns"]
    west = grid["origin"][0] + density["x"] + column * density["cell_m"]
    south = grid["origin"][1] + density["y"] + row * density["cell_m"]
    assert west <= X + 0.25 < west + density["cell_m"]
    assert south <= Y + 3.25 < south + density["cell_m"]


def test_a_gap_in_the_footage_is_no_time_spent(root: Path) -> None:
    density = draw(with_camera(root), walk("t1", [0, 1, 2], [0, 0, 0], fps=0.01)).scene["density"]
    assert density["cells"] == []


def test_positions_that_fly_off_do_not_shrink_the_map(root: Path) -> None:
    east = [*np.linspace(0, 10, 999).tolist(), 50_000.0]
    page = draw(with_camera(root), walk("t1", east, [0.0] * 1000))
    west_m, _, east_m, _ = page.scene["extent"]
    assert 10 <= east_m - west_m < 16
    assert "Left out of density: 1 positions far" in page.words


def test_longitude_and_latitude_under_the_cursor_agree_with_pyproj(root: Path) -> None:
    scene = draw(with_camera(root), walk("t1", [0, 2000], [0, 1500])).scene
    fitted, (west, south) = scene["lonlat"], scene["origin"]
    to_lonlat = Transformer.from_crs("EPSG:28992", "OGC:CRS84", always_xy=True)
    for x, y in ((X, Y), (X + 2000, Y + 1500), (X - 500, Y + 800)):
        u, v = (x - west - fitted["x"]) / fitted["half"], (y - south - fitted["y"]) / fitted["half"]
        terms = np.array([1, u, v, u * u, u * v, v * v])
        assert (terms @ fitted["lon"], terms @ fitted["lat"]) == pytest.approx(to_lonlat.transform(x, y), abs=2e-7)


def test_zones_keep_their_holes_and_lines_their_direction(root: Path) -> None:
    ring = Polygon(box(X, Y, X + 9, Y + 9).exterior, [box(X + 3, Y + 3, X + 6, Y + 6).exterior])
    line = LineString([(X, Y), (X + 4, Y), (X + 4, Y + 2)])
    scene = draw(
        with_camera(root), None, [zone("ring", ring), zone("door", line), zone("px", box(0, 0, 9, 9), "pixel")]
    ).scene
    shapes = {feature["id"]: feature for feature in scene["features"]}
    assert sorted(shapes) == ["door", "ring"]
    assert [len(part) for part in shapes["ring"]["parts"]] == [10, 10]
    assert shapes["door"]["parts"] == [[0, 0, 400, 0, 400, 200]]
    assert shapes["ring"]["corner"] == [0, 900]


def test_the_view_of_a_camera_is_the_hull_of_its_positions(root: Path) -> None:
    (camera,) = draw(with_camera(root), walk("t1", [0, 4, 4, 0, 2], [1, 1, 5, 5, 3])).scene["cameras"]
    corners = set(zip(camera["hull"][::2], camera["hull"][1::2], strict=True))
    assert corners == {(0, 100), (400, 100), (400, 500), (0, 500)}
    assert camera["place"] == [0, 0]


def test_the_table_of_zones_weighs_bins_by_what_was_observed(root: Path) -> None:
    bins = {
        "camera": ["gate"] * 2, "zone": ["hall"] * 2, "label": ["person"] * 2, "bin_s": [60.0] * 2,
        "bin_start": [START, START + timedelta(minutes=1)], "observed_s": [60.0, 20.0], "mean_count": [1.0, 3.0],
        "max_count": [2, 4], "distinct_tracks": [2, 4], "dwell_s": [60.0, 60.0],
    }  # fmt: skip
    words = draw(with_camera(root), counts=TABLES["counts"].conform(bins)).words
    assert "hall gate person 1.50 4 0:02:00" in words


def test_a_site_with_nothing_says_so(root: Path) -> None:
    page = draw(load_site(root))
    assert page.scene["empty"]
    for said in ("Nothing to draw yet", "no positions yet", "no cameras yet", "made 2026-03-03 07:00"):
        assert said in page.words


def test_a_camera_without_a_place_is_named(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text() + '\n[[cameras]]\nid = "dock"\n')
    page = draw(load_site(root))
    assert "gives no position: dock" in page.words
    assert page.scene["cameras"][0]["place"] is None


def test_rows_in_any_order_give_the_same_bytes(root: Path) -> None:
    site = with_camera(root)
    positions = pa.concat_tables([walk("b", [0, 1, 2], [0, 1, 2]), walk("a", [5, 6, 7], [0, 1, 0])])
    first = draw(site, positions).source
    assert draw(site, positions).source == first
    assert draw(site, positions.take(pa.array([5, 2, 0, 3, 1, 4]))).source == first
