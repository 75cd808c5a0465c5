"""Verbs in frames: which frames the network looks at, and what becomes of what it finds."""

from collections.abc import Sequence

import numpy as np
import pytest

from ops.frame_interactions import FrameInteractions, FrameInteractionsParams, open_verb_model
from ops.interactions.verb_model import FoundVerbs, Look
from schemas.errors import ModelError
from schemas.op import FrameNeed
from schemas.tables import TABLES
from schemas.values import ModelFile
from tests.ops.interactions.test_encounters import BAG, FAR_BAG, PERSON, SEGMENT, detections
from tests.support.fakes import FakeServices, make_batch, make_unit

UNIT = make_unit([SEGMENT])


class Marks:
    """A second-stage network for tests: says ``touches`` of every candidate pair, and ``stands`` of its person."""

    batch = 2

    def __init__(self) -> None:
        self.seen: list[Look] = []
        self.asked: list[tuple[float, int]] = []

    def find(self, looks: Sequence[Look], least_score: float, most_rows: int) -> list[FoundVerbs]:
        assert len(looks) <= self.batch
        self.seen += looks
        self.asked.append((least_score, most_rows))
        return [self._verbs(look) for look in looks]

    def _verbs(self, look: Look) -> FoundVerbs:
        person, thing = look.candidates.pairs[0]
        boxes = look.candidates.boxes
        subjects = np.stack([boxes[person], boxes[person] - [1000, 0, 0, 0]])
        objects = np.stack([boxes[thing], np.full(4, np.nan)])
        label = look.candidates.labels[thing]
        return FoundVerbs(subjects, objects, (label, None), ("touches", "stands"), np.array([0.75, 0.5]))


def opened(model: Marks, monkeypatch: pytest.MonkeyPatch, **params: object) -> FrameInteractions:
    op = FrameInteractions(FrameInteractionsParams(model="marks", **params))
    monkeypatch.setattr("ops.frame_interactions.open_verb_model", lambda *_: model)
    weights = ModelFile("marks.pth", "marks.pth", "pt", "interactions", "other", "0" * 64, "none", "made by a test")
    op.open({"verbs": weights}, 1)
    return op


def run(op: FrameInteractions, found: list[list[tuple[str, list[float]]]], cut: int = 7):
    frames = np.zeros((len(found), 240, 320, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(len(found))
    services = FakeServices()
    session = op.start(UNIT, {"detections": detections(found)}, services)
    if session.wants_frames:
        for first in range(0, len(frames), cut):
            session.feed(make_batch(frames[first : first + cut], SEGMENT, first))
    table = session.finish({})["frame_interactions"]
    assert table.schema.equals(TABLES["frame_interactions"].schema, check_metadata=True)
    return table.to_pylist(), services.counters


def test_off_unless_weights_are_named() -> None:
    assert not FrameInteractions().enabled
    assert FrameInteractions().model_requests == {}
    op = FrameInteractions(FrameInteractionsParams(model="mine"))
    assert op.enabled
    request = op.model_requests["verbs"]
    assert (request.name, request.task, request.required) == ("mine", "interactions", True)
    assert op.frame_need(UNIT) == FrameNeed()
    with pytest.raises(ModelError, match=r"'mine' for interactions are missing.*--task interactions"):
        op.open({}, 1)
    with pytest.raises(ModelError, match="not opened"):
        op.start(UNIT, {}, FakeServices())


def test_rows_of_the_frames_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Marks()
    op = opened(model, monkeypatch, score=0.3, most_rows=9)
    rows, counters = run(op, [[("person", PERSON), ("suitcase", BAG)]] * 31)
    assert counters == {"interaction_calls": 2, "interaction_frames": 4}
    assert model.asked == [(0.3, 9)] * 2
    assert [look.frame[0, 0, 0] for look in model.seen] == [0, 10, 20, 30]
    assert [row["number"] for row in rows] == list(range(8))
    touch, stand = rows[2:4]
    assert (touch["verb"], touch["object_label"], touch["score"], touch["model"]) == (
        "touches",
        "suitcase",
        0.75,
        "marks.pth",
    )
    assert [touch[name] for name in ("x1", "y1", "x2", "y2")] == PERSON
    assert [touch[f"object_{name}"] for name in ("x1", "y1", "x2", "y2")] == BAG
    assert touch["pts"] == 10 * 1280
    assert (stand["verb"], stand["object_label"], stand["object_x1"], stand["object_y2"]) == (
        "stands",
        None,
        None,
        None,
    )
    assert stand["x1"] == 0, "what is outside the picture is cut off"


@pytest.mark.parametrize(
    "found",
    [
        [],
        [("suitcase", BAG)],
        [("person", PERSON)],
        [("person", PERSON), ("suitcase", FAR_BAG)],
    ],
)
def test_without_an_encounter_no_network_runs_and_no_frame_is_wanted(
    found: list[tuple[str, list[float]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Marks()
    op = opened(model, monkeypatch)
    assert not op.start(UNIT, {"detections": detections([found] * 20)}, FakeServices()).wants_frames
    assert run(op, [found] * 20) == ([], {})
    assert model.seen == []


def test_where_batches_are_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [[("person", PERSON), ("suitcase", BAG)]] * 25
    results = [run(opened(Marks(), monkeypatch), found, cut) for cut in (1, 4, 25)]
    assert results[0] == results[1] == results[2]


def test_a_frame_that_was_lost_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Marks()
    op = opened(model, monkeypatch)
    session = op.start(UNIT, {"detections": detections([[("person", PERSON), ("suitcase", BAG)]] * 25)}, FakeServices())
    frames = np.zeros((12, 240, 320, 3), np.uint8)
    session.feed(make_batch(frames, SEGMENT, 5))  # of frames 0, 10 and 20, only 10 came
    assert {row["pts"] for row in session.finish({})["frame_interactions"].to_pylist()} == {10 * 1280}


@pytest.mark.parametrize(
    "params", [{"most_fps": 0.0}, {"short_side_px": 31}, {"short_side_px": 900, "long_side_px": 800}]
)
def test_params_that_no_network_can_work_with_are_refused(params: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(params))} must be"):
        FrameInteractionsParams(**params)


def test_weights_of_an_unknown_network_are_refused() -> None:
    weights = ModelFile("x.pth", "x.pth", "pt", "interactions", "other", "0" * 64, "none", "made by a test")
    with pytest.raises(ModelError, match=r"'x\.pth' are of no known network"):
        open_verb_model(weights, FrameInteractionsParams(), 1)
