"""Measures the driver with units that need no work: what a segment costs it, and how that grows with the plan.

python -m bench.scale_dispatch 1000 10000 100000     # one line of JSON each
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from jobs.engine.driver import Driver
from jobs.engine.pool import Finished
from jobs.engine.tasks import Outcome, TaskBatch
from jobs.planning.configure import ReadyOp, ReadySite
from jobs.planning.graph import Selection
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from schemas.op import NoParams, OpSpec, Scope, Services, TableOp, Tables
from schemas.site import SiteConfig
from schemas.tables import TABLES
from schemas.values import Quarantined, Receipt, Segment, UnitContext
from storage.coordination import Claims
from storage.site.file import SiteFiles
from storage.store.store import Store
from tests.support.fakes import make_segment, segment_columns

SEGMENTS_A_DAY = 288
"""Segments of five minutes in a day of one camera."""

SLOTS = 2


class Nothing(TableOp):
    """An op that gives an empty table."""

    spec = OpSpec("nothing", 1, "nothing", Scope.SEGMENT, (), ("motion",), NoParams)

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Returns no rows."""
        return {"motion": TABLES["motion"].empty()}


class InstantPool:
    """Workers that end at once, and write nothing: what is left is the driver."""

    slots = SLOTS
    labels: Mapping[str, str] = {}
    free_labels = None

    def __init__(self) -> None:
        self._waiting: list[TaskBatch] = []

    @property
    def free(self) -> int:
        """How many batches may still be submitted."""
        return self.slots - len(self._waiting)

    def submit(self, batch: TaskBatch) -> None:
        """Keeps the batch until ``wait``."""
        self._waiting.append(batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:  # noqa: ARG002  nothing is waited for
        """Returns a receipt of each unit."""
        waiting, self._waiting = self._waiting, []
        return [(batch, Outcome(tuple(_receipts(batch)))) for batch in waiting]

    def close(self) -> None:
        """Has nothing to end."""


def _receipts(batch: TaskBatch) -> Iterator[Receipt]:
    committed = max(datetime.now(UTC), batch.not_before)
    for task in batch.tasks:
        yield Receipt(
            **task.key._asdict(),
            version=1,
            fingerprint=task.fingerprint,
            ingredients=task.ingredients,
            files={},
            committed=committed,
            run_id=batch.run_id,
            wall_s=0.1,
            media_s=1.0,
        )


def plan_of(root: Path, store: Store, count: int) -> Plan:
    """Plans so many segments, days of one camera after the other."""
    config = SiteConfig(name="dispatch", crs="EPSG:28992", timezone="UTC")
    ready = ReadySite(SiteFiles(root, config), {"nothing": ReadyOp(Nothing(), {})}, ())
    return make_plan(ready, segment_columns(_segments(count)), Ledger(store.read_receipts().rows), Selection())


def _segments(count: int) -> list[Segment]:
    first = make_segment(0, 300.0, 1.0)
    made = []
    for number in range(count):
        camera, index = f"cam{number // SEGMENTS_A_DAY:04}", number % SEGMENTS_A_DAY
        segment = make_segment(index, 300.0, 1.0, start=first.start.replace(hour=0), camera=camera)
        name = f"{number:016x}"
        made.append(replace(segment, segment_id=f"{name}-0000", footage_id=name))
    return made


def dispatch(root: Path, count: int) -> dict[str, float]:
    """Runs so many units without work.

    Returns:
        ``planned``; ``plan_cpu_s``; ``driver_cpu_ms``, CPU milliseconds of this process per unit; ``segments_per_s``,
        per second of elapsed time.
    """
    store = Store.create(root / "store")
    quarantined: list[Quarantined] = []
    began_cpu_s = time.process_time()
    plan = plan_of(root, store, count)
    planned_cpu_s = time.process_time()
    with Claims(store.blobs, "run") as claims:
        began_s = time.perf_counter()
        report = Driver(plan, InstantPool(), "run", quarantined.append, store, claims).run()
        seconds = time.perf_counter() - began_s
    if len(report.receipts) != count:
        raise SystemExit(f"{len(report.receipts)} of {count} units are done")
    return {
        "planned": count,
        "plan_cpu_s": round(planned_cpu_s - began_cpu_s, 2),
        "driver_cpu_ms": round(1000 * (time.process_time() - planned_cpu_s) / count, 3),
        "segments_per_s": round(count / seconds, 1),
    }


def main() -> None:
    """Measures the numbers of segments that are given."""
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(json.dumps(dispatch(Path(folder), count)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
