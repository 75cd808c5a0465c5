"""The audit states what is known about a published file, bounds what is not, and is the same again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta

from ops import REGISTRY
from ops.audit import Audit
from ops.rate_bound import CLOPPER_PEARSON
from schemas.anonymity import MODES
from schemas.tables import TABLES
from schemas.values import CameraView, Float64, UnitContext, VideoFile
from tests.ops.ground_scene import FOCAL_PX, ORIGIN_M, SIZE_PX, boxes_at, depth_m, make_view
from tests.support.fakes import FOOTAGE_ID, START, FakeServices, make_segment, make_unit

SEGMENTS = tuple(make_segment(index, size_px=SIZE_PX) for index in range(2))
PLAIN = CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True)
VIDEO = "anonymized/camera=cam1/date=2026-03-02/clip.mp4"


class BesideServices(FakeServices):
    """Keeps what is written beside video."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[str, bytes] = {}

    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        self.written[video_path + suffix] = content
        return VideoFile(video_path + suffix, 0, len(content), "cd" * 32)


def figures(**more: object) -> dict[str, object]:
    values: dict[str, object] = {
        "mode": "silhouette",
        "covered_frames": 150,
        "covered_share": 0.125,
        "level": "silhouettes",
        "targets": "person, screen",
        "frames_widened": 3,
        "frames_whole": 1,
        "frames_lost": 0,
        "frames_repeated": 0,
        "verified_frames": 210,
        "verifier_findings": 4,
        "verified_by": "paint, residual, detector HOG",
        "unknown_share": 0.01,
        "background_frames": 190,
        "dismissed_frames": 4,
        "params": '{"mode": "silhouette"}',
        "models": '{"verifier": {"name": "hog", "sha256": "ab"}}',
    }
    return values | more


def table_of(name: str, rows: list[Mapping[str, object]]) -> pa.Table:
    spec = TABLES[name]
    return spec.conform({field: [row.get(field) for row in rows] for field in spec.schema.names})


def tracks_of(*rows: tuple[str, int, int, int, float]) -> pa.Table:
    return table_of(
        "anonymized_tracks",
        [
            {
                "camera": "cam1",
                "segment_id": SEGMENTS[segment].segment_id,
                "tracklet_id": track,
                "label": "person",
                "frames": frames,
                "leaks": leaks,
                "least_head_cover": least,
                "mean_head_cover": 0.99,
                "height_px": 80.0,
            }
            for track, segment, frames, leaks, least in rows
        ],
    )


def points_of(track: str, places_m: Float64, segment: int = 0) -> pa.Table:
    boxes = boxes_at(places_m)
    count = len(boxes)
    return TABLES["tracklet_points"].conform(
        {
            "camera": ["cam1"] * count,
            "segment_id": [SEGMENTS[segment].segment_id] * count,
            "tracklet_id": [track] * count,
            "time": [START] * count,
            "pts": list(range(count)),
            **{name: boxes[:, place] for place, name in enumerate(("x1", "y1", "x2", "y2"))},
            "state": ["interpolated"] * count,
            "frame_segment_id": [SEGMENTS[segment].segment_id] * count,
        }
    )


