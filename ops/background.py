"""Op ``background``: the clean picture of a fixed view, without people, and what in the view changed for good."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import datetime_us
from ops.background_people import people_of, shown_people
from ops.foreground_mask import ForegroundMask, foreground_mask
from ops.masked_median import masked_median
from ops.pictures import fill_from_around
from ops.static_detections import static_detections
from ops.static_regions import SMALL_WIDTH_PX, StaticRegion, StaticRegionParams, find_static_regions
from ops.steadying import Steadying, moved_detections, steadying
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Read, Scope, Services, Tables, param
from schemas.tables import TABLES
from schemas.values import Bools, FrameBatch, Segment, Uint8, UnitContext

PERSON = frozenset({"person"})
MOVERS = frozenset({"person", "bicycle", "car", "motorcycle", "bus", "truck", "dog"})
SURE = 0.25
"""Confidence from which a detection counts as sure."""

PNG_COMPRESSION = 1
"""Twice as fast as the default, a tenth larger."""

MOST_SMALL_FRAMES = 700
_EARLY_US = 20_000
"""Frames come evenly spaced, but not to the microsecond."""


@dataclass(frozen=True)
class BackgroundParams(StaticRegionParams):
    """Parameters of ``background``."""

    fps: float = param(2.0, "frames per second that are searched for static regions")
    samples: int = param(40, "most frames that make a background, 3 to 255")
    samples_mb: float = param(200.0, "memory for these frames, megabytes; large frames get fewer")
    confidence: float = param(0.1, "least score, 0..1, of a detection that keeps pixels out of the background")


class Background(FrameOp):
    """Takes the median over time, people left out, and finds the regions that changed and then stayed."""

    spec = OpSpec(
        name="background",
        version=6,
        summary="Computes the background of a fixed view, and finds what stays in its place: objects left or taken.",
        scope=Scope.SEGMENT,
        reads=(Read("detections", late=True), Read("observed_frames", late=True)),
        writes=("backgrounds", "static_regions", "static_detections"),
        params=BackgroundParams,
        uses=("fixed",),
        memory_mb=600,
    )
    params: BackgroundParams

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        if not unit.camera.fixed:
            return None
        # A short segment must give as many samples as a long one, if it has them.
        return FrameNeed(max(self.params.fps, self.params.samples / max(unit.segment.duration_s, 1.0)))

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        return BackgroundSession(unit.segment, self.params)


class BackgroundSession(FrameSession):
    """Keeps a few full-size frames and many small ones, evenly spread, until the segment's detections are known."""

    def __init__(self, segment: Segment, params: BackgroundParams) -> None:
        self._segment = segment
        self._params = params
        frame_mb = segment.width * segment.height * 3 / 1e6
        most = max(3, min(params.samples, round(params.samples_mb / frame_mb)))
        self._samples = _EvenSample(segment, most)
        self._small = _EvenSample(segment, MOST_SMALL_FRAMES)

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            if self._samples.due(time_us):
                self._samples.add(time_us, frame.copy())
            if self._small.due(time_us):
                self._small.add(time_us, _shrunk(frame))

    def finish(self, late: Tables) -> Tables:
        image = self._clean_image(late)
        foreground = foreground_mask(late["detections"], late["observed_frames"], MOVERS, SURE)
        source_px = (self._segment.width, self._segment.height)
        regions = find_static_regions(self._small.times_us, self._small.frames, foreground, source_px, self._params)
        # Without frames the view is not fixed, and nothing in a picture stays in its place.
        found = late["detections"] if self._samples.times_us else TABLES["detections"].empty()
        return {
            "backgrounds": TABLES["backgrounds"].empty() if image is None else self._background_row(image, late),
            "static_regions": _region_rows(self._segment, regions),
            "static_detections": static_detections(self._segment, found, self._params.static_s),
        }

    def _clean_image(self, late: Tables) -> "CleanImage | None":
        # A sure person never enters the background. Other things, and unsure people, stay out only where some sample
        # shows what is behind them: a car that parks for the whole segment is background.
        strict = foreground_mask(late["detections"], late["observed_frames"], PERSON, SURE)
        wide = foreground_mask(late["detections"], late["observed_frames"], None, self._params.confidence)
        return median_image(self._samples.times_us, self._samples.frames, strict, wide)

    def _background_row(self, clean: "CleanImage", late: Tables) -> pa.Table:
        segment, used = self._segment, clean.used
        frames: Iterable[Uint8] = (self._samples.frames[number] for number in used)
        times_us: list[int] = [self._samples.times_us[number] for number in used]
        people, reference_us = people_of(late["detections"], self._params.confidence), None
        if clean.steadied is not None:
            frames = (clean.steadied.frame(number, self._samples.frames[number]) for number in used)
            people = moved_detections(people, times_us, used, clean.steadied)
            reference_us = self._samples.times_us[clean.steadied.reference]
        # Each sample counts for the time until the next one, so n samples span n of their steps.
        span_us = (times_us[-1] - times_us[0]) * len(used) / max(len(used) - 1, 1)
        doubtful = shown_people(clean.image, frames, times_us, people)
        return TABLES["backgrounds"].conform(
            {
                "camera": [segment.camera],
                "segment_id": [segment.segment_id],
                "width": [clean.image.shape[1]],
                "height": [clean.image.shape[0]],
                "png": [_png(clean.image)],
                "unknown_png": [_png(clean.unknown.astype(np.uint8) * 255)],
                "doubtful_png": [_png(doubtful.astype(np.uint8) * 255)],
                "noise": [clean.noise],
                "samples": [len(used)],
                "span_s": [span_us / 1e6],
                "unknown_share": [float(clean.unknown.mean())],
                "steadied": [clean.steadied is not None],
                "reference_time": [reference_us],
                "segment_start": [segment.start],
                "segment_end": [segment.end],
                "small_png": [_png(_shrunk(clean.image))],
                "small_unknown_png": [_png(_shrunk((clean.unknown | doubtful).astype(np.uint8) * 255))],
            }
        )


