"""The fingerprint of a unit: one hash of all that its result depends on, and named ingredients that explain a change.

A fingerprint covers the op's name and version, its parameters, the sha256 of its weights, the footage's content, start
time and cut, the parts of the site that the op uses, and the fingerprints of the units that it reads. It covers
nothing else: no path, no order of work, no machine. See docs/decisions/0010-a-plan-of-a-million-units.md.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.configure import ReadyOp
from jobs.planning.graph import Dependency, Unit, UnitKey, dependents
from schemas.op import Models
from schemas.values import CameraView, Feature

SHORT_DIGITS = 16
"""Hex digits of an ingredient's hash. It only explains a change, so it need not resist a deliberate collision."""

_SEPARATOR = "\x1f"
_DIGESTS = ("calibration", "layers", "privacy masks")
_READABLE = ("op", "weights", "fixed", "crs")
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


class FingerprintBases:
    """The bases of all ops and cameras of a site, each made once.

    Args:
        ops: the configured ops by name.
        camera_view: returns what ops know of a camera.
        features: returns the zones and lines for a camera.
        crs: of the site.
    """

    def __init__(
        self,
        ops: Mapping[str, ReadyOp],
        camera_view: Callable[[str], CameraView],
        features: Callable[[str], Sequence[Feature]],
        crs: str,
    ) -> None:
        self._ops = ops
        self._camera_view = cache(camera_view)
        self._features = features
        self._crs = crs
        self._known: dict[tuple[str, str], FingerprintBase] = {}

    def of(self, op: str, camera: str) -> FingerprintBase:
        """Returns the base of the units of an op on a camera."""
        if (op, camera) not in self._known:
            self._known[op, camera] = self._build(self._ops[op], camera)
        return self._known[op, camera]

    def _build(self, op: ReadyOp, camera: str) -> FingerprintBase:
        spec = op.op.spec
        parts = {
            "op": f"{spec.name} {spec.version}",
            "params": op.params_json,
            "weights": _weights(op.models),
            "camera": camera,
        }
        if "calibration" in spec.uses:
            # An ingredient of its own: positions that are stale because of another CRS say so, not "calibration".
            parts["crs"] = self._crs
            parts["calibration"] = digest(_calibration(self._camera_view(camera)))
        if "layers" in spec.uses:
            parts["layers"] = digest(_layers(self._features(camera)))
        if "fixed" in spec.uses:
            parts["fixed"] = str(self._camera_view(camera).fixed)
        if "privacy_masks" in spec.uses:
            parts["privacy masks"] = digest(
                [self._camera_view(camera).image_size_px, self._camera_view(camera).privacy_masks]
            )
        short = {name: part[:SHORT_DIGITS] if name in _DIGESTS else part for name, part in parts.items()}
        short["weights"] = _weights(op.models, SHORT_DIGITS)
        return FingerprintBase(digest(parts), short)


def _weights(models: Models, digits: int | None = None) -> str:
    """Returns names and hashes of weights, sorted by their role."""
    return ", ".join(f"{models[role].name} {models[role].sha256[:digits]}" for role in sorted(models)) or "none"


def _calibration(camera: CameraView) -> list[Any]:
    return [camera.image_size_px, camera.position_m, [asdict(point) for point in camera.control_points]]


def _layers(features: Sequence[Feature]) -> list[Any]:
    return [[f.feature_id, f.kind, f.space, f.camera, f.geometry.wkb_hex] for f in features]


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


class Fingerprints:
    """Fingerprints of the units to do, on the assumption that every unit that is not excluded succeeds.

    Args:
        units: the units to do, and those that could be.
        bases: of their ops and cameras.
        dependencies: by op.
        known: fingerprints as planned, also of finished units that others read; a unit without one has no result.
    """

    def __init__(
        self,
        units: Mapping[UnitKey, Unit],
        bases: FingerprintBases,
        dependencies: Mapping[str, Sequence[Dependency]],
        known: Mapping[UnitKey, str],
    ) -> None:
        self._units = units
        self._bases = bases
        self._dependencies = dependencies
        self._known = known
        self._excluded: set[UnitKey] = set()
        self._outdated: set[UnitKey] = set()
        self._updated: dict[UnitKey, str] = {}

    def copy(self) -> "Fingerprints":
        """Returns an object with the planned fingerprints, whose exclusions change on their own."""
        return Fingerprints(self._units, self._bases, self._dependencies, self._known)

    @cached_property
    def readers(self) -> dict[UnitKey, list[UnitKey]]:
        """By unit, the units that read it."""
        return dependents(self._units)

    def exclude(self, key: UnitKey) -> None:
        """Records that a unit has no result: units that can do without it no longer depend on it."""
        if key not in self._excluded:
            self._excluded.add(key)
            self._outdate_readers(key)

    def _outdate_readers(self, key: UnitKey) -> None:
        for reader in self.readers.get(key, ()):
            # A reader that is outdated and not yet updated has outdated its own readers before.
            if reader not in self._outdated or self._updated.pop(reader, None) is not None:
                self._outdated.add(reader)
                self._outdate_readers(reader)

    def excluded(self, key: UnitKey) -> bool:
        """Returns whether a unit has no result and will not have one."""
        return key in self._excluded or key not in self._known

    def of(self, key: UnitKey) -> str:
        """Returns the unit's fingerprint, 64 hex digits."""
        if key in self._known and key not in self._outdated:
            return self._known[key]
        if key not in self._updated:
            unit = self._units[key]
            base = self._bases.of(key.op, key.camera)
            reads = [joined for _, joined in self._reads(unit)]
            self._updated[key] = fingerprint((base.digest, key.date, key.unit, unit.cut, *reads))
        return self._updated[key]

    def ingredients(self, key: UnitKey) -> dict[str, str]:
        """Returns what goes into the fingerprint, by name, each short enough to read."""
        unit = self._units[key]
        return ingredients(self._bases.of(key.op, key.camera), unit.cut, self._reads(unit))

    def _reads(self, unit: Unit) -> list[tuple[Dependency, str]]:
        return [(each, join_fingerprints(self._read(unit, each))) for each in self._dependencies[unit.key.op]]

    def _read(self, unit: Unit, dependency: Dependency) -> list[str]:
        keys = dict.fromkeys(
            source.key
            for source in unit.sources
            if source.key.op == dependency.writer
            and source.read.neighbour is dependency.neighbour
            and not self.excluded(source.key)
        )
        return [self.of(key) for key in keys]


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
