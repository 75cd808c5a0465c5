"""What a unit's result depends on, as one hash, and as named ingredients that say what changed.

A fingerprint covers the op's name and version, its parameters, the weights' sha256, the footage's content, start
time and cut, the parts of the site that the op uses, and the fingerprints of what it reads. Nothing else: not a path,
not the order of work, not the machine.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.configure import ReadyOp
from jobs.planning.graph import Dependency, Unit, UnitKey, dependents
from schemas.op import Models
from schemas.values import CameraView, Feature

FEW = 16
"""Hex digits of an ingredient's hash: it explains, it need not resist anybody."""

_SEPARATOR = "\x1f"
_DIGESTS = ("calibration", "layers", "privacy masks")
_READABLE = ("op", "weights", "fixed", "crs")
_LONG = 60


def digest(value: Any, digits: int = 64) -> str:
    """sha256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()[:digits]


def fingerprint(parts: Iterable[str]) -> str:
    """The fingerprint of a unit, 64 hex digits.

    Args:
        parts: the base of the op on the camera, date, unit, cut, and then ``gathered`` of each of the op's feeds.
    """
    return sha256(_SEPARATOR.join(parts).encode()).hexdigest()


def gathered(prints: Iterable[str]) -> str:
    """What a feed brings to a fingerprint: those of the units that it names; an empty one has no result."""
    return ",".join(filter(None, prints))


def cut_texts(segments: pa.Table) -> list[str]:
    """Of rows of ``SEGMENT_COLUMNS``, what a result depends on: the content, when it was taken, and where it is cut."""
    names = ["footage_id", "start_pts", "end_pts", "time_base_num", "time_base_den"]
    names += ["footage_start_us", "footage_start_pts", "index"]
    columns = [segments[name].cast(pa.string()) for name in names]
    return list(pc.binary_join_element_wise(*columns, _SEPARATOR).to_pylist())


class Base(NamedTuple):
    """What the units of an op on a camera have in common.

    Attributes:
        digest: of all of it.
        ingredients: the same by name, each short enough to be read.
    """

    digest: str
    ingredients: dict[str, str]


class Bases:
    """The bases of all ops and cameras of a site.

    Args:
        ops: the configured ops by name.
        camera_view: what ops know of a camera.
        features: the site's zones and lines, for a camera.
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
        self._camera_view = lru_cache(maxsize=None)(camera_view)
        self._features = features
        self._crs = crs
        self._known: dict[tuple[str, str], Base] = {}

    def of(self, op: str, camera: str) -> Base:
        """The base of the units of an op on a camera."""
        if (op, camera) not in self._known:
            self._known[op, camera] = self._gather(self._ops[op], camera)
        return self._known[op, camera]

    def _gather(self, op: ReadyOp, camera: str) -> Base:
        spec = op.op.spec
        parts = {
            "op": f"{spec.name} {spec.version}",
            "params": op.params_json,
            "weights": _weights(op.models),
            "camera": camera,
        }
        if "calibration" in spec.uses:
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
        short = {name: part[:FEW] if name in _DIGESTS else part for name, part in parts.items()}
        short["weights"] = _weights(op.models, FEW)
        return Base(digest(parts), short)


def _weights(models: Models, digits: int | None = None) -> str:
    """Names and hashes of weights, in order of what they are for."""
    return ", ".join(f"{models[role].name} {models[role].sha256[:digits]}" for role in sorted(models)) or "none"


def _calibration(camera: CameraView) -> list[Any]:
    return [camera.image_size_px, camera.position_m, [asdict(point) for point in camera.control_points]]


def _layers(features: Sequence[Feature]) -> list[Any]:
    return [[f.feature_id, f.kind, f.space, f.camera, f.geometry.wkb_hex] for f in features]


