"""What a unit's result depends on, as one hash, and as named ingredients that say what changed.

A fingerprint covers the op's name and version, its parameters, the weights' sha256, the footage's content, start
time and cut, the parts of the site that the op uses, and the fingerprints of what it reads. Nothing else: not a path,
not the order of work, not the machine.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jobs.configure import ReadyOp
from jobs.graph import Unit, UnitKey, dependents
from schemas.values import CameraView, Feature, Segment

FEW = 16
"""Hex digits of an ingredient's hash: it explains, it need not resist anybody."""


def digest(value: Any, digits: int = 64) -> str:
    """sha256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _cut(segment: Segment) -> list[Any]:
    return [
        segment.footage_id,
        segment.start_pts,
        segment.end_pts,
        str(segment.time_base),
        segment.footage_start.isoformat(),
        segment.footage_start_pts,
        segment.index,
    ]


def _calibration(camera: CameraView, crs: str) -> list[Any]:
    return [crs, camera.image_size_px, camera.position_m, [asdict(point) for point in camera.control_points]]


def _layers(features: Sequence[Feature]) -> list[Any]:
    return [[f.feature_id, f.kind, f.space, f.camera, f.geometry.wkb_hex] for f in features]


class Fingerprints:
    """Fingerprints of a graph's units, under the assumption that every unit not excluded succeeds.

    Args:
        graph: all units.
        ops: the configured ops by name.
        camera_view: what ops know of a camera.
        features: the site's zones and lines, for a camera.
        crs: of the site.
    """

    def __init__(
        self,
        graph: Mapping[UnitKey, Unit],
        ops: Mapping[str, ReadyOp],
        camera_view: Callable[[str], CameraView],
        features: Callable[[str], Sequence[Feature]],
        crs: str,
    ) -> None:
        self._graph = graph
        self._ops = ops
        self._camera_view = camera_view
        self._features = features
        self._crs = crs
        self._excluded: set[UnitKey] = set()
        self._known: dict[UnitKey, tuple[str, dict[str, str]]] = {}
        self._parts: dict[tuple[str, str], str] = {}
        self._readers = dependents(graph)

    def exclude(self, key: UnitKey) -> None:
        """Says that a unit has no result: those who can do without it no longer depend on it."""
        if key not in self._excluded:
            self._excluded.add(key)
            self._forget_readers(key)

    def _forget_readers(self, key: UnitKey) -> None:
        for reader in self._readers.get(key, ()):
            if self._known.pop(reader, None) is not None:
                self._forget_readers(reader)

    def excluded(self, key: UnitKey) -> bool:
        """Whether a unit is out of the graph, or was excluded."""
        return key in self._excluded or key not in self._graph

    def of(self, key: UnitKey) -> str:
        """The unit's fingerprint, 64 hex digits."""
        return self._both(key)[0]

    def ingredients(self, key: UnitKey) -> dict[str, str]:
        """What went into it, by name, each short enough to be read."""
        return self._both(key)[1]

    def _both(self, key: UnitKey) -> tuple[str, dict[str, str]]:
        if key not in self._known:
            ingredients = self._gather(self._graph[key])
            self._known[key] = (digest(ingredients), ingredients)
        return self._known[key]

    def _gather(self, unit: Unit) -> dict[str, str]:
        op = self._ops[unit.key.op]
        camera = unit.key.camera
        ingredients = {
            "op": f"{unit.key.op} {op.op.spec.version}",
            "params": op.params_json,
            "weights": f"{op.model.name} {op.model.sha256[:FEW]}" if op.model else "none",
            "unit": f"{camera} {unit.key.date} {unit.key.unit}",
            "footage": digest([_cut(segment) for segment in unit.segments], FEW),
        }
        if "calibration" in op.op.spec.uses:
            ingredients["calibration"] = self._part("calibration", camera)
        if "layers" in op.op.spec.uses:
            ingredients["layers"] = self._part("layers", camera)
        if "fixed" in op.op.spec.uses:
            ingredients["fixed"] = str(self._camera_view(camera).fixed)
        upstream: dict[str, list[str]] = {}
        for source in unit.sources:
            if not self.excluded(source.key):
                upstream.setdefault(source.key.op, []).append(self.of(source.key))
        for name, prints in upstream.items():
            ingredients[f"reads {name}"] = digest(prints, FEW)
        return ingredients

    def _part(self, part: str, camera: str) -> str:
        if (part, camera) not in self._parts:
            if part == "calibration":
                value = _calibration(self._camera_view(camera), self._crs)
            else:
                value = _layers(self._features(camera))
            self._parts[part, camera] = digest(value, FEW)
        return self._parts[part, camera]


def what_changed(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """One line that names the ingredients that differ: ``weights: yolo11n 12ab → yolo11s 34cd``."""
    changes = []
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name, "nothing"), new.get(name, "nothing")
        if before == after:
            continue
        readable = name in ("op", "weights", "fixed")
        changes.append(f"{name}: {before} → {after}" if readable else name)
    return ", ".join(changes) or "nothing"
