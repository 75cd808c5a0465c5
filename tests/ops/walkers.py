"""Detections of made-up walkers on footage cut into segments, and the ops ``track`` and ``link`` run on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa

from ops.link import Link, LinkParams
from ops.track import Track, TrackParams
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import CameraView, Segment
from tests.support.fakes import START, FakeServices, make_segment, make_unit

START_US = round(START.timestamp() * 1e6)
SIZE_PX = (640, 480)
BOX_PX = (30.0, 90.0)


@dataclass(frozen=True)
class Walker:
    """Something that moves on a straight line: place of its box's upper left corner at time 0, speed in px/s."""

    x: float
    y: float
    vx: float = 0.0
    vy: float = 0.0
    from_s: float = 0.0
    until_s: float = 1e9
    hidden_s: tuple[float, float] = (0.0, 0.0)
    confidence: float = 0.8
    label: str = "person"
    size: tuple[float, float] = BOX_PX

    def box(self, time_s: float) -> list[float]:
        """x1, y1, x2, y2 at a time."""
        x, y = self.x + self.vx * time_s, self.y + self.vy * time_s
        return [x, y, x + self.size[0], y + self.size[1]]

    def shown(self, time_s: float) -> bool:
        """Whether the detector finds it."""
        return self.from_s <= time_s < self.until_s and not self.hidden_s[0] <= time_s < self.hidden_s[1]


@dataclass(frozen=True)
class Piece:
    """A segment and what the detector made of it."""

    segment: Segment
    detections: pa.Table
    observed: pa.Table


def steady(duration_s: float, fps: float) -> np.ndarray:
    """Times of frames at a constant rate."""
    return np.arange(0, duration_s - 1e-9, 1 / fps)


def film(walkers: Sequence[Walker], times_s: np.ndarray, cuts_s: Sequence[float] = ()) -> list[Piece]:
    """Detections of walkers on frames at these times, in segments that begin at 0 and at each cut."""
    edges = [0.0, *cuts_s, float(times_s[-1]) + 0.1]
    return [
        _piece(index, walkers, times_s[(times_s >= begin) & (times_s < end)], begin, end)
        for index, (begin, end) in enumerate(pairwise(edges))
    ]


def _piece(index: int, walkers: Sequence[Walker], times_s: np.ndarray, begin_s: float, end_s: float) -> Piece:
    segment = replace(
        make_segment(index=index, size_px=SIZE_PX),
        start=START + timedelta(seconds=begin_s),
        end=START + timedelta(seconds=end_s),
    )
    shown = [(time, walker) for time in times_s for walker in walkers if walker.shown(time)]
    boxes = np.array([walker.box(time) for time, walker in shown]).reshape(-1, 4)
    detections = {
        "camera": [segment.camera] * len(shown),
        "segment_id": [segment.segment_id] * len(shown),
        "time": [_us(time) for time, _ in shown],
        "pts": [round(time * 12800) for time, _ in shown],
        "detection": range(len(shown)),
        "label": [walker.label for _, walker in shown],
        "confidence": [walker.confidence for _, walker in shown],
        **{name: boxes[:, edge] for edge, name in enumerate(("x1", "y1", "x2", "y2"))},
        "source": ["model"] * len(shown),
    }
    observed = {
        "camera": [segment.camera] * len(times_s),
        "segment_id": [segment.segment_id] * len(times_s),
        "time": [_us(time) for time in times_s],
        "pts": [round(time * 12800) for time in times_s],
        "detections": [sum(walker.shown(time) for walker in walkers) for time in times_s],
    }
    return Piece(segment, TABLES["detections"].conform(detections), TABLES["observed_frames"].conform(observed))


def _us(time_s: float) -> int:
    return START_US + round(time_s * 1e6)


def track(piece: Piece, following: Piece | None = None, params: TrackParams | None = None) -> Tables:
    """Runs ``track`` on a segment."""
    inputs = {"detections": piece.detections, "observed_frames": piece.observed}
    if following is not None:
        inputs |= {"next.detections": following.detections, "next.observed_frames": following.observed}
    return Track(params or TrackParams()).run(make_unit([piece.segment]), inputs, FakeServices())


def track_all(pieces: Sequence[Piece], params: TrackParams | None = None) -> list[Tables]:
    """Runs ``track`` on each of segments that follow each other."""
    return [track(piece, following, params) for piece, following in zip(pieces, [*pieces[1:], None], strict=True)]


def link(
    segments: Sequence[Segment],
    tracked: Sequence[Tables],
    day_before: Sequence[Tables] = (),
    camera: CameraView | None = None,
) -> Tables:
    """Runs ``link`` on a day's segments."""
    inputs = {name: _joined(tracked, name) for name in ("tracklets", "tracklet_points")}
    if day_before:
        inputs |= {f"previous_day.{name}": _joined(day_before, name) for name in ("tracklets", "tracklet_points")}
    return Link(LinkParams()).run(make_unit(segments, camera, unit="day"), inputs, FakeServices())


def _joined(parts: Sequence[Tables], name: str) -> pa.Table:
    return pa.concat_tables([TABLES[name].empty(), *(part[name] for part in parts)])


def night(pieces: Sequence[Piece]) -> Tables:
    """``track`` on every segment, then ``link`` on all."""
    return link([piece.segment for piece in pieces], track_all(pieces))


def _one(walkers: list[Walker], times_s: np.ndarray, params: TrackParams | None = None) -> dict[str, list]:
    """Tracklets and points of uncut footage as column lists."""
    (piece,) = film(walkers, times_s)
    return {name: table.to_pydict() for name, table in track(piece, params=params).items()}
