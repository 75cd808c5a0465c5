"""Tells how cameras are looked at: what `tune` stored, whether it still fits, and whose frames are hardly ever held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from jobs.commands.tune import measured_with
from jobs.planning.configure import ReadySite
from ops.detect.settings import BACKGROUND_S, FEW_FPS
from schemas.op import DETECTOR
from schemas.tuned import MeasuredWith, TunedCamera, TunedParams
from storage.arrow_sql import query

HELD_AT_LEAST = 0.1
"""Share of the frames that must be held, or the camera is named. A view that rests now and then holds most."""

LEAST_FRAMES = 3000
"""Fewest frames that say so: five minutes at ten frames per second."""


NIGHTS = 7
"""Newest nights of a camera that count."""

_FRAMES = f"""
WITH looked AS (
    SELECT camera, "date"::DATE AS night, media_s, max("date"::DATE) OVER (PARTITION BY camera) AS newest,
        coalesce((counters->>'frames_observed')::BIGINT, 0) AS observed,
        coalesce((counters->>'frames_held')::BIGINT, 0) AS held
    FROM receipts WHERE op = 'detect' AND media_s >= {BACKGROUND_S:g}
    QUALIFY row_number() OVER (PARTITION BY camera, "date", unit ORDER BY committed DESC) = 1
)
SELECT camera, sum(observed) AS observed, sum(held) AS held FROM looked
WHERE night > newest - {NIGHTS} AND observed >= {FEW_FPS:g} * media_s GROUP BY camera ORDER BY camera
"""


@dataclass(frozen=True)
class CameraProfile:
    """What is known of how a camera is looked at.

    Attributes:
        profile: name of what `tune` stored; empty for a camera that was not tuned.
        loss: of its tracks, as measured, 0..1; None for a camera that was not tuned.
        runs_share: runs of the network, of those at every frame.
        message: what an operator should know, and do; empty if nothing.
    """

    camera: str
    profile: str
    loss: float | None
    runs_share: float | None
    message: str


def camera_profiles(ready: ReadySite, receipts: pa.Table) -> tuple[CameraProfile, ...]:
    """Returns the cameras that were tuned, and others of whose frames hardly any is held, by name.

    Args:
        ready: the site.
        receipts: rows of ``RECEIPT_SCHEMA``, those of ``detect`` among them.
    """
    tuned = [
        CameraProfile(camera, each.profile, each.test.loss, each.test.runs_share, _message(ready, each))
        for camera, each in ready.tuned.items()
    ]
    return tuple(sorted([*tuned, *_restless(ready, receipts)], key=lambda each: each.camera))


def _message(ready: ReadySite, tuned: TunedCamera) -> str:
    said = []
    if tuned.why:
        said.append(f"every frame of it is looked at: {tuned.why}")
    if given := sorted(set(TunedParams.model_fields) & set(ready.site.config.ops.get("detect", {}))):
        said.append(f"site.toml gives {' and '.join(given)} under [ops.detect], and that holds instead")
    if changed := changed_since(ready, tuned.by):
        said.append(f"it was tuned with {changed}: `nightshift tune {tuned.camera}` measures again")
    return f"camera {tuned.camera}: {'; '.join(said)}" if said else ""


def changed_since(ready: ReadySite, by: MeasuredWith) -> str:
    """Returns what a measurement was made with and is no longer so; empty if nothing."""
    if not {"detect", "track"} <= set(ready.ops) or DETECTOR not in ready.ops["detect"].models:
        return f"weights {by.weights}, and detect has none"
    now = measured_with(ready)
    changes = []
    if now.sha256 != by.sha256:
        changes.append(f"weights {by.weights} {by.sha256[:8]}, now {now.weights} {now.sha256[:8]}")
    for op in ("detect", "track"):
        before, after = getattr(by, op), getattr(now, op)
        if before != after:
            changes.append(f"{op} {before}, now {op} {after}")
    if now.others != by.others:
        changes.append("other parameters of [ops.detect] or [ops.track]")
    return ", ".join(changes)


def _restless(ready: ReadySite, receipts: pa.Table) -> Iterator[CameraProfile]:
    """Yields the untuned cameras of whose frames hardly any is held."""
    if "detect" not in ready.ops or not ready.ops["detect"].op.params.skip_unchanged:
        return
    for camera, (observed, held) in _frames(receipts).items():
        looked_at = camera not in ready.tuned and ready.site.config.camera_view(camera).fixed
        if looked_at and observed >= LEAST_FRAMES and held < HELD_AT_LEAST * observed:
            yield CameraProfile(
                camera,
                "",
                None,
                None,
                f"camera {camera}: {1 - held / observed:.0%} of its frames are looked at, since its view changes all "
                f"the time (shake, rain, flicker, a crowd): `nightshift tune {camera}` finds out what is best for it",
            )


def _frames(receipts: pa.Table) -> Mapping[str, tuple[int, int]]:
    """Returns the frames that detect's network observed, and those that it held, by camera, where it may hold them."""
    rows = query(
        _FRAMES, receipts=receipts.select(["op", "camera", "date", "unit", "committed", "media_s", "counters"])
    )
    return {row["camera"]: (int(row["observed"]), int(row["held"])) for row in rows.to_pylist()}
