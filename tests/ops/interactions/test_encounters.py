"""Frames in which a person is near a thing are looked at, each encounter once in a while, and no others."""

import numpy as np
import pyarrow as pa
import pytest

from ops.interactions.encounters import Candidates, frames_to_look_at
from schemas.tables import TABLES
from tests.support.fakes import make_segment

SEGMENT = make_segment(duration_s=60.0)
PERSON = [100, 100, 140, 200]
BAG = [150, 170, 170, 200]
FAR_BAG = [300, 170, 320, 200]
FPS = 10


def detections(frames: list[list[tuple[str, list[float]]]], confidence: float = 0.9) -> pa.Table:
    """One list of (label, box) per frame, 10 frames per second."""
    rows = [(number, label, box) for number, found in enumerate(frames) for label, box in found]
    start_us = round(SEGMENT.start.timestamp() * 1e6)
    return TABLES["detections"].conform(
        {
            "camera": ["cam1"] * len(rows),
            "segment_id": [SEGMENT.segment_id] * len(rows),
            "time": [start_us + round(number / FPS * 1e6) for number, _, _ in rows],
            "pts": [number * 1280 for number, _, _ in rows],
            "detection": range(len(rows)),
            "label": [label for _, label, _ in rows],
            "confidence": [confidence] * len(rows),
            **{name: [float(box[side]) for _, _, box in rows] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": ["model"] * len(rows),
        }
    )


def looks(
    frames: list[list[tuple[str, list[float]]]], every_s: float = 1.0, near: float = 0.5, most_fps: float = 10.0
) -> list[int]:
    return [pts // 1280 for pts in frames_to_look_at(detections(frames), 0.25, near, every_s, most_fps)]


def shifted(box: list[int], by: float) -> list[float]:
    return [box[0] + by, box[1], box[2] + by, box[3]]


def test_an_encounter_is_looked_at_once_every_few_seconds() -> None:
    frames = [[("person", PERSON), ("suitcase", BAG)]] * 31
    assert looks(frames) == [0, 10, 20, 30]
    assert looks(frames, every_s=2.0) == [0, 20]


@pytest.mark.parametrize(
    "found",
    [
        [],
        [("person", PERSON)],
        [("suitcase", BAG)],
        [("person", PERSON), ("suitcase", FAR_BAG)],
        [("person", PERSON), ("person", BAG)],
    ],
)
def test_no_person_near_a_thing_of_another_class_is_no_encounter(found: list[tuple[str, list[float]]]) -> None:
    assert looks([found] * 20) == []


def test_near_is_measured_in_heights_of_the_person() -> None:
    frames = [[("person", PERSON), ("suitcase", FAR_BAG)]]  # 160 px apart; the person is 100 px high
    assert looks(frames, near=1.59) == []
    assert looks(frames, near=1.61) == [0]


def test_unsure_detections_do_not_count() -> None:
    table = detections([[("person", PERSON), ("suitcase", BAG)]], confidence=0.2)
    assert dict(frames_to_look_at(table, 0.25, 0.5, 1.0, 10.0)) == {}
    assert len(frames_to_look_at(table, 0.2, 0.5, 1.0, 10.0)) == 1


def test_somebody_who_walks_with_a_thing_is_one_encounter() -> None:
    frames = [[("person", shifted(PERSON, 8 * n)), ("suitcase", shifted(BAG, 8 * n))] for n in range(21)]
    assert looks(frames) == [0, 10, 20]


def test_a_second_encounter_is_looked_at_when_it_begins_and_one_look_counts_for_both() -> None:
    alone = [("person", PERSON), ("suitcase", BAG)]
    other = [("person", shifted(PERSON, 400)), ("bicycle", shifted(BAG, 400))]
    assert looks([alone] * 5 + [alone + other] * 12) == [0, 5, 15]


def test_encounters_that_begin_one_after_the_other_wait_for_a_common_look() -> None:
    frames = [[("person", shifted(PERSON, 400 * n)), ("suitcase", shifted(BAG, 400 * n))] for n in range(12)]
    assert looks(frames) == list(range(12))
    assert looks(frames, most_fps=2.0) == [0, 5, 10]
    one = [("person", PERSON), ("suitcase", BAG)]
    other = [("person", shifted(PERSON, 400)), ("bicycle", shifted(BAG, 400))]
    assert looks([one] * 2 + [one + other] * 20, most_fps=2.0) == [0, 5, 15]


def test_another_class_of_thing_is_another_encounter() -> None:
    assert looks([[("person", PERSON), (label, BAG)] for label in ("suitcase",) * 3 + ("backpack",) * 3]) == [0, 3]


def test_a_detector_that_misses_a_few_frames_begins_no_new_encounter() -> None:
    seen = [("person", PERSON), ("suitcase", BAG)]
    assert looks([seen] * 2 + [[]] * 3 + [seen] * 4) == [0]
    assert looks([seen] * 2 + [[]] * 20 + [seen] * 4) == [0, 22]


def test_candidates_are_the_boxes_of_the_frame_and_its_near_pairs() -> None:
    frame = [("person", PERSON), ("suitcase", FAR_BAG), ("suitcase", BAG), ("person", shifted(PERSON, 600))]
    found: dict[int, Candidates] = dict(frames_to_look_at(detections([[("dog", BAG)], frame]), 0.25, 0.5, 1.0, 10.0))
    (pts,) = found
    assert pts == 1280
    assert found[pts].detections.tolist() == [1, 2, 3, 4]
    assert found[pts].labels == ("person", "suitcase", "suitcase", "person")
    assert found[pts].pairs.tolist() == [[0, 2]]
    assert np.array_equal(found[pts].boxes[2], BAG)


def test_rows_of_a_table_may_come_in_any_order() -> None:
    table = detections([[("person", PERSON), ("suitcase", BAG)]] * 12)
    mixed = table.take(pa.array(np.random.default_rng(0).permutation(table.num_rows)))
    assert list(frames_to_look_at(mixed, 0.25, 0.5, 1.0, 10.0)) == [0, 12800]
