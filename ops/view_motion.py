"""Op ``view_motion``: how far the view of a camera moves within a segment: drift, shake, zoom, turns, other views."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.detect.changes import changed, reduced
from ops.view_shift import STILL, VIEW_WIDTH_PX, View, ViewShift
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Scope, Services, Tables, param
from schemas.tables import TABLES
from schemas.values import Float64, FrameBatch, Segment, Uint8, UnitContext

LEAST_SAMPLES = 20
"""Samples of a short segment, if it has as many frames."""

ENDS = 5
"""Number of samples whose median is the view's place at the start and at the end."""

LEAST_JUDGED = 0.5
"""Least share of samples that must be judged before a view is said not to move."""

MOST_REFERENCES = 16
"""Pictures of a segment that are remembered: one for each view, and one for each light in which it looks different."""

REDUCED = 2
"""Factor by which pictures are reduced to see whether anything changed since the last one that was measured."""


@dataclass(frozen=True)
class ViewMotionParams:
    """Parameters of ``view_motion``."""

    fps: float = param(2.0, "frames per second that are compared")
    tolerance: float = param(
        0.01, "largest shift of a view that does not move, as a share of the frame's width: more is not compensated"
    )
    view_s: float = param(5.0, "least time for which another view counts, seconds: a shorter one is something close")


class ViewMotion(FrameOp):
    """Follows corners of a segment's first picture, whatever else moves. Fixed cameras are measured, too."""

    spec = OpSpec(
        name="view_motion",
        version=2,
        summary="Measures how far the view moves within a segment, on fixed cameras too.",
        scope=Scope.SEGMENT,
        reads=(),
        writes=("view_motion",),
        params=ViewMotionParams,
        memory_mb=300,
    )
    params: ViewMotionParams

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        fps = max(self.params.fps, LEAST_SAMPLES / max(unit.segment.duration_s, 1.0))
        return FrameNeed(fps, VIEW_WIDTH_PX)

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        return ViewMotionSession(unit.segment, self.params)


class ViewMotionSession(FrameSession):
    """Measures frames as they come; keeps none but a few references."""

    def __init__(self, segment: Segment, params: ViewMotionParams) -> None:
        self._segment = segment
        self._params = params
        self._tracker = ViewTracker(round(params.view_s * 1e6))
        self._width_px = VIEW_WIDTH_PX

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            self._tracker.add(frame, time_us)
            self._width_px = frame.shape[1]

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        if not self._tracker.samples:
            return {"view_motion": TABLES["view_motion"].empty()}
        size_px = (self._segment.width, self._segment.height)
        motions = [each and each.scaled(size_px[0] / self._width_px) for each in self._tracker.motions]
        found = summary(motions, self._tracker.views, size_px, self._params.tolerance)
        return {"view_motion": _row(self._segment, self._tracker.samples, found)}


@dataclass(frozen=True)
class _Reference:
    """A picture that others are compared with: of which view, and that view's motion in it."""

    picture: View
    number: int
    motion: ViewShift = STILL


