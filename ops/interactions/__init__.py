"""Op ``interactions``: who did what with whom or what, by rules over tracks, zones and static regions."""

import hashlib
import json

import pyarrow as pa

from ops.arrays import BOX_COLUMNS
from ops.interactions.rules import RULES
from ops.interactions.rules.scene import Evidence, Interaction, InteractionsParams, read_scene
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext


class Interactions(TableOp):
    """Runs the rules of ``ops.interactions.rules`` over a camera-day."""

    spec = OpSpec(
        name="interactions",
        version=3,
        summary="Meetings, zones entered and left, and things left behind, with their evidence.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points"),
            Read("positions", columns=("track_id", "time", "x_m", "y_m"), required=False),
            Read("zone_events", required=False),
            Read("static_regions", required=False),
            Read("detections", columns=("segment_id", "time", "label", *BOX_COLUMNS), required=False),
        ),
        writes=("interactions",),
        params=InteractionsParams,
        uses=("calibration",),
        memory_mb=3000,
    )
    params: InteractionsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``interactions``; a missing input table counts as empty."""
        tables = {read.key: inputs.get(read.key, TABLES[read.table].empty()) for read in self.spec.reads}
        scene = read_scene(unit, tables, self.params)
        found = [interaction for rule in RULES for interaction in rule(scene)]
        return {"interactions": _rows(found, unit.camera.camera)}


def _rows(found: list[Interaction], camera: str) -> pa.Table:
    return TABLES["interactions"].conform(
        {
            "camera": [camera] * len(found),
            "interaction_id": [_identity(one, camera) for one in found],
            "verb": [one.verb for one in found],
            "subject": [one.subject for one in found],
            "subject_label": [one.subject_label for one in found],
            "object": [one.object for one in found],
            "object_kind": [one.object_kind for one in found],
            "start_time": [one.start_us for one in found],
            "end_time": [one.end_us for one in found],
            "x_m": [one.place_m and one.place_m[0] for one in found],
            "y_m": [one.place_m and one.place_m[1] for one in found],
            "score": [one.score for one in found],
            "evidence": [_json(one.evidence) for one in found],
        }
    )


def _identity(one: Interaction, camera: str) -> str:
    named = "|".join([camera, one.verb, one.subject, one.object, str(one.start_us)])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _json(evidence: Evidence) -> str:
    """Writes evidence sorted and rounded, so that the same findings give the same bytes."""
    return json.dumps({name: _rounded(value) for name, value in evidence.items()}, sort_keys=True)


def _rounded(value: float | str | list[float]) -> float | str | list[float]:
    if isinstance(value, str):
        return value
    return [round(item, 3) for item in value] if isinstance(value, list) else round(value, 3)
