"""Plans as a whole: what is to do, how long it takes, and selections of something unknown."""

from dataclasses import replace
from datetime import date

import pytest

from jobs.planning.graph import Selection, UnitKey
from schemas.errors import SelectionError
from tests.jobs.pipeline import all_receipts, plan_tiny, receipt_for
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]


def test_everything_is_missing_at_first_and_nothing_after_a_run():
    plan = plan_tiny(SEGMENTS)
    assert len(plan.to_do) == 3 + 3 + 1 + 1 + 1
    assert plan_tiny(SEGMENTS, all_receipts(plan)).to_do == []


def test_the_estimate_comes_from_past_runs():
    plan = plan_tiny(SEGMENTS)
    receipts = [receipt_for(plan, UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[0].segment_id))]
    again = plan_tiny(SEGMENTS, receipts)
    assert again.rates == {"detect": pytest.approx(0.1)}
    assert again.work_s(UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(cameras=("nobody",)), "--camera nobody: no such camera; there are cam1"),
        (Selection(ops=("fly",)), "--ops fly: no such op"),
        (Selection(first=date(2026, 3, 3), last=date(2026, 3, 1)), "--from 2026-03-03 is after --to 2026-03-01"),
    ],
)
def test_a_selection_of_something_unknown_is_the_users_mistake(selection, words):
    with pytest.raises(SelectionError, match=words):
        plan_tiny(SEGMENTS, selection=selection)


def test_cameras_that_are_not_selected_are_not_planned():
    other = replace(SEGMENTS[0], camera="cam2")
    plan = plan_tiny([*SEGMENTS, other], selection=Selection(cameras=("cam2",)))
    assert {key.camera for key in plan.units} == {"cam2"}
