"""Op ``audit``: a JSON file beside each published file that states how it was made and verified.

It names input and output by their hashes, what covered people and how, what verified the result and what was found. It
bounds what may have been missed, and says what could not be seen (docs/privacy.md). It holds no time of day: the same
work gives the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize import Anonymize
from ops.appearance import Appearance
from ops.arrays import BOX_COLUMNS, boxes_of
from ops.audit_reach import REACH_TABLES, reach_statement
from ops.audit_unseen import UNSEEN_READS, unseen_statement
from ops.background import Background
from ops.detect import Detect
from ops.ground.density import band_of, pixels_per_metre
from ops.ground.places import known_ground
from ops.publish import Publish
from ops.rate_bound import CONFIDENCE, upper_bound
from ops.second_look import SecondLook
from ops.track import Track
from ops.view_motion import ViewMotion
from schemas.anonymity import MODES
from schemas.op import NoParams, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.tables.video import AUDIT_SUFFIX
from schemas.values import UnitContext

SCHEMA_NAME, SCHEMA_VERSION = "nightshift.audit", 2

_MADE_BY = tuple(
    kind.spec for kind in (Detect, SecondLook, ViewMotion, Background, Appearance, Track, Anonymize, Publish)
)
_DIGITS = 6
_FIGURES = (
    "covered_frames",
    "covered_share",
    "frames_widened",
    "frames_whole",
    "frames_lost",
    "frames_repeated",
    "background_frames",
    "dismissed_frames",
    "unknown_share",
    "verified_by",
    "verified_frames",
    "verifier_findings",
)
"""Columns that the audit gives for the whole file, and for each segment."""

_BOUNDS = (
    "with a confidence of 95 %, at most this share of the head zones of people with known tracks is less than half "
    "covered in the published file, as far as verification of the decoded output can show. Frames of one track are "
    "alike, so the bound by tracks is the safer one"
)
_DOES_NOT_BOUND = (
    "people whom neither the detector nor the comparison with the background found have no track: they are not among "
    "the checks, and this bound does not hold for them"
)
_NOT_CHECKED = "no head zone was checked, so nothing is bounded"


class Audit(TableOp):
    """Writes how a published file was made, and how well people are covered in it."""

    spec = OpSpec(
        name="audit",
        version=9,
        summary="A JSON file beside each published file: what made it, what verified it, what could not be seen.",
        scope=Scope.FOOTAGE,
        reads=(
            Read("anonymized"),
            Read("anonymized_segments"),
            Read("anonymized_tracks"),
            Read("tracklet_points", columns=("tracklet_id", "time", "frame_segment_id", *BOX_COLUMNS), required=False),
            *(Read(table, required=False) for table in REACH_TABLES.values()),
            *UNSEEN_READS,
        ),
        writes=("audits",),
        params=NoParams,
        uses=("calibration", "privacy_masks"),
    )

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Writes the audit; returns its row, or none where nothing was published."""
        spec = TABLES["audits"]
        if not inputs["anonymized"].num_rows:
            return {spec.name: spec.empty()}
        (video,) = inputs["anonymized"].to_pylist()
        tracks = _tracks(unit, inputs["anonymized_tracks"], inputs.get("tracklet_points"))
        leak = _residual_leak(tracks)
        document = _document(unit, video, inputs["anonymized_segments"].to_pylist(), tracks, leak)
        document["reach"] = reach_statement(unit, inputs)
        parts = inputs["anonymized_segments"].to_pylist()
        document["not_seen"] = unseen_statement(unit, inputs, parts, document["params"], document["reach"])
        file = services.write_beside(video["path"], AUDIT_SUFFIX, as_json(document))
        row: dict[str, object] = {
            "camera": video["camera"],
            "footage_id": video["footage_id"],
            "path": file.path,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "video_sha256": video["sha256"],
            "mode": video["mode"],
            "level": document["mode"]["level"],
            "tracks": len(tracks),
            "head_checks": leak["checks"],
            "head_leaks": leak["leaks"],
            "leak_rate_bound": leak["upper_bound"],
        }
        return {spec.name: spec.conform({name: [value] for name, value in row.items()})}


