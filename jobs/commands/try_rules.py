"""Tries the rules of ``interactions`` on one day of a camera, without storing anything."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.excerpts import find_camera
from jobs.commands.results import connect
from jobs.engine.build_tasks import build_tasks
from jobs.engine.services import UnitServices
from jobs.engine.task_inputs import read_input
from jobs.planning.configure import configure_site
from jobs.planning.graph import Selection
from jobs.planning.inventory import scan_inventory
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from jobs.planning.unit_states import UnitStates
from jobs.site import Site
from schemas.errors import SelectionError
from schemas.op import TableOp
from storage.maintenance.tombstones import read_tombstones

OP = "interactions"


@dataclass(frozen=True)
class Trial:
    """What the rules of site.toml find on a day.

    Attributes:
        rows: of ``interactions``, by start.
        now, stored: rows by verb, that the rules find and that the store has.
    """

    camera: str
    day: date
    rows: pa.Table
    now: Mapping[str, int]
    stored: Mapping[str, int]


def try_rules(site: Site, camera: str, day: date) -> Trial:
    """Runs op ``interactions`` as site.toml has it now. Writes nothing.

    Raises:
        SelectionError: there is no such camera, or no current tracks of that day.
        SiteError: a rule or a query of site.toml is wrong.
    """
    camera = find_camera(site, camera)
    plan = _plan(site, camera, day)
    key = next((key for key in plan.units if key.op == OP and (key.camera, key.date) == (camera, str(day))), None)
    if key is None:
        raise SelectionError(_why_not(plan, camera, day))
    (task,) = build_tasks(UnitStates(plan), [key])
    lacking = " and ".join(sorted({source.op for item in task.inputs for source in item.missing}))
    if lacking:
        raise SelectionError(
            f"{camera} has no current result of {lacking} on {day}; `nightshift run --camera {camera}` first"
        )
    op = plan.ready.ops[OP].op
    assert isinstance(op, TableOp)
    inputs = {item.read.key: read_input(site.store, item, {}) for item in task.inputs}
    rows = op.run(task.context, inputs, UnitServices(site.store, task))[OP]
    with closing(connect(site, for_query=OP)) as connection:
        found = connection.execute(
            f"SELECT verb, count(*) FROM {OP} WHERE camera = ? AND date = ? GROUP BY verb", [camera, day]
        ).fetchall()
    return Trial(camera, day, rows, Counter(rows["verb"].to_pylist()), dict(found))


def _plan(site: Site, camera: str, day: date) -> Plan:
    """Plans a day as if the op had never run: a plan keeps nothing of what is done."""
    inventory = scan_inventory(site.files, site.store)
    receipts = site.store.read_receipts().rows
    others = receipts.filter(pc.not_equal(receipts["op"], OP))
    ledger = Ledger(others, site.journal.read_quarantine().rows, read_tombstones(site.store))
    selection = Selection(cameras=(camera,), first=day, last=day)
    return make_plan(configure_site(site.files), inventory.timeline, ledger, selection, retry=True)


def _why_not(plan: Plan, camera: str, day: date) -> str:
    if OP not in plan.ready.ops:
        return f"site.toml skips the op {OP}: take it out of skip_ops"
    days = sorted({key.date for key in plan.units if key.op == OP and key.camera == camera})
    return f"{camera} has no footage on {day}" + (f"; it has on {', '.join(days[-5:])}" if days else "")