def audit(
    tracks: pa.Table,
    points: pa.Table | None = None,
    camera: CameraView = PLAIN,
    unit: UnitContext | None = None,
    **more: object,
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The row, the document and its bytes."""
    part = {"camera": "cam1", "footage_id": FOOTAGE_ID, "frames": 100, "size_bytes": 900, "sha256": "12" * 32}
    video = {**part, "path": VIDEO, "frames": 200, "start_time": START, "end_time": SEGMENTS[-1].end, **figures(**more)}
    parts = [{**part, "path": "p", "segment_id": each.segment_id, **figures(**more)} for each in SEGMENTS]
    services = BesideServices()
    inputs = {
        "anonymized": table_of("anonymized", [video]),
        "anonymized_segments": table_of("anonymized_segments", parts),
        "anonymized_tracks": tracks,
    }
    if points is not None:
        inputs["tracklet_points"] = points
    given = Audit().run(unit or make_unit(SEGMENTS, camera, unit=FOOTAGE_ID), inputs, services)
    ((_, content),) = services.written.items()
    return given["audits"].to_pylist()[0], json.loads(content), content


def test_an_audit_names_every_op_that_published_video_is_made_by() -> None:
    _, found, _ = audit(tracks_of(("a", 0, 100, 0, 0.97)))
    writers = {table: op for op in REGISTRY.values() for table in op.spec.writes}
    made_by, waiting = {"audit"}, ["publish"]
    while waiting:
        name = waiting.pop()
        made_by.add(name)
        sources = {writers[read.table].spec.name for read in REGISTRY[name].spec.reads if read.table in writers}
        waiting += sources - made_by
    assert {"detect", "second_look", "anonymize"} <= made_by
    assert found["ops"] == {name: REGISTRY[name].spec.version for name in made_by}


def test_an_audit_states_what_was_done_and_found() -> None:
    row, found, _ = audit(tracks_of(("a", 0, 100, 0, 0.97), ("b", 1, 50, 0, 1.0)))
    mode = MODES["silhouette"]
    assert found["statement"] == mode.statement and "silhouettes" in found["statement"]
    assert found["mode"]["residual_risk"] == mode.residual_risk and found["mode"]["withstands"]["linkability"]
    assert found["input"]["footage_id"] == FOOTAGE_ID and found["input"]["segments"] == 2
    assert found["output"] == {"sha256": "12" * 32, "size_bytes": 900, "frames": 200}
    assert found["targets"] == ["person", "screen"] and found["params"] == {"mode": "silhouette"}
    assert found["models"]["verifier"]["sha256"] == "ab"
    assert found["covering"]["verified_by"] == ["paint", "residual", "detector HOG"]
    assert [each["segment_id"] for each in found["segments"]] == [each.segment_id for each in SEGMENTS]
    assert (row["path"], row["video_sha256"]) == (f"{VIDEO}.audit.json", "12" * 32)
    assert (row["tracks"], row["head_checks"], row["head_leaks"]) == (2, 150, 0)
    assert row["leak_rate_bound"] == pytest.approx(3 / 150)


def test_the_bound_by_tracks_counts_a_track_of_two_segments_once() -> None:
    _, found, _ = audit(tracks_of(("a", 0, 60, 0, 1.0), ("a", 1, 40, 2, 0.2), ("b", 1, 300, 0, 1.0), ("c", 1, 0, 0, 1)))
    leak = found["residual_leak"]
    assert (leak["checks"], leak["leaks"], leak["method"]) == (400, 2, CLOPPER_PEARSON)
    assert leak["upper_bound"] == pytest.approx(beta.ppf(0.95, 3, 398), abs=1e-6)
    assert (leak["tracks"], leak["tracks_leaking"]) == (2, 1)
    assert leak["tracks_upper_bound"] == pytest.approx(beta.ppf(0.95, 2, 1), abs=1e-6)
    assert "neither the detector" in leak["does_not_bound"]


def test_without_tracks_nothing_is_bounded_and_the_audit_states_it() -> None:
    row, found, _ = audit(tracks_of())
    assert row["leak_rate_bound"] is None and found["residual_leak"]["upper_bound"] is None
    assert "nothing is bounded" in found["residual_leak"]["bounds"]


def test_sizes_are_in_pixels_per_metre_where_the_camera_is_calibrated() -> None:
    places = np.array([(0.0, 7.0), (0.0, 9.0), (0.0, 20.0)]) + ORIGIN_M
    points = pa.concat_tables([points_of("a", places), points_of("a", places[:1], segment=1)])
    tracks = tracks_of(("a", 0, 3, 0, 1.0), ("a", 1, 3, 0, 1.0), ("b", 1, 9, 0, 1.0))
    _, found, _ = audit(tracks, points, make_view())
    first, second, unknown = found["tracks"]
    assert first["px_per_m"] == pytest.approx(FOCAL_PX / depth_m(places)[1], rel=1e-3), "the median"
    assert second["px_per_m"] == pytest.approx(FOCAL_PX / depth_m(places)[0], rel=1e-3), "of its own segment"
    assert first["iec_62676_4_2025"] == "outline"
    assert unknown["px_per_m"] is None and unknown["iec_62676_4_2025"] is None
    _, without, _ = audit(tracks, points)
    assert [track["px_per_m"] for track in without["tracks"]] == [None] * 3
    assert [track["height_px"] for track in without["tracks"]] == [80.0] * 3


def test_privacy_masks_are_in_it() -> None:
    polygon = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0))
    _, found, _ = audit(tracks_of(), camera=replace(PLAIN, image_size_px=(64, 48), privacy_masks=(polygon,)))
    assert found["privacy_masks"] == {"of_size_px": [64, 48], "polygons": [[[0, 0], [10, 0], [10, 10]]]}


def test_what_older_versions_did_not_record_is_null() -> None:
    names = set(figures()) - {"mode", "covered_frames", "covered_share"}
    _, found, _ = audit(tracks_of(), **dict.fromkeys(names))
    assert found["reach"]["detect"] == found["reach"]["second_look"] == []
    assert found["targets"] is found["params"] is found["covering"]["verified_by"] is None


def test_the_same_work_gives_the_same_bytes_and_no_time_of_day() -> None:
    tracks = tracks_of(("a", 0, 100, 0, 0.97))
    _, found, content = audit(tracks)
    assert audit(tracks)[2] == content
    assert content == json.dumps(found, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"
    times = {found["input"]["start_time"], found["input"]["end_time"]}
    assert times == {START.isoformat(), SEGMENTS[-1].end.isoformat()}


def test_what_is_not_published_has_no_audit() -> None:
    services = BesideServices()
    inputs = {name: TABLES[name].empty() for name in ("anonymized", "anonymized_segments", "anonymized_tracks")}
    given = Audit().run(make_unit(SEGMENTS, unit=FOOTAGE_ID), inputs, services)
    assert given["audits"].num_rows == 0 and not services.written
