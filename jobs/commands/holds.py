"""Places and releases holds: a camera and time that no purge deletes."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from jobs.commands.excerpts import find_camera
from jobs.commands.local_times import moments
from jobs.site import Site
from schemas.errors import SelectionError, UserError
from storage.maintenance.holds import Hold, Release, read_holds, write_hold, write_release
from storage.store.journal import new_run_id
from storage.store.store import Store


@dataclass(frozen=True)
class HoldRequest:
    """What to hold.

    Attributes:
        start, end: local times of the camera, or with an offset. Where a clock change makes two times of one, the hold
            has both.
        user: the account that runs the command.
    """

    camera: str
    start: datetime
    end: datetime
    reason: str
    user: str


def place_hold(site: Site, request: HoldRequest, now: datetime) -> Hold:
    """Records that a camera and time are kept from purges.

    Raises:
        SelectionError: there is no such camera.
        UserError: no reason is given, or the time ends before it begins, or is no plausible one.
        StoreFull: no space is left; nothing is recorded.
    """
    reason = request.reason.strip()
    if not reason:
        raise UserError("--reason is empty: say why this is kept; it is recorded")
    camera = find_camera(site, request.camera)
    zone = ZoneInfo(site.files.config.camera_view(camera).timezone)
    start, end = min(moments("--from", request.start, zone)), max(moments("--to", request.end, zone))
    if start >= end:
        raise UserError(f"--from {request.start.isoformat()} is not before --to {request.end.isoformat()}")
    hold = Hold(new_run_id(now), now, request.user, camera, start, end, reason)
    write_hold(Store.create(site.files.store), hold)
    return hold


def release_hold(site: Site, hold_id: str, user: str, reason: str, now: datetime) -> Hold:
    """Records that a hold ends; the hold itself stays in the records.

    Raises:
        SelectionError: there is no such hold.
        UserError: it is released already.
        StoreFull: no space is left; nothing is recorded.
    """
    hold = next((each for each in read_holds(site.store) if each.hold_id == hold_id), None)
    if hold is None:
        raise SelectionError(f"there is no hold {hold_id!r}: `nightshift hold --list` shows them")
    if hold.release is not None:
        raise UserError(f"{hold.release.user} released {hold_id} already, {hold.release.time:%Y-%m-%d %H:%M} UTC")
    release = Release(hold_id, now, user, reason.strip())
    write_release(Store.create(site.files.store), release)
    return replace(hold, release=release)
