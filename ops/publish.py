"""Op ``publish``: merges the covered parts of a footage into one file: all of them, or none (docs/decisions/0014)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from schemas.errors import CoverageError
from schemas.op import NoParams, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext

_SAME = {
    "mode": "in different modes",
    "level": "to different levels",
    "targets": "for different targets",
    "params": "with different parameters",
    "models": "with different weights",
}
"""Columns in which parts of one footage must not differ, and how a message names a difference."""

_SUMMED = (
    "covered_frames",
    "frames_widened",
    "frames_whole",
    "frames_lost",
    "frames_repeated",
    "verified_frames",
    "verifier_findings",
    "background_frames",
    "dismissed_frames",
)
"""Columns of a file that are sums over its parts."""


class Publish(TableOp):
    """Merges the covered parts of a footage."""

    spec = OpSpec(
        name="publish",
        version=4,
        summary="One anonymized file per footage, merged from its covered segments: complete, or not at all.",
        scope=Scope.FOOTAGE,
        reads=(Read("anonymized_segments"),),
        writes=("anonymized",),
        params=NoParams,
        memory_mb=300,
    )

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Merges the parts; returns one row.

        Raises:
            CoverageError: a part is missing, doubled or foreign, parts are covered in different ways, or frames were
                lost in merging.
        """
        spec = TABLES["anonymized"]
        parts = inputs["anonymized_segments"]
        if not unit.segments and not len(parts):
            return {spec.name: spec.empty()}
        rows = _in_order(unit, parts)
        shared = _shared(unit, rows)
        video = services.merge_video(unit, [row["path"] for row in rows])
        frames = sum(row["frames"] for row in rows)
        if video.frames != frames:
            raise CoverageError(
                f"footage {unit.unit}: its parts have {frames} frames, but merged they have {video.frames}; "
                "anonymize it again"
            )
        whole: dict[str, object] = {
            "camera": unit.camera.camera,
            "footage_id": rows[0]["footage_id"],
            "path": video.path,
            "start_time": unit.segments[0].start,
            "end_time": unit.segments[-1].end,
            "frames": frames,
            "size_bytes": video.size_bytes,
            "sha256": video.sha256,
            "verified_by": _common(rows),
            **shared,
            **{name: _sum(rows, name) for name in _SUMMED},
            **{name: _mean(rows, name) for name in ("covered_share", "unknown_share")},
        }
        return {spec.name: spec.conform({name: [value] for name, value in whole.items()})}


def _shared(unit: UnitContext, rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Returns the values that all parts share.

    Raises:
        CoverageError: parts are covered in different ways.
    """
    # The audit makes one statement about the whole file, so all parts must be covered alike.
    shared: dict[str, object] = {}
    for name, words in _SAME.items():
        values = {row[name] for row in rows}
        if len(values) != 1:
            raise CoverageError(
                f"footage {unit.unit}: its parts are covered {words}: {sorted(map(str, values))}; anonymize it again"
            )
        shared[name] = values.pop()
    return shared


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """Returns the sum over parts; None if it is unknown for one."""
    values = [row[name] for row in rows]
    return None if None in values else sum(values)


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Returns the mean over the frames of parts with a known value; None if it is unknown for all."""
    known = [(row[name], row["frames"]) for row in rows if row[name] is not None]
    frames = sum(count for _, count in known)
    return sum(value * count for value, count in known) / frames if frames else (0.0 if known else None)


def _common(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Returns the checks that verified every part; None if they are unknown for one."""
    texts = [row["verified_by"] for row in rows]
    if None in texts:
        return None
    first, *others = (text.split(", ") for text in texts)
    return ", ".join(name for name in first if all(name in other for other in others))


def _in_order(unit: UnitContext, parts: pa.Table) -> list[dict[str, Any]]:
    """Returns the rows of the unit's segments in order of time, each exactly once.

    Raises:
        CoverageError: one is missing, doubled, or of another footage.
    """
    rows = parts.to_pylist()
    by_segment = {row["segment_id"]: row for row in rows}
    wanted = [segment.segment_id for segment in unit.segments]
    missing = sorted(set(wanted) - set(by_segment))
    foreign = sorted(set(by_segment) - set(wanted))
    if missing or foreign or len(rows) != len(wanted):
        raise CoverageError(
            f"footage {unit.unit} has {len(wanted)} segments and {len(rows)} covered parts "
            f"(missing: {missing or 'none'}, of no segment: {foreign or 'none'}); it is not published"
        )
    return [by_segment[segment_id] for segment_id in wanted]
