import pytest

from storage.store.run_cost import RunCost, run_cost

STAGES = {"decode": 100.0, "detect": 300.0, "anonymize": 500.0, "commit": 100.0}


def test_each_figure_is_what_its_name_says() -> None:
    cost = run_cost(7200.0, 600.0, 2, STAGES, 400, 300)
    assert cost.video_hours_per_hour == 12.0
    assert cost.video_hours_per_core_hour == 6.0
    assert cost.times_decode == 10.0, "1,000 s of work on footage that is decoded in 100 s"
    assert cost.held_share == 0.75
    assert list(cost.stage_share.items()) == [("anonymize", 0.5), ("detect", 0.3), ("commit", 0.1), ("decode", 0.1)]


def test_a_run_that_did_nothing_says_nothing() -> None:
    assert run_cost(0.0, 3.0, 1, {}, 0, 0) == RunCost()
    assert run_cost(0.0, None, 0, {}, 0, 0) == RunCost(), "it has not ended"


def test_what_is_unknown_is_left_out() -> None:
    older = run_cost(60.0, 30.0, 0, {"counts": 2.0}, 0, 0)
    assert older == RunCost(video_hours_per_hour=2.0, stage_share={"counts": 1.0}), "no cores, decode or detector"
    assert run_cost(60.0, 30.0, 1, {"decode": 0.0}, 0, 0).stage_share == {}


@pytest.mark.parametrize(("held", "share"), [(0, 0.0), (5, 1.0)])
def test_none_and_all_frames_held_are_shares(held: int, share: float) -> None:
    assert run_cost(1.0, 1.0, 1, STAGES, 5, held).held_share == share
