"""What is known of the ground before a camera: by control points, people and depth, and how far they are apart."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.commands.excerpts import find_camera
from jobs.commands.results import query
from jobs.planning.camera_checks import wrong_point
from jobs.site import Site
from ops.ground.distortion import RadialDistortion
from schemas.errors import SelectionError
from storage.sql.text import quote_text

Row = Mapping[str, Any]

_HIDDEN = ("image_from_ground", "ground_covariance")
"""Columns of ``ground_models`` that are not for people."""

SOURCES = ("control_points", "people", "depth", "fused")
WEAK_SHARE = 0.1
"""Standard deviation of places by a survey, as a share of their distance, from which it is worth a warning."""

SCALE_SIGMAS = 2.6
"""Deviations from 1 beyond which the scale of two control points is worth a warning: one in a hundred by chance."""


@dataclass(frozen=True)
class Calibration:
    """The ground of a camera on one day.

    Attributes:
        date: local date.
        used: the source that positions use; None if nothing is known.
        frame: 'site' or 'local'; None if nothing is known.
        sources: rows of ``ground_models`` in the order of ``SOURCES``, without matrices.
        warnings: what somebody should look at.
    """

    camera: str
    date: date
    used: str | None
    frame: str | None
    sources: tuple[Row, ...]
    warnings: tuple[str, ...]


def calibrate(site: Site, camera: str, day: date | None = None, as_of: str | None = None) -> Calibration:
    """Returns what the store knows of a camera's ground.

    Args:
        day: local date; None for the newest one.

    Raises:
        SelectionError: there is no such camera, or nothing was measured on that day.
    """
    camera = find_camera(site, camera)
    rows = ground_model_rows(site, camera, day, as_of)
    used = next((row for row in rows if row["used"]), None)
    shown = tuple({name: value for name, value in row.items() if name not in _HIDDEN} for row in rows)
    return Calibration(
        camera,
        rows[0]["date"],
        None if used is None else used["source"],
        None if used is None else used["frame"],
        shown,
        tuple(_warnings(rows, used)),
    )


def ground_model_rows(site: Site, camera: str, day: date | None, as_of: str | None) -> list[dict[str, Any]]:
    """Returns the rows of ``ground_models`` of a camera's day, in the order of ``SOURCES``.

    Raises:
        SelectionError: there are none.
    """
    where = f"camera = {quote_text(camera)}" + ("" if day is None else f" AND date = DATE '{day.isoformat()}'")
    newest = f"date = (SELECT max(date) FROM ground_models WHERE {where})"
    rows = query(
        site, f"SELECT date, * EXCLUDE (date) FROM ground_models WHERE {where} AND {newest}", as_of=as_of
    ).to_pylist()
    if not rows:
        when = "" if day is None else f" on {day.isoformat()}"
        raise SelectionError(
            f"nothing was measured of the ground of {camera}{when}: run `nightshift run --camera {camera} --ops ground`"
        )
    return sorted(rows, key=lambda row: SOURCES.index(row["source"]))


def measured_warnings(site: Site, measured: Iterable[tuple[str, str]]) -> list[str]:
    """Returns what ``calibrate`` warns of for cameras whose ground was just measured, a line each.

    Args:
        measured: cameras and local dates (YYYY-MM-DD); of each camera the newest one counts.
    """
    found = []
    for camera, day in sorted({camera: day for camera, day in sorted(measured)}.items()):
        said = calibrate(site, camera, date.fromisoformat(day))
        found += [f"ground of {camera} on {day}: {warning}" for warning in said.warnings]
    return found


def bent_corner_px(row: Row) -> float:
    """Returns how far the lens of a row moves the corners of a straight picture: negative towards the middle."""
    return RadialDistortion((row["width"], row["height"]), row["distortion"]).corner_px


def _warnings(rows: list[dict[str, Any]], used: Row | None) -> list[str]:
    found: list[str] = []
    if used is None:
        return found
    found += _weak_survey(used, rows)
    for row in rows:
        found += _wrong_points(row)
        if row["agrees"] is False:
            apart = "" if row["disagreement_m"] is None else f": {row['disagreement_m']:.2f} m in the median"
            found.append(f"{_NAMES[row['source']]} and {_NAMES[used['source']]} contradict each other{apart}")
    if used["scale"] is not None and abs(used["scale"] - 1) > SCALE_SIGMAS * used["scale_sigma"]:
        found.append(
            f"control points are {used['scale']:.2f} times as far apart on the map as on the measured ground; check "
            "them, and whether most people here are adults"
        )
    elif used["reason"] is not None and used["source"] == "fused":
        found.append(used["reason"])
    return found


def _weak_survey(survey: Row, rows: Iterable[Row]) -> list[str]:
    """Warns of control points that leave much open, and that neither people nor depth made surer.

    Nothing contradicts points as unsure as these beyond their errors, however far off it is.
    """
    if survey["source"] != "control_points" or not (survey["sigma_share"] or 0) >= WEAK_SHARE:
        return []
    apart_m = max((row["disagreement_m"] or 0 for row in rows), default=0)
    others = f"; what people or depth say is {apart_m:.2f} m away in the median" if apart_m else ""
    return [
        f"control points leave places unsure by {survey['sigma_share']:.0%} of their distance{others}: check them, and "
        "add points far from each other"
    ]


def _wrong_points(row: Row) -> list[str]:
    if row["wrong_points"] is None:
        return []
    off_m = json.loads(row["point_residuals"])
    return [wrong_point(number, off_m[number - 1]) for number in json.loads(row["wrong_points"])]


_NAMES = {
    "control_points": "control points",
    "people": "people",
    "depth": "depth",
    "fused": "what people and depth say",
}
