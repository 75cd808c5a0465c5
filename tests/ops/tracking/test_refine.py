"""Tracklets are stitched over short gaps, begin at the first sighting, and are dropped where they are glimpses."""

from dataclasses import replace

from ops.track import TrackParams
from tests.ops.walkers import Walker, _one, steady

LEFT = Walker(x=50, y=100, vx=40)
RIGHT = Walker(x=500, y=250, vx=-35)


def test_a_gap_longer_than_allowed_ends_the_tracklet() -> None:
    hiding = replace(LEFT, vx=10, hidden_s=(3.0, 6.0))
    assert len(_one([hiding], steady(10, 10))["tracklets"]["tracklet_id"]) == 2
    patient = _one([hiding], steady(10, 10), TrackParams(max_gap_s=4.0))
    assert len(patient["tracklets"]["tracklet_id"]) == 1


def test_the_first_sighting_counts_though_the_tracker_was_not_sure_yet() -> None:
    got = _one([LEFT, replace(RIGHT, from_s=2.0)], steady(6, 10))
    assert sorted(got["tracklets"]["observed"]) == [40, 60]


def test_glimpses_and_doubtful_things_are_dropped() -> None:
    glimpse = Walker(x=300, y=50, from_s=1.0, until_s=1.3)
    doubtful = Walker(x=300, y=300, confidence=0.15)
    assert len(_one([LEFT, glimpse, doubtful], steady(6, 10))["tracklets"]["tracklet_id"]) == 1
