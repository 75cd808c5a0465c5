"""The small backgrounds of segments that show one and the same view, each moved to where the first one shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
import pyarrow as pa

from ops.view_shift import STILL, View, ViewShift
from schemas.values import Bools, Float64, Uint8

MOST_MOVE, MOST_STEADIED_MOVE = 0.01, 0.05
"""Largest displacement of a view that is the same, as shares of the width; the second where the view was steadied:
then a background may have the place of any of its samples."""

LEAST_MOVE_PX = 0.5
"""Displacement below which a picture is not resampled."""

LEAST_SAMPLES = 3
"""Fewer samples have no median."""


@dataclass(frozen=True)
class SegmentSpan:
    """A segment of this day or of the day before: its times, microseconds since 1970, and the size of its frames."""

    segment_id: str
    start_us: int
    end_us: int
    size_px: tuple[int, int]


@dataclass(frozen=True, eq=False)
class SmallPicture:
    """A background: ``(h, w, 3)`` BGR, and ``(h, w)``, where it is known to show no person."""

    picture: Uint8
    known: Bools


@dataclass(eq=False)
class SameView:
    """Consecutive segments in which a camera shows one view.

    Attributes:
        first, last: numbers of its first and last segment.
        pictures: by number of the segment; those without a usable background have none.
        motions: of these pictures, from the first.
    """

    first: int
    last: int
    pictures: dict[int, SmallPicture] = field(default_factory=dict)
    motions: dict[int, ViewShift] = field(default_factory=dict)

    @property
    def size_px(self) -> tuple[int, int]:
        """Returns (width, height) of the pictures."""
        picture = next(iter(self.pictures.values())).picture
        return picture.shape[1], picture.shape[0]

    def placed(self, number: int, boxes: Float64, source_px: tuple[int, int]) -> Float64:
        """Returns boxes ``(N, 4)`` of a segment's footage in pixels of the view.

        Args:
            number: of the segment.
            boxes: pixels of the source.
            source_px: (width, height) of the footage.
        """
        scaled = boxes * np.tile(np.array(self.size_px) / source_px, 2)
        back = STILL.since(self.motions.get(number, STILL))
        corners = np.stack([back.at(scaled[:, sides]) for sides in ([0, 1], [2, 1], [0, 3], [2, 3])])
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=1)

    def unplaced(self, number: int, box: Float64, source_px: tuple[int, int]) -> Float64:
        """Returns a box ``(4,)`` of the view in pixels of a segment's footage."""
        motion = self.motions.get(number, STILL)
        corners = motion.at(box[[[0, 1], [2, 1], [0, 3], [2, 3]]])
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)]) / np.tile(
            np.array(self.size_px) / source_px, 2
        )


@dataclass
class _Reference:
    """What the next picture is compared with: the first and the last picture of a view, and where the last one is."""

    first: View
    last: View
    motion: ViewShift = STILL

    def find(self, new: "_Candidate") -> ViewShift | None:
        """Returns the motion of a picture of the same view; None if it shows another one."""
        view = new.view
        if view.size_px != self.first.size_px:
            return None
        motion = self.first.find(view, self.motion)
        if motion is None:
            step = self.last.find(view)
            if step is not None:
                motion = step.after(self.motion)
            elif self.last.is_like(view):
                motion = self.motion
        most_px = new.most_move * view.size_px[0]
        return motion if motion is not None and motion.most_px(view.size_px) <= most_px else None


def same_views(segments: Sequence[SegmentSpan], backgrounds: pa.Table, view_motion: pa.Table) -> list[SameView]:
    """Returns the views that a camera shows, in order; together they have every segment, if any picture is usable.

    A single picture of another view, such as of fog, is left out: a view has changed if two in a row agree on it.

    Args:
        segments: by start time.
        backgrounds: of these segments, any order, or of some of them.
        view_motion: likewise; pictures of segments in which the view moved are not used.
    """
    rows = {row["segment_id"]: row for row in backgrounds.to_pylist()}
    moving = _moving(view_motion.to_pylist())
    follower = _Follower()
    for number, segment in enumerate(segments):
        row = rows.get(segment.segment_id)
        if row is None or row["samples"] < LEAST_SAMPLES or moving.get(segment.segment_id, 0) > row["steadied"]:
            continue
        small = _decoded(row)
        view = View(small.picture)
        if view.textured:
            follower.add(_Candidate(number, view, small, MOST_STEADIED_MOVE if row["steadied"] else MOST_MOVE))
    found = follower.views
    for earlier, later in pairwise(found):
        earlier.last = later.first - 1
    if found:
        found[0].first, found[-1].last = 0, len(segments) - 1
    return found


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A picture whose view is not known yet; ``most_move`` is the displacement up to which that is the same."""

    number: int
    view: View
    small: SmallPicture
    most_move: float


class _Follower:
    """Puts pictures into views, in order of time."""

    def __init__(self) -> None:
        self.views: list[SameView] = []
        self._reference: _Reference | None = None
        self._waiting: _Candidate | None = None

    def add(self, new: _Candidate) -> None:
        """Adds a picture to the present view, or begins another with it and the one that waits."""
        if self._reference is None:
            self._begin(new)
            return
        motion = self._reference.find(new)
        if motion is None:
            waiting, self._waiting = self._waiting, new
            motion = None if waiting is None else _Reference(waiting.view, waiting.view).find(new)
            if waiting is None or motion is None:
                return
            self._begin(waiting)
        self._waiting = None
        self._reference.last, self._reference.motion = new.view, motion
        self._keep(new, motion)

    def _begin(self, first: _Candidate) -> None:
        self._reference = _Reference(first.view, first.view)
        self.views.append(SameView(first.number, first.number))
        self._keep(first, STILL)

    def _keep(self, picture: _Candidate, motion: ViewShift) -> None:
        self.views[-1].motions[picture.number] = motion
        self.views[-1].pictures[picture.number] = _moved(picture.small, motion)


def _moving(rows: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """Returns, by segment id, whether the view moved: 1 if steadying may mend it, 2 if it showed several views."""
    return {str(row["segment_id"]): 2 if int(str(row["views"])) > 1 else int(bool(row["moves"])) for row in rows}


def _decoded(row: Mapping[str, bytes]) -> SmallPicture:
    picture = cv2.imdecode(np.frombuffer(row["small_png"], np.uint8), cv2.IMREAD_COLOR)
    unknown = cv2.imdecode(np.frombuffer(row["small_unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    return SmallPicture(np.asarray(picture, np.uint8), np.asarray(unknown == 0))


def _moved(small: SmallPicture, motion: ViewShift) -> SmallPicture:
    """Returns a picture moved to the place of the first one; what comes in at its border is unknown."""
    size = (small.picture.shape[1], small.picture.shape[0])
    if motion.most_px(size) < LEAST_MOVE_PX:
        return small
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(small.picture, motion.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    known = cv2.warpAffine(small.known.astype(np.uint8), motion.matrix, size, flags=flags, borderValue=0)
    return SmallPicture(np.asarray(picture, np.uint8), np.asarray(known > 0))