def as_json(document: Mapping[str, Any]) -> bytes:
    """Formats an audit, with sorted keys, so that the same audit has the same bytes."""
    return json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _document(
    unit: UnitContext,
    video: Mapping[str, Any],
    segments: Sequence[Mapping[str, Any]],
    tracks: Sequence[Mapping[str, Any]],
    leak: Mapping[str, Any],
) -> dict[str, Any]:
    """Builds the audit of a published file from its row, and the rows of its segments and tracks."""
    mode = MODES[video["mode"]]
    return {
        "schema": SCHEMA_NAME,
        "schema_version": SCHEMA_VERSION,
        "statement": mode.statement,
        "input": {
            "camera": video["camera"],
            "footage_id": video["footage_id"],
            "footage_id_is": "the first 16 hex digits of the sha256 of the footage file",
            "start_time": video["start_time"].isoformat(),
            "end_time": video["end_time"].isoformat(),
            "segments": len(unit.segments),
            "frames": sum(segment.frames for segment in unit.segments),
        },
        "output": {name: video[name] for name in ("sha256", "size_bytes", "frames")},
        "mode": asdict(mode),
        "targets": _listed(video["targets"]),
        "privacy_masks": {"of_size_px": unit.camera.image_size_px, "polygons": unit.camera.privacy_masks},
        "ops": {spec.name: spec.version for spec in (*_MADE_BY, Audit.spec)},
        "params": _parsed(video["params"]),
        "models": _parsed(video["models"]),
        "covering": _figures(video),
        "segments": [{"segment_id": row["segment_id"], "frames": row["frames"], **_figures(row)} for row in segments],
        "tracks": tracks,
        "residual_leak": leak,
    }


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    figures = {name: _rounded(row[name]) for name in _FIGURES}
    return {**figures, "verified_by": _listed(row["verified_by"])}


def _tracks(unit: UnitContext, tracks: pa.Table, points: pa.Table | None) -> list[dict[str, Any]]:
    """Returns how well each tracklet is covered in each segment, and how large it is."""
    densities = _densities(unit, points) if points is not None else {}
    names = (
        "tracklet_id",
        "segment_id",
        "label",
        "frames",
        "leaks",
        "least_head_cover",
        "mean_head_cover",
        "height_px",
    )
    found = []
    for row in tracks.to_pylist():
        density = densities.get((row["tracklet_id"], row["segment_id"]))
        band = None if density is None else band_of(density)
        measured = {name: _rounded(row[name]) for name in names}
        found.append({**measured, "px_per_m": _rounded(density), "iec_62676_4_2025": band})
    return found


def _densities(unit: UnitContext, points: pa.Table) -> dict[tuple[str, str], float]:
    """Returns median pixels per metre by tracklet and segment; empty for a camera without control points."""
    ground = known_ground(unit.camera, {})
    if ground is None:
        return {}
    found: dict[tuple[str, str], float] = {}
    for segment in unit.segments:
        here = points.filter(pc.equal(points["frame_segment_id"], segment.segment_id))
        density = pixels_per_metre(ground.plane, boxes_of(here), (segment.width, segment.height))
        names = np.asarray(here["tracklet_id"].to_pylist(), dtype=object)
        for name in dict.fromkeys(names.tolist()):
            # The median, since people come closer and go away within a segment.
            known = density[(names == name) & np.isfinite(density)]
            if len(known):
                found[name, segment.segment_id] = float(np.median(known))
    return found


def _residual_leak(tracks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts the head zones that were checked and that leak, and bounds the share that may."""
    checks, leaks = (sum(track[name] for track in tracks) for name in ("frames", "leaks"))
    # A track of several segments counts once, and one without any check not at all.
    by_name: dict[str, int] = {}
    for track in tracks:
        if track["frames"]:
            by_name[track["tracklet_id"]] = by_name.get(track["tracklet_id"], 0) + track["leaks"]
    leaking = sum(count > 0 for count in by_name.values())
    by_check, by_track = upper_bound(leaks, checks), upper_bound(leaking, len(by_name))
    return {
        "confidence": CONFIDENCE,
        "checks": checks,
        "leaks": leaks,
        "upper_bound": by_check and _rounded(by_check[0]),
        "method": by_check and by_check[1],
        "tracks": len(by_name),
        "tracks_leaking": leaking,
        "tracks_upper_bound": by_track and _rounded(by_track[0]),
        "bounds": _BOUNDS if by_check else _NOT_CHECKED,
        "does_not_bound": _DOES_NOT_BOUND,
    }


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _rounded(value: Any) -> Any:
    return round(value, _DIGITS) if isinstance(value, float) else value
