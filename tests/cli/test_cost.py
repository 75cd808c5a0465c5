"""What footage cost is one line at the end of a run and in `status`, and columns of the table runs."""

import pytest

from cli.cost import cost_text
from storage.store.run_cost import RunCost, run_cost


def test_a_cost_is_one_line() -> None:
    stages = {"decode": 100.0, "detect": 300.0, "anonymize": 500.0, "commit": 60.0, "read": 40.0}
    assert cost_text(run_cost(7200.0, 600.0, 2, stages, 400, 300)) == (
        "12.0 video-hours per hour, 6.0 per core; 10.0 × its decode; anonymize 50%, detect 30%, decode 10%, commit 6%; "
        "75% of frames held"
    )
    assert cost_text(run_cost(60.0, 30.0, 0, {"counts": 2.0}, 0, 0)) == "2.0 video-hours per hour; counts 100%"
    assert cost_text(RunCost()) == ""


@pytest.mark.slow
def test_a_run_ends_with_its_cost_and_status_and_sql_know_it(nightshift, fresh_site) -> None:
    said = nightshift("run", "--site", fresh_site, "--in-process", "--ops", "detect", "--camera", "hall").out
    last = said.splitlines()[-1]
    assert last.startswith("cost: ") and " video-hours per hour, " in last and "× its decode" in last, said
    (run,) = nightshift("status", "--site", fresh_site, "--json").json["runs"]
    assert run["cores"] == 1 and run["video_hours_per_core_hour"] == run["video_hours_per_hour"]
    assert run["video_hours_per_hour"] == pytest.approx(run["media_s"] / run["wall_s"])
    assert run["times_decode"] > 1
    assert (run["frames_observed"], run["held_share"]) == (0, None), "no network: people are found by motion"
    assert f"cost of run {run['run_id']}: {last.removeprefix('cost: ')}" in nightshift(
        "status", "--site", fresh_site
    ).out.replace("\n", " ").replace("  ", " ")
    shares = "SELECT sum(value::DOUBLE) AS s FROM runs, json_each(stage_share)"
    assert nightshift("sql", shares, "--site", fresh_site, "--json").json[0]["s"] == pytest.approx(1)
    nothing = nightshift("run", "--site", fresh_site, "--in-process", "--ops", "detect", "--camera", "hall").out
    assert "cost" not in nothing and "0 units done" in nothing
