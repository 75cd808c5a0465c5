"""A made-up camera-day for rules: people who walk, things at rest, and the interactions found among them."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa

from ops.counts import Counts
from ops.interactions import Interactions
from ops.interactions.params import InteractionsParams
from ops.local_positions import LocalPositions
from ops.positions import Positions
from schemas.tables import TABLES
from schemas.tables.columns import TIME
from schemas.values import CameraView
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, make_points, project
from tests.support.fakes import START, FakeServices, make_segment, make_unit

PLAIN = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)
SEGMENT = make_segment(duration_s=60, size_px=SIZE_PX)
NEXT = make_segment(1, 60, size_px=SIZE_PX)
BAG = (300.0, 280.0, 330.0, 300.0)


def run(
    points,
    view=PLAIN,
    segments=(SEGMENT,),
    features=(),
    things=(),
    before=None,
    frames=None,
    keypoints=None,
    source="model",
    ground=None,
    **params,
):
    """Rows by time, with their evidence read.

    ``before``: ``track_points`` of the day before; ``frames``: ``frame_interactions``; ``keypoints``: that table;
    ``source``: what found the tracks; ``ground``: ``ground_models``.
    """
    unit = make_unit(segments, view, features, unit="day")
    inputs = {"track_points": points, "static_objects": at_rest(*things)}
    if ground is not None:
        inputs["ground_models"] = ground
        inputs |= LocalPositions().run(unit, inputs, FakeServices())
    inputs |= Positions().run(unit, inputs, FakeServices())
    inputs |= Counts().run(unit, inputs, FakeServices())
    inputs["tracks"] = tracks_of(points, source)
    if frames is not None:
        inputs["frame_interactions"] = frames
    if keypoints is not None:
        inputs["keypoints"] = keypoints
    if before is not None:
        inputs["previous_day.track_points"] = before
    table = Interactions(InteractionsParams(**params)).run(unit, inputs, FakeServices())["interactions"]
    assert table.schema.equals(TABLES["interactions"].schema, check_metadata=True)
    rows = table.to_pylist()
    assert len({row["interaction_id"] for row in rows}) == len(rows)
    for row in rows:
        assert 0 <= row["score"] <= 1
        assert row["start_time"] <= row["end_time"]
        assert row["evidence"] == json.dumps(json.loads(row["evidence"]), sort_keys=True)
        row["evidence"] = json.loads(row["evidence"])
    return sorted(rows, key=lambda row: (row["start_time"], row["verb"], row["subject"]))


def tracks_of(points, source):
    """``tracks``: those of the points, all found in one way."""
    names = sorted(set(points["track_id"].to_pylist()))
    return TABLES["tracks"].conform(
        {
            "camera": ["cam1"] * len(names),
            "track_id": names,
            "label": ["person"] * len(names),
            "start_time": [START] * len(names),
            "end_time": [START] * len(names),
            **{name: [1] * len(names) for name in ("points", "observed", "tracklets")},
            "confidence": [0.8] * len(names),
            "source": [source] * len(names),
        }
    )


def verbs(*args, **more):
    """The verbs of the rows of ``run``, sorted."""
    return sorted(row["verb"] for row in run(*args, **more))


def only(verb, *args, **more):
    """The rows of one verb."""
    return [row for row in run(*args, **more) if row["verb"] == verb]


def go(corners, times_s, track="a", segment=SEGMENT, fps=10, **more):
    """Somebody who is at pixels ``corners`` at ``times_s`` and walks straight in between."""
    at_s = np.arange(round(times_s[0] * fps), round(times_s[-1] * fps) + 1) / fps
    foot = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(segment, at_s, foot, track, **more)


PX_PER_M = 600 / (9 * 0.866 + 2.5)
"""Upright, nine metres from the camera."""


def labelled(points, label):
    """The points as of another class."""
    return points.set_column(points.column_names.index("label"), points.schema.field("label"), [[label] * len(points)])


def boxed(corners, times_s, track, label, width_m, height_m, lift_m=0.0):
    """Something of a size that moves on the ground, ``lift_m`` above it."""
    at_s = np.arange(round(times_s[0] * 10), round(times_s[-1] * 10) + 1) / 10
    places = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    foot = project(ORIGIN_M + places)
    points = make_points(SEGMENT, at_s, foot, track, label=label)
    sides = {
        "x1": foot[:, 0] - width_m * PX_PER_M / 2,
        "x2": foot[:, 0] + width_m * PX_PER_M / 2,
        "y1": foot[:, 1] - (height_m + lift_m) * PX_PER_M,
        "y2": foot[:, 1] - lift_m * PX_PER_M,
    }
    for name, values in sides.items():
        index = points.column_names.index(name)
        points = points.set_column(index, points.schema.field(name), [values.astype(np.float32)])
    return points


def person(corners, times_s, track, height_m=1.7, lift_m=0.0):
    return boxed(corners, times_s, track, "person", 0.6, height_m, lift_m)


def on_ground(corners, times_s, track="a"):
    """The same in metres from the camera."""
    at_s = np.arange(round(times_s[0] * 10), round(times_s[-1] * 10) + 1) / 10
    places = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(SEGMENT, at_s, project(ORIGIN_M + places), track)


def at_rest(*things):
    """``static_objects`` from ``(came_s, left_s, box)`` or with a label and the time until which it is known.

    Seconds count from ``START``; None: its coming or going was not seen.
    """
    rows = [(*thing, *(None, LAST_S)[len(thing) - 3 :]) for thing in things]
    moments = [(came, left, until if left is None else left) for came, left, _, _, until in rows]
    return TABLES["static_objects"].conform(
        {
            "camera": ["cam1"] * len(rows),
            "static_id": [f"thing-{number}" for number in range(len(rows))],
            "label": pa.array([label for _, _, _, label, _ in rows], pa.string()),
            "start_time": [moment(came or 0.0) for came, _, _ in moments],
            "end_time": [moment(until) for _, _, until in moments],
            "came_time": pa.array([came if came is None else moment(came) for came, _, _ in moments], TIME),
            "came_by": ["unseen" if came is None else "region" for came, _, _ in moments],
            "came_error_s": pa.array([None if came is None else 0.5 for came, _, _ in moments], pa.float32()),
            "left_time": pa.array([left if left is None else moment(left) for _, left, _ in moments], TIME),
            "left_by": ["unseen" if left is None else "region" for _, left, _ in moments],
            "left_error_s": pa.array([None if left is None else 0.5 for _, left, _ in moments], pa.float32()),
            **{name: [row[2][side] for row in rows] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "contrast": [40.0] * len(rows),
            "confidence": [0.8] * len(rows),
            "verified": [1.0] * len(rows),
            "tracks": [0] * len(rows),
        }
    )


def moment(second):
    return START + timedelta(seconds=second)


def seconds_of(row):
    return [(row[name] - START).total_seconds() for name in ("start_time", "end_time")]


OWNER = go([(20, 300), (290, 300), (290, 300), (20, 300), (2, 300)], (0, 8, 12, 20, 21), "owner")
"""Puts a bag down after 10 s, goes after 12 s, and is out of view after 21 s."""

LEFT_AT_S, LAST_S = 10.0, 59.0
THING = (LEFT_AT_S, None, BAG)


def abandoned(points=OWNER, things=(THING,), **more):
    return only("abandons", points, things=things, **more)
