"""People are found by motion alone: by their shape, through noise and changing light, and nothing else is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ops.boxes import iou_matrix
from ops.detect import Detect, DetectParams
from schemas.op import Tables
from schemas.values import CameraView, Uint8
from tests.ops.walkabout import SIZE_PX, Draw, box_at, film, walker
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

MOVING = CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=False)


def find(frames: Uint8, sizes: tuple[int, ...] = (16,), source_px: tuple[int, int] = SIZE_PX) -> Tables:
    segment = make_segment(duration_s=len(frames) / 10, size_px=source_px)
    op = Detect(DetectParams(model="motion"))
    op.open({}, 1)
    session = op.start(make_unit([segment]), {}, FakeServices())
    first, turn = 0, 0
    while first < len(frames):
        batch = frames[first : first + sizes[turn % len(sizes)]]
        session.feed(make_batch(batch, segment, first))
        first, turn = first + len(batch), turn + 1
    return session.finish({})


def boxes_by_frame(tables: Tables) -> list[np.ndarray]:
    rows = tables["detections"].to_pylist()
    return [
        np.array([[r[n] for n in ("x1", "y1", "x2", "y2")] for r in rows if r["pts"] == pts], np.float32).reshape(-1, 4)
        for pts in tables["observed_frames"]["pts"].to_pylist()
    ]


def hits(found: list[np.ndarray], true: list[list[tuple[int, ...]]], iou: float = 0.5) -> tuple[float, float]:
    """Recall and precision over all frames, of people wholly inside the frame."""
    right = wanted = given = 0
    for boxes, people in zip(found, true, strict=True):
        good = iou_matrix(np.array(people, np.float32).reshape(-1, 4), boxes) >= iou
        right += int(good.any(axis=1).sum())
        wanted += len(people)
        given += len(boxes)
    return right / max(1, wanted), right / max(1, given)


TWO = [((30, 150), 1.5), ((290, 220), -1.8)]


def two_walkers(first: int = 0) -> tuple[list[Draw], list[list[tuple[int, ...]]]]:
    true = [[box_at(start, step, number) for start, step in TWO] for number in range(first, 140)]
    return [walker(*one) for one in TWO], true


def test_walkers_are_found_from_the_first_frame_with_tight_boxes() -> None:
    draw, true = two_walkers()
    tables = find(film(140, draw))
    found = boxes_by_frame(tables)
    recall, precision = hits(found, true)
    assert recall >= 0.95
    assert precision >= 0.97
    assert len(found[0]) == 2
    feet = [min(abs(box[3] - person[3]) for box in boxes) for boxes, people in zip(found, true) for person in people]  # noqa: B905
    assert np.median(feet) <= 3
    rows = tables["detections"]
    assert set(rows["label"].to_pylist()) == {"person"}
    assert set(rows["source"].to_pylist()) == {"motion"}
    assert np.median(rows["confidence"].to_numpy()) > 0.5


def test_light_that_drifts_changes_little() -> None:
    draw, true = two_walkers()
    recall, precision = hits(boxes_by_frame(find(film(140, draw, np.linspace(0.85, 1.15, 140)))), true)
    assert recall >= 0.9
    assert precision >= 0.95


def test_light_that_is_switched_is_no_crowd() -> None:
    draw, true = two_walkers()
    light = np.where(np.arange(140) < 70, 1.0, 0.6)
    found = boxes_by_frame(find(film(140, draw, light)))
    recall, precision = hits(found, true)
    assert recall >= 0.85
    assert precision >= 0.95
    assert max(map(len, found)) <= 3


def test_an_empty_street_is_empty() -> None:
    tables = find(film(60, []))
    assert tables["detections"].num_rows == 0
    assert tables["observed_frames"]["detections"].to_pylist() == [0] * 60


def test_cars_are_not_people() -> None:
    def car(picture: Uint8, number: int) -> None:
        left = number * 4 - 60
        cv2.rectangle(picture, (left, 150), (left + 90, 190), (30, 30, 160), -1)

    rows = find(film(90, [car]))["detections"].to_pylist()
    # A car that the frame's edge cuts off may be as slender as a person.
    assert len(rows) <= 3
    assert all(row["x1"] == 0 or row["x2"] == SIZE_PX[0] for row in rows)


def test_shadows_are_not_part_of_a_person() -> None:
    def shadow(picture: Uint8, number: int) -> None:
        _, _, right, bottom = box_at((30, 150), 1.5, number)
        patch = picture[bottom - 10 : bottom + 4, max(0, right) : max(0, right + 40)]
        patch[:] = patch * 0.65

    draw = [shadow, walker((30, 150), 1.5)]
    recall, _ = hits(boxes_by_frame(find(film(120, draw))), [[box_at((30, 150), 1.5, n)] for n in range(120)], 0.6)
    assert recall >= 0.9


@pytest.mark.slow
def test_who_stands_all_the_time_is_background_but_who_leaves_is_not_missed() -> None:
    """The limit that the docs name, and where it ends."""
    stands = film(100, [walker((160, 200), 0)])
    assert find(stands)["detections"].num_rows == 0

    def leaves(picture: Uint8, number: int) -> None:
        walker((160 + max(0, number - 40) * 6, 200), 0)(picture, 0)

    found = boxes_by_frame(find(film(140, [leaves])))
    assert all(len(boxes) == 1 for boxes in found[:40])
    assert all(len(boxes) == 0 for boxes in found[80:])


def test_batches_change_nothing() -> None:
    draw, _ = two_walkers()
    frames = film(60, draw)
    assert find(frames, (60,)) == find(frames, (1, 7))


def test_long_segments_are_looked_at_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.detect.motion_buffer.MAX_FRAMES", 60)
    draw, true = two_walkers()
    tables = find(film(140, draw))
    recall, _ = hits(boxes_by_frame(tables), true)
    assert tables["observed_frames"].num_rows == 140
    assert recall >= 0.8


def test_boxes_are_in_the_sources_pixels() -> None:
    draw, _ = two_walkers()
    large = find(film(60, draw), source_px=(640, 480))["detections"]
    small = find(film(60, draw))["detections"]
    assert large["x2"].to_pylist() == [2 * x for x in small["x2"].to_pylist()]


def test_a_camera_that_moves_gets_empty_tables() -> None:
    op = Detect(DetectParams())
    op.open({}, 1)
    unit = make_unit([make_segment()], MOVING)
    assert op.frame_need(unit) is None
    assert op.frame_need(replace(unit, camera=replace(MOVING, fixed=True))) is not None
    tables = op.start(unit, {}, FakeServices()).finish({})
    assert not any(table.num_rows for table in tables.values())