class ViewTracker:
    """Follows a view from frame to frame.

    Args:
        view_us: least time for which another view counts.

    Attributes:
        motions: of each frame against the first view; None if unknown.
        views: number of different views; 0 if no two frames in a row show the same.
    """

    def __init__(self, view_us: int) -> None:
        self.motions: list[ViewShift | None] = []
        self.views = 0
        self._view_us = view_us
        self._references: list[_Reference] = []
        self._last = _Reference(View(np.zeros((1, 1, 3), np.uint8)), 0)
        self._judged: Uint8 | None = None
        self._candidate: tuple[View, int] | None = None

    @property
    def samples(self) -> int:
        """Returns the number of frames."""
        return len(self.motions)

    def add(self, picture: Uint8, time_us: int) -> None:
        """Measures a frame ``(h, w, 3)`` BGR; frames come in order of time."""
        small = reduced(picture, REDUCED)
        if self._judged is not None and not changed(small, self._judged).any():
            self.motions.append(self.motions[-1])
            return
        view = View(picture)
        found = self._placed(view, time_us) if view.textured else None
        self._judged = None if found is None else small
        if found is not None:
            self._last = found
        self.motions.append(found.motion if found is not None and found.number == 0 else None)

    def _placed(self, view: View, time_us: int) -> _Reference | None:
        """Returns which view a picture shows, and where; None if it is unsure."""
        # Where the view was last comes first. A view that pans leaves its references, but not the picture before.
        order = sorted(self._references, key=lambda each: each.number != self._last.number)
        before = [self._last] if self._references else []
        for reference in [*order[:1], *before, *order[1:]]:
            same_view = reference.number == self._last.number
            found = reference.picture.find(view, self._last.motion.since(reference.motion) if same_view else STILL)
            if found is not None:
                self._candidate = None
                return _Reference(view, reference.number, found.after(reference.motion))
        return self._elsewhere(view, time_us)

    def _elsewhere(self, view: View, time_us: int) -> _Reference | None:
        """Remembers a picture of another view, or of the last one in another light; returns it once it is confirmed."""
        if self._candidate is None or self._candidate[0].find(view) is None:
            self._candidate = (view, time_us)
            return None
        picture, since_us = self._candidate
        lasts = not self._references or time_us - since_us >= self._view_us
        if not lasts or len(self._references) == MOST_REFERENCES:
            return None
        if self._references and self._last.picture.is_like(picture):
            reference = _Reference(picture, self._last.number, self._last.motion)
        else:
            reference = _Reference(picture, self.views)
            self.views += 1
        if not self._references:
            self.motions[-1] = STILL  # of the candidate itself
        self._references.append(reference)
        return self._placed(view, time_us)


@dataclass(frozen=True)
class MotionSummary:
    """How a view moves; the columns of table ``view_motion``, where they are documented."""

    judged: float
    views: int
    most_shift_px: float | None = None
    drift_px: float | None = None
    shake_px: float | None = None
    scale: float | None = None
    rotation_deg: float | None = None
    moves: bool | None = None


def summary(
    motions: Sequence[ViewShift | None], views: int, size_px: tuple[int, int], tolerance: float
) -> MotionSummary:
    """Sums up the motions of the samples of a segment.

    Args:
        motions: against the first view, in pixels of the source; None where unknown.
        size_px: (width, height) of the source.
        tolerance: largest shift of a view that does not move, as a share of the width.
    """
    known = [each for each in motions if each is not None]
    if not known:
        return MotionSummary(0.0, views)
    judged = len(known) / len(motions)
    most_px = max(each.most_px(size_px) for each in known)
    moves = views > 1 or most_px > tolerance * size_px[0]
    return MotionSummary(
        judged,
        views,
        most_px,
        _drift_px([each.shift_at(size_px[0] / 2, size_px[1] / 2) for each in known]),
        _shake_px(motions, size_px),
        max((each.scale for each in known), key=lambda scale: abs(np.log(scale))),
        max((each.rotation_deg for each in known), key=abs),
        moves if moves or (judged >= LEAST_JUDGED and len(known) > 1) else None,
    )


def _drift_px(shifts: Sequence[tuple[float, float]]) -> float:
    """Returns the distance between the median places at both ends."""
    ends = (np.median(part, axis=0) for part in (shifts[:ENDS], shifts[-ENDS:]))
    first, last = ends
    return float(np.hypot(*(last - first)))


def _shake_px(motions: Sequence[ViewShift | None], size_px: tuple[int, int]) -> float | None:
    """Returns the standard deviation of the steps from sample to sample; None with fewer than three."""
    places: Float64 = np.array(
        [(np.nan, np.nan) if each is None else each.shift_at(size_px[0] / 2, size_px[1] / 2) for each in motions]
    )
    steps = np.diff(places, axis=0)
    steps = steps[np.isfinite(steps).all(axis=1)]
    return float(np.hypot(*steps.std(axis=0))) if len(steps) >= 3 else None


def _row(segment: Segment, samples: int, found: MotionSummary) -> pa.Table:
    columns = {name: [value] for name, value in vars(found).items()}
    return TABLES["view_motion"].conform(
        {"camera": [segment.camera], "segment_id": [segment.segment_id], "samples": [samples], **columns}
    )
