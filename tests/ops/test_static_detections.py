"""Where a detector finds a thing again and again is a row; what moves, lives or flickers is none."""

import numpy as np
import pytest

from ops.static_detections import static_detections
from tests.ops.people import TimedBox, detected
from tests.support.fakes import START, make_segment

SEGMENT = make_segment(duration_s=120)
CAR = (60.0, 100.0, 130.0, 140.0)
LOOKS = np.arange(0, 120, 0.5).tolist()


def rows(boxes: list[TimedBox], static_s: float = 8.0) -> list[dict[str, object]]:
    return static_detections(SEGMENT, detected(SEGMENT, boxes), static_s).to_pylist()


def second(moment: object) -> float:
    return float((moment - START).total_seconds())  # type: ignore[operator]


def test_a_parked_car_is_one_row_though_its_box_trembles_and_its_name_changes() -> None:
    rng = np.random.default_rng(0)
    boxes = [
        TimedBox(time, tuple(np.array(CAR) + rng.normal(0, 1.5, 4)), 0.5, "truck" if number % 3 == 0 else "car")
        for number, time in enumerate(LOOKS)
        if 20 <= time < 90
    ]
    (row,) = rows(boxes)
    assert (row["label"], row["number"], row["looks"], row["share"]) == ("car", 0, 35, 1)
    assert (second(row["first_time"]), second(row["last_time"])) == (20, 88)
    assert [float(str(row[side])) for side in ("x1", "y1", "x2", "y2")] == pytest.approx(CAR, abs=1)
    assert row["confidence"] == pytest.approx(0.5)


def test_what_moves_lives_or_flickers_is_no_row() -> None:
    moving = [TimedBox(time, (60 + 12 * time, 100, 130 + 12 * time, 140), 0.8, "car") for time in LOOKS if time < 40]
    living = [TimedBox(time, CAR, 0.8, label) for time in LOOKS for label in ("person", "dog")]
    unsure = [TimedBox(time, CAR, 0.2, "car") for time in LOOKS]
    flickers = [TimedBox(time, CAR, 0.8, "car") for time in (30.0, 50.0, 70.0)]
    assert rows([*moving, *living, *unsure]) == []
    assert rows(flickers) == []


def test_what_stops_for_too_short_counts_only_where_the_segment_may_have_cut_it() -> None:
    stops = [TimedBox(time, CAR, 0.8, "car") for time in LOOKS if 50 <= time < 57]
    ends = [TimedBox(time, CAR, 0.8, "car") for time in LOOKS if time >= 115]
    assert rows(stops) == []
    (row,) = rows(ends)
    assert second(row["first_time"]) == 115
    assert len(rows(stops, static_s=5)) == 1


def test_a_long_break_makes_two_rows() -> None:
    boxes = [TimedBox(time, CAR, 0.8, "car") for time in LOOKS if not 30 <= time < 70]
    assert [(second(row["first_time"]), second(row["last_time"])) for row in rows(boxes)] == [(0, 28), (70, 118)]
