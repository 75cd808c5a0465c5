"""The made-up detector finds what a detector finds: most of what is clearly visible, at about its place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.interactions_detector import DetectorErrors, detect_truth
from sample_site.truth import TrueBoxes, TrueFile, TrueThing, Truth
from tests.support.fakes import make_segment

START = datetime(2026, 3, 2, 20, 59, tzinfo=UTC)
FRAMES, FPS = 2000, 10
SEGMENTS = [make_segment(index, 100.0, FPS, (640, 360), START, "yard") for index in range(2)]


def boxes_of(name: str, box: tuple[float, ...], visible: float) -> TrueBoxes:
    start_us = round(START.timestamp() * 1e6)
    return TrueBoxes(
        camera=np.full(FRAMES, "yard"),
        time_us=start_us + np.arange(FRAMES) * 100_000,
        person=np.full(FRAMES, name),
        box=np.tile(np.array(box, np.float64), (FRAMES, 1)),
        visible_share=np.full(FRAMES, visible),
        feet_seen=np.full(FRAMES, True),
        place_m=np.zeros((FRAMES, 2)),
    )


@pytest.fixture(scope="module")
def truth() -> Truth:
    file = TrueFile("yard", "yard/a.mp4", START, FRAMES / FPS, FRAMES, FRAMES, FRAMES / FPS)
    return Truth(
        *(FPS, (file,), (), (), (), (), ()),
        boxes=boxes_of("ann", (100, 100, 140, 200), 1.0),
        things=(TrueThing("case", "suitcase"), TrueThing("cart", "cart")),
        thing_boxes=boxes_of("case", (200, 150, 220, 190), 0.5),
    )


def test_boxes_are_missed_and_shifted_as_often_and_as_far_as_said(truth: Truth) -> None:
    errors = DetectorErrors(missed=0.1, missed_things=0.2)
    found = detect_truth(truth, "yard", SEGMENTS, 3, errors)
    for label, missed, size in (("person", 0.1, (40, 100)), ("suitcase", 0.2, (20, 40))):
        rows = [row for tables in found.values() for row in tables["detections"].to_pylist() if row["label"] == label]
        assert len(rows) / FRAMES == pytest.approx(1 - missed, abs=0.03)
        spread = np.std([row["x1"] for row in rows]) / size[0], np.std([row["y2"] for row in rows]) / size[1]
        assert spread == pytest.approx((errors.edge_sigma, errors.edge_sigma), rel=0.1)
    whole, half = (
        np.mean(
            [
                row["confidence"]
                for row in found[SEGMENTS[0].segment_id]["detections"].to_pylist()
                if row["label"] == label
            ]
        )
        for label in ("person", "suitcase")
    )
    assert whole > half + 0.08, "what is partly hidden is less sure"


def test_frames_are_those_of_the_segment_and_count_their_detections(truth: Truth) -> None:
    for segment in SEGMENTS:
        tables = detect_truth(truth, "yard", SEGMENTS, 3, DetectorErrors())[segment.segment_id]
        frames, boxes = tables["observed_frames"], tables["detections"]
        assert frames.num_rows == segment.frames and sum(frames["detections"].to_pylist()) == boxes.num_rows
        assert frames["time"][0].as_py() == segment.start
        assert frames["time"][-1].as_py() == segment.end - timedelta(seconds=1 / FPS)
        assert set(boxes["pts"].to_pylist()) <= set(frames["pts"].to_pylist())
        assert boxes["detection"].to_pylist() == list(range(boxes.num_rows))


def test_what_is_hardly_visible_and_classes_that_it_does_not_know_are_not_found(truth: Truth) -> None:
    hidden = replace(
        truth, boxes=boxes_of("ann", (100, 100, 140, 200), 0.2), thing_boxes=boxes_of("cart", (0, 0, 9, 9), 1)
    )
    for tables in detect_truth(hidden, "yard", SEGMENTS, 3, DetectorErrors()).values():
        assert tables["detections"].num_rows == 0 and sum(tables["observed_frames"]["detections"].to_pylist()) == 0


def test_the_seed_gives_the_same_boxes(truth: Truth) -> None:
    one, again, other = (detect_truth(truth, "yard", SEGMENTS, seed, DetectorErrors()) for seed in (3, 3, 4))
    name = SEGMENTS[0].segment_id
    assert one[name]["detections"].equals(again[name]["detections"])
    assert not one[name]["detections"].equals(other[name]["detections"])
