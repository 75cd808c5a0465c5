"""The map page in a browser, used as a person uses it: every switch, the time, clicks, the wheel and a drag."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shapely.geometry import box

from storage.site.file import write_new_site
from tests.storage.exports.map_page.drawn import X, Y, draw, with_camera, zone
from tests.storage.exports.test_map_page import CROSSINGS, DOOR, EARLY_AND_LATE, HALL
from tests.support.browser import Tab, needs_browser, opened

pytestmark = needs_browser
PIXEL = """(([x, y], plot) => {
  const view = Bokeh.index.find_one_by_id(plot.id), box = view.el.getBoundingClientRect();
  return [box.left + view.frame.x_scale.compute(x), box.top + view.frame.y_scale.compute(y)];
})"""
"""Pixels of the window of a place in a plot."""
BOXES = """(() => {
  const [view, bar] = ["map", "scale"].map((name) => Bokeh.index.find_one_by_id(plots.model(name).id));
  const labels = plots.model("labels"), [x, y, text] = ["x", "y", "text"].map((name) => [...labels.get_column(name)]);
  const box = ({ x0, y0, x1, y1 }) => [x0, y0, x1, y1];
  brush.font = "bold 12px system-ui, sans-serif";
  return [box(bar.bbox), ...text.map((each, i) => {
    const [left, middle] = [view.frame.x_scale.compute(x[i]), view.frame.y_scale.compute(y[i])];
    return [left, middle - 7, left + brush.measureText(each).width, middle + 7];
  })];
})()"""
"""Pixels of the scale bar and of all names on the map: west, north, east, south."""


RESET = """(() => {
  const boxes = [...shown.values()].filter((each) => each.checked !== each.defaultChecked);
  play(false);
  chosen = -1;
  showPath();
  boxes.forEach((each) => each.click());
  $("length").value = "all";
  setTime(0, span);
  fit(plots.model("map"), scene.extent);
  scrollTo(0, 0);
})()"""
"""Shows what the page shows as it is opened: all tests use it in one tab."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two people, a zone and a line, and of many small zones side by side."""
    root = tmp_path_factory.mktemp("driven")
    write_new_site(root, "Dam", "EPSG:28992", "Europe/Amsterdam")
    stalls = [zone(f"stall {number}", box(X + number, Y - 7, X + number + 0.8, Y - 6)) for number in range(8)]
    return draw(with_camera(root), EARLY_AND_LATE, [HALL, DOOR, *stalls], events=CROSSINGS).path


@pytest.fixture(scope="module")
def opened_once(page: Path) -> Iterator[Tab]:
    with opened(page) as tab:
        yield tab


@pytest.fixture
def tab(opened_once: Tab) -> Iterator[Tab]:
    """The page in a browser; whatever a test does, nothing may be written to the console."""
    yield opened_once
    assert opened_once.console == ()
    opened_once.value(RESET)


def frames(tab: Tab) -> None:
    """Waits until the browser has drawn twice: columns are set with the next frame."""
    tab.value(
        "(window.drawnFrames = 0, requestAnimationFrame(() => requestAnimationFrame(() => { drawnFrames = 2; })))"
    )
    tab.wait_for("drawnFrames === 2")


def test_every_layer_is_switched_off_and_on(tab: Tab) -> None:
    layers = tab.value("[...document.querySelectorAll('.layers input:enabled')].map((each) => each.value)")
    assert layers == ["density", "zones", "lines", "tracks", "points", "crossings", "cameras"]
    for layer in layers:
        shown = f"plots.models('layer-{layer}').map((each) => each.visible)"
        before = tab.value(shown)
        assert before and len({*before}) == 1
        tab.click(f".layers input[value={layer}]")
        assert tab.value(shown) == [not before[0]]
    assert tab.root("labels") == ""
    tab.click(".layers input[value=zones]")
    assert "hall" in tab.root("labels").split("|") and "door" not in tab.root("labels")


