"""Propagation on a few rendered frames; the network's time is given, so that nothing is timed here."""

from bench.depth_propagation import measure
from ops.frame_depth.carry import KeyframeParams


def test_few_keyframes_and_little_error_on_rendered_people() -> None:
    found = measure(frames=15, params=KeyframeParams(), looked_s=1e6)
    assert found["frames"] == 30 and 4 <= found["depth_calls"] <= 12
    assert found["speedup"] == found["frames"] / found["depth_calls"] or found["speedup"] > 2
    assert 0 < found["added_abs_rel"] < 0.01
    assert found["added_abs_rel"] < found["people_abs_rel"] < 0.15
    assert found["no_background_added_abs_rel"] < 0.05
