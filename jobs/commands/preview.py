"""What reprocessing would do and cost, before anybody decides on it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobs.api import Opened, check_order, default_workers, plan
from jobs.engine.options import RunOptions
from jobs.planning.cost import Cost, estimate_cost
from jobs.planning.graph import Selection
from jobs.planning.inventory import scan_inventory
from jobs.planning.plan import Plan


@dataclass(frozen=True)
class Preview:
    """A plan and its cost."""

    plan: Plan
    cost: Cost


def preview(opened: Opened, selection: Selection, options: RunOptions) -> Preview:
    """What a run of a selection would do. Writes nothing.

    Raises:
        UserError: the selection or the site is not as said.
    """
    now = datetime.now(UTC)
    inventory = scan_inventory(opened.site, opened.store)
    check_order(opened, inventory, options.priority)
    planned = plan(opened, selection, inventory, options.retry)
    deadline = options.deadline(ZoneInfo(opened.site.config.timezone), now)
    budget_s = None if deadline is None else (deadline - now).total_seconds()
    workers = 1 if options.workers is None else options.workers or default_workers()
    return Preview(planned, estimate_cost(planned, opened.store, workers, options.priority, budget_s))
