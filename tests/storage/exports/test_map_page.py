import json
import re
from pathlib import Path

from shapely.geometry import box

from storage.site.file import load_site
from tests.storage.exports.map_page.drawn import X, Y, draw, walk, with_camera, zone


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


def test_a_site_with_nothing_says_so(root: Path) -> None:
    page = draw(load_site(root))
    assert page.scene["empty"]
    for said in ("Nothing to draw yet", "no positions yet", "no cameras yet", "made 2026-03-03 07:00"):
        assert said in page.words
