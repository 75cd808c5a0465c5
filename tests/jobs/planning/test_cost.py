"""Estimated cost of a plan, and how much of it fits a budget, on the tiny pipeline."""

from dataclasses import replace

import pytest

from jobs.planning.cost import bytes_per_media_s, estimate_cost, fit_to_budget
from jobs.planning.queue import Priority
from storage.store.store import Store
from tests.jobs.pipeline import all_receipts, plan_tiny, tiny_site
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]
NEWEST, OLDEST = Priority(), Priority(newest_first=False)


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


@pytest.fixture
def changed(store):
    """A plan in which everything but detection is stale; each unit took 1 s of work for 10 s of footage."""
    receipts = all_receipts(plan_tiny(SEGMENTS))
    for receipt in receipts:
        store.commit(receipt)
    return plan_tiny(SEGMENTS, receipts, tiny_site({"track": 2}))


def test_costs_come_from_past_work_of_each_op(changed, store):
    cost = estimate_cost(changed, store, 2, NEWEST)
    assert [(op.op, op.units) for op in cost.ops] == [("track", 3), ("link", 1), ("counts", 1), ("publish", 1)]
    assert cost.units == 6 and cost.fit is None and cost.free_bytes > 0
    track = cost.ops[0]
    assert track.measured and track.media_s == pytest.approx(30.0) and track.work_s == pytest.approx(3.0)
    assert track.reasons.total() == 3 and all("params" in reason for reason in track.reasons)
    assert cost.wall_s == pytest.approx(sum(op.work_s for op in cost.ops) / 2)


def test_an_op_that_never_ran_is_a_guess_of_unknown_size(store):
    cost = estimate_cost(plan_tiny(SEGMENTS), store, 1, NEWEST)
    assert not any(op.measured for op in cost.ops)
    assert cost.size_bytes is None


def test_storage_is_estimated_from_past_work_per_second_of_footage(changed, store):
    (store.blobs.root / "tracklets").mkdir()
    (store.blobs.root / "tracklets" / "some.parquet").write_bytes(bytes(3000))
    assert bytes_per_media_s(store, changed, ["track"]) == {"track": pytest.approx(100.0)}
    sizes = {op.op: op.size_bytes for op in estimate_cost(changed, store, 1, NEWEST).ops}
    assert sizes == {"track": 3000, "link": 0, "counts": 0, "publish": 0}


@pytest.mark.parametrize(("budget_s", "workers", "units"), [(0.0, 1, 0), (1.5, 1, 1), (1.5, 2, 3), (1e6, 1, 6)])
def test_as_much_fits_as_the_workers_can_do_in_the_time(changed, budget_s, workers, units):
    assert fit_to_budget(changed, NEWEST, workers, budget_s).units == units


def test_units_of_high_priority_fit_first():
    early = replace(make_segment(0, duration_s=10.0), segment_id="early")
    late = replace(make_segment(5, duration_s=10.0), segment_id="late")
    long = replace(late, segment_id="long", end=late.start.replace(minute=59), start=late.start.replace(minute=10))
    plan = plan_tiny([early, long])
    first_s = plan.work_s(next(key for key in plan.to_do if key.unit == "early"))
    assert fit_to_budget(plan, OLDEST, 1, first_s * 2.5).units == 2
    assert fit_to_budget(plan, NEWEST, 1, first_s * 2.5).units == 0


def test_a_simulated_run_does_not_change_the_plan(changed):
    before = dict(changed.statuses)
    fit_to_budget(changed, NEWEST, 1, 1e6)
    assert changed.statuses == before
