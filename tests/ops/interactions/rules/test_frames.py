"""What a network sees in frames makes rows surer or less sure, and adds its own."""

import pytest

from schemas.tables import TABLES
from tests.ops.ground_scene import join, make_view
from tests.ops.interactions.rules.day import SEGMENT, boxed, moment, person, run, seconds_of

VIEW = make_view()
RIDER = person([(-5, 9), (5, 9)], (0, 4), "rider", 1.5, 0.3)
BICYCLE = boxed([(-5, 9), (5, 9)], (0, 4), "bike", "bicycle", 1.7, 1.0)


def frame_rows(points, seconds, verb, score, label="bicycle"):
    """``frame_interactions``: at these seconds the network sees a track's person do something."""
    rows = [row for row in points.to_pylist() if row["time"] in {moment(second) for second in seconds}]
    sides = {name: [row[name] for row in rows] for name in ("x1", "y1", "x2", "y2")}
    return TABLES["frame_interactions"].conform(
        {
            "camera": ["cam1"] * len(rows),
            "segment_id": [SEGMENT.segment_id] * len(rows),
            "time": [row["time"] for row in rows],
            "pts": [row["pts"] for row in rows],
            "number": list(range(len(rows))),
            **sides,
            **{f"object_{name}": values for name, values in sides.items()},
            "object_label": [label] * len(rows),
            "verb": [verb] * len(rows),
            "score": [score] * len(rows),
            "model": ["tiny"] * len(rows),
        }
    )


def rides(frames=None, **more):
    (row,) = [row for row in run(join(RIDER, BICYCLE), VIEW, frames=frames, **more) if row["verb"] == "rides"]
    return row


@pytest.mark.parametrize("verb", ["ride", "ride_instr"])
def test_frames_that_show_it_too_make_a_row_surer(verb):
    surer, plain = rides(frame_rows(RIDER, [1, 2, 3], verb, 0.6)), rides()
    assert surer["score"] > plain["score"]
    assert surer["evidence"]["frame_score"] == pytest.approx(0.6)
    assert surer["evidence"]["frame_looks"] == 3
    assert rides(frame_rows(RIDER, [1, 2, 3], verb, 0.02))["score"] < plain["score"]
    assert rides(frame_rows(RIDER, [1, 2, 3], verb, 0.6), frame_weight=0.0)["score"] == pytest.approx(plain["score"])


@pytest.mark.parametrize(
    "frames",
    [
        frame_rows(RIDER, [1, 2, 3], "wash", 0.9),  # another verb
        frame_rows(RIDER, [1, 2, 3], "ride", 0.9, "motorcycle"),  # another object
        frame_rows(person([(5, 6), (5, 6)], (0, 4), "else"), [1, 2, 3], "ride", 0.9),  # somebody else
    ],
)
def test_frames_that_show_something_else_change_nothing(frames):
    assert rides(frames)["score"] == pytest.approx(rides()["score"])


def test_what_frames_alone_show_gets_a_row_if_two_looks_agree():
    def washing(seconds, score=0.8):
        frames = frame_rows(RIDER, seconds, "wash", score)
        return [row for row in run(join(RIDER, BICYCLE), VIEW, frames=frames) if row["verb"] == "wash"]

    (row,) = washing([1, 2, 3])
    assert (row["subject"], row["object"], row["object_label"]) == ("rider", None, "bicycle")
    assert row["rule"].startswith("frame_interactions tiny")
    assert seconds_of(row) == pytest.approx([1, 3])
    assert washing([1]) == []
    assert washing([1, 2, 3], 0.3) == []
    assert rides(frame_rows(RIDER, [1, 2, 3], "ride", 0.9)), "one row, not one for each source"
