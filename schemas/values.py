"""Value types that the rooms hand to each other."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

Uint8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in pixels; the last is joined to the first."""

SCAN_OP = "scan"
"""Name under which a scan of the archive is committed, as if it were an op."""

UNIT_TAG_DIGITS = 16
"""Digits of a unit's fingerprint that mark its rows."""

DAY_UNIT = "day"
"""Name of the one unit that a camera-day has."""


@dataclass(frozen=True)
class Segment:
    """A keyframe-aligned slice of footage.

    Attributes:
        segment_id: ``FOOTAGE_ID-INDEX``, the same on any machine.
        date: local date, in the camera's time zone, at which the segment starts (``YYYY-MM-DD``).
        path: the file, below the archive.
        start, end: UTC; ``end`` is exclusive.
        start_pts, end_pts: in ``time_base``; ``end_pts`` is exclusive.
        footage_start, footage_start_pts: UTC time and PTS of the footage's first frame, so that
            ``time = footage_start + (pts - footage_start_pts) * time_base``.
        width, height: of the frames as decoded, rotation applied.
    """

    segment_id: str
    footage_id: str
    camera: str
    date: str
    index: int
    path: str
    start: datetime
    end: datetime
    start_pts: int
    end_pts: int
    frames: int
    time_base: Fraction
    footage_start: datetime
    footage_start_pts: int
    width: int
    height: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, repr=False)
class FrameBatch:
    """Consecutive frames of one segment.

    Attributes:
        frames: ``(N, H, W, 3)`` uint8, BGR; never written to by the one who receives it.
        pts: ``(N,)`` int64, in the stream's time base, strictly rising.
        times_us: ``(N,)`` int64, microseconds since 1970 UTC.
        lost: ``(N,)``, true where the footage has a frame that cannot be decoded; None: nowhere.
    """

    frames: Uint8
    pts: Int64
    times_us: Int64
    lost: Bools | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be (N, H, W, 3) uint8, got {self.frames.shape = } {self.frames.dtype = }")
        if not len(self.frames) == len(self.pts) == len(self.times_us):
            raise ValueError(f"lengths differ: {self.frames.shape = } {self.pts.shape = } {self.times_us.shape = }")
        if self.lost is not None and self.lost.shape != (len(self.frames),):
            raise ValueError(f"lost must be (N,), got {self.lost.shape = } {self.frames.shape = }")

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"FrameBatch({self.frames.shape}, pts={self.pts[:1]}..{self.pts[-1:]})"


@dataclass(frozen=True)
class ControlPoint:
    """A place seen in the image whose place on the ground is known: pixel (u, v), map (x, y) in metres."""

    u_px: float
    v_px: float
    x_m: float
    y_m: float


@dataclass(frozen=True)
class CameraView:
    """What ops know of a camera.

    Attributes:
        control_points: in pixels of ``image_size_px`` and metres of the site's CRS; empty when uncalibrated.
        image_size_px: (width, height) that the control points and privacy masks were read in; frames of another size
            are scaled.
        position_m: where the camera stands (x, y) and how high (z), in the site's CRS, if known.
        privacy_masks: polygons that are covered in every anonymized frame, in pixels of ``image_size_px`` (or of
            frames, if that is not set).
    """

    camera: str
    name: str
    timezone: str
    fixed: bool
    control_points: tuple[ControlPoint, ...] = ()
    image_size_px: tuple[int, int] | None = None
    position_m: tuple[float, float, float | None] | None = None
    privacy_masks: tuple[Polygon, ...] = ()

    @property
    def calibrated(self) -> bool:
        """Whether positions on the ground can be made."""
        return bool(self.control_points)


class FeatureKind(StrEnum):
    """What a layer's feature is for."""

    ZONE = "zone"
    LINE = "line"


