"""The benchmark of scale runs short segments in a pool that it watches."""

from pathlib import Path

import pytest

from bench import scale


@pytest.mark.assets
@pytest.mark.slow
def test_every_segment_is_run_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "SEGMENTS_A_FILE", 2)
    site = scale._site_of_segments(tmp_path / "site", 3)
    assert len(list((site / "archive" / scale.CAMERA).iterdir())) == 2
    cost = scale._segments(site, 3)
    assert len(list((site / "store" / "_receipts" / "detect").rglob("*.json"))) == 3
    assert cost["hour_cpu_s"] > 0 and 0 < cost["driver_share"] < 1
    assert cost["memory_mb_end"] > 100
