"""Anonymize: a copy of a segment in which people are covered, in every frame and at the source's size.

Where people may be, at a time (``ops.covering.boxes``), is the union of

- every track of a covered class: straight lines between its points, and between two tracks of which one starts where
  the other ended, for somebody who sat still;
- before its first and after its last point, for ``fill_s``, a growing box in which somebody *may* be: it holds one who
  stands still and one who walks on;
- on a fixed camera with a plate, also around its first and last box for ``linger_s``, since people do not vanish: they
  are hidden in part, or the detector errs;
- every detection of a covered class, however unsure, that no track holds: half of the way to the frames looked at
  before and after, and, as one that may be there, all of the way.

What is covered, mode by mode. A box is *padded* by ``pad_share`` and by ``pad_px`` at least.

``silhouette``, on a fixed camera with a plate of enough samples and of the frame's size:

1. the core of every box in which somebody is, unpadded: a superellipse that fills it, whatever the pixels are, so that
   somebody dressed like the wall is covered too; at the picture's edge it goes on up to the last row and column;
2. in padded boxes, every pixel that is not vouched to be background, and its surroundings. Background is vouched for
   where the plate is known and the frame equals it, within its noise, light drift and the plate's own edges;
3. anywhere, every region of a person's size that differs clearly from the plate or was never seen free of people
   (somebody the detector missed, but cars, too), and for ``hold_s`` where it was.

``solid`` and ``pixelate`` there: the same, but in 1. all of the padded box. On any other camera or plate every mode
covers all of every padded box. ``silhouette`` and ``solid`` let no original pixel of the covered ones through;
``pixelate`` lets their means through and is for those who may see them.

What cannot be covered: one whom the detector never finds and who stands still for most of the segment, since then he
is part of the plate. Frames that the detector did not look near to in time are not vouched for: ``CoverageError``.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.covering.background import Background, Tolerance
from ops.covering.boxes import (
    Spans,
    bridge_spans,
    join_spans,
    lingering_spans,
    padded,
    path_spans,
    seen_spans,
    split_paths,
)
from ops.covering.paint import block_size, cover_bodies, cover_boxes, paint_blocks, paint_flat
from schemas.errors import CoverageError
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Read, Scope, Services, Tables, VideoSink, Whose
from schemas.tables import TABLES
from schemas.values import Float64, FrameBatch, Int64, Uint8, UnitContext

BOX = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class AnonymizeParams:
    """Parameters of ``anonymize``."""

    mode: Literal["silhouette", "solid", "pixelate"] = field(
        default="silhouette",
        metadata={"doc": "silhouette: flat shapes of people; solid: flat boxes; pixelate: coarse blocks"},
    )
    classes: tuple[str, ...] = field(default=("person",), metadata={"doc": "classes that are covered"})
    min_confidence: float = field(
        default=0.1, metadata={"doc": "detections that no track holds are covered from this score on, 0..1"}
    )
    pad_share: float = field(default=0.15, metadata={"doc": "padding on every side, as a share of the box's size"})
    pad_px: float = field(default=4.0, metadata={"doc": "padding on every side, at least, pixels"})
    fill_s: float = field(
        default=0.5, metadata={"doc": "a track is covered for so long before its first and after its last point"}
    )
    linger_s: float = field(
        default=5.0,
        metadata={"doc": "where a plate tells people from background, they may be near a track's ends for so long"},
    )
    bridge_s: float = field(
        default=20.0, metadata={"doc": "a track that starts where another ended is joined to it over so long a gap"}
    )
    max_unobserved_s: float = field(
        default=2.0,
        metadata={"doc": "a frame farther than this from any that the detector looked at is not vouched for"},
    )
    use_plate: bool = field(
        default=True, metadata={"doc": "on fixed cameras, compare frames with the segment's background plate"}
    )
    min_plate_samples: int = field(
        default=8, metadata={"doc": "a plate of fewer frames than this vouches for no pixel, so it is not used"}
    )
    tolerance: float = field(
        default=12.0, metadata={"doc": "grey levels by which background may differ from the plate, beside noise"}
    )
    noise_factor: float = field(
        default=2.0, metadata={"doc": "so many times the frame's median difference to the plate is tolerated as well"}
    )
    far_factor: float = field(
        default=2.0, metadata={"doc": "outside people's boxes the tolerance is so many times larger"}
    )
    person_share: float = field(
        default=0.001,
        metadata={"doc": "outside people's boxes, regions that differ are covered from this share of the frame on"},
    )
    hold_s: float = field(default=0.4, metadata={"doc": "such a region stays covered for so long"})
    colour: str = field(default="#64748b", metadata={"doc": "colour of what is covered, #rrggbb"})
    block_px: int = field(default=16, metadata={"doc": "pixelate: size of a block at least; large people get larger"})

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f"colour must be #rrggbb, got {self.colour!r}")
        if self.block_px < 2:
            raise ValueError(f"block_px must be 2 at least, got {self.block_px}")
        if not self.classes:
            raise ValueError("classes must name one class at least; to publish no covered copy, skip the op")

    @property
    def colour_bgr(self) -> tuple[int, int, int]:
        """The colour as blue, green, red."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return blue, green, red


