"""Publish: the covered parts of a footage, joined to one file; all of them, or none."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.errors import CoverageError
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext


@dataclass(frozen=True)
class PublishParams:
    """``publish`` has no parameters."""


class Publish(TableOp):
    """Joins the covered parts of a footage."""

    spec = OpSpec(
        name="publish",
        version=1,
        summary="One anonymized file per footage, joined from its covered segments: complete, or not at all.",
        scope=Scope.FOOTAGE,
        reads=(Read("anonymized_segments"),),
        writes=("anonymized",),
        params=PublishParams,
        memory_mb=300,
    )

    params: PublishParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """One row, once every segment's part is at hand.

        Raises:
            CoverageError: a part is missing, doubled or foreign, parts differ in mode, or frames were lost in joining.
        """
        spec = TABLES["anonymized"]
        parts = inputs["anonymized_segments"]
        if not unit.segments and not len(parts):
            return {spec.name: spec.empty()}
        rows = _in_order(unit, parts)
        modes = {row["mode"] for row in rows}
        if len(modes) != 1:
            raise CoverageError(f"footage {unit.unit}: its parts are covered in different modes: {sorted(modes)}")
        video = services.join_video(unit, [row["path"] for row in rows])
        frames = sum(row["frames"] for row in rows)
        if video.frames != frames:
            raise CoverageError(f"footage {unit.unit}: its parts have {frames} frames, joined they have {video.frames}")
        whole: dict[str, object] = {
            "camera": unit.camera.camera,
            "footage_id": rows[0]["footage_id"],
            "path": video.path,
            "start_time": unit.segments[0].start,
            "end_time": unit.segments[-1].end,
            "frames": frames,
            "size_bytes": video.size_bytes,
            "sha256": video.sha256,
            "mode": modes.pop(),
            "covered_frames": sum(row["covered_frames"] for row in rows),
            "covered_share": sum(row["covered_share"] * row["frames"] for row in rows) / frames if frames else 0.0,
        }
        return {spec.name: spec.conform({name: [value] for name, value in whole.items()})}


def _in_order(unit: UnitContext, parts: pa.Table) -> list[dict[str, Any]]:
    """The rows of the unit's segments by time, each exactly once."""
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
