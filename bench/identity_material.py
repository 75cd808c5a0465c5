"""Footage with truth or with a number of people for ``bench.identity``, detected once, and thinned to fewer looks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.material import ASSETS
from ops.appearance import WIDTH_PX, Appearance, AppearanceParams
from ops.detect import Detect, DetectParams
from ops.pictures import downscale
from schemas.frame_boxes import FrameBoxes
from schemas.op import DETECTOR, Tables
from schemas.tables import TABLES
from schemas.values import Float64, FrameBatch, Int64, ModelFile, Segment, Uint8
from storage.box_files.mot import read_mot
from tests.support.fakes import FakeServices, make_segment, make_unit

CUT_TABLES = ("detections", "observed_frames", "appearances")
"""What the tracker reads of each segment."""

TRUE_CONFIDENCE = 0.9
"""Confidence of a true box that is given to the tracker as a detection."""

BATCH = 32


@dataclass(frozen=True)
class Sequence:
    """Footage with truth.

    Attributes:
        scale: factor from the truth's pixels to the clip's.
        frames: last frame of the truth.
        steps: frames from one look to the next, one run for each; not whole where looks are at another rate.
    """

    name: str
    clip: str
    truth: str
    scale: float
    frames: int
    steps: tuple[float, ...]

    @property
    def path(self) -> Path:
        """The clip."""
        return ASSETS / "video" / self.clip

    def true_boxes(self) -> FrameBoxes:
        """Reads the true boxes, in pixels of the clip."""
        return read_mot(ASSETS / "gt" / self.truth / "gt.txt").scaled(self.scale, self.scale)


TEN_A_SECOND = 2.5
"""Step of TUD-Campus, 25 frames a second, for ten looks a second: what ``detect`` does by default."""

SEQUENCES = (
    Sequence("pets", "pets09_s2l1_480x360.mp4", "PETS09-S2L1", 0.625, 400, (1, 2, 3)),
    Sequence("campus", "TUD-Campus.mp4", "TUD-Campus", 1.0, 71, (1, 2, TEN_A_SECOND, 3, 5)),
)


@dataclass(frozen=True)
class People:
    """People whom the detector found, by frame number from 1, and what a tracker must know of the footage.

    Attributes:
        frame: ``(N,)`` number of the frame.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        confidence: ``(N,)`` 0..1.
        looks: ``(L,)`` numbers of all frames that were looked at, rising.
        size_px: width and height of the frames.
        fps: frames per second, looked at or not.
    """

    frame: Int64
    box: Float64
    confidence: Float64
    looks: Int64
    size_px: tuple[int, int]
    fps: float


@dataclass(frozen=True)
class DetectedSequence:
    """A clip's detections: one segment and its tables, and what they cost.

    Attributes:
        fps: frames per second of the clip, looked at or not.
        detect_s, appearance_s: CPU seconds of the ops, without reading the weights and the video.
    """

    segment: Segment
    tables: Tables
    fps: float
    detect_s: float = 0.0
    appearance_s: float = 0.0

    def frame(self, pts: pa.ChunkedArray) -> Int64:
        """Returns frame numbers from 1, as in MOT files."""
        offset_s = (pts.to_numpy() - self.segment.start_pts) * float(self.segment.time_base)
        return np.asarray(np.round(offset_s * self.fps), np.int64) + 1

    def people(self) -> People:
        """Returns the people among the detections."""
        rows = self.tables["detections"].filter(pc.equal(self.tables["detections"]["label"], "person"))
        looks = np.sort(self.frame(self.tables["observed_frames"]["pts"]))
        size_px = (self.segment.width, self.segment.height)
        return People(self.frame(rows["pts"]), boxes_of(rows), rows["confidence"].to_numpy(), looks, size_px, self.fps)


def look_numbers(frames: int, step: float) -> Int64:
    """Returns numbers from 1 of the frames that are looked at, of ``frames``, one every ``step``."""
    return np.floor(np.arange(0, frames, step) + 1e-9).astype(np.int64) + 1


def detect(clip: Path, model: ModelFile, frames: int | None = None, most_fps: float | None = None) -> DetectedSequence:
    """Runs the ops ``detect`` and ``appearance`` on one thread, as a worker does.

    Args:
        clip: the footage.
        model: weights of the detector.
        frames: number of frames from the first; None for all.
        most_fps: frames per second that are looked at; None for every frame.
    """
    segment, fps = segment_of(clip, frames)
    looks = look_numbers(segment.frames, max(1.0, fps / (most_fps or fps)))
    op = Detect(DetectParams(model=model.name))
    op.open({DETECTOR: model}, cpus=1)
    session = op.start(make_unit([segment]), {}, FakeServices())
    colours = Appearance(AppearanceParams()).start(make_unit([segment]), {}, FakeServices())
    spent = {"detect": 0.0, "appearance": 0.0}
    for batch, for_colours in _batches(clip, segment, fps, looks):
        with _Spent(spent, "detect"):
            session.feed(batch)
        with _Spent(spent, "appearance"):
            colours.feed(small(for_colours))
    with _Spent(spent, "detect"):
        tables = dict(session.finish({}))
    op.close()
    with _Spent(spent, "appearance"):
        tables |= colours.finish(tables)
    kept = {name: tables[name] for name in CUT_TABLES}
    return DetectedSequence(segment, kept, fps, spent["detect"], spent["appearance"])


def true_detections(detected: DetectedSequence, clip: Path, truth: FrameBoxes) -> DetectedSequence:
    """Returns true boxes as detections, also those on ignored people, with colours from the picture.

    Args:
        detected: of every frame of the clip.
        clip: the footage.
        truth: its true boxes.
    """
    segment, fps = detected.segment, detected.fps
    truth = truth.take(truth.frame <= segment.frames)
    truth = truth.take(np.lexsort((truth.box[:, 0], truth.frame)))  # an order that tells nothing of identities
    count = len(truth)
    pts, times_us = moments(segment, fps, truth.frame)
    columns = {
        "camera": [segment.camera] * count,
        "segment_id": [segment.segment_id] * count,
        "time": times_us,
        "pts": pts,
        "detection": np.arange(count),
        "label": ["person"] * count,
        "confidence": np.full(count, TRUE_CONFIDENCE),
        "source": ["model"] * count,
        **dict(zip(("x1", "y1", "x2", "y2"), truth.box.T, strict=True)),
    }
    detections = TABLES["detections"].conform(columns)
    colours = Appearance(AppearanceParams()).start(make_unit([segment]), {}, FakeServices())
    for _, for_colours in _batches(clip, segment, fps, look_numbers(segment.frames, 1)):
        colours.feed(small(for_colours))
    given = {"detections": detections, "observed_frames": detected.tables["observed_frames"]}
    return DetectedSequence(segment, given | dict(colours.finish({"detections": detections})), fps)


def thinned(detected: DetectedSequence, step: float) -> DetectedSequence:
    """Returns what is known if only one frame every ``step`` is looked at; colours are of frames that still are."""
    frames = detected.frame(detected.tables["observed_frames"]["pts"])
    looks = look_numbers(int(frames.max()), step)
    tables = {
        name: rows.filter(pa.array(np.isin(detected.frame(rows["pts"]), looks)))
        for name, rows in detected.tables.items()
        if name != "appearances"
    }
    kept = tables["detections"]["detection"]
    colours = detected.tables["appearances"]
    tables["appearances"] = colours.filter(pc.is_in(colours["detection"], kept.combine_chunks()))
    return replace(detected, tables=tables)


def segment_of(clip: Path, frames: int | None = None) -> tuple[Segment, float]:
    """Returns a clip as one segment, and its frames per second."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 0)
        count = frames or stream.frames
        return make_segment(0, count / fps, fps, (stream.width, stream.height)), fps


