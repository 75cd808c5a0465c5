"""Estimates what a plan will cost from past work: time and storage by op, and how much of it fits a time budget."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from jobs.planning.plan import Plan
from jobs.planning.queue import Priority, WorkQueue
from jobs.planning.unit_states import UnitStates
from jobs.planning.unit_status import without_ids
from storage.store.store import Store


@dataclass(frozen=True)
class OpCost:
    """Estimated cost of one op's units.

    Attributes:
        reasons: to do them, with the number of units for each.
        media_s: duration of the footage behind them.
        work_s: on one worker.
        measured: whether past runs measured the op's speed; else ``work_s`` is a first guess.
        size_bytes: what they will add to the store; None without past work of this op.
    """

    op: str
    units: int
    reasons: Counter[str]
    media_s: float
    work_s: float
    measured: bool
    size_bytes: int | None


@dataclass(frozen=True)
class BudgetFit:
    """How much of a plan fits a time budget. ``media_s`` counts each second of footage once per op."""

    budget_s: float
    units: int
    media_s: float


@dataclass(frozen=True)
class Cost:
    """Estimated cost of a plan.

    Attributes:
        ops: those with something to do, in pipeline order.
        wall_s: until everything is done.
        fit: what fits the given time budget; None without one.
        free_bytes: space left in the store; None where it has no known limit.
    """

    ops: tuple[OpCost, ...]
    workers: int
    wall_s: float
    fit: BudgetFit | None
    free_bytes: int | None

    @property
    def units(self) -> int:
        """Number of units to do."""
        return sum(op.units for op in self.ops)

    @property
    def size_bytes(self) -> int | None:
        """What the plan will add to the store; None if that is unknown for any op."""
        sizes = [op.size_bytes for op in self.ops]
        return None if None in sizes else sum(size or 0 for size in sizes)


def estimate_cost(plan: Plan, store: Store, workers: int, priority: Priority, budget_s: float | None = None) -> Cost:
    """Estimates the cost of a plan.

    Args:
        budget_s: time available for it.
    """
    to_do = plan.to_do
    by_op = {op: keys for op in plan.ready.ops if (keys := [key for key in to_do if key.op == op])}
    density = bytes_per_media_s(store, plan, by_op)
    ops = []
    for op, keys in by_op.items():
        media_s = sum(plan.units[key].media_s for key in keys)
        cost = OpCost(
            op=op,
            units=len(keys),
            reasons=Counter(without_ids(plan.statuses[key].reason) for key in keys),
            media_s=media_s,
            work_s=sum(map(plan.work_s, keys)),
            measured=op in plan.rates,
            size_bytes=round(density[op] * media_s) if op in density else None,
        )
        ops.append(cost)
    fit = None if budget_s is None else fit_to_budget(plan, priority, workers, budget_s)
    return Cost(tuple(ops), workers, plan.estimate_s(workers), fit, store.blobs.free_bytes())


def fit_to_budget(plan: Plan, priority: Priority, workers: int, budget_s: float) -> BudgetFit:
    """Simulates a run of the plan, in the order of a real one, until its estimated work exceeds the budget."""
    queue = WorkQueue(UnitStates(plan), priority)
    left_s, units, media_s = budget_s * workers, 0, 0.0  # work is estimated for one worker
    while keys := queue.take():
        left_s -= sum(map(plan.work_s, keys))
        if left_s < 0:
            break  # as a run does: it does not go on with shorter units of lower priority
        units += len(keys)
        media_s += sum(plan.units[key].media_s for key in keys)
        for key in keys:
            queue.mark_done(key)
    return BudgetFit(budget_s, units, media_s)


def bytes_per_media_s(store: Store, plan: Plan, ops: Collection[str]) -> dict[str, float]:
    """Returns, by op, stored bytes per second of footage over all committed work, without ops that never ran."""
    receipts = store.read_receipts(ops).rows
    sums = receipts.group_by("op").aggregate([("media_s", "sum")])
    media_s = {row["op"]: row["media_s_sum"] for row in sums.to_pylist()}
    density = {}
    for op in ops:
        if media_s.get(op):
            # The folder of a table also holds the video that its rows name.
            tables = plan.ready.ops[op].op.spec.writes
            size_bytes = sum(blob.size_bytes for table in tables for blob in store.blobs.list(table))
            density[op] = size_bytes / media_s[op]
    return density
