"""The audit states how small people each detector could find, and where people would be smaller."""

import numpy as np
import pyarrow as pa
import pytest

from ops.audit_reach import expected_height_px, reach_statement
from schemas.tables import TABLES
from schemas.values import CameraView
from tests.ops.ground_scene import FOCAL_PX, LENS_M, SIZE_PX, TILT, make_view
from tests.support.fakes import FOOTAGE_ID, make_segment, make_unit

SEGMENTS = tuple(make_segment(index, size_px=SIZE_PX) for index in range(2))
UNIT = make_unit(SEGMENTS, make_view(), unit=FOOTAGE_ID)
PLAIN = make_unit(SEGMENTS, CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True), unit=FOOTAGE_ID)


def reach(segment: int, y1: float, y2: float, person: float | None, least: float, probe: float | None) -> dict:
    return {
        "camera": "cam1",
        "segment_id": SEGMENTS[segment].segment_id,
        "y1": y1,
        "y2": y2,
        "people": 0 if person is None else 3,
        "person_height_px": person,
        "least_height_px": least,
        "probe_height_px": probe,
        "tile_looks": 10,
        "probes": 2,
        "frames": 20,
    }


def table(*rows: dict) -> dict[str, pa.Table]:
    spec = TABLES["detector_reach"]
    return {"detector_reach": spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})}


def test_a_band_has_the_worst_reach_of_all_segments_and_the_sums_of_looks() -> None:
    rows = reach(0, 0, 100, 30.0, 60, 20), reach(1, 0, 100, 50.0, 20, 20), reach(0, 100, 200, None, 60, None)
    statement = reach_statement(PLAIN, table(*rows))
    first, second = statement["detect"]
    assert (first["least_height_px"], first["probe_height_px"], first["person_height_px"]) == (60, 20, 40)
    assert (first["tile_looks"], first["probes"], first["frames"]) == (20, 4, 40)
    assert (second["person_height_px"], second["probe_height_px"]) == (None, None)
    assert not first["out_of_reach"] and first["expected_height_px"] is None, "no calibration, so nothing is expected"
    assert statement["second_look"] == []


def test_bands_are_out_of_reach_where_a_person_would_be_smaller_than_what_is_found() -> None:
    height = expected_height_px(UNIT, SEGMENTS[0], SIZE_PX[1] - 1)
    assert height is not None
    bottom = SIZE_PX[1] - 2.0, float(SIZE_PX[1])
    (seen,) = reach_statement(UNIT, table(reach(0, *bottom, None, height * 2, height * 0.9)))["detect"]
    (unseen,) = reach_statement(UNIT, table(reach(0, *bottom, None, height * 1.1, None)))["detect"]
    assert seen["expected_height_px"] == pytest.approx(height, abs=0.1)
    assert not seen["out_of_reach"]
    assert unseen["out_of_reach"]


def test_the_expected_height_is_that_of_a_person_on_the_ground_and_there_is_none_in_the_sky() -> None:
    axis_m = LENS_M[2] / np.sin(TILT)  # from the lens to the ground, along its axis
    horizon_px = SIZE_PX[1] / 2 - FOCAL_PX * np.tan(TILT)
    expected = expected_height_px(UNIT, SEGMENTS[0], SIZE_PX[1] / 2)
    assert expected == pytest.approx(1.7 * FOCAL_PX / axis_m, rel=0.02), "pixels per metre across the line of sight"
    assert expected_height_px(UNIT, SEGMENTS[0], horizon_px - 50) is None
