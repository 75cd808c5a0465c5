import json
import re
from pathlib import Path

import pyarrow as pa
from shapely.geometry import LineString, box

from storage.site.file import load_site
from tests.storage.exports.map_page.drawn import START, X, Y, crossing, draw, walk, with_camera, zone
from tests.support.browser import needs_browser, opened

HALL = zone("hall", box(X, Y - 5, X + 8, Y + 5))
DOOR = zone("door", LineString([(X + 2, Y - 2), (X + 2, Y + 2)]))
EARLY_AND_LATE = pa.concat_tables(
    [
        walk("early", [float(step) / 10 for step in range(60)], [0.0] * 60),
        walk("late", [6.0] * 300, [3.0] * 300, after_s=100),
    ]
)
CROSSINGS = pa.concat_tables([crossing("early", "door", 2, 2.0), crossing("late", "door", 101, 2.0)])


def test_the_page_asks_for_nothing_from_outside(root: Path) -> None:
    page = draw(with_camera(root), walk("t1", [0, 1], [0, 1]), [HALL])
    assert not [tag for tag, _ in page.tags if tag in ("link", "img", "iframe", "object", "base")]
    assert not [attrs for tag, attrs in page.tags if tag == "script" and "src" in attrs]
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy is not None and policy.startswith("default-src 'none'")
    assert not re.search(r"https?:|unsafe-eval|connect-src", policy), "a browser refuses what a script might ask for"


def test_names_stay_text(root: Path) -> None:
    hostile = "</script><b>&amp;"
    positions = walk(hostile, [0, 1], [0, 1])
    clean = draw(with_camera(root), walk("t1", [0, 1], [0, 1]), [HALL])
    text = (root / "site.toml").read_text().replace('"Gate"', json.dumps(hostile)).replace('"Dam"', json.dumps(hostile))
    (root / "site.toml").write_text(text)
    page = draw(
        load_site(root), positions, [zone(hostile, box(X, Y, X + 5, Y + 5)), zone(hostile, box(0, 0, 9, 9), "pixel")]
    )
    assert [tag for tag, _ in page.tags if tag not in ("li", "small")] == [
        tag for tag, _ in clean.tags if tag not in ("li", "small")
    ]
    assert page.scene["cameras"][0]["name"] == hostile
    assert page.scene["tracks"]["id"] == [hostile]
    assert page.columns("zones")["name"] == [hostile]
    assert f"they are in a camera's pixels: {hostile}" in page.words


def test_a_site_with_nothing_says_so(root: Path) -> None:
    page = draw(load_site(root))
    for said in ("Nothing to draw yet", "There are no positions", "no cameras yet", "made 2026-03-03 07:00"):
        assert said in page.words
    assert "pseudonymous" not in page.words


def test_the_page_says_what_its_tracks_are(root: Path) -> None:
    assert "Tracks and positions are pseudonymous" in draw(with_camera(root), walk("t1", [0, 1], [0, 1])).words


@needs_browser
def test_all_layers_and_figures_obey_the_time_in_a_browser(root: Path) -> None:
    page = draw(with_camera(root), EARLY_AND_LATE, [HALL, DOOR], events=CROSSINGS)
    with opened(page.path) as whole:
        assert (whole.text("sum-tracks"), whole.text("sum-crossings")) == ("2", "2")
        assert whole.root("labels").split("|") == ["door", "hall", "Gate"]
        assert whole.console == ()
    with opened(page.path, "from=110&to=114&theme=dark&track=1&layers=tracks,lines,density") as late:
        assert late.root("theme") == "dark"
        assert (late.text("sum-tracks"), late.text("sum-crossings")) == ("1", "0")
        assert late.text("window") == "21:01:50 – 21:01:54", START
        assert late.root("labels") == "door", "names of hidden layers are hidden"
        assert late.text("top") == "≥ 64 s/m²", "4 s of one person in a cell of 0.25 m x 0.25 m"
        assert late.console == ()


@needs_browser
def test_a_page_with_nothing_runs_without_an_error(root: Path) -> None:
    with opened(draw(load_site(root)).path) as tab:
        assert tab.console == ()
