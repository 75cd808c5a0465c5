"""Joints of people near things: whom the pose network looks at, and what becomes of what it finds."""

import numpy as np
import pytest

from ops.keypoints import Keypoints, KeypointsParams
from ops.pose_network import KEYPOINTS, POINTS
from schemas.errors import ModelError
from schemas.tables import TABLES
from schemas.values import Float64, ModelFile, Uint8
from tests.ops.interactions.test_encounters import BAG, FAR_BAG, PERSON, SEGMENT, detections
from tests.support.fakes import FakeServices, make_batch, make_unit

UNIT = make_unit([SEGMENT])
OTHER = [10, 100, 40, 190]


class Stands:
    """A pose network for tests: every joint is on the middle line of its box, from top to bottom; half are sure."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def find(self, frame: Uint8, boxes: Float64) -> Float64:
        self.asked.append(len(boxes))
        down = np.linspace(0, 1, POINTS)
        x = np.repeat((boxes[:, :1] + boxes[:, 2:3]) / 2, POINTS, axis=1)
        y = boxes[:, 1:2] + down * (boxes[:, 3:] - boxes[:, 1:2])
        return np.stack([x, y, np.tile(np.where(np.arange(POINTS) % 2, 0.1, 0.9), (len(boxes), 1))], axis=2)


def run(found, monkeypatch: pytest.MonkeyPatch, **params):
    network, services = Stands(), FakeServices()
    monkeypatch.setattr("ops.keypoints.open_pose", lambda *_: network)
    op = Keypoints(KeypointsParams(model="auto", **params))
    op.open({"pose": ModelFile("p", "p", "onnx", "pose", "yolo", "0" * 64, "none", "made by a test")}, 1)
    session = op.start(UNIT, {"detections": detections(found)}, services)
    if session.wants_frames:
        session.feed(make_batch(np.zeros((len(found), 240, 320, 3), np.uint8), SEGMENT))
    table = session.finish({})["keypoints"]
    assert table.schema.equals(TABLES["keypoints"].schema, check_metadata=True)
    return table.to_pylist(), services.counters, network


def test_off_unless_weights_are_named() -> None:
    assert not Keypoints().enabled
    assert Keypoints().model_requests == {}
    op = Keypoints(KeypointsParams(model="mine"))
    assert op.enabled
    assert op.model_requests["pose"].required
    with pytest.raises(ModelError, match="weights 'mine' for pose are missing"):
        op.open({}, 1)
    with pytest.raises(ModelError, match="not opened"):
        op.start(UNIT, {}, FakeServices())
    with pytest.raises(ValueError, match="most_fps"):
        KeypointsParams(most_fps=0)


def test_only_people_near_things_are_looked_at_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [[("person", PERSON), ("person", OTHER), ("suitcase", BAG)]] * 11
    rows, counters, network = run(frames, monkeypatch)
    assert network.asked == [1, 1, 1]
    assert counters == {"pose_frames": 3, "pose_people": 3}
    assert {row["pts"] // 1280 for row in rows} == {0, 5, 10}
    assert {row["detection"] for row in rows if row["pts"] == 0} == {0}
    sure = [name for number, name in enumerate(KEYPOINTS) if number % 2 == 0]
    assert [row["keypoint"] for row in rows if row["pts"] == 0] == sorted(sure)
    nose = next(row for row in rows if row["keypoint"] == "nose")
    assert (nose["x"], nose["y"], nose["x1"], nose["y2"]) == (120, 100, 100, 200)
    assert nose["score"] == pytest.approx(0.9)


@pytest.mark.parametrize("found", [[], [("person", PERSON)], [("person", PERSON), ("suitcase", FAR_BAG)]])
def test_where_nobody_is_near_a_thing_no_frame_is_wanted(found, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, counters, network = run([found] * 3, monkeypatch)
    assert (rows, counters, network.asked) == ([], {}, [])
