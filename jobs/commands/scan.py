"""Scans the archive: probes its files and records what is there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyarrow.compute as pc

from jobs.engine.run_clock import RunClock
from jobs.planning.inventory import Inventory, scan_inventory, write_inventory, write_quarantine
from jobs.site import Site
from schemas.values import Quarantined
from storage.store.journal import new_run_id
from storage.store.store import Store


@dataclass(frozen=True)
class ScanReport:
    """What a scan found.

    Attributes:
        quarantined: files that cannot be used, whole or in part.
    """

    inventory: Inventory
    quarantined: list[Quarantined]

    @property
    def notices(self) -> tuple[str, ...]:
        """One line each about the archive as a whole, and about files that are left for a later scan."""
        waiting = self.inventory.waiting
        if not waiting:
            return self.inventory.notices
        last = max(waiting, key=lambda file: file.detail)
        one = len(waiting) == 1
        files = f"{len(waiting)} {'file' if one else 'files'} may still be written and {'waits' if one else 'wait'}"
        return (*self.inventory.notices, f"{files} for a later scan, which is no error: {last.path}: {last.detail}")


def scan_archive(site: Site, on_progress: Callable[[int, int], None] | None = None) -> ScanReport:
    """Scans the archive and records what is there.

    Args:
        on_progress: called with files done and files in all.

    Raises:
        SiteError: there is no archive, or the store cannot be written.
    """
    Store.create(site.files.store)
    clock = start_clock(site)
    return record_scan(site, new_run_id(clock.now()), clock, on_progress)


def record_scan(
    site: Site, run_id: str, clock: RunClock, on_progress: Callable[[int, int], None] | None = None
) -> ScanReport:
    """Scans the archive as part of a run whose store exists."""
    inventory = scan_inventory(site.files, site.store, on_progress)
    committed = clock.now()
    write_inventory(inventory, site.files, site.store, run_id, committed)
    clock.advance_past(committed)
    return ScanReport(inventory, write_quarantine(inventory, site.journal, run_id))


def start_clock(site: Site) -> RunClock:
    """Returns the clock of a run that begins now; it starts after the newest moment in the store."""
    runs = site.journal.read_runs().rows
    columns = (site.store.read_receipts().rows["committed"], runs["started"], runs["ended"])
    moments: list[datetime | None] = [pc.max(column).as_py() for column in columns]
    return RunClock(max(filter(None, moments), default=None))
