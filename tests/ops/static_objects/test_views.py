"""Pictures of one view are put side by side; what shows another view is left out, or begins another one."""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ops.static_objects.views import SameView, SegmentSpan, same_views
from schemas.tables import TABLES
from schemas.values import Uint8
from tests.ops.walkabout import street

SIZE_PX = (640, 480)


def span(number: int) -> SegmentSpan:
    return SegmentSpan(f"s{number}", number * 10, number * 10 + 10, SIZE_PX)


def png(picture: Uint8) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def views(
    pictures: list[Uint8 | None], moving: dict[int, int] | None = None, samples: int = 40, steadied: bool = False
) -> list[SameView]:
    """The views of one picture a segment; ``moving`` is the number of views within some segments."""
    backgrounds = [
        {
            "segment_id": f"s{number}",
            "small_png": png(picture),
            "small_unknown_png": png(np.zeros(picture.shape[:2], np.uint8)),
            "samples": samples,
            "steadied": steadied,
        }
        for number, picture in enumerate(pictures)
        if picture is not None
    ]
    motion = [{"segment_id": f"s{number}", "views": count, "moves": True} for number, count in (moving or {}).items()]
    empty = TABLES["view_motion"].empty().select(["segment_id", "views", "moves"])
    rows = pa.Table.from_pylist(motion, empty.schema) if motion else empty
    return same_views([span(number) for number in range(len(pictures))], pa.Table.from_pylist(backgrounds), rows)


def moved(pixels: int) -> Uint8:
    return np.roll(street(), pixels, axis=1)


def places(found: list[SameView]) -> list[tuple[int, int, list[int]]]:
    return [(view.first, view.last, sorted(view.pictures)) for view in found]


def test_one_view_holds_all_segments_though_some_have_no_picture() -> None:
    assert places(views([None, street(), street(), None])) == [(0, 3, [1, 2])]


def test_a_view_that_changed_begins_anew_and_a_single_picture_does_not_count() -> None:
    assert places(views([street(), street(), moved(30), moved(30)])) == [(0, 1, [0, 1]), (2, 3, [2, 3])]
    assert places(views([street(), moved(30), street()])) == [(0, 2, [0, 2])]


def test_darkness_few_samples_and_segments_that_move_give_no_picture() -> None:
    dark = np.zeros_like(street())
    assert places(views([street(), dark, street()])) == [(0, 2, [0, 2])]
    assert views([street(), street()], samples=2) == []
    assert places(views([street(), street(), street()], moving={1: 2})) == [(0, 2, [0, 2])]
    assert places(views([street()] * 3, moving={1: 1}, steadied=True)) == [(0, 2, [0, 1, 2])]


def test_a_small_shift_is_mended_in_pictures_and_boxes() -> None:
    (view,) = views([street(), moved(3)])
    off = np.abs(view.pictures[1].picture[:, 10:-10].astype(int) - street()[:, 10:-10]).mean()
    assert off < 1
    assert not view.pictures[1].known[:, -2:].any(), "what came in at the border"
    box = np.array([100.0, 60, 140, 80])
    (placed,) = view.placed(1, box[None], SIZE_PX)
    assert placed == pytest.approx([47, 30, 67, 40], abs=0.2)
    assert view.unplaced(1, placed, SIZE_PX) == pytest.approx(box, abs=0.2)
