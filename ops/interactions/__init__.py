"""Op ``interactions``: who did what with whom or what, by rules over tracks, zones and things at rest.

Decision: docs/decisions/0052-interactions-over-time.md.
"""

import hashlib
import json
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS, datetime_us, times_us
from ops.interactions.params import InteractionsParams
from ops.interactions.rules import check_rules, find_all
from ops.interactions.rules.queries import check_queries
from ops.interactions.rules.scene import Evidence, Interaction, Scene, read_scene
from schemas.op import Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext

POINT_COLUMNS = (*("track_id", "time", "pts", "segment_id", "label", "confidence"), *BOX_COLUMNS)
POSITION_COLUMNS = ("track_id", "time", "x_m", "y_m", "var_x_m2", "var_y_m2")

KEYPOINT_COLUMNS = ("segment_id", "time", *BOX_COLUMNS, "keypoint", "x", "y")

BEFORE_S = 30.0
"""Seconds around the coming of a thing, on the day before, in which its owner is looked for."""


class Interactions(TableOp):
    """Runs the rules of ``ops.interactions.rules`` over a camera-day."""

    spec = OpSpec(
        name="interactions",
        version=10,
        summary="Who did what with whom or what: meetings, things left and taken, vehicles, zones, with the evidence.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points", columns=POINT_COLUMNS),
            Read("tracks", columns=("track_id", "source"), required=False),
            Read("positions", columns=POSITION_COLUMNS, required=False, build_if_missing=True),
            Read("local_positions", columns=POSITION_COLUMNS, required=False, build_if_missing=True),
            Read("ground_models", required=False, build_if_missing=True),
            Read("zone_events", required=False, build_if_missing=True),
            Read("static_objects", required=False, build_if_missing=True),
            Read("static_object_tracks", required=False, build_if_missing=True),
            Read("frame_interactions", required=False),
            Read("keypoints", columns=KEYPOINT_COLUMNS, required=False),
            Read("track_points", Neighbour.PREVIOUS_DAY, columns=POINT_COLUMNS, required=False),
            Read("positions", Neighbour.PREVIOUS_DAY, columns=POSITION_COLUMNS, required=False),
        ),
        writes=("interactions",),
        params=InteractionsParams,
        uses=("calibration", "layers", "fixed"),
        memory_mb=3000,
    )
    params: InteractionsParams

    def __init__(self, params: InteractionsParams | None = None) -> None:
        """Checks the user's rules and queries, so that a wrong one is known before a night begins.

        Raises:
            SiteError: a condition cannot be read, or names what does not exist; or a query cannot run.
        """
        super().__init__(params)
        check_rules(self.params)
        if self.params.queries:
            check_queries(self.params.queries, _with_day_before({}, 0))

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``interactions``; a missing input table counts as empty."""
        day_us = _midnight_us(unit)
        tables = _with_day_before(inputs, day_us)
        scene = read_scene(unit, tables, self.params, day_us)
        return {"interactions": _rows(find_all(scene), scene)}


def _midnight_us(unit: UnitContext) -> int:
    """Returns when the unit's local day begins."""
    midnight = datetime.combine(date.fromisoformat(unit.date), time(), ZoneInfo(unit.camera.timezone))
    return datetime_us(midnight)


def _with_day_before(inputs: Tables, day_us: int) -> dict[str, pa.Table]:
    """Returns the inputs, with those points of the day before that were there as things came that still lie there."""
    tables = {
        read.key: inputs.get(read.key, TABLES[read.table].empty()).select(
            list(read.columns or TABLES[read.table].schema.names)
        )
        for read in Interactions.spec.reads
    }
    came = tables["static_objects"]["came_time"].drop_null().cast(pa.int64()).to_numpy()
    came_us = came[came < day_us]
    for name in ("track_points", "positions"):
        before = tables.pop(f"{Neighbour.PREVIOUS_DAY}.{name}")
        before_us = times_us(before)
        kept = np.zeros(len(before_us), np.bool_)
        for moment_us in came_us.tolist():
            kept |= np.abs(before_us - moment_us) <= BEFORE_S * 1e6
        parts = [part.replace_schema_metadata() for part in (before.filter(pa.array(kept)), tables[name])]
        tables[name] = pa.concat_tables(parts)
    return tables


def _rows(found: list[Interaction], scene: Scene) -> pa.Table:
    camera = scene.unit.camera.camera
    starts, ends = (_frames(scene, found, name) for name in ("start_us", "end_us"))
    rows = TABLES["interactions"].conform(
        {
            "camera": [camera] * len(found),
            "interaction_id": [_identity(one, camera) for one in found],
            "verb": [one.verb for one in found],
            "subject": [one.subject for one in found],
            "subject_label": [one.subject_label for one in found],
            "object": [one.object for one in found],
            "object_kind": [one.object_kind for one in found],
            "object_label": [one.object_label for one in found],
            "start_time": [one.start_us for one in found],
            "end_time": [one.end_us for one in found],
            "start_segment_id": [name for name, _ in starts],
            "start_pts": [pts for _, pts in starts],
            "end_segment_id": [name for name, _ in ends],
            "end_pts": [pts for _, pts in ends],
            "x_m": [one.place_m and one.place_m[0] for one in found],
            "y_m": [one.place_m and one.place_m[1] for one in found],
            "score": [one.score for one in found],
            "evidence": [_json(one.evidence) for one in found],
            "rule": [one.rule for one in found],
        }
    )
    # A query may give one row twice.
    kept = pc.index_in(rows["interaction_id"], rows["interaction_id"].unique())
    return rows.take(pa.array(np.unique(kept.to_numpy(), return_index=True)[1]))


def _frames(scene: Scene, found: list[Interaction], which: str) -> list[tuple[str | None, int | None]]:
    """Returns the frame in which the subject is nearest to a moment: segment and PTS; none if it is seconds away."""
    codes = {name: code for code, name in enumerate(scene.trajectories.tracks)}
    frames: list[tuple[str | None, int | None]] = []
    for one in found:
        code = codes.get(one.subject)
        if code is None:
            frames.append((None, None))
            continue
        points = scene.points_of(code)
        apart_us = np.abs(scene.trajectories.time_us[points] - getattr(one, which))
        nearest = points[int(apart_us.argmin())]
        near = apart_us.min() <= 2_000_000
        frames.append((scene.segment_names[scene.segment[nearest]], int(scene.pts[nearest])) if near else (None, None))
    return frames


def _identity(one: Interaction, camera: str) -> str:
    named = "|".join([camera, one.verb, one.subject, one.object or "", str(one.start_us)])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _json(evidence: Evidence) -> str:
    """Writes evidence sorted and rounded, so that the same findings give the same bytes."""
    return json.dumps({name: _rounded(value) for name, value in evidence.items()}, sort_keys=True)


def _rounded(value: object) -> object:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value
