"""What a run does once its units are done. A failure here is a warning: the run itself is done."""

from collections.abc import Callable
from itertools import islice

from jobs.commands.calibrate import measured_warnings
from jobs.commands.sign_offs import release_video
from jobs.engine.driver import RunReport
from jobs.site import Site
from schemas.errors import NightshiftError
from storage.maintenance.compaction import compact
from storage.store.receipts import RECEIPTS_FOLDER
from storage.store.store import Store

GROUND = "ground"

MANY_RECEIPTS = 2000
"""Loose receipts at which a run compacts the store: from here on, listing them takes noticeable time."""


def tidy_up(site: Site, report: RunReport, on_warning: Callable[[str], None]) -> None:
    """Puts published video where it belongs, says what is doubtful about grounds, and compacts the store if need be."""
    _release(site, on_warning)
    _warn_of_grounds(site, report, on_warning)
    if report.state in ("done", "partial"):
        _compact_if_many(site.store, on_warning)


def _release(site: Site, on_warning: Callable[[str], None]) -> None:
    try:
        release_video(site)
    except NightshiftError as error:
        on_warning(f"published video was not sorted by its sign-offs: {error}")


def _warn_of_grounds(site: Site, report: RunReport, on_warning: Callable[[str], None]) -> None:
    measured = ((each.camera, each.date) for each in report.receipts if each.op == GROUND)
    try:
        for warning in measured_warnings(site, measured):
            on_warning(warning)
    except NightshiftError as error:
        on_warning(f"measured grounds were not checked: {error}")


def _compact_if_many(store: Store, on_warning: Callable[[str], None]) -> None:
    if sum(1 for _ in islice(store.blobs.list(RECEIPTS_FOLDER), MANY_RECEIPTS)) < MANY_RECEIPTS:
        return
    try:
        compact(store)
    except NightshiftError as error:
        on_warning(f"the store was not compacted: {error}")