class _EvenSample:
    """Frames taken evenly over a segment, up to a number."""

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
class CleanImage:
    """A view without people.

    Attributes:
        image: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)`` pixels that no sample shows free; filled in from around.
        noise: median absolute deviation of the samples from the image, grey levels.
        used: numbers of the frames that it is made of.
        steadied: how they were moved; None if they were not.
    """

    image: Uint8
    unknown: Bools
    noise: float
    used: Sequence[int]
    steadied: Steadying | None = None


def median_image(
    times_us: Sequence[int], frames: Sequence[Uint8], strict: ForegroundMask, wide: ForegroundMask
) -> CleanImage | None:
    """Returns the median of frames, people left out; None if the detector saw no frame near any of them.

    A view that drifts or shakes is steadied before.

    Args:
        times_us: of the frames.
        frames: ``(H, W, 3)`` BGR each.
        strict: foreground whose pixels are never used.
        wide: foreground whose pixels are used only where no sample is free of it.
    """
    steadied = steadying(frames)
    known = [
        number
        for number, time_us in enumerate(times_us)
        if strict.known_at(time_us) and (steadied is None or steadied.motions[number] is not None)
    ]
    if not known:
        return None
    samples = np.stack(
        [frames[number] if steadied is None else steadied.frame(number, frames[number]) for number in known]
    )
    size_px = (samples.shape[2], samples.shape[1])
    free, maybe = (
        ~np.stack([_covered(foreground, number, times_us[number], size_px, steadied) for number in known])
        for foreground in (wide, strict)
    )
    free &= maybe  # ``confidence`` may be set above ``SURE``, so the wide foreground may lack sure people
    usable = np.where(free.any(axis=0), free, maybe)
    image, seen = masked_median(samples, usable)
    if not seen.any():
        return None
    return CleanImage(fill_from_around(image, ~seen), ~seen, _noise(samples, usable, image), known, steadied)


def _covered(
    foreground: ForegroundMask, number: int, time_us: int, size_px: tuple[int, int], steadied: Steadying | None
) -> Bools:
    mask = foreground.mask_at(time_us, size_px, size_px)
    return mask if steadied is None else steadied.covered(number, mask)


def _noise(samples: Uint8, usable: Bools, image: Uint8) -> float:
    """Returns the median absolute deviation of usable samples, over every third row and column, grey levels."""
    part = (slice(None, None, 3), slice(None, None, 3))
    greys = image[part].mean(axis=2)
    offs = [np.abs(sample[part].mean(axis=2) - greys)[free[part]] for sample, free in zip(samples, usable, strict=True)]
    return float(np.median(np.concatenate(offs)))


def _png(image: Uint8) -> bytes:
    _, coded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION])
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
            "appeared": [region.appeared for region in regions],
            "short": [region.short for region in regions],
            "mask_png": [_png(region.mask.astype(np.uint8) * 255) for region in regions],
        }
    )