class Anonymize(FrameOp):
    """Covers people, frame by frame."""

    spec = OpSpec(
        name="anonymize",
        version=1,
        summary="A copy of each segment in which people are covered, or none if that cannot be vouched for.",
        scope=Scope.SEGMENT,
        reads=(
            Read("observed_frames", columns=("segment_id", "time")),
            Read("detections"),
            Read("detections", Whose.NEXT, required=False),
            Read("tracklets", columns=("tracklet_id", "label")),
            Read("tracklet_points"),
            Read("plates", required=False),
        ),
        writes=("anonymized_segments",),
        params=AnonymizeParams,
        uses=("fixed",),
        memory_mb=800,
    )

    params: AnonymizeParams

    def frame_need(self, unit: UnitContext) -> FrameNeed:  # noqa: ARG002 - every unit needs the same
        """Every frame, at the source's size."""
        return FrameNeed()

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> "AnonymizeSession":
        """Gathers where people are, and the plate, before the first frame."""
        return AnonymizeSession(self.params, unit, inputs, services)


class AnonymizeSession(FrameSession):
    """One segment."""

    def __init__(self, params: AnonymizeParams, unit: UnitContext, inputs: Tables, services: Services) -> None:
        self._params = params
        self._unit = unit
        self._services = services
        self._background = plate_background(params, unit, inputs)
        self._spans = people_spans(params, unit, inputs, linger=self._background is not None)
        self._looked_us = _times_us(inputs["observed_frames"])
        self._sink: VideoSink | None = None
        self._covered_frames = 0
        self._covered_px = 0
        self._seen_px = 0

    def feed(self, batch: FrameBatch) -> None:
        """Covers and encodes some frames.

        Raises:
            CoverageError: the detector looked at no frame near to one of these.
        """
        if not len(batch):
            return
        self._vouch(batch.times_us)
        if self._sink is None:
            self._sink = self._services.video_sink(self._unit)
        near = self._spans.between(int(batch.times_us[0]), int(batch.times_us[-1]))
        covered = np.ascontiguousarray(batch.frames).copy()
        for frame, time_us in zip(covered, batch.times_us.tolist(), strict=True):
            self._cover(frame, near, time_us)
        self._sink.write(FrameBatch(covered, batch.pts, batch.times_us))

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002 - nothing is read late
        """One row for the part; none if the segment has no frame."""
        spec = TABLES["anonymized_segments"]
        if self._sink is None:
            return {spec.name: spec.empty()}
        video = self._sink.close()
        self._sink = None
        self._services.count("frames_covered", self._covered_frames)
        segment = self._unit.segment
        row: dict[str, object] = {
            "camera": segment.camera,
            "segment_id": segment.segment_id,
            "footage_id": segment.footage_id,
            "path": video.path,
            "frames": video.frames,
            "size_bytes": video.size_bytes,
            "sha256": video.sha256,
            "mode": self._params.mode,
            "covered_frames": self._covered_frames,
            "covered_share": self._covered_px / self._seen_px,
        }
        return {spec.name: spec.conform({name: [value] for name, value in row.items()})}

    def abandon(self) -> None:
        """Removes the unfinished part."""
        if self._sink is not None:
            self._sink.abort()
            self._sink = None

    def _vouch(self, times_us: Int64) -> None:
        """Makes sure that the detector looked, not long before or after each frame."""
        limit_us = round(self._params.max_unobserved_s * 1e6)
        edged = np.concatenate([[times_us[0] - 2 * limit_us - 1], self._looked_us, [times_us[-1] + 2 * limit_us + 1]])
        after = np.clip(np.searchsorted(edged, times_us), 1, len(edged) - 1)
        away_us = np.minimum(np.abs(edged[after] - times_us), np.abs(times_us - edged[after - 1]))
        if (away_us > limit_us).any():
            start_us = round(self._unit.segment.start.timestamp() * 1e6)
            offset_s = (int(times_us[np.argmax(away_us)]) - start_us) / 1e6
            raise CoverageError(
                f"segment {self._unit.unit}, {offset_s:.2f} s after its start: the detector looked at no frame within "
                f"{self._params.max_unobserved_s:g} s, so nobody vouches that people are covered there; "
                "make detect look more often, or raise max_unobserved_s of [ops.anonymize]"
            )

    def _cover(self, frame: Uint8, spans: Spans, time_us: int) -> None:
        """Covers one frame in place."""
        boxes, sure = spans.at(time_us)
        mask = self._mask(frame, boxes, boxes[sure], time_us)
        covered_px = cv2.countNonZero(mask)
        self._seen_px += mask.size
        self._covered_px += covered_px
        self._covered_frames += covered_px > 0
        if self._params.mode == "pixelate":
            paint_blocks(frame, mask, block_size(boxes, self._params.block_px))
        elif covered_px:
            paint_flat(frame, mask, self._params.colour_bgr)

    def _mask(self, frame: Uint8, boxes: Float64, sure: Float64, time_us: int) -> Uint8:
        """255 where a frame is to be covered; what that is stands at the top of this file."""
        generous = padded(boxes, self._params.pad_share, self._params.pad_px)
        height, width = frame.shape[:2]
        if self._background is None or self._background.size_px != (width, height):
            mask = np.zeros((height, width), np.uint8)
            cover_boxes(mask, generous)
            return mask
        mask = self._background.people(frame, time_us, generous)
        if self._params.mode == "silhouette":
            cover_bodies(mask, sure)
        else:
            cover_boxes(mask, padded(sure, self._params.pad_share, self._params.pad_px))
        return mask


