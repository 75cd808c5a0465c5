"""The simulated night: what is served when, and which resource it calls the bottleneck."""

from dataclasses import replace

import pytest

from bench.scale_night import SEGMENTS_A_DAY, Night, simulate, units_of_a_segment

SMALL = Night(
    cameras=2, nodes=1, cores=4, segment_s=10.0, units=10, driver_ms=1.0, commit_ms=0.001, network_gigabit=1e6
)
"""576 batches of ten seconds on four cores: 1,440 s, and ten milliseconds each of the driver."""


def test_workers_that_are_always_busy_are_the_bottleneck():
    result = simulate(SMALL)
    assert result.bottleneck == "workers" and result.shares["workers"] == pytest.approx(1, abs=0.01)
    assert result.hours * 3600 == pytest.approx(2 * SEGMENTS_A_DAY * 10 / 4, rel=0.01)
    assert result.shares["driver"] == pytest.approx(4 * 0.01 / 10, rel=0.02)
    assert result.fits and not simulate(replace(SMALL, window_h=0.3)).fits


@pytest.mark.parametrize(
    ("change", "bottleneck"),
    [
        ({"driver_ms": 1000.0}, "driver"),
        ({"network_gigabit": 0.06}, "network"),
        ({"commit_ms": 10_000.0, "store_lanes": 1}, "store"),
    ],
)
def test_what_takes_ten_seconds_a_batch_for_all_workers_is_the_bottleneck(change, bottleneck):
    result = simulate(replace(SMALL, **change))
    assert result.bottleneck == bottleneck
    assert result.hours == pytest.approx(2 * SEGMENTS_A_DAY * 10 / 3600, rel=0.02)


def test_the_number_of_cameras_that_fit_is_the_one_at_which_the_window_is_full():
    fit = simulate(SMALL).cameras_that_fit["workers"]
    full = simulate(replace(SMALL, cameras=fit))
    assert full.fits or full.hours == pytest.approx(SMALL.window_h, rel=0.01)
    assert not simulate(replace(SMALL, cameras=fit + 2)).fits


def test_each_unit_of_a_segment_has_a_receipt():
    assert 5 < units_of_a_segment() < 30
