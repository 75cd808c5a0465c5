"""The contract between ops and the rest of Nightshift.

An op is one computation with a frozen dataclass of parameters and one ``OpSpec``. It gets tables, and frames if it asks
for them, and returns tables; it opens no file and no connection. ``tests/ops/test_contract.py`` checks every op of the
registry: output matches the schema, empty input works, the same input gives the same bytes, parameters are documented.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol

import pyarrow as pa

from schemas.values import FrameBatch, ModelFile, RasterFile, Uint16, UnitContext, VideoFile

Tables = Mapping[str, pa.Table]
Models = Mapping[str, ModelFile]
"""Weights by role, such as ``detector``."""


class Scope(StrEnum):
    """What one unit of an op covers."""

    SEGMENT = "segment"
    FOOTAGE = "footage"
    CAMERA_DAY = "camera_day"


class Neighbour(StrEnum):
    """The unit whose rows are read, relative to the reading unit.

    ``SELF``: the same unit; for a camera-day or footage op that reads a segment op, all of its segments.
    ``NEXT``: the segment that follows without a gap on the same camera, if there is one, also in the next file.
    ``PREVIOUS_DAY``: the previous local day of the same camera.
    ``OTHERS``: the same day of every other camera of the group: cameras that see the same ground, directly or through
    others of the group. Only an optional read of a camera-day op from a camera-day op may say so.
    ``STEREO``: the same day of the other camera of the stereo pair, all of its segments for a segment op; nothing for a
    camera without a pair. Only an optional read of a camera-day op may say so.
    """

    SELF = "self"
    NEXT = "next"
    PREVIOUS_DAY = "previous_day"
    OTHERS = "others"
    STEREO = "stereo"

    @property
    def other_cameras(self) -> bool:
        """Whether units of other cameras are read."""
        return self in (Neighbour.OTHERS, Neighbour.STEREO)


@dataclass(frozen=True)
class Read:
    """One input table of an op.

    Attributes:
        table: name of the table; the op gets it as ``NAME``, ``next.NAME``, ``previous_day.NAME``, ``others.NAME`` or
            ``stereo.NAME``.
        neighbour: the unit whose rows are read.
        late: a frame op needs the table only in ``finish``, so it can share one decode with the op that writes it.
        columns: the columns it needs; empty for all.
        required: the unit cannot run without it; otherwise it runs with the tables that exist.
        build_if_missing: optional, but computed along with the unit if it is missing, since it improves the result.
    """

    table: str
    neighbour: Neighbour = Neighbour.SELF
    late: bool = False
    columns: tuple[str, ...] = ()
    required: bool = True
    build_if_missing: bool = False

    def __post_init__(self) -> None:
        if self.neighbour.other_cameras and (self.required or self.build_if_missing):
            raise ValueError(f"{self.table} of other cameras cannot be required: a camera would wait for all others")

    @property
    def key(self) -> str:
        """Returns the name of the table in the op's inputs."""
        return self.table if self.neighbour is Neighbour.SELF else f"{self.neighbour}.{self.table}"


@dataclass(frozen=True)
class FrameNeed:
    """The frames that a frame op asks for.

    Attributes:
        fps: maximum rate, evenly spaced in time; None for every frame.
        most_gap_frames: most steps from one delivered frame to the next, counted in intact frames, whatever the time
            stamps say: a wrong clock packs many frames into little time. It overrides ``fps``; None for no limit.
        width_px: maximum width; frames are scaled down with their aspect kept; None for the source's size.
        lost: also deliver frames that cannot be decoded, as black frames marked ``lost``.
    """

    fps: float | None = None
    width_px: int | None = None
    lost: bool = False
    most_gap_frames: int | None = None


def param(default: Any, doc: str) -> Any:
    """Declares a documented parameter of an op."""
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class NoParams:
    """The parameters of an op that has none."""


@dataclass(frozen=True)
class OpSpec:
    """The description of an op for the planner.

    Attributes:
        summary: one sentence for people.
        version: raised whenever the same input would give other rows.
        params: the frozen dataclass of parameters; each is declared by ``param``.
        uses: parts of the unit's context that change the result, beside segments and tables. An op that uses
            ``named_layers`` has a parameter ``layers``, and gets the features of these. An op that uses ``stereo``
            runs on the cameras of stereo pairs even if it is off otherwise.
        cpus, gpus, memory_mb: resources of one worker while it runs.
    """

    name: str
    version: int
    summary: str
    scope: Scope
    reads: tuple[Read, ...]
    writes: tuple[str, ...]
    params: type
    uses: tuple[Literal["calibration", "layers", "fixed", "privacy_masks", "stereo", "tuned", "named_layers"], ...] = ()
    cpus: float = 1
    gpus: float = 0
    memory_mb: int = 500


