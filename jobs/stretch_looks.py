"""Runs ``detect``, ``appearance`` and ``track`` on a stretch of footage in this process, outside of the store."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from jobs.planning.configure import ReadySite
from ops.appearance import Appearance
from ops.detect import Detect
from ops.track import Track
from schemas.errors import CorruptFootage
from schemas.op import FrameOp, Models, RasterSink, Tables, VideoSink
from schemas.tuned import TunedParams
from schemas.values import Segment, UnitContext, VideoFile
from storage.blobs import open_blobs
from storage.machine import usable_cpus
from storage.video.raw import readable
from storage.video.reader import SegmentReader


class StretchLooks:
    """Looks at stretches of one camera.

    Args:
        ready: the site.
        camera: its id.

    Attributes:
        unreadable: number of stretches that could not be read.
    """

    def __init__(self, ready: ReadySite, camera: str) -> None:
        self._config = ready.site.config
        self._archive = open_blobs(ready.site.archive)
        self._view = self._config.camera_view(camera)
        # The sample of decision 34 costs runs, and changes no detection.
        self._detect = Detect(replace(ready.ops["detect"].op.params, sample_share=0.0))
        self._appearance = Appearance(ready.ops["appearance"].op.params) if "appearance" in ready.ops else None
        self._track = Track(ready.ops["track"].op.params)
        self.unreadable = 0

    @contextmanager
    def opened(self, models: Models) -> Iterator[None]:
        """Loads the weights for as long as the block runs."""
        self._detect.open(models, usable_cpus())
        try:
            yield
        finally:
            self._detect.close()

    def follow(self, stretch: Segment, params: TunedParams) -> tuple[Tables, int] | None:
        """Returns the tracks of a stretch, and the number of runs of the network; None if it cannot be read.

        Args:
            stretch: a segment, or a part of one.
            params: parameters of ``detect`` in place of the site's.
        """
        services = _Counting()
        unit = UnitContext(
            self._view, stretch.date, stretch.segment_id, self._config.crs, (stretch,), tuned=params.given()
        )
        ops: list[FrameOp] = [self._detect, *([] if self._appearance is None else [self._appearance])]
        needs = [need for op in ops if (need := op.frame_need(unit)) is not None]
        assert len(needs) == len(ops), "a detector with weights looks at frames"
        sessions = [op.start(unit, {}, services) for op in ops]
        try:
            with self._archive.local(stretch.path) as local, readable(local, stretch.raw_fps) as source:
                reader = SegmentReader(source, stretch, needs, usable_cpus(), max_pixels=self._config.max_pixels)
                for number, frames in reader:
                    sessions[number].feed(frames)
        except (CorruptFootage, FileNotFoundError):
            for session in sessions:
                session.abandon()
            self.unreadable += 1
            return None
        inputs: dict[str, pa.Table] = {}
        for session in sessions:
            inputs |= session.finish(inputs)
        return self._track.run(unit, inputs, services), services.counters["detector_calls"]


class _Counting:
    """Services for ops that write no files."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()

    def count(self, counter: str, amount: int = 1) -> None:
        self.counters[counter] += amount

    def video_sink(self, unit: UnitContext) -> VideoSink:
        raise ValueError(f"nothing is written here, and no video of {unit.unit}")

    def raster_sink(self, unit: UnitContext) -> RasterSink:
        raise ValueError(f"nothing is written here, and no rasters of {unit.unit}")

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        raise ValueError(f"nothing is written here, and no video of {unit.unit} from {len(parts)} parts")

    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        raise ValueError(f"nothing is written here, and not {len(content)} bytes beside {video_path} ({suffix})")
