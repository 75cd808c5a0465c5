"""One depth map a view: how often the network looks, at which background, and what the row says."""

import cv2
import numpy as np
import pytest

from ops.depth_map import DepthMap, DepthMapParams
from ops.depth_models.kinds import RelativeDepth
from ops.depth_models.rows import unpack_depth
from schemas.errors import ModelError
from schemas.tables import TABLES
from schemas.values import Uint8
from tests.ops.depth_models.models import PLAIN, described
from tests.ops.onnx_file import write_depth_onnx
from tests.ops.walkabout import street
from tests.support.fakes import FakeServices, make_segment, make_unit

HEIGHT, WIDTH = street().shape[:2]


def png(picture: Uint8) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def segments_of(count: int):
    return [make_segment(number, size_px=(WIDTH, HEIGHT)) for number in range(count)]


def make_backgrounds(pictures, unknown=(), samples=()):
    segments = segments_of(len(pictures))
    unknown, samples = unknown or [0.0] * len(pictures), samples or [40] * len(pictures)
    clear = png(np.zeros((HEIGHT, WIDTH), np.uint8))
    rows = [
        {
            **{"camera": "cam1", "segment_id": segment.segment_id, "width": WIDTH, "height": HEIGHT, "noise": 1.0},
            **{"png": png(picture), "unknown_png": clear, "doubtful_png": clear, "samples": count, "span_s": 60.0},
            **{"segment_start": segment.start, "segment_end": segment.end, "unknown_share": share, "steadied": False},
            **{"small_png": png(picture), "small_unknown_png": clear, "reference_time": None},
        }
        for segment, picture, share, count in zip(segments, pictures, unknown, samples, strict=True)
    ]
    return TABLES["backgrounds"].conform({name: [row[name] for row in rows] for name in rows[0]})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = write_depth_onnx(tmp_path_factory.mktemp("depth") / "mine.onnx", ("height", "width"))
    return described(path, "onnx", input_px=(WIDTH, HEIGHT), multiple_px=1, **PLAIN)


def run(model, backgrounds, count, **params):
    op = DepthMap(DepthMapParams(model="mine", **params))
    op.open({"depth": model}, 1)
    services = FakeServices()
    tables = op.run(make_unit(segments_of(count), unit="day"), {"backgrounds": backgrounds}, services)
    op.close()
    return tables["depth_maps"], services.counters["depth_calls"]


def test_off_unless_a_model_is_named():
    assert not DepthMap().enabled
    assert DepthMap().model_requests == {}
    op = DepthMap(DepthMapParams(model="mine"))
    assert op.enabled
    request = op.model_requests["depth"]
    assert (request.name, request.task, request.required) == ("mine", "depth", True)


def test_a_view_of_many_segments_is_looked_at_once(model):
    table, calls = run(model, make_backgrounds([street()] * 20), 20)
    (row,) = table.to_pylist()
    segments = segments_of(20)
    assert calls == 1
    assert (row["camera"], row["view"], row["model"], row["kind"]) == ("cam1", 0, "mine", "relative")
    assert (row["start_time"], row["end_time"]) == (segments[0].start, segments[-1].end)
    assert (row["source_width"], row["source_height"], row["focal_px"]) == (WIDTH, HEIGHT, None)
    depth = unpack_depth(row)
    assert isinstance(depth, RelativeDepth)
    assert depth.values == pytest.approx(street().mean(axis=2) / 255, abs=1e-2)
    again, _ = run(model, make_backgrounds([street()] * 20), 20)
    assert again.equals(table)


def test_a_view_that_moves_is_looked_at_again(model):
    other = np.roll(street(), 40, axis=1)
    table, calls = run(model, make_backgrounds([street()] * 3 + [other] * 4), 7)
    segments = segments_of(7)
    assert calls == 2
    assert table["view"].to_pylist() == [0, 1]
    assert table["start_time"].to_pylist() == [segments[0].start, segments[3].start]
    assert table["end_time"].to_pylist() == [segments[2].end, segments[6].end]


def test_another_light_is_the_same_view_and_colours_go_before_infrared(model):
    night = cv2.cvtColor(cv2.cvtColor(street(), cv2.COLOR_BGR2GRAY) // 2, cv2.COLOR_GRAY2BGR)
    pictures = [night, night, street(), street(), night]
    table, calls = run(model, make_backgrounds(pictures, unknown=[0.0, 0.0, 0.2, 0.1, 0.0]), 5)
    assert calls == 1
    assert table["segment_id"].to_pylist() == [segments_of(5)[3].segment_id]
    table, _ = run(model, make_backgrounds([night] * 3), 3)
    assert table.num_rows == 1, "a camera that has no colours"


def test_the_background_that_shows_most_is_taken(model):
    unknown, samples = [0.3, 0.0, 0.0, 0.0], [90, 20, 40, 40]
    table, _ = run(model, make_backgrounds([street()] * 4, unknown, samples), 4)
    assert table["segment_id"].to_pylist() == [segments_of(4)[2].segment_id]


def test_wide_maps_are_stored_smaller(model):
    (row,) = run(model, make_backgrounds([street()] * 2), 2, max_width_px=20)[0].to_pylist()
    assert (row["width"], row["source_width"]) == (20, WIDTH)


def test_a_camera_without_backgrounds_or_with_darkness_only_has_no_map(model):
    assert run(model, TABLES["backgrounds"].empty(), 3)[0].num_rows == 0
    assert run(model, make_backgrounds([np.zeros_like(street())] * 2), 2)[0].num_rows == 0


def test_without_a_model_there_is_no_map(model):
    op = DepthMap(DepthMapParams(model="mine"))
    with pytest.raises(ModelError, match="weights 'mine' for depth are missing"):
        op.open({}, 1)
    with pytest.raises(ModelError, match="not opened"):
        op.run(make_unit(segments_of(2)), {"backgrounds": make_backgrounds([street()] * 2)}, FakeServices())
