"""The op contract.

An op is one computation with a frozen dataclass of parameters and one ``OpSpec``. It opens no file and no
connection: it is handed tables (and frames), and gives tables. ``tests/ops/test_contract.py`` holds every op of the
registry to this page: output matches the schema, empty input works, same input gives the same bytes, parameters are
documented.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol

import pyarrow as pa

from schemas.values import FrameBatch, ModelFile, UnitContext, VideoFile

Tables = Mapping[str, pa.Table]
Models = Mapping[str, ModelFile]
"""Weights by what they are for."""


class Scope(StrEnum):
    """What one unit of an op's work is."""

    SEGMENT = "segment"
    FOOTAGE = "footage"
    CAMERA_DAY = "camera_day"


class Neighbour(StrEnum):
    """Neighbour rows an op reads.

    ``SELF``: of the same unit; for a camera-day or footage op that reads a segment op's table, of all its segments.
    ``NEXT``: of the segment that follows without a gap on the same camera, also in the next file, if there is one.
    ``PREVIOUS_DAY``: of the same camera's previous local day.
    """

    SELF = "self"
    NEXT = "next"
    PREVIOUS_DAY = "previous_day"


@dataclass(frozen=True)
class Read:
    """One input table.

    Attributes:
        table: handed to the op under this name, or ``next.NAME``, ``previous_day.NAME``.
        neighbour: whose rows.
        late: a frame op needs it only in ``finish``, so it may share one decode with the op that writes it.
        columns: the columns it needs, all if empty.
        required: without it (upstream quarantined) the unit cannot run; else it runs on what there is.
        build_if_missing: not required, but made along with the unit where it is not there yet: with it, the result is better.
    """

    table: str
    neighbour: Neighbour = Neighbour.SELF
    late: bool = False
    columns: tuple[str, ...] = ()
    required: bool = True
    build_if_missing: bool = False

    @property
    def key(self) -> str:
        """Name under which the table is handed to the op."""
        return self.table if self.neighbour is Neighbour.SELF else f"{self.neighbour}.{self.table}"


@dataclass(frozen=True)
class FrameNeed:
    """What a frame op needs of the decoded frames.

    Attributes:
        fps: at most so many frames a second, evenly chosen by time; None for every frame.
        width_px: frames scaled down to at most this width, aspect kept; None for the source's size.
        lost: also the times at which there is a frame that cannot be decoded, as black frames marked ``lost``.
    """

    fps: float | None = None
    width_px: int | None = None
    lost: bool = False


@dataclass(frozen=True)
class OpSpec:
    """What the planner knows of an op.

    Attributes:
        summary: one sentence for people.
        version: raised whenever the same input would give other rows.
        params: the frozen dataclass of parameters; its fields' meaning stands in ``metadata={"doc": ...}``.
        uses: parts of the unit's context that change its result, beside segments and tables.
        cpus, gpus, memory_mb: what one worker needs while it runs.
    """

    name: str
    version: int
    summary: str
    scope: Scope
    reads: tuple[Read, ...]
    writes: tuple[str, ...]
    params: type
    uses: tuple[Literal["calibration", "layers", "fixed", "privacy_masks"], ...] = ()
    cpus: float = 1
    gpus: float = 0
    memory_mb: int = 500


@dataclass(frozen=True)
class ModelRequest:
    """Weights that an op wants: a name that ``storage.weights`` knows, or ``auto`` for the best at hand, if any.

    Attributes:
        required: without any the op cannot work.
    """

    name: str
    task: Literal["detect", "pose", "depth", "face", "embed"]
    required: bool = False


DETECTOR = "detector"
"""What the weights are for without which people are found by motion alone."""


class VideoChunk(Protocol):
    """Frames that are encoded but not in the file yet.

    A chunk is a closed group of pictures: it is decoded without any other, so what ``decode`` shows is what every player
    will show, to the bit, should the chunk be kept. It holds encoded packets and no frames. A chunk that is not kept
    leaves no trace.
    """

    def write(self, batch: FrameBatch) -> None:
        """Encodes frames, each at its own PTS, all of one size; ``ValueError`` once the chunk was played or kept."""

    def decode(self) -> Iterator[FrameBatch]:
        """Ends the encoding and gives the frames as decoded again, BGR, in batches; may be called again.

        Size, ``pts`` and ``times_us`` are those that were written.
        """


class VideoSink(Protocol):
    """Where covered frames go, chunk by chunk. The file is invisible until the unit's receipt is committed."""

    def new_chunk(self, reencode: bool = False) -> VideoChunk:
        """Frames to be encoded, and to be looked at before they are kept, or not.

        Args:
            reencode: they are another chunk's as played, with more covered: encoded finer, so that little is lost.
        """

    def keep(self, chunk: VideoChunk) -> None:
        """Puts a chunk into the file, after those kept before and later than they, without encoding again."""

    def close(self) -> VideoFile:
        """Finishes the file."""

    def abort(self) -> None:
        """Removes the unfinished file."""


class Services(Protocol):
    """What a worker does for an op, so that the op itself touches no file."""

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter of work done, such as ``detector_calls``."""

    def video_sink(self, unit: UnitContext) -> VideoSink:
        """A new video file for this segment: H.264, the source's time base, no audio, no metadata."""

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        """Joins covered parts, paths below the store, in order into one published file, without encoding again."""

    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        """Writes a file beside a published one: its path, size and hash, and no frames.

        Its name ends in ``suffix`` and differs with the work that is done, so that no other version is replaced.
        """


class Op(ABC):
    """Base of all ops. ``__init__`` takes plain parameters and does no I/O; ``open`` loads models, once a worker."""

    spec: ClassVar[OpSpec]

    def __init__(self, params: Any) -> None:
        self.params = params

    @property
    def enabled(self) -> bool:
        """False for an op that is off until it is configured."""
        return True

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        """The weights to be handed to ``open``, by what they are for."""
        return {}

    def open(self, models: Models, cpus: int) -> None:
        """Loads the models for ``cpus`` threads; those that were asked for and are not at hand are left out."""

    def close(self) -> None:
        """Frees what ``open`` took."""


class TableOp(Op):
    """An op from tables to tables."""

    @abstractmethod
    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Gives every table of ``spec.writes``; never changes its inputs."""


class FrameSession(ABC):
    """A frame op at work on one segment. Several sessions are fed from one decode."""

    @abstractmethod
    def feed(self, batch: FrameBatch) -> None:
        """Takes the next frames, as ``frame_need`` asked for them."""

    @abstractmethod
    def finish(self, late: Tables) -> Tables:
        """Gives every table of ``spec.writes``, after the last frame; ``late`` has the reads marked so."""

    def abandon(self) -> None:
        """Frees what the session holds, when the segment failed before ``finish``."""


class FrameOp(Op):
    """An op from frames, and maybe tables, to tables."""

    @abstractmethod
    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        """What it needs of this unit's frames; None if it needs none (the session is finished at once)."""

    @abstractmethod
    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        """Begins work on a segment, with the reads that are not late."""