@dataclass(frozen=True)
class ModelRequest:
    """Weights that an op asks for: a name that ``storage.weights`` knows, or ``auto`` for the best available ones.

    Attributes:
        required: the op cannot work without weights.
        or_task: another task whose weights will do if they are named; ``auto`` never takes them.
    """

    name: str
    task: Literal["detect", "pose", "mask", "depth", "face", "embed", "interactions"]
    required: bool = False
    or_task: Literal["depth"] | None = None


DETECTOR = "detector"
"""Role of the weights that find people; without them people are found by motion alone."""


class VideoChunk(Protocol):
    """Encoded frames that are not in the file yet.

    A chunk is a closed group of pictures: players decode it without any other, so they show exactly the frames that
    ``decode`` returns. It holds encoded packets and no frames, and leaves no trace unless it is kept.
    """

    def write(self, batch: FrameBatch) -> None:
        """Encodes frames of one size, each at its own PTS.

        Raises:
            ValueError: the chunk was already decoded or kept.
        """

    def repeat(self, pts: int, time_us: int) -> None:
        """Adds a frame that shows exactly what the frame before it in this chunk shows.

        Raises:
            ValueError: there is no frame before it, or the chunk was already decoded or kept.
        """

    def decode(self) -> Iterator[FrameBatch]:
        """Ends the encoding and yields the frames decoded again, BGR, in batches; may be called several times.

        Size, ``pts`` and ``times_us`` are the written ones.
        """


class VideoSink(Protocol):
    """Writes covered frames to a video file, chunk by chunk. Readers see the file once the unit is committed."""

    def new_chunk(self, reencode: bool = False) -> VideoChunk:
        """Returns an empty chunk, to be encoded, verified, and then kept or dropped.

        Args:
            reencode: its frames come from another chunk, decoded and covered more; it is encoded at higher quality,
                to limit generation loss.
        """

    def keep(self, chunk: VideoChunk) -> None:
        """Appends a chunk to the file without encoding again; it must be later than the chunks kept before."""

    def close(self) -> VideoFile:
        """Finishes the file."""

    def abort(self) -> None:
        """Removes the unfinished file."""


class RasterSink(Protocol):
    """Writes rasters, one per frame, to one file. Readers see the file once the unit is committed."""

    def add(self, pts: int, raster: Uint16) -> str:
        """Adds a raster ``(H, W)`` uint16, 0 where nothing is known; returns the name of its entry in the file."""

    def close(self) -> RasterFile:
        """Finishes the file."""

    def abort(self) -> None:
        """Drops the unfinished file."""


class Services(Protocol):
    """What a worker does for an op, so that ops need no file access."""

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter of work done, such as ``detector_calls``."""

    def video_sink(self, unit: UnitContext) -> VideoSink:
        """Opens a video file for this segment: H.264, the source's time base, no audio, no metadata."""

    def raster_sink(self, unit: UnitContext) -> RasterSink:
        """Opens a file of rasters for this segment."""

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        """Merges parts, paths relative to the store, in order into one published file, without encoding again."""

    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        """Writes a file beside a published video and returns its path, size and hash.

        Its name ends in ``suffix`` and contains the fingerprint, so that it overwrites no other version.
        """


class Op(ABC):
    """Base class of all ops. ``__init__`` does no I/O; ``open`` loads models, once per worker.

    Args:
        params: of the type ``spec.params``; None: the defaults.
    """

    spec: ClassVar[OpSpec]

    def __init__(self, params: Any = None) -> None:
        self.params = self.spec.params() if params is None else params

    @property
    def enabled(self) -> bool:
        """Returns whether the op runs; false for an op that is off until it is configured."""
        return True

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        """Returns the weights that ``open`` needs, by role."""
        return {}

    def open(self, models: Models, cpus: int) -> None:
        """Loads the models for ``cpus`` threads; ``models`` lacks optional weights that are not available."""

    def close(self) -> None:
        """Frees the resources of ``open``."""


class TableOp(Op):
    """An op that computes tables from tables."""

    @abstractmethod
    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Returns every table of ``spec.writes``; never changes its inputs."""


class FrameSession(ABC):
    """The work of a frame op on one segment. One decode feeds several sessions."""

    @property
    def wants_frames(self) -> bool:
        """Whether any frame matters: where the inputs show that none does, none is decoded for this session."""
        return True

    @abstractmethod
    def feed(self, batch: FrameBatch) -> None:
        """Processes the next frames, as requested by ``frame_need``."""

    @abstractmethod
    def finish(self, late: Tables) -> Tables:
        """Returns every table of ``spec.writes`` after the last frame; ``late`` has the inputs marked ``late``."""

    def abandon(self) -> None:
        """Frees the session's resources if the segment fails before ``finish``."""


class FrameOp(Op):
    """An op that computes tables from frames, and maybe from tables."""

    @abstractmethod
    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        """Returns the frames that this unit needs; None for none (``finish`` is then called at once).

        A session that knows its inputs may want none all the same (``FrameSession.wants_frames``).
        """

    @abstractmethod
    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        """Starts the work on a segment, with the inputs that are not ``late``."""
