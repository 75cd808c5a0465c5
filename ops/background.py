"""``background``: what a fixed camera sees when nobody is there, and what in it changed for good."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import datetime_us
from ops.foreground_mask import ForegroundMask, foreground_mask
from ops.masked_median import masked_median
from ops.static_regions import SMALL_WIDTH_PX, StaticRegion, StaticRegionParams, find_static_regions
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Read, Scope, Services, Tables
from schemas.tables import TABLES
from schemas.values import Bools, FrameBatch, Segment, Uint8, UnitContext

PERSON = frozenset({"person"})
BAGS = frozenset({"backpack", "handbag", "suitcase"})
MOVERS = frozenset({"person", "bicycle", "car", "motorcycle", "bus", "truck", "dog"})
SURE = 0.25
LOW_COMPRESSION = 1  # PNG: twice as fast as the default, a tenth larger
MOST_SMALL_FRAMES = 700
_EARLY_US = 20_000  # frames come evenly chosen by time, but not to the microsecond


@dataclass(frozen=True)
class BackgroundParams:
    """Parameters of ``background``."""

    fps: float = field(default=2.0, metadata={"doc": "frames a second that are looked at for static regions"})
    samples: int = field(default=40, metadata={"doc": "at most so many frames make a background, 3 to 255"})
    samples_mb: float = field(default=200.0, metadata={"doc": "memory that they may take; large frames get fewer"})
    confidence: float = field(
        default=0.1, metadata={"doc": "least score, 0..1, of a detection that keeps pixels out of the background"}
    )
    static_s: float = field(default=8.0, metadata={"doc": "a change that stays for so long is a static region"})
    static_min_share: float = field(default=0.0004, metadata={"doc": "least area of one, as a share of the frame"})
    static_max_share: float = field(default=0.05, metadata={"doc": "greatest area of one, as a share of the frame"})


class Background(FrameOp):
    """A median over time with people left out, and the regions that changed and then stayed."""

    spec = OpSpec(
        name="background",
        version=2,
        summary="Makes a clean background of a fixed view, and finds things left or taken.",
        scope=Scope.SEGMENT,
        reads=(Read("detections", late=True), Read("observed_frames", late=True)),
        writes=("backgrounds", "static_regions"),
        params=BackgroundParams,
        uses=("fixed",),
        memory_mb=600,
    )
    params: BackgroundParams

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        if not unit.camera.fixed:
            return None
        # A short segment gives no fewer samples than a long one, as far as it has them.
        return FrameNeed(max(self.params.fps, self.params.samples / max(unit.segment.duration_s, 1.0)))

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        return BackgroundSession(unit.segment, self.params)


class BackgroundSession(FrameSession):
    """Keeps full-size samples, few and evenly spread, and small frames, many; looks at them when boxes are known."""

    def __init__(self, segment: Segment, params: BackgroundParams) -> None:
        self._segment = segment
        self._params = params
        frame_mb = segment.width * segment.height * 3 / 1e6
        most = max(3, min(params.samples, round(params.samples_mb / frame_mb)))
        self._samples = _Sampled(segment, most)
        self._small = _Sampled(segment, MOST_SMALL_FRAMES)

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            if self._samples.due(time_us):
                self._samples.add(time_us, frame.copy())
            if self._small.due(time_us):
                self._small.add(time_us, _shrunk(frame))

    def finish(self, late: Tables) -> Tables:
        background = self._background(late)
        regions = self._static_regions(late)
        return {
            "backgrounds": TABLES["backgrounds"].conform({})
            if background is None
            else _background_row(self._segment, background),
            "static_regions": _region_rows(self._segment, regions),
        }

    def _background(self, late: Tables) -> "BackgroundImage | None":
        # Who is surely a person never gets into the background. Other things, and doubtful people, are kept out of it only
        # where that leaves something to be seen: a parked car is part of the background.
        strict = foreground_mask(late["detections"], late["observed_frames"], PERSON, SURE)
        wide = foreground_mask(late["detections"], late["observed_frames"], None, self._params.confidence)
        return background_image(self._samples.times_us, self._samples.frames, strict, wide)

    def _static_regions(self, late: Tables) -> list[StaticRegion]:
        cover = foreground_mask(late["detections"], late["observed_frames"], MOVERS, SURE)
        params = StaticRegionParams(self._params.static_s, self._params.static_min_share, self._params.static_max_share)
        source_px = (self._segment.width, self._segment.height)
        return find_static_regions(self._small.times_us, self._small.frames, cover, source_px, params)


class _Sampled:
    """Frames taken evenly over a segment, no more than a number."""

    def __init__(self, segment: Segment, most: int) -> None:
        self.times_us: list[int] = []
        self.frames: list[Uint8] = []
        self._step_us = segment.duration_s * 1e6 / most
        self._next_us: float = datetime_us(segment.start)

    def due(self, time_us: int) -> bool:
        return time_us >= self._next_us - _EARLY_US

    def add(self, time_us: int, frame: Uint8) -> None:
        self.times_us.append(time_us)
        self.frames.append(frame)
        while self.due(time_us):
            self._next_us += self._step_us


def _shrunk(frame: Uint8) -> Uint8:
    height, width = frame.shape[:2]
    if width <= SMALL_WIDTH_PX:
        return frame.copy()
    size = (SMALL_WIDTH_PX, max(1, round(height * SMALL_WIDTH_PX / width)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class BackgroundImage:
    """A background.

    Attributes:
        image: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)`` pixels that were never seen free; filled in from around.
        noise: median absolute deviation of the samples from it, a grey level.
        samples: frames that it was made of.
    """

    image: Uint8
    unknown: Bools
    noise: float
    samples: int


def background_image(
    times_us: Sequence[int], frames: Sequence[Uint8], strict: ForegroundMask, wide: ForegroundMask
) -> BackgroundImage | None:
    """The median of frames, people left out; None if there is no frame near which the detector looked.

    Args:
        times_us: when the frames were taken.
        frames: ``(H, W, 3)`` BGR each.
        strict: pixels that must never be used.
        wide: pixels that are used only if a pixel is never free of them.
    """
    known = [number for number, time_us in enumerate(times_us) if strict.known_at(time_us)]
    if not known:
        return None
    samples = np.stack([frames[number] for number in known])
    size_px = (samples.shape[2], samples.shape[1])
    free, maybe = (
        ~np.stack([cover.mask_at(times_us[number], size_px, size_px) for number in known]) for cover in (wide, strict)
    )
    free &= maybe
    usable = np.where(free.any(axis=0), free, maybe)
    image, seen = masked_median(samples, usable)
    if not seen.any():
        return None
    return BackgroundImage(_filled(image, ~seen), ~seen, _noise(samples, usable, image), len(samples))


def _filled(image: Uint8, unknown: Bools) -> Uint8:
    """Unknown pixels painted from those around; at a quarter of the size, for there is no detail to be had."""
    if not unknown.any():
        return image
    height, width = unknown.shape
    small = (max(1, width // 4), max(1, height // 4))
    touched = np.asarray(cv2.resize(unknown.astype(np.float32), small, interpolation=cv2.INTER_AREA)) > 0
    hole = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3), np.uint8))  # the median's 255 must not bleed in
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    painted = cv2.resize(cv2.inpaint(coarse, hole, 3, cv2.INPAINT_TELEA), (width, height))
    return np.where(unknown[:, :, None], painted, image).astype(np.uint8)


def _noise(samples: Uint8, usable: Bools, image: Uint8) -> float:
    """Median absolute deviation, with a fraction: within a grey level deviations are taken as evenly spread."""
    part = (slice(None, None, 3), slice(None, None, 3))
    greys = image[part].mean(axis=2)
    offs = [np.abs(sample[part].mean(axis=2) - greys)[free[part]] for sample, free in zip(samples, usable, strict=True)]
    return float(np.median(np.concatenate(offs)))


def _background_row(segment: Segment, background: BackgroundImage) -> pa.Table:
    return TABLES["backgrounds"].conform(
        {
            "camera": [segment.camera],
            "segment_id": [segment.segment_id],
            "width": [background.image.shape[1]],
            "height": [background.image.shape[0]],
            "png": [_png(background.image)],
            "unknown_png": [_png(background.unknown.astype(np.uint8) * 255)],
            "noise": [background.noise],
            "samples": [background.samples],
            "unknown_share": [float(background.unknown.mean())],
        }
    )


def _png(image: Uint8) -> bytes:
    _, coded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, LOW_COMPRESSION])
    return bytes(coded)


def _region_rows(segment: Segment, regions: Sequence[StaticRegion]) -> pa.Table:
    return TABLES["static_regions"].conform(
        {
            "camera": [segment.camera] * len(regions),
            "segment_id": [segment.segment_id] * len(regions),
            "region": range(len(regions)),
            "first_time": [region.first_us for region in regions],
            "last_time": [region.last_us for region in regions],
            **{name: [region.xyxy[side] for region in regions] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "area_px": [region.area_px for region in regions],
            "contrast": [region.contrast for region in regions],
        }
    )
