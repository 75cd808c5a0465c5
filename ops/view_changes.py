"""Tells what kind of change a view shows: motion, another light, another view, or nothing since the lens is covered.

Cameras are tampered with, knocked and switched (Ribnick et al., 2006, call it that: covered, moved), and each such
change fills most of the picture at once. So only a jump is judged: what changes less is motion.
"""

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ops.running_background import EVERYTHING, Change, RunningBackground, by_tile, compared
from ops.view_shift import View
from schemas.values import Bools, Float32, Uint8


class Kind(StrEnum):
    """Kind of a change, the strongest first: a second is of the strongest kind that it has."""

    COVERED = "covered"
    VIEW = "view"
    LIGHT = "light"
    MOTION = "motion"


JUMP, JUMP_US = 0.25, 2_000_000
"""Share of tiles by which more changed than at some time within the last two seconds, if the kind of the change is
judged: cameras take a second or two to adapt to a light."""

TEXTURE = 3.0
"""Least standard deviation within a tile that shows texture, grey levels."""

ALIKE = 0.5
"""Least correlation of a tile with the background that shows the same, in whatever light."""

MOST_UNLIKE, COHERENT = 0.3, 0.5
"""Share of the changed tiles that another light leaves unlike at most, since shadows move, and people with them; and
the least part of the difference within a tile that has one sign, where a shake makes edges brighter and darker."""

VIEW_UNLIKE = 0.8
"""Least share of the tiles with texture that are unlike in another view."""

PLAIN_TILES, PLAIN_AT_ONCE, PLAIN_GREY = 0.01, 0.1, 6.0
"""Share of tiles with texture of a picture that shows nothing, and of one that shows nothing from one sample to the
next: the latter may have captions. Spread of brightness over four fifths of the tiles below which texture is looked
for."""

SHAKE_PX, MOVED_SHARE = 0.3, 0.01
"""Least shift of a view that shakes, pixels of the frame, and of one that moved, as a share of its width."""

RETURN_US = 5_000_000
"""Time after which another view counts as one: a shorter one was something close."""


@dataclass(frozen=True)
class Seen:
    """What changed in one sample, and of which kind that is."""

    time_us: int
    kind: Kind
    change: Change


@dataclass(frozen=True)
class _Left:
    """A view that is shown no more: its background, since when, and the number of what was seen first without it."""

    background: RunningBackground
    time_us: int
    first: int


