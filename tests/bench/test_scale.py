"""The benchmark of scale runs short segments in a pool that it watches."""

from pathlib import Path

import pytest

from bench import scale, scale_dispatch


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


def test_figures_that_others_compare_are_on_top() -> None:
    measured = {
        "dispatch": {"segments_per_s": 300.0, "planned": 1000, "driver_cpu_ms": 1.0},
        "workers": {"speed_up": 1.9},
        "node_loss": {"differences": {"detector_samples": [0, 0], "review_frames": [1, 0]}},
    }
    assert scale.headline(measured) == {
        "segments_per_s": 300.0,
        "planned": 1000,
        "two_workers_speedup": 1.9,
        "node_loss_equal": False,
    }
    assert scale.headline({"soak": {"lost": 0}}) == {}


def test_units_without_work_are_all_dispatched(tmp_path: Path) -> None:
    figures = scale_dispatch.dispatch(tmp_path, 300)
    assert figures["planned"] == 300 and figures["driver_cpu_ms"] > 0