def ingredients(base: Base, cut: str, reads: Iterable[tuple[Dependency, str]]) -> dict[str, str]:
    """What goes into a unit's fingerprint, by name.

    Args:
        reads: what each feed brings to it.
    """
    brought: dict[str, list[str]] = {}
    for feed, prints in reads:
        if prints:
            brought.setdefault(feed.writer, []).append(prints)
    upstream = {
        f"reads {writer}": sha256(_SEPARATOR.join(prints).encode()).hexdigest()[:FEW]
        for writer, prints in brought.items()
    }
    return {**base.ingredients, "footage": cut[:FEW], **upstream}


class Fingerprints:
    """Fingerprints of the units that are to be done, under the assumption that every unit not excluded succeeds.

    Args:
        units: those that are to be done, or might be.
        bases: of their ops and cameras.
        feeds: by op, what it reads.
        known: by unit, also of those that others read and that are done; a unit that is not in it has no result.
    """

    def __init__(
        self,
        units: Mapping[UnitKey, Unit],
        bases: Bases,
        feeds: Mapping[str, Sequence[Dependency]],
        known: Mapping[UnitKey, str],
    ) -> None:
        self._units = units
        self._bases = bases
        self._feeds = feeds
        self._known = known
        self._excluded: set[UnitKey] = set()
        self._outdated: set[UnitKey] = set()
        self._anew: dict[UnitKey, str] = {}

    @cached_property
    def readers(self) -> dict[UnitKey, list[UnitKey]]:
        """By unit, the units that read it."""
        return dependents(self._units)

    def copy(self) -> "Fingerprints":
        """Returns an equal object whose exclusions change on their own."""
        return Fingerprints(self._units, self._bases, self._feeds, self._known)

    def exclude(self, key: UnitKey) -> None:
        """Says that a unit has no result: those who can do without it no longer depend on it."""
        if key not in self._excluded:
            self._excluded.add(key)
            self._forget_readers(key)

    def _forget_readers(self, key: UnitKey) -> None:
        for reader in self.readers.get(key, ()):
            if reader not in self._outdated or self._anew.pop(reader, None) is not None:
                self._outdated.add(reader)
                self._forget_readers(reader)

    def excluded(self, key: UnitKey) -> bool:
        """Whether a unit has no result, and will not have one."""
        return key in self._excluded or key not in self._known

    def of(self, key: UnitKey) -> str:
        """The unit's fingerprint, 64 hex digits."""
        if key in self._known and key not in self._outdated:
            return self._known[key]
        if key not in self._anew:
            unit = self._units[key]
            base = self._bases.of(key.op, key.camera)
            brought = [prints for _, prints in self._brought(unit)]
            self._anew[key] = fingerprint((base.digest, key.date, key.unit, unit.cut, *brought))
        return self._anew[key]

    def ingredients(self, key: UnitKey) -> dict[str, str]:
        """What went into it, by name, each short enough to be read."""
        unit = self._units[key]
        return ingredients(self._bases.of(key.op, key.camera), unit.cut, self._brought(unit))

    def _brought(self, unit: Unit) -> list[tuple[Dependency, str]]:
        return [(feed, gathered(self._prints(unit, feed))) for feed in self._feeds[unit.key.op]]

    def _prints(self, unit: Unit, feed: Dependency) -> list[str]:
        named = dict.fromkeys(
            source.key
            for source in unit.sources
            if source.key.op == feed.writer
            and source.read.neighbour is feed.neighbour
            and not self.excluded(source.key)
        )
        return [self.of(key) for key in named]


def what_changed(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """One line that names the ingredients that differ: ``weights: yolo11n 12ab → yolo11s 34cd``."""
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
    """``params: conf 0.25 → 0.3``."""
    try:
        old, new = json.loads(before), json.loads(after)
    except ValueError:
        return "params"  # of a receipt that had none
    changes = []
    for name in dict.fromkeys([*new, *old]):
        pair = [json.dumps(side[name]) if name in side else "nothing" for side in (old, new)]
        if pair[0] != pair[1]:
            changes.append(f"{name} {' → '.join(pair)}" if sum(map(len, pair)) <= _LONG else name)
    return f"params: {', '.join(changes)}"