@dataclass(frozen=True)
class Feature:
    """A zone or a line of a GIS layer.

    Attributes:
        space: ``map``: metres in the site's CRS, for every camera that is calibrated;
            ``pixel``: pixels of ``camera``'s ``image_size_px`` (or of its frames, if that is not set).
    """

    feature_id: str
    layer: str
    kind: FeatureKind
    space: Literal["map", "pixel"]
    camera: str | None
    geometry: BaseGeometry


@dataclass(frozen=True)
class ModelFile:
    """Weights at hand.

    Attributes:
        path: a file, or a folder for OpenVINO IR and transformers models.
        format: how it is run.
        layout: how its output is read: ``yolo`` (1, 4 + classes, N), ``yolox`` (1, N, 5 + classes),
            ``depth`` or ``other``.
        sha256: of the file; of a folder, of the sorted list of its files' names and sha256.
        input_px: (width, height) of the input; None when any size will do.
        classes: class names by index.
        scale: of a depth model, whether it gives metres.
    """

    name: str
    path: str
    format: Literal["openvino", "onnx", "pt", "transformers"]
    task: Literal["detect", "pose", "depth", "face", "embed"]
    layout: Literal["yolo", "yolox", "depth", "other"]
    sha256: str
    licence: str
    origin: str
    input_px: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    scale: Literal["relative", "metric"] | None = None


@dataclass(frozen=True)
class VideoFile:
    """A video file that has been written and closed. ``path`` is below the store."""

    path: str
    frames: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class UnitContext:
    """Everything but tables and frames that an op may know about the unit it works on.

    Attributes:
        unit: segment id, footage id, or ``day``.
        segments: the segment; for a camera-day or footage op all its segments, by start time.
        features: zones and lines that concern this camera; empty unless the op's spec uses layers.
    """

    camera: CameraView
    date: str
    unit: str
    site_crs: str
    segments: tuple[Segment, ...]
    features: tuple[Feature, ...] = ()

    @property
    def segment(self) -> Segment:
        """The one segment of a segment op."""
        (segment,) = self.segments
        return segment


@dataclass(frozen=True)
class Receipt:
    """The record that a unit of work is committed. Only files that a receipt names exist for readers.

    Attributes:
        files: path below the store by table.
        sha256: of the file that the unit wrote, by table; once it is merged with others, the manifest has its hash.
        stage_s: seconds by stage, for estimates and benchmarks.
        counters: work done: ``frames_decoded``, ``detector_calls``, ``rows``, ...
    """

    op: str
    version: int
    camera: str
    date: str
    unit: str
    fingerprint: str
    ingredients: dict[str, str]
    files: dict[str, str]
    committed: datetime
    run_id: str
    wall_s: float
    media_s: float
    stage_s: dict[str, float] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def unit_tag(self) -> str:
        """What stands in the column ``_unit`` of every row that the unit wrote."""
        return self.fingerprint[:UNIT_TAG_DIGITS]


class UnitFile(NamedTuple):
    """Where a unit's rows of one table stand: a file below the store, and the mark that tells them from others'."""

    name: str
    unit_tag: str


@dataclass(frozen=True)
class Quarantined:
    """Why a unit, or a file, was set aside. ``kind`` and ``reason`` as in the table ``quarantine``."""

    op: str
    camera: str
    date: str | None
    unit: str
    fingerprint: str
    kind: Literal["footage", "coverage", "bug", "upstream"]
    reason: str
    detail: str
    path: str | None
    time: datetime
    run_id: str


FOOTAGE_OP = "footage"
"""Name under which tombstones of footage files stand, as if an op had made them."""


@dataclass(frozen=True)
class Tombstone:
    """The record that a unit's results, or a footage file, were deleted on purpose.

    Attributes:
        op: of the unit; ``footage`` for a file, whose ``unit`` is then its footage id.
        fingerprint: of the results that were deleted.
        rule: of site.toml, as a user would write it: ``tables_days = 90``.
    """

    op: str
    camera: str
    date: str
    fingerprint: str
    unit: str
    purged: datetime
    rule: str
