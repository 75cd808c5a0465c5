"""Plans a run, and previews what it would cost, without writing anything."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobs.engine.options import RunOptions, default_workers
from jobs.planning.configure import configure_site
from jobs.planning.cost import Cost, estimate_cost
from jobs.planning.graph import Selection
from jobs.planning.inventory import Inventory, scan_inventory
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from jobs.planning.queue import Priority
from jobs.site import Site
from schemas.errors import SelectionError
from storage.maintenance.tombstones import read_tombstones


def plan_run(site: Site, selection: Selection, inventory: Inventory | None = None, retry: bool = False) -> Plan:
    """Plans a selection: what would run, and why. Writes nothing.

    Args:
        inventory: the archive, if it was just scanned; None scans it now.
        retry: try quarantined units again.

    Raises:
        UserError: site.toml is wrong, or the selection names what does not exist.
    """
    ready = configure_site(site.files)
    inventory = inventory or scan_inventory(site.files, site.store)
    ledger = Ledger(site.store.read_receipts().rows, site.journal.read_quarantine().rows, read_tombstones(site.store))
    return make_plan(ready, inventory.timeline, ledger, selection, retry)


def preview_run(site: Site, selection: Selection, options: RunOptions) -> tuple[Plan, Cost]:
    """Plans a selection and estimates its time and space. Writes nothing.

    Raises:
        UserError: site.toml is wrong, or the selection names what does not exist.
    """
    now = datetime.now(UTC)
    inventory = scan_inventory(site.files, site.store)
    check_priority(site, inventory, options.priority)
    plan = plan_run(site, selection, inventory, options.retry)
    deadline = options.deadline(ZoneInfo(site.files.config.timezone), now)
    budget_s = None if deadline is None else (deadline - now).total_seconds()
    workers = 1 if options.workers is None else options.workers or default_workers()
    return plan, estimate_cost(plan, site.store, workers, options.priority, budget_s)


def check_priority(site: Site, inventory: Inventory, priority: Priority) -> None:
    """Checks that the cameras that go first exist.

    Raises:
        SelectionError: one does not.
    """
    configured = {camera.id for camera in site.files.config.cameras}
    known = configured.union(inventory.footage["camera"].unique().to_pylist())
    for camera in priority.cameras_first:
        if camera not in known:
            names = ", ".join(sorted(known)) or "none"
            raise SelectionError(f"--first-camera {camera}: no such camera; there are {names}")
