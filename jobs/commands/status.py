"""Reports the state of a site: its runs, units and quarantine, video that awaits a sign-off, and cameras that move."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from jobs.commands.missed_people import MissedPeople, missed_people
from jobs.commands.moving_cameras import MovingCamera, find_moving_cameras
from jobs.commands.plan import plan_run
from jobs.commands.sign_offs import AwaitingVideo, awaiting_video
from jobs.commands.tuned_cameras import CameraProfile, camera_profiles
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.planning.plan import Plan
from jobs.site import Site
from schemas.errors import NightshiftError, QueryError
from schemas.values import Quarantined
from storage.store.runs import complete_runs


@dataclass(frozen=True)
class Status:
    """The state of a site.

    Attributes:
        runs: the table ``runs``, oldest first.
        plan: of everything, on the footage that the last scan found.
        problems: records of the store that cannot be read, one line each.
        moving: cameras that are declared fixed, but whose view moves.
        awaiting: published files that may not be handed out.
        missed: whom looking again only where something changed misses, by camera and night.
        profiles: cameras that were tuned, and those of whose frames hardly any is held.
    """

    runs: pa.Table
    plan: Plan
    quarantined: Sequence[Quarantined]
    problems: Sequence[str]
    moving: Sequence[MovingCamera]
    awaiting: Sequence[AwaitingVideo]
    missed: Sequence[MissedPeople]
    profiles: Sequence[CameraProfile]


def read_status(site: Site) -> Status:
    """Reads the state of a site. The archive is not scanned."""
    plan = plan_run(site, Selection(), recorded_inventory(site.store))
    runs, quarantined = site.journal.read_runs(), site.journal.read_quarantine()
    problems = site.store.read_loose_receipts().problems + runs.problems + quarantined.problems
    moving: Sequence[MovingCamera] = ()
    try:
        moving = find_moving_cameras(site)
    except QueryError as error:  # a damaged store still has a status
        problems = (*problems, f"view_motion: {error}")
    missed: Sequence[MissedPeople] = ()
    try:
        missed = missed_people(site)
    except QueryError as error:
        problems = (*problems, f"detector_samples: {error}")
    awaiting: Sequence[AwaitingVideo] = ()
    try:
        awaiting = awaiting_video(site)
    except NightshiftError as error:
        problems = (*problems, str(error))
    profiles = camera_profiles(plan.ready, site.store.read_receipts(["detect"]).rows)
    rows = complete_runs(runs.rows, lambda: site.store.read_receipts().rows)
    return Status(rows, plan, quarantined.rows, problems, moving, awaiting, missed, profiles)