def people_spans(params: AnonymizeParams, unit: UnitContext, inputs: Tables, linger: bool) -> Spans:
    """Where those who are to be covered are or may be, at any time of the segment.

    Args:
        linger: also near the ends of tracks; only where a plate can tell whether somebody is there.
    """
    fill_us, hold_us = round(params.fill_s * 1e6), round(params.max_unobserved_s * 1e6)
    wanted = pa.array(params.classes, pa.string())
    tracklets = inputs["tracklets"]
    ids = tracklets.filter(pc.is_in(tracklets["label"], wanted))["tracklet_id"].combine_chunks()
    points = inputs["tracklet_points"]
    points = points.filter(pc.is_in(points["tracklet_id"], ids))
    codes = np.asarray(pc.index_in(points["tracklet_id"], ids)).astype(np.int64)
    paths = list(split_paths(codes, _times_us(points), _boxes(points)))

    held = points.filter(pc.equal(points["seen_segment_id"], unit.segment.segment_id))["detection"]
    looked_us = _times_us(inputs["observed_frames"])
    seen = []
    for key, known in (("detections", held), ("next.detections", pa.array([], pa.int32()))):
        if key in inputs:
            found = inputs[key]
            sure = pc.and_(
                pc.is_in(found["label"], wanted), pc.greater_equal(found["confidence"], params.min_confidence)
            )
            loose = found.filter(pc.and_(sure, pc.invert(pc.is_in(found["detection"], known))))
            seen.append(seen_spans(_times_us(loose), _boxes(loose), looked_us, hold_us))
    growth = (params.pad_share, params.pad_px)
    filled = [path_spans(path, fill_us, *growth) for path in paths]
    if linger:
        filled += [lingering_spans(path, round(params.linger_s * 1e6), *growth) for path in paths]
    return join_spans([*filled, bridge_spans(paths, round(params.bridge_s * 1e6), 0.3), *seen])


def plate_background(params: AnonymizeParams, unit: UnitContext, inputs: Tables) -> Background | None:
    """The segment's plate, where there is one that can vouch for pixels."""
    plates = inputs.get("plates")
    if plates is None or not params.use_plate or not unit.camera.fixed:
        return None
    rows = plates.filter(pc.greater_equal(plates["samples"], params.min_plate_samples)).to_pylist()
    size_px = (unit.segment.width, unit.segment.height)
    if not rows or (rows[0]["width"], rows[0]["height"]) != size_px:
        return None
    plate = cv2.imdecode(np.frombuffer(rows[0]["png"], np.uint8), cv2.IMREAD_COLOR)
    unknown = cv2.imdecode(np.frombuffer(rows[0]["unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    tolerance = Tolerance(
        floor=params.tolerance,
        noise_factor=params.noise_factor,
        far_factor=params.far_factor,
        person_share=params.person_share,
        hold_us=round(params.hold_s * 1e6),
    )
    return Background(np.asarray(plate, np.uint8), np.asarray(unknown, np.uint8), tolerance)


def _times_us(table: pa.Table) -> Int64:
    return np.asarray(table["time"].cast(pa.int64()).to_numpy(), np.int64)


def _boxes(table: pa.Table) -> Float64:
    return np.stack([table[name].to_numpy().astype(np.float64) for name in BOX], axis=1)
