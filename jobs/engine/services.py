"""What a worker does for an op while it works on one unit: it counts, and it writes and joins video."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import PurePosixPath

from jobs.engine.tasks import Task
from schemas.op import VideoSink
from schemas.values import UnitContext, VideoFile
from storage.store.store import Store
from storage.video.writer import PartWriter, merge_parts

FINGERPRINT_DIGITS = 12


class UnitServices:
    """``schemas.op.Services`` for one unit. Files that it made are invisible until the unit's receipt names them."""

    def __init__(self, store: Store, task: Task) -> None:
        self.counters: Counter[str] = Counter()
        self._store = store
        self._task = task
        self._sinks: list[PartWriter] = []
        self._made: list[str] = []
        self._parts: list[str] = []

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter of work done."""
        self.counters[counter] += amount

    def video_sink(self, unit: UnitContext) -> VideoSink:
        """A new part for this segment."""
        key = self._task.key
        name = self._store.part_name(key.camera, key.date, key.unit, self._task.fingerprint)
        sink = PartWriter(self._store.blobs, name, unit.segment)
        self._sinks.append(sink)
        self._made.append(name)
        return sink

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        """Joins parts to the footage's published file, named by its start and identity."""
        key = self._task.key
        start = unit.segments[0].footage_start
        name = f"{start:%Y%m%dT%H%M%SZ}-{key.unit}-{self._task.fingerprint[:FINGERPRINT_DIGITS]}"
        target = self._store.video_name(key.camera, key.date, name)
        self._parts = list(parts)
        return merge_parts(self._store.blobs, parts, target)

    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        """Writes a file beside a published one, named as that is, by this work, and with a suffix.

        A worker that does the same work writes the same bytes under the same name; so it stays if this unit fails.
        """
        video = PurePosixPath(video_path)
        name = str(video.with_name(f"{video.stem}-{self._task.fingerprint[:FINGERPRINT_DIGITS]}{suffix}"))
        self._store.blobs.write(name, content)
        return VideoFile(name, 0, len(content), sha256(content).hexdigest())

    def delete_merged_parts(self) -> None:
        """After the unit is committed: parts that have been joined are not needed any more."""
        self._store.blobs.delete(self._parts)

    def keep_files(self) -> None:
        """Before the unit is committed: from here on a receipt may name what was made.

        A commit may stand although an error is heard of it, as when the disk is full just after, or an answer is lost.
        """
        self._made.clear()

    def discard_files(self) -> None:
        """After the unit failed: nothing half-written stays."""
        for sink in self._sinks:
            sink.abort()
        self._store.blobs.delete(self._made)
