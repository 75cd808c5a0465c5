"""The fingerprint of a unit: one hash of all that its result depends on, and named ingredients that explain a change.

A fingerprint covers the op's name and version, its parameters, the sha256 of its weights, the footage's content, start
time and cut, the version of the decoding if the op gets frames, the parts of the site that the op uses, and the
fingerprints of the units that it reads. It covers nothing else: no path, no order of work, no machine. See
docs/decisions/0010-a-plan-of-a-million-units.md.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.configure import ReadySite
from jobs.planning.graph import Dependency
from schemas.op import FrameOp, Models
from storage.video.source import DECODING_VERSION

SHORT_DIGITS = 16
"""Hex digits of an ingredient's hash. It only explains a change, so it need not resist a deliberate collision."""

_SEPARATOR = "\x1f"
_DIGESTS = ("calibration", "layers", "named layers", "privacy masks", "stereo")
_READABLE = ("op", "weights", "fixed", "crs", "decoding", "tuned")
_MAX_VALUE_CHARS = 60
"""Length of two values of a parameter together, above which a change names the parameter only."""


def digest(value: Any) -> str:
    """Returns the sha256 of a value's canonical JSON, 64 hex digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()


def fingerprint(parts: Iterable[str]) -> str:
    """Returns the fingerprint of a unit, 64 hex digits.

    Args:
        parts: the base of the op on the camera, date, unit, cut, and then ``join_fingerprints`` of each dependency.
    """
    return sha256(_SEPARATOR.join(parts).encode()).hexdigest()


def join_fingerprints(fingerprints: Iterable[str]) -> str:
    """Returns what a dependency adds to a fingerprint; an empty item is a unit without a result."""
    return ",".join(filter(None, fingerprints))


def cut_texts(segments: pa.Table) -> list[str]:
    """Returns, for rows of ``SEGMENT_COLUMNS``, the footage's content, its recording time, and where it is cut."""
    names = ["footage_id", "start_pts", "end_pts", "time_base_num", "time_base_den"]
    names += ["footage_start_us", "footage_start_pts", "index"]
    columns = [segments[name].cast(pa.string()) for name in names]
    return list(pc.binary_join_element_wise(*columns, _SEPARATOR).to_pylist())


class FingerprintBase(NamedTuple):
    """What the units of an op on a camera have in common.

    Attributes:
        digest: hash of all of it.
        ingredients: the same by name, each short enough to read.
    """

    digest: str
    ingredients: dict[str, str]


def fingerprint_base(ready: ReadySite, op: str, camera: str) -> FingerprintBase:
    """Returns what the units of an op on a camera have in common."""
    configured, view = ready.ops[op], ready.site.config.camera_view(camera)
    spec = configured.op.spec
    parts = {
        "op": f"{spec.name} {spec.version}",
        "params": json.dumps(asdict(configured.op.params), sort_keys=True, default=str),
        "weights": _weights(configured.models),
        "camera": camera,
    }
    if isinstance(configured.op, FrameOp):
        parts["decoding"] = str(DECODING_VERSION)
    if "calibration" in spec.uses:
        # An ingredient of its own: positions that are stale because of another CRS say so, not "calibration".
        parts["crs"] = ready.site.config.crs
        points = [asdict(point) for point in view.control_points]
        parts["calibration"] = digest([view.image_size_px, view.position_m, points])
    if "layers" in spec.uses:
        parts["layers"] = ready.digest_features(camera, digest)
    if "named_layers" in spec.uses:
        parts["named layers"] = ready.named_layers.digest(camera, configured.op.params.layers, digest)
    if "fixed" in spec.uses:
        parts["fixed"] = str(view.fixed)
    if "privacy_masks" in spec.uses:
        parts["privacy masks"] = digest([view.image_size_px, view.privacy_masks])
    if (stereo := ready.stereo.get(camera)) and "stereo" in spec.uses:
        parts["stereo"] = digest([stereo.side, stereo.other, stereo.nearest_m, stereo.pair.plain()])
    if tuned := ready.tuned_params(op, camera) if "tuned" in spec.uses else {}:
        # No ingredient without one: a camera that nobody tuned keeps its fingerprints.
        parts["tuned"] = json.dumps(tuned, sort_keys=True)
    short = {name: part[:SHORT_DIGITS] if name in _DIGESTS else part for name, part in parts.items()}
    short["weights"] = _weights(configured.models, SHORT_DIGITS)
    return FingerprintBase(digest(parts), short)


def _weights(models: Models, digits: int | None = None) -> str:
    """Returns names and hashes of weights, sorted by their role."""
    return ", ".join(f"{models[role].name} {models[role].sha256[:digits]}" for role in sorted(models)) or "none"


def ingredients(base: FingerprintBase, cut: str, reads: Iterable[tuple[Dependency, str]]) -> dict[str, str]:
    """Returns what goes into a unit's fingerprint, by name.

    Args:
        reads: each dependency with what it adds.
    """
    by_writer: dict[str, list[str]] = {}
    for dependency, joined in reads:
        if joined:
            by_writer.setdefault(dependency.writer, []).append(joined)
    upstream = {
        f"reads {writer}": sha256(_SEPARATOR.join(parts).encode()).hexdigest()[:SHORT_DIGITS]
        for writer, parts in by_writer.items()
    }
    return {**base.ingredients, "footage": cut[:SHORT_DIGITS], **upstream}


def what_changed(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Returns one line that names the ingredients that differ: ``weights: yolo11n 12ab → yolo11s 34cd``."""
    changes = []
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name, "nothing"), new.get(name, "nothing")
        if before == after:
            continue
        if name == "params":
            changes.append(_changed_params(before, after))
        else:
            changes.append(f"{name}: {before} → {after}" if name in _READABLE else name)
    return ", ".join(changes) or "nothing"


@lru_cache(maxsize=256)
def _changed_params(before: str, after: str) -> str:
    """Returns the parameters that differ: ``params: conf 0.25 → 0.3``."""
    try:
        old, new = json.loads(before), json.loads(after)
    except ValueError:
        return "params"  # a receipt without parameters
    changes = []
    for name in dict.fromkeys([*new, *old]):
        pair = [json.dumps(side[name]) if name in side else "nothing" for side in (old, new)]
        if pair[0] != pair[1]:
            changes.append(f"{name} {' → '.join(pair)}" if sum(map(len, pair)) <= _MAX_VALUE_CHARS else name)
    return f"params: {', '.join(changes)}"
