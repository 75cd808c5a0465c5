"""Hands are where a pose network sees them, and where a box lets one guess elsewhere."""

import pytest

from schemas.tables import TABLES
from tests.ops.ground_scene import join, make_view
from tests.ops.interactions.rules.day import SEGMENT, boxed, only, person

VIEW = make_view()
WALKER = person([(-5, 9), (5, 9)], (0, 5), "walker")
BAG = boxed([(-4.8, 9), (5.2, 9)], (0, 5), "bag", "handbag", 0.3, 0.3, 0.45)
AT_BAG, OVER_HEAD = (0.8, 0.5), (0.5, 0.05)
"""Places within the person's box: a share of its width, and of its height."""


def keypoints(left=AT_BAG, right=AT_BAG, points=WALKER, every=5):
    """``keypoints``: wrists at places within the person's box, twice a second; None: that wrist is not seen."""
    rows = []
    for row in points.to_pylist()[::every]:
        box = {name: row[name] for name in ("x1", "y1", "x2", "y2")}
        for name, share in (("left_wrist", left), ("right_wrist", right)):
            if share is not None:
                x = row["x1"] + share[0] * (row["x2"] - row["x1"])
                y = row["y1"] + share[1] * (row["y2"] - row["y1"])
                rows.append({"time": row["time"], "pts": row["pts"], **box, "keypoint": name, "x": x, "y": y})
    columns = {
        name: [row[name] for row in rows] for name in ("time", "pts", "x1", "y1", "x2", "y2", "keypoint", "x", "y")
    }
    same = {"camera": "cam1", "segment_id": SEGMENT.segment_id, "detection": 0, "score": 0.9}
    return TABLES["keypoints"].conform(columns | {name: [value] * len(rows) for name, value in same.items()})


def carried(**more):
    return [(row["subject"], row["object"]) for row in only("carries", join(WALKER, BAG), VIEW, **more)]


def test_a_bag_at_a_hand_that_is_seen_is_carried():
    assert carried() == [("walker", "bag")]
    assert carried(keypoints=keypoints()) == [("walker", "bag")]
    assert carried(keypoints=keypoints(AT_BAG, OVER_HEAD)) == [("walker", "bag")], "one hand is enough"


def test_a_bag_away_from_both_hands_is_not():
    assert carried(keypoints=keypoints(OVER_HEAD, OVER_HEAD)) == []


@pytest.mark.parametrize(
    "seen",
    [
        keypoints(OVER_HEAD, None),  # the other hand may hold it
        keypoints(OVER_HEAD, OVER_HEAD, every=1000),  # one look, seconds away from most of the way
        keypoints(OVER_HEAD, OVER_HEAD, person([(5, 6), (5, 6)], (0, 5), "else")),  # somebody else
    ],
)
def test_where_a_hand_is_not_seen_the_box_lets_one_guess(seen):
    assert carried(keypoints=seen) == [("walker", "bag")]