def moments(segment: Segment, fps: float, numbers: Int64) -> tuple[Int64, Int64]:
    """Returns ``pts`` and times in microseconds of frames, by their numbers from 1."""
    offset_s = (numbers - 1) / fps
    pts = segment.start_pts + np.round(offset_s / float(segment.time_base)).astype(np.int64)
    return pts, round(segment.start.timestamp() * 1e6) + np.round(offset_s * 1e6).astype(np.int64)


def small(batch: FrameBatch) -> FrameBatch:
    """Returns frames ``(N, H, W, 3)`` as wide as ``appearance`` gets them."""
    height, width = batch.frames.shape[1:3]
    if width <= WIDTH_PX:
        return batch
    size = (WIDTH_PX, round(height * WIDTH_PX / width))
    return replace(batch, frames=np.stack([downscale(frame, size) for frame in batch.frames]))


def boxes_of(rows: pa.Table) -> Float64:
    """Returns boxes ``(N, 4)`` x1, y1, x2, y2."""
    return np.column_stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64)


class _Spent:
    """Adds the CPU seconds of a block to a name's."""

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] += time.process_time() - self._started


def _batches(clip: Path, segment: Segment, fps: float, looks: Int64) -> Iterator[tuple[FrameBatch, FrameBatch]]:
    """Yields the frames that are looked at, and those of them in which colours are measured."""
    every = max(1, round(fps / (np.diff(looks[:2]).sum() or 1) / AppearanceParams().fps))
    coloured = looks[::every]
    wanted = set(looks.tolist())
    with av.open(str(clip)) as container:
        numbers: list[int] = []
        frames: list[Uint8] = []
        for number, frame in enumerate(container.decode(video=0), 1):
            if number in wanted:
                numbers.append(number)
                frames.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            if len(frames) == BATCH or (frames and number == looks[-1]):
                pictures, known = np.stack(frames), np.array(numbers, np.int64)
                chosen = np.isin(known, coloured)
                yield (
                    FrameBatch(pictures, *moments(segment, fps, known)),
                    FrameBatch(pictures[chosen], *moments(segment, fps, known[chosen])),
                )
                numbers, frames = [], []
            if number == looks[-1]:
                break