class ViewChanges:
    """Follows a view from sample to sample.

    Args:
        settle_s: time after which what changed and then stayed the same is no change.
        least_grey: least difference of a pixel that changed, grey levels.
        warm_up_s: time at the start whose median is the first background.

    Attributes:
        seen: what changed, in order; the last seconds may become another kind.
    """

    def __init__(self, settle_s: float, least_grey: float, warm_up_s: float) -> None:
        self.seen: list[Seen] = []
        self._settings = (settle_s, least_grey)
        self._warm_up_us = round(warm_up_s * 1e6)
        self._held: list[tuple[Uint8, Uint8, int]] = []
        self._background: RunningBackground | None = None
        self._recent: deque[tuple[int, float, Uint8]] = deque()
        self._is_covered = False
        self._left: _Left | None = None

    def add(self, frame: Uint8, time_us: int) -> None:
        """Takes a frame ``(H, W, 3)`` BGR; frames come in order of time."""
        sample = (frame, compared(frame), time_us)
        if self._background is not None:
            self._look(self._background, *sample)
            return
        self._held.append(sample)
        if time_us - self._held[0][2] >= self._warm_up_us:
            self.finish()

    def finish(self) -> None:
        """Looks at the frames that are held until the background is known."""
        held, self._held = self._held, []
        if not held:
            return
        self._background = self._new_background([picture for _, picture, _ in held], held[0][2])
        for sample in held:
            self._look(self._background, *sample)

    def _new_background(self, pictures: list[Uint8], time_us: int) -> RunningBackground:
        return RunningBackground(np.stack(pictures), time_us, *self._settings)

    def _look(self, background: RunningBackground, frame: Uint8, picture: Uint8, time_us: int) -> None:
        if self._left is not None:
            background = self._return(self._left, background, picture, time_us)
        change, unknown = background.compare(picture)
        while self._recent and self._recent[0][0] < time_us - JUMP_US:
            self._recent.popleft()
        kind = self._judge(background, frame, picture, change)
        if kind is Kind.COVERED:
            self.seen.append(Seen(time_us, kind, EVERYTHING))
            return
        if kind is Kind.MOTION:
            background.learn(picture, unknown, time_us)
        elif kind is Kind.VIEW:
            # A view that was another one only for a moment is left for the first one, not for what hid it.
            self._left = self._left or _Left(background, time_us, len(self.seen))
            self._background = self._new_background([picture], time_us)
        else:
            background.restart(picture)
        self._recent.append((time_us, change.tile_share if kind is Kind.MOTION else 0.0, frame))
        if kind is not None and change.tiles.any():
            self.seen.append(Seen(time_us, kind, change))

    def _return(self, left: _Left, background: RunningBackground, picture: Uint8, time_us: int) -> RunningBackground:
        """Returns the background of the view that was left, if a picture shows it again soon, else the present one."""
        if time_us - left.time_us > RETURN_US:
            self._left = None
        elif left.background.compare(picture)[0].tile_share < JUMP:
            self.seen[left.first :] = [
                replace(each, kind=Kind.MOTION) if each.kind is Kind.VIEW else each for each in self.seen[left.first :]
            ]
            self.seen.append(Seen(time_us, Kind.MOTION, background.compare(picture)[0]))
            self._left, self._background = None, left.background
            return left.background
        return background

    def _judge(self, background: RunningBackground, frame: Uint8, picture: Uint8, change: Change) -> Kind | None:
        """Returns the kind of a change; None for a shake, and for the end of a cover."""
        jumped = change.tile_share - min((share for _, share, _ in self._recent), default=0.0) >= JUMP
        if self._is_covered:
            if _is_plain(picture) or (jumped and _textured(picture).mean() <= PLAIN_AT_ONCE):
                return Kind.COVERED
            self._is_covered = False
            return None if jumped else Kind.MOTION
        if _is_plain(picture):
            self._is_covered = True
            return Kind.COVERED
        if not jumped:
            return Kind.MOTION
        return self._kind_of_jump(background, frame, picture, change)

    def _kind_of_jump(self, background: RunningBackground, frame: Uint8, picture: Uint8, change: Change) -> Kind | None:
        here, there = _textured(picture), _textured(background.picture)
        if here.mean() <= PLAIN_AT_ONCE < there.mean() / 2:
            self._is_covered = True
            return Kind.COVERED
        unlike = (here | there) & ~_alike(picture, background.picture)
        if unlike[change.tiles].mean() <= MOST_UNLIKE and _is_coherent(picture, background.picture, change.tiles):
            return Kind.LIGHT
        shift = View(self._recent[0][2]).find(View(frame)) if self._recent else None
        moved_px = 0.0 if shift is None else shift.most_px((frame.shape[1], frame.shape[0]))
        if moved_px > MOVED_SHARE * frame.shape[1]:
            return Kind.VIEW
        if moved_px > SHAKE_PX:
            return None
        self._recent.clear()  # it is not judged again until more changed
        is_other = shift is None and unlike.sum() >= VIEW_UNLIKE * (here | there).sum()
        return Kind.VIEW if is_other else Kind.MOTION


def _is_plain(picture: Uint8) -> bool:
    """Returns whether a picture shows nothing: it is black, or as plain as a cover before the lens."""
    greys = np.sort(by_tile(picture).ravel())
    tenth = len(greys) // 10
    return bool(greys[-tenth] - greys[tenth] < PLAIN_GREY and _textured(picture).mean() <= PLAIN_TILES)


def _textured(picture: Uint8) -> Bools:
    """Returns the tiles of a picture that show texture."""
    return _deviation(picture.astype(np.float32)) >= TEXTURE


def _deviation(picture: Float32) -> Float32:
    return np.asarray(np.sqrt(np.maximum(by_tile(picture * picture) - by_tile(picture) ** 2, 0)), np.float32)


def _alike(picture: Uint8, other: Uint8) -> Bools:
    """Returns the tiles that show the same in two pictures, in whatever light."""
    here, there = picture.astype(np.float32), other.astype(np.float32)
    together = by_tile(here * there) - by_tile(here) * by_tile(there)
    return np.asarray(together >= ALIKE * np.maximum(_deviation(here) * _deviation(there), 1e-6))


def _is_coherent(picture: Uint8, other: Uint8, tiles: Bools) -> bool:
    """Returns whether most of some tiles are brighter, or darker, as a whole than in another picture."""
    difference = picture.astype(np.float32) - other
    one_sign = np.abs(by_tile(difference)) >= COHERENT * by_tile(np.abs(difference))
    return bool(one_sign[tiles].mean() > 0.5)
