"""Value types that the rooms exchange: segments, frames, cameras, features, weights, receipts.

All are frozen and picklable, since drivers and workers exchange them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.depth import DepthFacts
from schemas.stereo import StereoView

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Uint8 = npt.NDArray[np.uint8]
Uint16 = npt.NDArray[np.uint16]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in pixels; an edge joins the last corner to the first."""

SCAN_OP = "scan"
"""Op name in the receipts of archive scans."""

UNIT_TAG_DIGITS = 16
"""Hex digits of a fingerprint that make up a unit tag (64 bits: collisions need billions of units)."""

DAY_UNIT = "day"
"""Unit name of ops that work on a whole camera-day."""


LARGEST_FRAME_PX = 40_000_000
"""Pixels of the largest frame that is decoded, by default: see ``storage.video.source.weight_px``."""


@dataclass(frozen=True)
class Segment:
    """A keyframe-aligned slice of footage.

    Attributes:
        segment_id: ``FOOTAGE_ID-INDEX``, the same on any machine.
        date: local start date in the camera's time zone (``YYYY-MM-DD``).
        path: path of the file, relative to the archive.
        start, end: UTC; ``end`` is exclusive.
        start_pts, end_pts: in ``time_base``; ``end_pts`` is exclusive.
        footage_start, footage_start_pts: UTC time and PTS of the footage's first frame, so that
            ``time = footage_start + (pts - footage_start_pts) * time_base``.
        width, height: size of the decoded frames in pixels, rotation applied.
        pixel_aspect: width of a pixel of these frames by its height, as players should show it.
        raw_fps: frame rate of a raw stream, which is remuxed before it is read; None for files with times.
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
    pixel_aspect: Fraction = Fraction(1)
    raw_fps: Fraction | None = None

    @property
    def duration_s(self) -> float:
        """Returns the length in seconds."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, repr=False)
class FrameBatch:
    """Consecutive frames of one segment.

    Attributes:
        frames: ``(N, H, W, 3)`` uint8, BGR. Receivers must not write to it: several ops share one decode.
        pts: ``(N,)`` int64, in the stream's time base, strictly rising.
        times_us: ``(N,)`` int64, microseconds since 1970 UTC.
        lost: ``(N,)`` bool, true for frames that cannot be decoded (black in ``frames``); None if there are none.
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
    """A ground control point: pixel (u, v) in the image, (x, y) in metres in the site's CRS."""

    u_px: float
    v_px: float
    x_m: float
    y_m: float


SURVEY_POINTS = 4
"""Control points that fix the ground of a camera."""


@dataclass(frozen=True)
class CameraView:
    """The camera settings that ops may use.

    Attributes:
        control_points: in pixels of ``image_size_px`` and metres of the site's CRS; four or more fix the ground, two or
            three place a camera whose ground people or depth measure.
        image_size_px: (width, height) of the image in which control points and privacy masks were measured; they are
            scaled to frames of another size.
        position_m: position (x, y) and height (z) of the camera in the site's CRS, if known.
        privacy_masks: polygons covered in every anonymized frame, in pixels of ``image_size_px`` (of the frames, if
            that is None).
        storey: the one that it sees; 0 at street level.
    """

    camera: str
    name: str
    timezone: str
    fixed: bool
    control_points: tuple[ControlPoint, ...] = ()
    image_size_px: tuple[int, int] | None = None
    position_m: tuple[float, float, float | None] | None = None
    privacy_masks: tuple[Polygon, ...] = ()
    storey: int = 0

    @property
    def calibrated(self) -> bool:
        """Whether control points fix the ground."""
        return len(self.control_points) >= SURVEY_POINTS


class FeatureKind(StrEnum):
    """Kind of a layer's feature."""

    ZONE = "zone"
    LINE = "line"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Feature:
    """A zone or a line of a GIS layer, or a feature of any geometry of a reference layer.

    Attributes:
        space: ``map``: metres in the site's CRS, used by every calibrated camera;
            ``pixel``: pixels of ``camera``'s ``image_size_px`` (of its frames, if that is None).
        storey: on the map only cameras of the same one count there.
    """

    feature_id: str
    layer: str
    kind: FeatureKind
    space: Literal["map", "pixel"]
    camera: str | None
    geometry: "BaseGeometry"
    storey: int = 0


