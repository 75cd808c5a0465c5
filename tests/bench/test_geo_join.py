"""The benchmark of joins counts as geopandas does, and only cameras near the zone that moved count again."""

from pathlib import Path

import pytest

from bench.geo_join import CAMERAS, measure


@pytest.mark.slow
def test_two_days_are_joined_and_one_camera_counts_again(tmp_path: Path) -> None:
    figures = measure(tmp_path, positions=2 * CAMERAS * 250, days=2, zones=100)
    assert figures["positions"] == 2 * CAMERAS * 250
    assert (figures["recounted_units"], figures["recounted_of"]) == (2, 2 * CAMERAS)
    assert min(figures[name] for name in ("join_s", "geopandas_s", "recount_year_s")) > 0
