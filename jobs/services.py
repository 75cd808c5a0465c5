"""What a worker does for an op while it works on one unit: it counts, and it writes and joins video."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jobs.visit import UnitOrder
from schemas.op import VideoSink
from schemas.values import UnitContext, VideoFile
from storage.store import Store
from storage.video.writer import PartWriter, join_parts

PRINT_DIGITS = 12


class UnitServices:
    """``schemas.op.Services`` for one unit. Files that it made are invisible until the unit's receipt names them."""

    def __init__(self, store: Store, order: UnitOrder) -> None:
        self.counters: Counter[str] = Counter()
        self._store = store
        self._order = order
        self._sinks: list[PartWriter] = []
        self._made: list[Path] = []
        self._parts: list[Path] = []

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter of work done."""
        self.counters[counter] += amount

    def video_sink(self, unit: UnitContext) -> VideoSink:
        """A new part for this segment."""
        key = self._order.key
        path = self._store.part_path(key.camera, key.date, key.unit, self._order.fingerprint)
        sink = PartWriter(path, unit.segment, self._store.root)
        self._sinks.append(sink)
        self._made.append(path)
        return sink

    def join_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        """Joins parts to the footage's published file, named by its start and identity."""
        key = self._order.key
        start = unit.segments[0].footage_start
        name = f"{start:%Y%m%dT%H%M%SZ}-{key.unit}-{self._order.fingerprint[:PRINT_DIGITS]}"
        target = self._store.video_path(key.camera, key.date, name)
        self._parts = [self._store.root / part for part in parts]
        return join_parts(self._parts, target, self._store.root)

    def settle(self) -> None:
        """After the unit is committed: parts that have been joined are not needed any more."""
        for part in self._parts:
            part.unlink(missing_ok=True)

    def undo(self) -> None:
        """After the unit failed: nothing half-written stays."""
        for sink in self._sinks:
            sink.abort()
        for path in self._made:
            path.unlink(missing_ok=True)
