"""Figures of real clips are read from the rows of a run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from bench import interactions_clips
from bench.interactions_clips import GONE_S, PUT_DOWN_S, RealRun, clip_figures, cost_figures
from jobs.site import Site

BAG, TABLE = datetime(2026, 3, 2, 19, 30, tzinfo=UTC), datetime(2026, 3, 2, 19, 20, tzinfo=UTC)


def row(camera: str, verb: str, start_s: float, end_s: float, clip: datetime = BAG) -> dict[str, Any]:
    return {
        "camera": camera,
        "verb": verb,
        "start_time": clip + timedelta(seconds=start_s),
        "end_time": clip + timedelta(seconds=end_s),
    }


@pytest.fixture
def run(tmp_path, monkeypatch) -> Any:
    """Returns what measures made-up rows."""

    def measure(*rows: dict[str, Any]) -> dict[str, Any]:
        monkeypatch.setattr(interactions_clips, "query", lambda *_: pa.Table.from_pylist(list(rows)))
        return clip_figures(RealRun(Site.__new__(Site), {}, 864.0))

    return measure


def test_one_bag_left_behind_at_the_right_time_is_no_false_alarm(run: Any) -> None:
    found = run(row("bag", "abandons", 22.0, 33.0), row("bag", "puts_down", PUT_DOWN_S - 1.5, PUT_DOWN_S + 2.5))
    assert (found["aboda_abandons"], found["false_abandons"], found["false_alarms"]) == (1, 0, 0)
    assert found["aboda_time_error_s"] == 0.5


def test_a_second_bag_and_what_nobody_does_are_false_alarms(run: Any) -> None:
    found = run(
        row("bag", "abandons", GONE_S + 3, 33.0),
        row("table", "abandons", 3.0, 60.0, TABLE),
        row("table", "sits_on", 7.5, 9.0, TABLE),
        row("table", "meets", 7.5, 9.0, TABLE),
    )
    assert found["aboda_time_error_s"] == 3.0
    assert (found["false_abandons"], found["false_alarms"]) == (1, 2)
    assert found["false"] == ["table: abandons at 3.0 s", "table: sits_on at 7.5 s"]
    assert found["false_alarms_per_camera_day"] == 200.0


def test_without_a_bag_there_is_no_time_to_compare(run: Any) -> None:
    found = run(row("preview", "rides", 1.0, 3.0))
    assert found["aboda_time_error_s"] is None and found["preview_rides"] == 1 and found["false_alarms"] == 0


def test_cost_is_a_share_of_tracking() -> None:
    seconds = {"detect": 80.0, "appearance": 10.0, "track": 9.0, "link": 1.0, "statics": 0.2, "interactions": 0.5}
    cost = cost_figures(RealRun(Site.__new__(Site), seconds, 1.0))
    assert (cost["cost_share"], cost["statics_share"], cost["share_with_detect"]) == (0.05, 0.02, 0.005)
