"""Reports the state of a site: its runs, what is done and missing, and what is in quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from jobs.commands.plan import plan_run
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.planning.plan import Plan
from jobs.site import Site
from schemas.values import Quarantined


@dataclass(frozen=True)
class Status:
    """The state of a site.

    Attributes:
        runs: the table ``runs``, oldest first.
        plan: of everything, on the footage that the last scan found.
        problems: records of the store that cannot be read, one line each.
    """

    runs: pa.Table
    plan: Plan
    quarantined: Sequence[Quarantined]
    problems: Sequence[str]


def read_status(site: Site) -> Status:
    """Reads the state of a site. The archive is not scanned."""
    plan = plan_run(site, Selection(), recorded_inventory(site.store))
    runs, quarantined = site.journal.read_runs(), site.journal.read_quarantine()
    problems = site.store.read_loose_receipts().problems + runs.problems + quarantined.problems
    return Status(runs.rows, plan, quarantined.rows, problems)
