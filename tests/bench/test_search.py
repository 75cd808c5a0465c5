"""The benchmark of searches finds the intervals that it wrote, on a short store."""

from pathlib import Path

import pytest

from bench.search import SHARE, measure


@pytest.mark.slow
def test_two_days_are_written_compacted_and_found(tmp_path: Path) -> None:
    figures = measure(tmp_path, days=2, segment_s=3600, repeats=1)
    assert figures["rows"] == pytest.approx(2 * 86_400 * SHARE, rel=0.2)
    assert figures["files"] == 2, "one a day"
    assert 0 < figures["intervals_zone"] < figures["intervals_view"] < figures["rows"] / 5
    assert figures["search_year_s"] > 0 and figures["search_view_s"] > 0 and figures["search_week_s"] > 0
