"""States in an audit what could not be seen: frames that nobody looked at, backgrounds that do not vouch, moving views.

How small people may be is in ``ops/audit_reach.py``; the sentences for people are made here of both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from schemas.op import Read
from schemas.values import UnitContext

UNSEEN_READS = (
    Read("observed_frames", columns=("segment_id", "detections", "looks", "source"), required=False),
    Read("second_observed_frames", columns=("segment_id", "detections", "looks", "source"), required=False),
    Read("backgrounds", columns=("segment_id", "samples", "span_s", "unknown_share"), required=False),
    Read("view_motion", columns=("segment_id", "judged", "views", "most_shift_px", "moves"), required=False),
)
"""Tables that the statement is made of, beside those of the reach."""

_LOOKS = {"detect": "observed_frames", "second_look": "second_observed_frames"}
_NAMES = {"detect": "detect", "second_look": "the second look"}

Row = Mapping[str, Any]
Rows = Sequence[Row]


def unseen_statement(
    unit: UnitContext, tables: Mapping[str, pa.Table], parts: Rows, params: Mapping[str, Any] | None, reach: Row
) -> dict[str, Any]:
    """Returns what could not be seen in a footage file.

    Args:
        unit: the footage.
        tables: those of ``UNSEEN_READS``, as far as they exist.
        parts: rows of ``anonymized_segments``.
        params: the parameters of ``anonymize``, if they are recorded.
        reach: what ``reach_statement`` returned.
    """
    rows = {read.table: tables[read.table].to_pylist() if read.table in tables else [] for read in UNSEEN_READS}
    frames = sum(segment.frames for segment in unit.segments)
    looks = {op: _looks(rows[table]) for op, table in _LOOKS.items()}
    needed_s = (params or {}).get("min_background_s")
    background = _background(unit, rows["backgrounds"], parts, needed_s)
    view = _view(unit, rows["view_motion"])
    dismissed = sum(row.get("dismissed_frames") or 0 for row in parts)
    sentences = [
        *(_looks_sentence(_NAMES[op], look, frames) for op, look in looks.items()),
        *(sentence for op in _LOOKS for sentence in _reach_sentences(_NAMES[op], reach.get(op, []))),
        _background_sentence(background, len(unit.segments)),
        *_dismissed_sentences(dismissed, frames),
        _view_sentence(view, len(unit.segments)),
    ]
    return {
        "sentences": sentences,
        "frames": frames,
        **looks,
        "background": background,
        "dismissed_frames": dismissed,
        "view": view,
    }


def _looks(rows: Rows) -> dict[str, Any]:
    """Returns in how many frames a detector looked or other looks tell who is there, by what, and what it found."""
    sources = sorted({row["source"] for row in rows if row["source"] is not None})
    held = sum(row["looks"] == 0 for row in rows)
    found = sum(row["detections"] for row in rows)
    return {"frames": len(rows), "held": held, "detections": found, "by": sources}


def _background(unit: UnitContext, rows: Rows, parts: Rows, needed_s: float | None) -> dict[str, Any]:
    """Returns the backgrounds by segment, and the time that one must span to vouch for a frame."""
    known = {row["segment_id"]: row for row in rows}
    compared = {row["segment_id"]: row["background_frames"] for row in parts}
    segments = []
    for segment in unit.segments:
        row = known.get(segment.segment_id)
        segments.append(
            {
                "segment_id": segment.segment_id,
                "samples": 0 if row is None else row["samples"],
                "span_s": None if row is None else _rounded(row["span_s"]),
                "unknown_share": None if row is None else _rounded(row["unknown_share"]),
                "frames_compared": compared.get(segment.segment_id),
            }
        )
    return {"needed_span_s": needed_s, "segments": segments}


def _view(unit: UnitContext, rows: Rows) -> dict[str, Any]:
    """Returns how far the view moves, by segment."""
    names = ("segment_id", "judged", "views", "most_shift_px", "moves")
    ordered = sorted(rows, key=lambda row: str(row["segment_id"]))
    segments = [{name: _rounded(row[name]) for name in names} for row in ordered]
    return {"declared_fixed": unit.camera.fixed, "segments": segments}


def _looks_sentence(name: str, look: Row, frames: int) -> str:
    if not look["frames"]:
        return f"{name}: looked at no frame, or that is not recorded"
    by = f" (by {', '.join(look['by'])})" if look["by"] else ""
    between = "; it looked for nobody in the others" if look["frames"] < frames else ""
    held = f"; in {look['held']} of them looks at other frames tell who is there" if look["held"] else ""
    return f"{name}: looked at {look['frames']} of {frames} frames{by}{held}{between}"


def _reach_sentences(name: str, bands: Rows) -> list[str]:
    if not bands:
        return [f"{name}: how small the people are that it finds is not recorded"]
    least = _span([band["least_height_px"] for band in bands])
    probed = [band["probe_height_px"] for band in bands]
    whole = least if None in probed else _span(probed)
    tiles = sum(band["tile_looks"] for band in bands)
    # Probes look in all tiles; what counts beside them are tiles in which they found somebody.
    only_probes = "no look in tiles" if None in probed else "looks in tiles in probes only, which found nobody small"
    looked = f"{tiles} looks in tiles, counted for each band of rows" if tiles else only_probes
    single = f" in single frames, and below {whole} px in all of them" if whole != least else " in every frame"
    found = [f"{name}: may miss people below {least} px{single} ({looked})"]
    far = [band for band in bands if band["out_of_reach"]]
    if far:
        first, last = min(band["y1"] for band in far), max(band["y2"] for band in far)
        height = min(band["expected_height_px"] for band in far)
        found.append(
            f"{name}: cannot see people far away: in {len(far)} of {len(bands)} bands between rows {first:.0f} and "
            f"{last:.0f} a person is smaller than that, down to {height:.0f} px"
        )
    return found


def _background_sentence(background: Row, count: int) -> str:
    spans = [row["span_s"] for row in background["segments"] if row["frames_compared"] and row["span_s"] is not None]
    if not spans:
        return "background: vouched for no frame, so nothing but detectors and tracks said where people are"
    without = count - len(spans)
    rest = f"; {without} of {count} segments had none that vouched" if without else ""
    return (
        f"background: people who stood still for most of {min(spans):.0f} s may be part of it; they are covered only "
        f"where a detector or a track has them{rest}"
    )


def _dismissed_sentences(dismissed: int, frames: int) -> list[str]:
    if not dismissed:
        return []
    return [
        f"background: in {dismissed} of {frames} frames something else than the background stays visible: a network "
        "took it for nobody, and it neither moved nor was as large as a person"
    ]


def _view_sentence(view: Row, count: int) -> str:
    known = [row for row in view["segments"] if row["moves"] is not None]
    if not known:
        return "view: whether it moved is not known"
    moved = [row for row in known if row["moves"]]
    unknown = f"; in {count - len(known)} of {count} segments that is not known" if len(known) < count else ""
    if not moved:
        return f"view: it did not move{unknown}"
    most = max(row["most_shift_px"] or 0.0 for row in moved)
    declared = ", although the camera is declared fixed" if view["declared_fixed"] else ""
    return f"view: it moved in {len(moved)} of {count} segments, by up to {most:.0f} px{declared}{unknown}"


def _span(values: Sequence[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return str(low) if low == high else f"{low} to {high}"


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
