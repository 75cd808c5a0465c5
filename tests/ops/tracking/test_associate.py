"""Weak detections carry a track on."""

from dataclasses import replace

from tests.ops.walkers import Walker, _one, steady

LEFT = Walker(x=50, y=100, vx=40)


def test_weak_detections_carry_a_track_on() -> None:
    strong = [replace(LEFT, until_s=2.0), replace(LEFT, from_s=5.0)]
    weak = replace(LEFT, from_s=2.0, until_s=5.0, confidence=0.15)
    got = _one([*strong, weak], steady(8, 10))
    assert got["tracklets"]["observed"] == [80]
