"""The audit says what could not be seen: in figures for programs, and in sentences for people."""

from typing import Any

import pyarrow as pa

from ops.audit import Audit
from ops.audit_unseen import UNSEEN_READS, unseen_statement
from schemas.tables import TABLES
from schemas.values import CameraView
from tests.support.fakes import FOOTAGE_ID, make_segment, make_unit

SEGMENTS = tuple(make_segment(index) for index in range(2))
NAMES = tuple(segment.segment_id for segment in SEGMENTS)
FIXED = make_unit(SEGMENTS, CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True), unit=FOOTAGE_ID)
LOOSE = make_unit(SEGMENTS, CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=False), unit=FOOTAGE_ID)
PARTS = [{"segment_id": name, "background_frames": 100} for name in NAMES]
PARAMS = {"min_background_s": 30.0}


def rows(**columns: list[Any]) -> pa.Table:
    return pa.table(columns)


def looks(detections: list[int], source: str = "model") -> pa.Table:
    count = len(detections)
    return rows(segment_id=[NAMES[0]] * count, detections=detections, looks=detections, source=[source] * count)


def backgrounds(*spans_s: float) -> pa.Table:
    count = len(spans_s)
    return rows(
        segment_id=list(NAMES[:count]), samples=[40] * count, span_s=list(spans_s), unknown_share=[0.25] * count
    )


def motion(*moves: bool | None, most_px: float | None = 12.4) -> pa.Table:
    count = len(moves)
    return rows(
        segment_id=list(NAMES[:count]),
        judged=[1.0] * count,
        views=[1] * count,
        most_shift_px=[most_px] * count,
        moves=list(moves),
    )


def band(least: float, probe: float | None, expected: float | None = None, y1: float = 0.0, tiles: int = 7) -> dict:
    return {
        "y1": y1,
        "y2": y1 + 50,
        "least_height_px": least,
        "probe_height_px": probe,
        "expected_height_px": expected,
        "out_of_reach": expected is not None and expected < (probe or least),
        "tile_looks": tiles,
    }


def state(unit=FIXED, parts=PARTS, reach=None, **tables: pa.Table) -> dict[str, Any]:
    return unseen_statement(unit, tables, parts, PARAMS, reach or {})


def sentence(found: dict[str, Any], start: str) -> list[str]:
    return [text for text in found["sentences"] if text.startswith(start)]


def test_the_audit_reads_what_is_stated_and_the_columns_exist() -> None:
    assert set(UNSEEN_READS) <= set(Audit.spec.reads)
    for read in UNSEEN_READS:
        assert set(read.columns) <= set(TABLES[read.table].schema.names) and not read.required


def test_what_is_not_recorded_is_said() -> None:
    found = state()
    assert sentence(found, "detect: looked") == ["detect: looked at no frame, or that is not recorded"]
    assert sentence(found, "the second look: how small") and sentence(found, "detect: how small")
    assert sentence(found, "view") == ["view: whether it moved is not known"]
    assert "vouched for no frame" in sentence(found, "background")[0]
    assert found["frames"] == 200 and found["detect"] == {"frames": 0, "held": 0, "detections": 0, "by": []}


def test_frames_that_were_looked_at_are_counted_by_detector() -> None:
    found = state(observed_frames=looks([1, 0, 2]), second_observed_frames=looks([4], "hog"))
    assert found["detect"] == {"frames": 3, "held": 1, "detections": 3, "by": ["model"]}
    assert found["second_look"] == {"frames": 1, "held": 0, "detections": 4, "by": ["hog"]}
    said = "detect: looked at 3 of 200 frames (by model); in 1 of them looks at other frames tell who is there"
    assert sentence(found, "detect: looked") == [f"{said}; it looked for nobody in the others"]
    assert sentence(found, "the second look: looked at 1 of 200 frames (by hog)")


def test_the_least_height_and_the_tiles_are_said_and_what_is_out_of_reach() -> None:
    found = state(reach={"detect": [band(60, 20), band(90, 30, y1=50)], "second_look": [band(60, None, 25.0, tiles=0)]})
    (detect,) = sentence(found, "detect: may miss")
    assert "below 60 to 90 px" in detect and "below 20 to 30 px in all of them (14 looks in tiles" in detect
    second, far = sentence(found, "the second look: may") + sentence(found, "the second look: cannot")
    assert "may miss people below 60 px in every frame (no look in tiles)" in second
    (probed,) = sentence(state(reach={"detect": [band(60, 20, tiles=0)], "second_look": []}), "detect: may miss")
    assert "below 20 px in all of them (looks in tiles in probes only, which found nobody small)" in probed
    assert "in 1 of 1 bands between rows 0 and 50 a person is smaller than that, down to 25 px" in far
    assert not sentence(found, "detect: cannot")


def test_the_span_of_the_background_is_the_shortest_and_what_had_none_is_counted() -> None:
    both = state(backgrounds=backgrounds(300.0, 31.2))
    assert "for most of 31 s" in sentence(both, "background")[0] and "none that vouched" not in str(both["sentences"])
    assert both["background"]["needed_span_s"] == 30.0
    assert [each["span_s"] for each in both["background"]["segments"]] == [300.0, 31.2]
    unused = [PARTS[0], {**PARTS[1], "background_frames": 0}]
    one = state(parts=unused, backgrounds=backgrounds(300.0, 8.0))
    assert "for most of 300 s" in sentence(one, "background")[0], "the other vouched for nothing"
    assert "1 of 2 segments had none that vouched" in sentence(one, "background")[0]


def test_what_a_network_took_for_nobody_is_said_to_be_visible() -> None:
    assert len(sentence(state(), "background")) == 1
    parts = [{**part, "dismissed_frames": count} for part, count in zip(PARTS, (7, None), strict=True)]
    found = state(parts=parts)
    (_, text) = sentence(found, "background")
    assert text.startswith("background: in 7 of ") and "took it for nobody" in text
    assert found["dismissed_frames"] == 7


def test_a_view_that_moves_is_said_and_whether_it_should() -> None:
    still = state(view_motion=motion(False, False))
    assert sentence(still, "view") == ["view: it did not move"]
    moving = state(view_motion=motion(True, None))
    (text,) = sentence(moving, "view")
    assert text.startswith("view: it moved in 1 of 2 segments, by up to 12 px, although the camera is declared fixed")
    assert text.endswith("in 1 of 2 segments that is not known")
    assert "declared fixed" not in sentence(state(LOOSE, view_motion=motion(True, True)), "view")[0]
    assert "is not known" in sentence(state(view_motion=motion(None, None, most_px=None)), "view")[0]


def test_the_same_rows_in_another_order_state_the_same() -> None:
    table = motion(True, False)
    assert state(view_motion=table) == state(view_motion=table.take([1, 0]))