def test_the_time_plays_and_pauses_and_the_slider_and_the_strip_move_it(tab: Tab) -> None:
    assert tab.value("document.getElementById('at').disabled"), "the whole period has nowhere to slide"
    tab.click("#play")
    assert tab.text("play").endswith("Pause")
    tab.wait_for("+document.getElementById('at').value > 0")
    tab.click("#play")
    assert tab.text("play").endswith("Play")
    frames(tab)
    paused = tab.text("window")
    frames(tab)
    assert tab.text("window") == paused
    tab.value("document.getElementById('length').focus()")
    tab.press("ArrowDown", 40)
    assert tab.value("document.getElementById('length').selectedOptions[0].textContent") == "30 seconds"
    tab.value("document.getElementById('at').focus()")
    tab.press("Home", 36)
    assert (tab.text("window"), tab.text("sum-tracks")) == ("21:00:00 – 21:00:30", "1")
    tab.press("End", 35)
    assert (tab.text("window"), tab.text("sum-tracks")) == ("21:01:39 – 21:02:09", "1")
    frames(tab)
    tab.value("document.getElementById('strip').scrollIntoView({ block: 'center', behavior: 'instant' })")
    at = f"{PIXEL}([scene.start_ms + time.from + 15000, 0.5], plots.model('strip'))"
    start = tab.value(at)
    tab.drag(start, (start[0] - 200, start[1]))
    tab.wait_for("time.to < span - 1000")
    assert tab.value("Math.round(time.to - time.from)") == 30_000


def test_a_click_on_a_track_shows_its_path_and_a_button_all_again(tab: Tab) -> None:
    tab.click_at(*tab.value(f"{PIXEL}([points.x[15], points.y[15]], plots.model('map'))"))
    tab.wait_for("!document.getElementById('path').hidden")
    assert tab.text("path").endswith("trackearly") and "walked5.9 m" in tab.text("path")
    tab.wait_for("plots.model('tracks').get_column('label').length === 1")
    tab.click("#unselect")
    tab.wait_for("plots.model('tracks').get_column('label').length === 2")
    assert tab.value("document.getElementById('path').hidden")


def test_the_mouse_shows_one_tooltip(tab: Tab) -> None:
    tab.click(".layers input[value=points]")
    frames(tab)
    x, y = tab.value(f"{PIXEL}([points.x[15], points.y[15]], plots.model('map'))")
    tab.mouse("mouseMoved", x + 30, y - 40)
    tab.mouse("mouseMoved", x, y)
    tips = "[...document.querySelectorAll('.bk-Tooltip')]"
    seen = f"{tips}.filter((each) => getComputedStyle(each).visibility === 'visible')"
    tab.wait_for(f"{tips}.length > 1")
    assert tab.value(f"{seen}.length") == 1
    assert "± 0.50 m" in tab.value(f"{seen}[0].shadowRoot.textContent")


def test_names_neither_collide_nor_touch_the_scale_bar(tab: Tab) -> None:
    for zoom in range(4):
        frames(tab)
        boxes = tab.value(BOXES)
        assert len(boxes) > 3
        for number, one in enumerate(boxes):
            for other in boxes[:number]:
                apart = one[2] <= other[0] or one[0] >= other[2] or one[3] <= other[1] or one[1] >= other[3]
                assert apart, (zoom, one, other)
        before = tab.value("plots.model('map').x_range.end")
        tab.mouse("mouseWheel", *tab.value(f"{PIXEL}([4, 0], plots.model('map'))"), deltaX=0, deltaY=100)
        tab.wait_for(f"plots.model('map').x_range.end !== {before}")


def test_light_and_dark_are_switched(tab: Tab) -> None:
    before = tab.root("theme"), tab.value("plots.model('map').background_fill_color")
    tab.click("#theme")
    assert {before[0], tab.root("theme")} == {"light", "dark"}
    assert tab.value("plots.model('map').background_fill_color") != before[1]
