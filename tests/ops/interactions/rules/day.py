"""A made-up camera-day for rules: people who walk, things that stay, and the interactions found among them."""

import json
from datetime import timedelta

import numpy as np

from ops.counts import Counts
from ops.interactions import Interactions
from ops.interactions.rules.scene import InteractionsParams
from ops.positions import Positions
from schemas.tables import TABLES
from schemas.values import CameraView
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, make_points, project
from tests.support.fakes import START, FakeServices, make_segment, make_unit

PLAIN = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)
SEGMENT = make_segment(duration_s=60, size_px=SIZE_PX)
NEXT = make_segment(1, 60, size_px=SIZE_PX)
BAG = (300.0, 280.0, 330.0, 300.0)


def run(points, view=PLAIN, segments=(SEGMENT,), features=(), regions=(), bags=(), **params):
    """Rows, with their evidence read."""
    unit = make_unit(segments, view, features, unit="day")
    inputs = {"track_points": points, "static_regions": still(*regions), "detections": bag_rows(*bags)}
    inputs |= Positions().run(unit, inputs, FakeServices())
    inputs |= Counts().run(unit, inputs, FakeServices())
    table = Interactions(InteractionsParams(**params)).run(unit, inputs, FakeServices())["interactions"]
    assert table.schema.equals(TABLES["interactions"].schema, check_metadata=True)
    rows = table.to_pylist()
    assert len({row["interaction_id"] for row in rows}) == len(rows)
    for row in rows:
        assert 0 <= row["score"] <= 1
        assert row["start_time"] <= row["end_time"]
        assert row["evidence"] == json.dumps(json.loads(row["evidence"]), sort_keys=True)
        row["evidence"] = json.loads(row["evidence"])
    return rows


def go(corners, times_s, track="a", segment=SEGMENT, fps=10, **more):
    """Somebody who is at pixels ``corners`` at ``times_s`` and walks straight in between."""
    at_s = np.arange(round(times_s[0] * fps), round(times_s[-1] * fps) + 1) / fps
    foot = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(segment, at_s, foot, track, **more)


def on_ground(corners, times_s, track="a"):
    """The same in metres from the camera."""
    at_s = np.arange(round(times_s[0] * 10), round(times_s[-1] * 10) + 1) / 10
    places = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(SEGMENT, at_s, project(ORIGIN_M + places), track)


def still(*regions):
    """``static_regions`` from ``(segment, number, first_s, last_s, box)``, seconds since ``START``."""
    columns = list(zip(*regions, strict=True)) if regions else [()] * 5
    segments, numbers, first_s, last_s, boxes = columns
    return TABLES["static_regions"].conform(
        {
            "camera": ["cam1"] * len(regions),
            "segment_id": [segment.segment_id for segment in segments],
            "region": list(numbers),
            "first_time": [START + timedelta(seconds=second) for second in first_s],
            "last_time": [START + timedelta(seconds=second) for second in last_s],
            **{name: [box[side] for box in boxes] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "area_px": [(box[2] - box[0]) * (box[3] - box[1]) for box in boxes],
            "contrast": [40.0] * len(regions),
        }
    )


def bag_rows(*seconds, box=BAG, label="suitcase"):
    """``detections`` of a bag at the place of ``BAG``, one a second."""
    count = len(seconds)
    return TABLES["detections"].conform(
        {
            "camera": ["cam1"] * count,
            "segment_id": [SEGMENT.segment_id] * count,
            "time": [START + timedelta(seconds=second) for second in seconds],
            "pts": list(seconds),
            "detection": list(range(count)),
            "label": [label] * count,
            "confidence": [0.5] * count,
            **{name: [box[side]] * count for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": ["model"] * count,
        }
    )


def seconds_of(row):
    return [(row[name] - START).total_seconds() for name in ("start_time", "end_time")]


OWNER = go([(20, 300), (290, 300), (290, 300), (20, 300), (2, 300)], (0, 8, 12, 20, 21), "owner")
"""Puts a bag down after 10 s, goes after 12 s, and is out of view after 21 s."""

LEFT_AT_S = 10.0
REGION = (SEGMENT, 0, LEFT_AT_S, 59.0, BAG)


def abandoned(points=OWNER, regions=(REGION,), **more):
    return [row for row in run(points, regions=regions, **more) if row["verb"] == "abandons"]
