"""Finds the tiles of a view in which something changed, by a running background that settles.

Each pixel has a background, what was there before (so that a place that somebody leaves is known again), and a noise:
the usual difference from one sample to the next, which leaves, rain and shake raise. Steps of one size follow it
(Manzanera and Richefeu, 2007): so they find a median, which people who pass do not raise.
All is done in bytes by OpenCV: in NumPy, or in floats, a sample takes three times as long.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.pictures import above
from schemas.tables.motion import TILE_GRID
from schemas.values import Bools, Float32, Uint8

TILE_PX = 8
"""Side of a tile in the pictures that are compared, whatever the shape of the frames."""

SIZE_PX = (TILE_GRID[0] * TILE_PX, TILE_GRID[1] * TILE_PX)
"""(width, height) of the pictures that are compared."""

NOISE_UNITS = 8
"""Noise is kept in eighths of a grey level, and so is less than 32; a sample corrects it by one of them, so that
somebody who crosses a pixel for 10 s raises it by 2.5 levels at most."""

NOISE_FACTOR = 3.0
"""Times its noise by which a pixel differs from the background that changed."""

LEAST_PIXELS, RAIN_FACTOR = 4, 3.0
"""Pixels of a tile that changed, beyond this factor of what rain usually changes in one, if something else did."""

RAIN_SHARE, MOST_RAIN, RAIN_STEP = 0.9, 6.0, 0.1
"""What rain usually changes: the pixels of a tile that this share of the tiles does not exceed, up to the next number,
since a crowd is no rain; and how fast that is learned, pixels a sample."""

LEAST_NEW = 2
"""Pixels of such a tile that are like none of the background next to them either: a view that shakes has none."""

FOLLOW_S = 3.0
"""Time in which the background follows slow light: after it, 1 / e of a difference is left."""

MOST_OFFSET = 6
"""Grey levels by which all of a picture may be brighter or darker than the background, and nothing changed."""

_SETTLED = 250
"""Count at which a pixel is settled; a byte holds it."""

_ONES = np.ones(SIZE_PX[::-1], np.uint8)


@dataclass(frozen=True)
class Change:
    """What changed in a picture.

    Attributes:
        tiles: ``(rows, columns)``, where something changed.
        share: share of the picture's pixels that changed, 0..1.
    """

    tiles: Bools
    share: float

    @property
    def tile_share(self) -> float:
        """Returns the share of tiles in which something changed."""
        return float(self.tiles.mean())


NOTHING = Change(np.zeros(TILE_GRID[::-1], np.bool_), 0.0)
EVERYTHING = Change(np.ones(TILE_GRID[::-1], np.bool_), 1.0)


def compared(frame: Uint8) -> Uint8:
    """Returns the brightness of a frame ``(H, W, 3)`` BGR at the size at which it is compared."""
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    while grey.shape[1] >= 2 * SIZE_PX[0] and grey.shape[0] >= 1.5 * SIZE_PX[1]:
        grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    # Less than two to one is left in height, unless the view is a tall strip; a little is interpolated.
    close = grey.shape[0] < 2 * SIZE_PX[1] and grey.shape[1] < 2 * SIZE_PX[0]
    return np.asarray(cv2.resize(grey, SIZE_PX, interpolation=cv2.INTER_LINEAR if close else cv2.INTER_AREA), np.uint8)


def by_tile(picture: Uint8 | Float32) -> Float32:
    """Returns the mean of a picture over each tile, ``(rows, columns)``."""
    return np.asarray(cv2.resize(picture, TILE_GRID, interpolation=cv2.INTER_AREA), np.float32)


class RunningBackground:
    """The background of a view, and what differs from it.

    Args:
        pictures: ``(N, h, w)`` of ``compared``, the first ones: their median is the background, so that who crosses
            the view in them is not in it, and what varies in them is noise.
        time_us: of the first of them.
        settle_s: time after which what changed and then stayed the same is background.
        least_grey: least difference of a pixel that changed, grey levels.

    Attributes:
        picture: ``(h, w)``, the background.
    """

    def __init__(self, pictures: Uint8, time_us: int, settle_s: float, least_grey: float) -> None:
        self._least, self._settle_s = least_grey, settle_s
        self._time_us = time_us
        steps = cv2.absdiff(pictures[1:], pictures[:-1])
        usual = np.median(steps, axis=0) if len(pictures) > 1 else np.zeros(SIZE_PX[::-1])
        self._noise = np.clip(usual * NOISE_UNITS, 0, 255).astype(np.uint8)
        self._last = pictures[0]
        self._rain = 0.0
        self.restart(np.median(pictures, axis=0).astype(np.uint8))
        self._rain = float(np.median([_rain(_counts(self.compare(picture)[1])) for picture in pictures]))

    def restart(self, picture: Uint8) -> None:
        """Takes a picture as the background, with the noise as it is known."""
        self.picture, self._exact = picture, picture.astype(np.float32)
        self._before: Uint8 | None = None
        self._held, self._held_count, self._uncounted = picture.copy(), np.zeros_like(picture), 0.0

    def compare(self, picture: Uint8) -> tuple[Change, Uint8]:
        """Returns what changed in a picture, and 255 where its pixels ``(h, w)`` are unknown.

        Unknown are those that differ from the background, and from what was before it.
        """
        levelled, limit = _levelled(picture, self.picture), self._limit()
        differs = _above(levelled, self.picture, limit)
        if not cv2.hasNonZero(differs):
            return NOTHING, differs
        counts = _counts(differs)
        usual = max(self._rain, min(_quantile(counts, 0.5), MOST_RAIN))
        is_new = _counts(_beyond(levelled, self.picture, limit)) >= LEAST_NEW
        tiles = (counts >= LEAST_PIXELS + RAIN_FACTOR * usual) & is_new
        change = Change(tiles, float(counts[tiles].sum()) / differs.size)
        if self._before is None:
            return change, differs
        return change, np.asarray(cv2.bitwise_and(differs, _above(levelled, self._before, limit)), np.uint8)

    def learn(self, picture: Uint8, unknown: Uint8, time_us: int) -> None:
        """Learns from the next picture, whose pixels are unknown where ``compare`` says so."""
        passed_s = max(time_us - self._time_us, 0) / 1e6
        self._time_us = time_us
        limit, is_same = self._limit(), np.asarray(cv2.bitwise_not(unknown), np.uint8)
        self._take_back(picture, is_same, limit)
        cv2.accumulateWeighted(picture, self._exact, 1 - float(np.exp(-passed_s / FOLLOW_S)), is_same)
        self._settle(picture, unknown, limit, passed_s)
        self.picture = np.asarray(cv2.convertScaleAbs(self._exact), np.uint8)
        steps = cv2.convertScaleAbs(cv2.absdiff(picture, self._last), alpha=NOISE_UNITS)
        rises = cv2.convertScaleAbs(cv2.compare(steps, self._noise, cv2.CMP_GT), alpha=2 / 255)
        self._noise = np.asarray(cv2.subtract(cv2.add(self._noise, rises), _ONES), np.uint8)
        self._last = picture
        rain = _rain(_counts(unknown)) if cv2.hasNonZero(unknown) else 0.0
        self._rain += max(-RAIN_STEP, min(rain - self._rain, RAIN_STEP))

    def _limit(self) -> Uint8:
        return np.asarray(cv2.convertScaleAbs(self._noise, alpha=NOISE_FACTOR / NOISE_UNITS, beta=self._least))

    def _take_back(self, picture: Uint8, is_same: Uint8, limit: Uint8) -> None:
        """Exchanges the background and what was before it, where a picture shows the latter again."""
        if self._before is None:
            return
        back = cv2.bitwise_and(is_same, _above(picture, self.picture, limit))
        if cv2.hasNonZero(back):
            cv2.copyTo(self._before.astype(np.float32), back, self._exact)
            cv2.copyTo(self.picture, back, self._before)

    def _settle(self, picture: Uint8, unknown: Uint8, limit: Uint8, passed_s: float) -> None:
        """Makes background of what is unknown, and has been the same for long enough."""
        if not cv2.hasNonZero(unknown):
            self._held, self._held_count = picture.copy(), np.zeros_like(picture)
            return
        moves = cv2.bitwise_or(_above(picture, self._held, limit), cv2.bitwise_not(unknown))
        cv2.copyTo(picture, moves, self._held)
        self._uncounted += min(_SETTLED * passed_s / self._settle_s, _SETTLED)
        counts = int(self._uncounted)
        self._uncounted -= counts
        counted = cv2.convertScaleAbs(self._held_count, beta=counts)
        self._held_count = np.asarray(cv2.subtract(counted, moves), np.uint8)
        settled = above(self._held_count, _SETTLED - 1)
        if cv2.hasNonZero(settled):
            self._before = self.picture.copy() if self._before is None else self._before
            cv2.copyTo(self.picture, settled, self._before)
            cv2.copyTo(picture.astype(np.float32), settled, self._exact)
            self._held_count = np.asarray(cv2.subtract(self._held_count, settled), np.uint8)


def _levelled(picture: Uint8, background: Uint8) -> Uint8:
    """Returns a picture as bright as the background in most tiles, if it is nearly so."""
    brighter = _quantile(by_tile(picture) - by_tile(background), 0.5)
    offset = max(-MOST_OFFSET, min(round(brighter), MOST_OFFSET))
    return picture if offset == 0 else np.asarray(cv2.addWeighted(picture, 1, picture, 0, -offset), np.uint8)


def _above(picture: Uint8, other: Uint8, limit: Uint8) -> Uint8:
    """Returns 255 where two pictures differ by more than a limit."""
    return np.asarray(cv2.compare(cv2.absdiff(picture, other), limit, cv2.CMP_GT), np.uint8)


def _beyond(picture: Uint8, background: Uint8, limit: Uint8) -> Uint8:
    """Returns 255 where a picture is brighter or darker, by more than a limit, than all of the background around."""
    around = np.ones((3, 3), np.uint8)
    brighter = cv2.compare(cv2.subtract(picture, cv2.dilate(background, around)), limit, cv2.CMP_GT)
    darker = cv2.compare(cv2.subtract(cv2.erode(background, around), picture), limit, cv2.CMP_GT)
    return np.asarray(cv2.bitwise_or(brighter, darker), np.uint8)


def _counts(differs: Uint8) -> Float32:
    """Returns how many pixels of each tile differ, ``(rows, columns)``."""
    return by_tile(np.asarray(cv2.convertScaleAbs(differs, alpha=TILE_PX**2 / 255), np.uint8))


def _rain(counts: Float32) -> float:
    """Returns the pixels that changed in a tile as rain might change them: in many tiles, and few in each."""
    return min(_quantile(counts, RAIN_SHARE), MOST_RAIN)


def _quantile(values: Float32, share: float) -> float:
    """Returns a quantile of an array's values; NumPy's own function takes ten times as long."""
    number = int(share * values.size)
    return float(np.partition(values, number, axis=None)[number])