@dataclass(frozen=True)
class ModelFile:
    """Model weights found on disk.

    Attributes:
        path: file, or folder for OpenVINO IR and transformers models.
        format: runtime that executes it.
        layout: layout of the output tensor: ``yolo`` (1, 4 + classes, N), ``yolox`` (1, N, 5 + classes),
            ``depth``, ``qpic`` (a checkpoint of that network, for interactions) or ``other``.
        sha256: hash of the file; for a folder, hash of the sorted list of its files' names and hashes.
        input_px: (width, height) of the input; None if any size works.
        classes: class names by index.
        depth: of a depth model, what its output means and how it wants its picture.
    """

    name: str
    path: str
    format: Literal["openvino", "onnx", "tflite", "pt", "transformers"]
    task: Literal["detect", "pose", "mask", "depth", "face", "embed", "interactions"]
    layout: Literal["yolo", "yolox", "depth", "qpic", "other"]
    sha256: str
    licence: str
    origin: str
    input_px: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    depth: DepthFacts | None = None


@dataclass(frozen=True)
class VideoFile:
    """A video file that is written and closed; ``path`` is relative to the store."""

    path: str
    frames: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class RasterFile:
    """A file of rasters, one per frame, that is written and closed; ``path`` is relative to the store."""

    path: str
    frames: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class UnitContext:
    """The context of a unit of work: everything an op may use beside tables and frames.

    Attributes:
        unit: segment id, footage id, or ``day``.
        segments: the one segment of a segment op; for camera-day and footage ops all segments, by start time.
        features: zones and lines that apply to this camera, if the op's spec uses layers; the features of named layers
            near its view, if it uses these; else empty.
        tuned: parameters of the op that `nightshift tune` measured for this camera, in place of the op's own; empty
            unless the op's spec uses them.
        stereo: the camera's stereo pair; None unless it is in one and the op's spec uses it.
    """

    camera: CameraView
    date: str
    unit: str
    site_crs: str
    segments: tuple[Segment, ...]
    features: tuple[Feature, ...] = ()
    tuned: Mapping[str, Any] = field(default_factory=dict)
    stereo: StereoView | None = None

    @property
    def segment(self) -> Segment:
        """Returns the one segment of a segment op."""
        (segment,) = self.segments
        return segment


@dataclass(frozen=True)
class Receipt:
    """The commit record of a unit of work. Readers see only files that a receipt names.

    Attributes:
        files: file path by table, relative to the store.
        sha256: hash of the file that the unit wrote, by table; after compaction see the manifest.
        stage_s: seconds by stage, for estimates and benchmarks.
        counters: counts of work done: ``frames_decoded``, ``detector_calls``, ``rows``, ...
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
        """Returns the value of column ``_unit`` in every row that the unit wrote."""
        return self.fingerprint[:UNIT_TAG_DIGITS]


class UnitFile(NamedTuple):
    """Location of a unit's rows of one table: a file, relative to the store, and the unit tag that selects the rows."""

    name: str
    unit_tag: str


@dataclass(frozen=True)
class Quarantined:
    """A quarantined unit or file, with the reason. Fields are the columns of table ``quarantine``."""

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
"""Op name in the tombstones of footage files."""


@dataclass(frozen=True)
class Tombstone:
    """The record that a purge deleted a unit's results or a footage file.

    Attributes:
        op: op of the unit; ``footage`` for a file, and ``unit`` is then its footage id.
        fingerprint: fingerprint of the deleted results.
        rule: the retention rule, as written in site.toml: ``tables_days = 90``.
    """

    op: str
    camera: str
    date: str
    fingerprint: str
    unit: str
    purged: datetime
    rule: str
