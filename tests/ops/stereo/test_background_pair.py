"""Which backgrounds of a pair are matched: of one time and one light, of whatever size; else a network or nothing."""

from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pyarrow as pa
import pytest

import ops.stereo.background_pair
from ops.depth_map import DepthMap, DepthMapParams
from ops.depth_models.kinds import MetricDepth
from ops.depth_models.rows import STEREO, unpack_depth
from schemas.errors import ModelError, SiteError
from schemas.op import Tables
from schemas.stereo import StereoPair, StereoView
from schemas.values import Uint8
from tests.ops.test_depth_map import HEIGHT, WIDTH, make_backgrounds, model, segments_of
from tests.ops.walkabout import street
from tests.support.fakes import FakeServices, make_unit

__all__ = ["model"]  # a fixture

PAIR = StereoPair.parallel((WIDTH, HEIGHT), 100.0, 0.3)
GREY = cv2.cvtColor(cv2.cvtColor(street(), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def backgrounds_of(pictures: list[Uint8], later_s: float = 0.0, **given: list) -> pa.Table:
    """Backgrounds of the other camera, whose segments are not those of the first one."""
    table = make_backgrounds(pictures, **given)
    moved = {
        name: [each + timedelta(seconds=later_s) for each in table[name].to_pylist()]
        for name in ("segment_start", "segment_end")
    }
    moved["segment_id"] = [f"other{number}" for number in range(len(pictures))]
    for name, values in moved.items():
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), [values])
    return table


@pytest.fixture
def matched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Uint8, Uint8, str]]:
    """Pictures that the op matches, left and right, and whose depth it wants; all depths are 5 m."""
    seen: list[tuple[Uint8, Uint8, str]] = []

    def depth(pair: StereoPair, left: Uint8, right: Uint8, _nearest_m: float, side: str) -> MetricDepth:
        seen.append((left, right, side))
        return MetricDepth(np.full(pair.size_px[::-1], 5.0, np.float32))

    monkeypatch.setattr(ops.stereo.background_pair, "stereo_depth", depth)
    return seen


def run(
    own: pa.Table, other: pa.Table, stereo: StereoView, op: DepthMap | None = None
) -> tuple[list[dict], FakeServices]:
    unit = replace(make_unit(segments_of(own.num_rows), unit="day"), stereo=stereo)
    services = FakeServices()
    tables: Tables = (op or DepthMap()).run(unit, {"backgrounds": own, "stereo.backgrounds": other}, services)
    return tables["depth_maps"].to_pylist(), services


LEFT = StereoView(PAIR, "left", "cam2")
BRIGHT = np.clip(street().astype(np.int16) + 20, 0, 255).astype(np.uint8)


def test_backgrounds_of_one_time_and_one_light_that_show_most(matched: list) -> None:
    own = make_backgrounds([street(), street(), GREY, street()], unknown=[0.2, 0.1, 0.0, 0.3])
    other = backgrounds_of([street(), BRIGHT, street(), street()], 1.0, unknown=[0.0, 0.05, 0.0, 0.0])
    rows, services = run(own, other, LEFT)
    assert [(row["model"], row["kind"], row["focal_px"]) for row in rows] == [(STEREO, "metric", 100.0)]
    assert services.counters == {"stereo_depths": 1}
    ((left, right, side),) = matched
    assert side == "left" and np.array_equal(left, street()) and np.array_equal(right, BRIGHT)
    assert rows[0]["segment_id"] == segments_of(4)[1].segment_id
    assert (unpack_depth(rows[0]).values == 5).all()


def test_the_right_camera_has_its_own_depth(matched: list) -> None:
    run(make_backgrounds([street()] * 2), backgrounds_of([BRIGHT] * 2), replace(LEFT, side="right"))
    ((left, right, side),) = matched
    assert side == "right" and np.array_equal(left, BRIGHT) and np.array_equal(right, street())


def test_frames_of_another_size_and_the_same_aspect_are_scaled(matched: list) -> None:
    double = replace(LEFT, pair=StereoPair.parallel((2 * WIDTH, 2 * HEIGHT), 240.0, 0.3))
    rows, _ = run(make_backgrounds([street()] * 2), backgrounds_of([street()] * 2), double)
    assert matched[0][0].shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert (rows[0]["source_width"], rows[0]["focal_px"]) == (WIDTH, 120.0)
    wide = replace(LEFT, pair=StereoPair.parallel((2 * WIDTH, HEIGHT), 240.0, 0.3))
    with pytest.raises(SiteError, match=rf"camera cam1 records {WIDTH} x {HEIGHT} pixels, .* another aspect"):
        run(make_backgrounds([street()] * 2), backgrounds_of([street()] * 2), wide)


def test_what_the_background_does_not_know_has_no_depth(matched: list) -> None:
    own = make_backgrounds([street()] * 2)
    hidden = np.zeros((HEIGHT, WIDTH), np.uint8)
    hidden[:, : WIDTH // 4] = 255
    column = [cv2.imencode(".png", hidden)[1].tobytes()] * 2
    at = own.schema.get_field_index("small_unknown_png")
    rows, _ = run(own.set_column(at, own.schema.field(at), [column]), backgrounds_of([street()] * 2), LEFT)
    assert rows[0]["unknown_share"] == pytest.approx(0.25, abs=0.02) and len(matched) == 1


@pytest.mark.usefixtures("matched")
def test_without_the_other_camera_at_that_time_the_network_is_asked_if_there_is_one(model) -> None:
    own, apart = make_backgrounds([street()] * 2), backgrounds_of([street()] * 2, 86_400.0)
    for other in (apart, apart.slice(0, 0)):
        assert run(own, other, LEFT)[0] == []
        op = DepthMap(DepthMapParams(model="mine"))
        op.open({"depth": model}, 1)
        rows, services = run(own, other, LEFT, op)
        op.close()
        assert [row["model"] for row in rows] == ["mine"] and services.counters == {"depth_calls": 1}


def test_pictures_that_match_by_chance_only_have_no_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = MetricDepth(np.full((HEIGHT, WIDTH), np.nan, np.float32))
    monkeypatch.setattr(ops.stereo.background_pair, "stereo_depth", lambda *_: nothing)
    assert run(make_backgrounds([street()] * 2), backgrounds_of([street()] * 2), LEFT)[0] == []


def test_weights_cannot_be_taken_for_a_stereo_pair(model) -> None:
    with pytest.raises(ModelError, match="would look like stereo pairs"):
        DepthMap(DepthMapParams(model="stereo")).open({"depth": replace(model, name=STEREO)}, 1)
