"""Estimates what is left of a site, and after how many nights at the present pace nothing will be."""

import math
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.plan import plan_run
from jobs.engine.options import parse_clock
from jobs.nights.window import NightWindow, parse_days
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.planning.plan import DEFAULT_RATE, FIRST_RATES, Plan
from jobs.site import Site
from schemas.backlog import Backlog, CameraBacklog
from storage.store.nights import NightRecord, read_nights

RUNS_MEASURED = 7
"""Runs, and days of footage, from which pace and new work are estimated: a week, in which weekends count."""

MOST_NIGHTS = 3650
"""Nights after which catching up counts as never."""


def read_backlog(site: Site, now: datetime, plan: Plan | None = None) -> Backlog:
    """Returns the backlog of a site, on the footage that the last scan found.

    Args:
        now: aware.
        plan: of everything; None makes it.
    """
    footage = recorded_inventory(site.store)
    plan = plan or plan_run(site, Selection(), footage)
    receipts = site.store.read_receipts().rows
    window = _last_window(read_nights(site.store.blobs).rows, site.files.config.timezone)
    cameras = _cameras(plan)
    pace = _pace(site.journal.read_runs().rows, receipts)
    if window is None:
        return Backlog(cameras, pace, None, None, None if cameras else 0, None)
    nights_apart = 7 / len(window.days)
    new_work_s = nights_apart * _daily_footage_s(footage.timeline) * _work_per_footage_s(receipts, plan)
    night_s = window.length.total_seconds()
    nights = nights_needed(sum(each.work_s for each in cameras), new_work_s, (pace or 0) * night_s)
    caught_up = None
    if nights:
        night = window.next_night(now)
        for _ in range(nights - 1):
            night = window.next_night(night.starts + timedelta(minutes=1))
        caught_up = night.date
    return Backlog(cameras, pace, night_s, new_work_s, nights, caught_up)


def nights_needed(left_s: float, new_s: float, done_s: float) -> int | None:
    """Returns the number of nights until nothing is left; None for never.

    Args:
        left_s: work that is left now.
        new_s: work that comes with each night.
        done_s: work that a night can do.
    """
    if left_s <= 0:
        return 0
    if done_s <= new_s:
        return None
    nights = math.ceil(left_s / (done_s - new_s))
    return nights if nights <= MOST_NIGHTS else None


def _cameras(plan: Plan) -> tuple[CameraBacklog, ...]:
    keys = defaultdict(list)
    for key in plan.to_do:
        keys[key.camera].append(key)
    found = []
    for camera, units in keys.items():
        segments = {segment.segment_id: segment.duration_s for key in units for segment in plan.units[key].segments}
        work_s = sum(map(plan.work_s, units))
        found.append(CameraBacklog(camera, len(units), sum(segments.values()), work_s, min(key.date for key in units)))
    return tuple(sorted(found, key=lambda each: (-each.work_s, each.camera)))


def _pace(runs: pa.Table, receipts: pa.Table) -> float | None:
    """Returns seconds of work per second of the last runs that did any."""
    worked = runs.filter(pc.and_(pc.greater(runs["units_done"], 0), pc.greater(runs["wall_s"], 0)))
    worked = worked.slice(max(0, worked.num_rows - RUNS_MEASURED))
    done = receipts.filter(pc.is_in(receipts["run_id"], worked["run_id"].combine_chunks()))
    work_s, wall_s = pc.sum(done["wall_s"]).as_py() or 0.0, pc.sum(worked["wall_s"]).as_py() or 0.0
    return work_s / wall_s if work_s and wall_s else None


def _daily_footage_s(segments: pa.Table) -> float:
    """Returns the median footage of a day of the last days, of all cameras together; rows of ``SEGMENT_COLUMNS``."""
    lengths = pa.table({"date": segments["date"], "us": pc.subtract(segments["end_us"], segments["start_us"])})
    days = lengths.group_by("date").aggregate([("us", "sum")]).sort_by("date")
    last = days["us_sum"].to_pylist()[-RUNS_MEASURED:]
    return median(last) / 1e6 if last else 0.0


def _work_per_footage_s(receipts: pa.Table, plan: Plan) -> float:
    """Returns seconds of work per second of footage, of all ops together."""
    sums = receipts.group_by("op").aggregate([("wall_s", "sum"), ("media_s", "sum")])
    footage_s = max(sums["media_s_sum"].to_pylist(), default=0.0)
    if footage_s:
        return float(pc.sum(sums["wall_s_sum"]).as_py()) / footage_s
    return sum(FIRST_RATES.get(op, DEFAULT_RATE) for op in plan.ready.ops)


def _last_window(nights: list[NightRecord], timezone: str) -> NightWindow | None:
    if not nights:
        return None
    last = nights[-1]
    return NightWindow(parse_clock(last.at), parse_clock(last.until), ZoneInfo(timezone), parse_days(last.days))
