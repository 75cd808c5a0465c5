"""What a day does to a view without anything being left in it gives no rows; a bag is found all the same."""

from collections.abc import Callable

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ops.statics import Statics
from schemas.tables import TABLES
from schemas.values import Float32
from tests.ops.walkabout import street
from tests.support.fakes import START, FakeServices, make_segment, make_unit

SEGMENT_S = 300.0
SEGMENTS = tuple(make_segment(index, SEGMENT_S, size_px=(640, 480)) for index in range(14))
Paint = Callable[[Float32, int, np.random.Generator], Float32]


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def stays(paint: Paint) -> list[tuple[float, float]]:
    """First and last segment of each thing, from one painted background a segment."""
    rng = np.random.default_rng(0)
    rows = []
    for number, segment in enumerate(SEGMENTS):
        picture = paint(street().astype(np.float32), number, rng)
        small = np.clip(picture + rng.normal(0, 1, picture.shape), 0, 255).astype(np.uint8)
        rows.append(
            {
                "segment_id": segment.segment_id,
                "segment_start": segment.start,
                "segment_end": segment.end,
                "width": 640,
                "height": 480,
                "small_png": png(small),
                "small_unknown_png": png(np.zeros(small.shape[:2], np.uint8)),
                "samples": 40,
                "steadied": False,
            }
        )
    schema = pa.schema([field for field in TABLES["backgrounds"].schema if field.name in rows[0]])
    given = {name: TABLES[name].empty() for name in ("static_regions", "static_detections")}
    given["backgrounds"] = pa.Table.from_pylist(rows, schema)
    found = Statics().run(make_unit(SEGMENTS, unit="day"), given, FakeServices())["static_objects"].to_pylist()
    return [
        tuple((row[name] - START).total_seconds() / SEGMENT_S for name in ("start_time", "end_time")) for row in found
    ]


def shadow(picture: Float32, number: int, rng: np.random.Generator) -> Float32:
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array([[0, 0], [40 + 8 * number, 0], [20 + 8 * number, 240], [0, 240]])], 1)
    picture[mask > 0] *= 0.55
    return picture


def sunlight(picture: Float32, number: int, rng: np.random.Generator) -> Float32:
    picture[150:190, 40 + 7 * number : 70 + 7 * number] *= 1.35
    return picture


def screen(picture: Float32, number: int, rng: np.random.Generator) -> Float32:
    picture[60:90, 100:140] = cv2.resize(rng.integers(0, 255, (3, 4, 3), dtype=np.uint8), (40, 30))
    return picture


def tree(picture: Float32, number: int, rng: np.random.Generator) -> Float32:
    leaves = cv2.GaussianBlur(rng.integers(0, 255, (100, 150, 3), dtype=np.uint8), (0, 0), 1.5)
    picture[0:100, 150:300] = leaves * 0.6
    return picture


def dusk(picture: Float32, number: int, rng: np.random.Generator) -> Float32:
    """Gets dark; then the camera turns to infra-red."""
    return picture * (1 - 0.05 * number) if number < 8 else np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)


@pytest.mark.parametrize("paint", [shadow, sunlight, screen, tree, dusk])
def test_no_thing_is_seen_where_none_is(paint: Paint) -> None:
    assert stays(paint) == []


def test_a_bag_is_one_thing_though_infra_red_takes_its_colours() -> None:
    def bag(picture: Float32, number: int, rng: np.random.Generator) -> Float32:
        if 4 <= number < 11:
            picture[150:170, 200:224] = (200, 210, 215)
            picture[153:158, 204:220] = 40
        return dusk(picture, number, rng)

    assert stays(bag) == [(4, 11)]
