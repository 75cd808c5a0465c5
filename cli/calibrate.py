"""`calibrate`: what control points, people and depth say of the ground before a camera."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, AsOf, Camera, Json, SiteFolder, parse_day
from cli.output import Output
from jobs.commands.calibrate import Calibration, Row, bent_corner_px
from jobs.commands.calibrate import calibrate as known_ground
from jobs.site import open_site

_FRAMES = {"site": "on the map", "local": "in the camera's own frame, as nobody placed it on the map"}
_USED = {"fused": "the fused ground"}
TROUBLED = 1


def calibrate(
    camera: Camera,
    day: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Local day.", show_default="the newest")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", help="PNG file to write: background, depth, floor, and a grid of metres."),
    ] = None,
    folder: SiteFolder = HERE,
    as_of: AsOf = None,
    as_json: Json = False,
) -> int | None:
    """Show what control points, people and depth say of a camera's ground, and how far they are apart."""
    output, site = Output(as_json), open_site(folder)
    found = known_ground(site, camera, parse_day("--date", day), as_of)
    if as_json:
        output.json(asdict(found))
    else:
        _show(output, found)
    if picture is not None:
        from jobs.commands.calibrate_picture import write_picture  # OpenCV, which the text needs not

        write_picture(site, camera, picture, found.date, as_of)
        output.say(f"{picture}: background, depth, floor and a grid of metres; only you can read it")
    for warning in found.warnings:
        output.warn(warning)
    if found.used is None:
        output.warn(f"nothing is known of the ground of {found.camera}: there are no positions in metres")
        return TROUBLED
    return None


def _show(output: Output, found: Calibration) -> None:
    if found.used is not None and found.frame is not None:
        name = _USED.get(found.used, "control points")
        output.say(f"{found.camera} on {found.date}: positions are by {name}, {_FRAMES[found.frame]}")
    columns = [
        "source",
        "focal px",
        "tilt deg",
        "roll deg",
        "height m",
        "unsure",
        "residual",
        "boxes",
        "apart m",
        "note",
    ]
    output.table(columns, [_line(row) for row in found.sources])
    for row in found.sources:
        if row["distortion"] is not None:
            output.say(_lens(row))
        if row["point_residuals"] is not None:
            off = enumerate(json.loads(row["point_residuals"]), 1)
            output.say(f"control points, metres off ({row['source']}): " + ", ".join(f"{n}: {m:.2f}" for n, m in off))


def _lens(row: Row) -> str:
    corner_px, share = bent_corner_px(row), row["distortion"]
    where = "towards the middle" if share < 0 else "outwards"
    return (
        f"the lens bends the picture ({row['source']}): its corners are {abs(corner_px):.0f} px {where}, lambda "
        f"{_with_sigma(share, row['distortion_sigma'], 3)}"
    )


def _line(row: Row) -> list[object]:
    note = "used" if row["used"] else "disagrees" if row["agrees"] is False else ""
    notes = [note, row["reason"] or ""]
    return [
        row["source"],
        _with_sigma(row["focal_px"], row["focal_sigma_px"], 0),
        _with_sigma(row["tilt_deg"], row["tilt_sigma_deg"], 1),
        _with_sigma(row["roll_deg"], row["roll_sigma_deg"], 1),
        _with_sigma(row["height_m"], row["height_sigma_m"], 2),
        "" if row["sigma_share"] is None else f"{row['sigma_share']:.1%}",
        _residual(row),
        row["people"] or "",
        "" if row["disagreement_m"] is None else f"{row['disagreement_m']:.2f}",
        "; ".join(each for each in notes if each),
    ]


def _with_sigma(value: float | None, sigma: float | None, digits: int) -> str:
    return "" if value is None or sigma is None else f"{value:.{digits}f} ± {sigma:.{digits}f}"


def _residual(row: Row) -> str:
    if row["residual_m"] is not None:
        return f"{row['residual_m']:.2f} m"
    return "" if row["residual_px"] is None else f"{row['residual_px']:.1f} px"
