"""How exact counts are on the sample site: people on the whole site, crossings of lines, and occupancy of zones.

``sample.unique_people_error`` and ``sample.crossings_error`` are people and crossings too many or too few;
crossings are compared for each camera, line and direction. ``sample.site_crossings_error`` is of the whole site: one
that two cameras see is one. ``sample.occupancy_error`` is the sum of the differences of
person-seconds in each zone, as each camera sees it, as a share of the true person-seconds.
"""

import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.material import ASSETS
from bench.real_site import DETECTOR
from jobs.commands.results import connect
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from sample_site import build_sample_site
from sample_site.comparison import Comparison, Connection, compare
from sample_site.truth import Truth, load_truth, microseconds
from schemas.values import Int64

Figures = dict[str, Any]

OPS = ("counts", "site_tracks")


def measure(folder: Path) -> Figures:
    """Returns ``sample.*``, of a run with the real detector in an empty folder."""
    build_sample_site(folder)
    shutil.copytree(ASSETS / "weights" / DETECTOR, folder / "models" / DETECTOR)
    run_site(open_site(folder), Selection(ops=OPS), RunOptions(workers=None))
    truth = load_truth(folder)
    with closing(connect(open_site(folder))) as connection:
        return sample_figures(truth, connection)


def sample_figures(truth: Truth, connection: Connection) -> Figures:
    """Compares the tables of a run on the sample site with the truth."""
    compared = compare(truth, connection)
    people = compared.find("site: people")
    return {
        "sample.people": people.true,
        "sample.unique_people_error": abs(people.error or 0),
        "sample.crossings": sum(row.true for row in compared.rows if row.unit == "crossings"),
        "sample.crossings_error": _crossings_error(compared),
        "sample.site_crossings_error": _site_crossings_error(truth, connection),
        "sample.occupancy_error": round(_occupancy_error(truth, connection), 4),
    }


def _crossings_error(compared: Comparison) -> float:
    return float(sum(abs(row.error or 0) for row in compared.rows if row.unit == "crossings"))


def _site_crossings_error(truth: Truth, connection: Connection) -> int:
    """Returns crossings too many or too few by line and direction; in the script, nobody crosses twice in one."""
    seen = {
        (each.person, each.line, each.direction)
        for each in truth.crossings
        if _readable_s((microseconds(each.time), microseconds(each.time) + 1), truth.readable_us(each.camera))
    }
    true = Counter((line, direction) for _, line, direction in seen)
    query = "SELECT line, direction, count(*) FROM site_crossings WHERE label = 'person' GROUP BY ALL"
    found = {(line, direction): number for line, direction, number in connection.execute(query).fetchall()}
    return sum(abs(found.get(key, 0) - true[key]) for key in found.keys() | true.keys())


def _occupancy_error(truth: Truth, connection: Connection) -> float:
    """Returns the differences of person-seconds, by camera and zone, as a share of all."""
    true: dict[tuple[str, str], float] = {}
    for stay in truth.stays:
        span_us = microseconds(stay.start_time), microseconds(stay.end_time)
        key = (stay.camera, stay.zone)
        true[key] = true.get(key, 0.0) + _readable_s(span_us, truth.readable_us(stay.camera))
    found = connection.execute(
        "SELECT camera, zone, sum(dwell_s) FROM counts WHERE label = 'person' AND zone <> 'view' GROUP BY ALL"
    ).fetchall()
    measured = {(camera, zone): dwell_s for camera, zone, dwell_s in found}
    differences = (abs(measured.get(key, 0.0) - true.get(key, 0.0)) for key in measured.keys() | true.keys())
    return float(sum(differences) / sum(true.values()))


def _readable_s(span_us: tuple[int, int], readable_us: Int64) -> float:
    """Returns how much of a span is in readable footage, seconds."""
    start, end = span_us
    return float(sum(max(0, min(end, until) - max(start, since)) for since, until in readable_us.tolist())) / 1e6
