"""What a worker offers an op while it works on one unit: counters, and files of video and rasters in the store."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import PurePosixPath

from jobs.engine.failures import arising_in
from jobs.engine.tasks import Task
from schemas.errors import NightshiftError
from schemas.op import RasterSink, VideoSink
from schemas.values import UnitContext, VideoFile
from storage.rasters import RasterWriter
from storage.store.layout import FINGERPRINT_DIGITS, part_file, pending_file, rasters_file, video_file
from storage.store.store import Store
from storage.video.writer import PartWriter, merge_parts


class UnitServices:
    """``schemas.op.Services`` for one unit. Its files are invisible until the unit's receipt names them.

    Args:
        hold_video: published video awaits its sign-off: it is written where nobody takes it from.
    """

    def __init__(self, store: Store, task: Task, hold_video: bool = False) -> None:
        self.counters: Counter[str] = Counter()
        self._store = store
        self._task = task
        self._hold_video = hold_video
        self._tag = task.fingerprint[:FINGERPRINT_DIGITS]
        self._sinks: list[PartWriter | RasterWriter] = []
        self._unnamed: list[str] = []
        self._merged: list[str] = []

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter of work done."""
        self.counters[counter] += amount

    def video_sink(self, unit: UnitContext) -> VideoSink:
        """Returns a sink for the covered frames of this segment: one part of the footage's video."""
        key = self._task.key
        name = part_file(key.camera, key.date, key.unit, self._task.fingerprint)
        sink = PartWriter(self._store.blobs, name, unit.segment)
        self._sinks.append(sink)
        self._unnamed.append(name)
        return sink

    def raster_sink(self, unit: UnitContext) -> RasterSink:
        """Returns a sink for the rasters of this segment's frames."""
        key = self._task.key
        name = rasters_file(key.camera, key.date, unit.unit, self._task.fingerprint)
        sink = RasterWriter(self._store.blobs, name)
        self._sinks.append(sink)
        self._unnamed.append(name)
        return sink

    @arising_in("store")
    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        """Merges parts into the footage's published file, named by the footage's start and this work."""
        key = self._task.key
        name = f"{unit.segments[0].footage_start:%Y%m%dT%H%M%SZ}-{key.unit}-{self._tag}"
        self._merged = list(parts)
        path = video_file(key.camera, key.date, name)
        merged = merge_parts(self._store.blobs, parts, pending_file(path) if self._hold_video else path)
        # Rows give the same name wherever the file lies: it depends on the work, not on whether somebody has looked.
        return replace(merged, path=path)

    @arising_in("store")
    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        """Writes a file beside a published one. Its name is that one's, with this work and a suffix.

        It stays if this unit fails: a worker that does the same work writes the same bytes under the same name.
        """
        video = PurePosixPath(video_path)
        name = str(video.with_name(f"{video.stem}-{self._tag}{suffix}"))
        self._store.blobs.write(name, content)
        return VideoFile(name, 0, len(content), sha256(content).hexdigest())

    def keep_files(self) -> None:
        """Keeps the files from ``discard_files``; to be called before the commit, since a receipt may name them then.

        An error does not prove that nothing was committed: the disk may be full just after, or an answer may be lost.
        """
        self._unnamed.clear()

    def delete_merged_parts(self) -> None:
        """Deletes the parts that were merged; to be called after the commit."""
        # The unit is committed: a part that cannot be deleted costs space, and is no failure of the unit.
        with suppress(NightshiftError, OSError):
            self._store.blobs.delete(self._merged)

    def discard_files(self) -> None:
        """Removes half-written files, and those that no receipt may name; to be called after the unit failed."""
        for sink in self._sinks:
            sink.abort()
        self._store.blobs.delete(self._unnamed)
