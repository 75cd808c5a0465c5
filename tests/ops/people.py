"""Tables of made-up people, for tests of ops that cover them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import cv2
import numpy as np
import pyarrow as pa

from ops.anonymize import Anonymize
from ops.anonymize.params import AnonymizeParams
from ops.background import Background, BackgroundParams
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import CameraView, Segment, Uint8
from tests.ops.walkabout import box_at
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class TimedBox:
    """A box of a detector or a tracker at a time."""

    time_s: float
    box: Box
    confidence: float = 0.8
    label: str = "person"


def boxes_by_column(boxes: Sequence[TimedBox]) -> dict[str, list[float]]:
    """Returns boxes as the columns of tables."""
    return {name: [one.box[number] for one in boxes] for number, name in enumerate(("x1", "y1", "x2", "y2"))}


def at(segment: Segment, time_s: float) -> tuple[object, int]:
    """Returns time and PTS of an offset into a segment."""
    return segment.start + timedelta(seconds=time_s), segment.start_pts + round(time_s / float(segment.time_base))


def observed(segment: Segment, times_s: Sequence[float]) -> pa.Table:
    """Returns ``observed_frames`` at these offsets, seconds."""
    moments = [at(segment, time_s) for time_s in times_s]
    return TABLES["observed_frames"].conform(
        {
            "camera": [segment.camera] * len(moments),
            "segment_id": [segment.segment_id] * len(moments),
            "time": [time for time, _ in moments],
            "pts": [pts for _, pts in moments],
            "detections": [0] * len(moments),
            "source": ["model"] * len(moments),
        }
    )


def detected(segment: Segment, boxes: Sequence[TimedBox]) -> pa.Table:
    """Returns ``detections``."""
    moments = [at(segment, one.time_s) for one in boxes]
    return TABLES["detections"].conform(
        {
            "camera": [segment.camera] * len(boxes),
            "segment_id": [segment.segment_id] * len(boxes),
            "time": [time for time, _ in moments],
            "pts": [pts for _, pts in moments],
            "detection": list(range(len(boxes))),
            "label": [one.label for one in boxes],
            "confidence": [one.confidence for one in boxes],
            **boxes_by_column(boxes),
            "source": ["model"] * len(boxes),
        }
    )


def tracked(segment: Segment, tracks: Sequence[Sequence[TimedBox]]) -> dict[str, pa.Table]:
    """Returns ``tracklets`` and ``tracklet_points``; every track has at least one point."""
    ids = [f"{segment.segment_id}-{number:05d}" for number in range(len(tracks))]
    tracklets = {
        "camera": [segment.camera] * len(ids),
        "segment_id": [segment.segment_id] * len(ids),
        "tracklet_id": ids,
        "label": [track[0].label for track in tracks],
        "start_time": [at(segment, track[0].time_s)[0] for track in tracks],
        "end_time": [at(segment, track[-1].time_s)[0] for track in tracks],
        "observed": [len(track) for track in tracks],
        "confidence": [0.8] * len(ids),
        "source": ["model"] * len(ids),
    }
    points = [(name, one) for name, track in zip(ids, tracks, strict=True) for one in track]
    boxes = [one for _, one in points]
    moments = [at(segment, one.time_s) for one in boxes]
    columns = {
        "camera": [segment.camera] * len(points),
        "segment_id": [segment.segment_id] * len(points),
        "tracklet_id": [name for name, _ in points],
        "time": [time for time, _ in moments],
        "pts": [pts for _, pts in moments],
        **boxes_by_column(boxes),
        "state": ["interpolated"] * len(points),
        "frame_segment_id": [segment.segment_id] * len(points),
    }
    return {
        "tracklets": TABLES["tracklets"].conform(tracklets),
        "tracklet_points": TABLES["tracklet_points"].conform(columns),
    }


def background_row(
    segment: Segment,
    background: Uint8,
    unknown: Uint8 | None = None,
    doubtful: Uint8 | None = None,
    samples: int = 30,
    span_s: float = 60.0,
    steadied: bool = False,
) -> pa.Table:
    """Returns ``backgrounds`` with one background, ``(H, W, 3)`` BGR."""
    height, width = background.shape[:2]
    unknown, doubtful = (np.zeros((height, width), np.uint8) if mask is None else mask for mask in (unknown, doubtful))
    return TABLES["backgrounds"].conform(
        {
            "camera": [segment.camera],
            "segment_id": [segment.segment_id],
            "width": [width],
            "height": [height],
            "png": [cv2.imencode(".png", background)[1].tobytes()],
            "unknown_png": [cv2.imencode(".png", unknown)[1].tobytes()],
            "doubtful_png": [cv2.imencode(".png", doubtful)[1].tobytes()],
            "noise": [1.0],
            "samples": [samples],
            "span_s": [span_s],
            "unknown_share": [float((unknown > 0).mean())],
            "steadied": [steadied],
            "reference_time": [None],
            "segment_start": [segment.start],
            "segment_end": [segment.end],
            "small_png": [b""],
            "small_unknown_png": [b""],
        }
    )


def inputs_of(
    segment: Segment,
    tracks: Sequence[Sequence[TimedBox]] = (),
    detections: Sequence[TimedBox] = (),
    observed_s: Sequence[float] = tuple(np.arange(0, 10, 0.2)),
    backgrounds: pa.Table | None = None,
    second: Sequence[TimedBox] | None = (),
) -> Mapping[str, pa.Table]:
    """Returns all that ``anonymize`` reads; ``second`` is what the second detector found, None if it did not look."""
    looked = {}
    if second is not None:
        looked = {
            "second_detections": detected(segment, second),
            "second_observed_frames": observed(segment, observed_s),
        }
    return {
        **looked,
        "observed_frames": observed(segment, observed_s),
        "detections": detected(segment, detections),
        **tracked(segment, tracks),
        "backgrounds": TABLES["backgrounds"].empty() if backgrounds is None else backgrounds,
    }


FPS = 2.0
BAG = (200, 150, 224, 170)


def late_tables(segment: Segment, seen: Sequence[TimedBox], looked_s: Sequence[float] | None = None) -> Tables:
    """What the detector would have written, looking ten times a second."""
    times = np.arange(0, segment.duration_s, 0.1).tolist() if looked_s is None else looked_s
    return {"detections": detected(segment, seen), "observed_frames": observed(segment, times)}


def run(
    frames: Uint8,
    seen: Sequence[TimedBox] = (),
    params: BackgroundParams | None = None,
    looked_s: Sequence[float] | None = None,
    sizes: Sequence[int] = (8,),
) -> Tables:
    """Runs the op on two frames a second."""
    segment = make_segment(duration_s=len(frames) / FPS, fps=FPS, size_px=(frames.shape[2], frames.shape[1]))
    session = Background(params or BackgroundParams()).start(make_unit([segment]), {}, FakeServices())
    first, turn = 0, 0
    while first < len(frames):
        batch = frames[first : first + sizes[turn % len(sizes)]]
        session.feed(make_batch(batch, segment, first, FPS))
        first, turn = first + len(batch), turn + 1
    return session.finish(late_tables(segment, seen, looked_s))


def walk(
    start: tuple[int, int], step_px: float, frames: range, label: str = "person", sure: float = 0.8
) -> list[TimedBox]:
    """The boxes of a walker, seen ten times a second in frames that come twice a second."""
    times = np.arange(frames.start / FPS, frames.stop / FPS, 0.1)
    return [TimedBox(float(t), box_at(start, step_px, round(float(t) * FPS)), sure, label) for t in times]


def pictures(tables: Tables) -> tuple[Uint8, Uint8]:
    """The background, BGR, and its mask of unknown pixels."""
    (row,) = tables["backgrounds"].to_pylist()
    background = cv2.imdecode(np.frombuffer(row["png"], np.uint8), cv2.IMREAD_COLOR)
    unknown = cv2.imdecode(np.frombuffer(row["unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert background.shape == (row["height"], row["width"], 3)
    assert unknown.shape == background.shape[:2]
    return np.asarray(background), np.asarray(unknown)


WIDTH, HEIGHT = 96, 72
SEGMENT = make_segment(duration_s=4.0, size_px=(WIDTH, HEIGHT))
FIXED = CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True)
TURNING = CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=False)
GREY = (139, 116, 100)


def noise_frames(count: int, seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Uint8:
    """Frames in which no pixel has the covering colour."""
    frames = np.random.default_rng(seed).integers(150, 256, (count, size[1], size[0], 3), dtype=np.uint8)
    return frames


def cover(
    frames: Uint8,
    inputs: Mapping[str, pa.Table],
    camera: CameraView = TURNING,
    segment: Segment = SEGMENT,
    step: int = 8,
    **params: object,
) -> tuple[Uint8, dict[str, object]]:
    """Covered frames and the row of the part."""
    services = FakeServices()
    unit = make_unit([segment], camera)
    session = opened(**params).start(unit, inputs, services)
    for first in range(0, len(frames), step):
        session.feed(make_batch(frames[first : first + step], segment, first))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    return np.concatenate([batch.frames for batch in services.sinks[unit.unit].batches]), row


def opened(**params: object) -> Anonymize:
    """The op, verifying without second detectors."""
    op = Anonymize(AnonymizeParams(**{"verify_fps": 0.0, **params}))  # type: ignore[arg-type]
    op.open({}, 1)
    return op


def covered_mask(before: Uint8, after: Uint8) -> np.ndarray:
    """``(N, H, W)``: where frames were changed; makes sure that the rest is untouched and the changed part is flat."""
    flat = (after == np.array(GREY, np.uint8)).all(axis=-1)
    assert (after[~flat] == before[~flat]).all()
    return flat
