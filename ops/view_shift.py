"""Measures how a view is shifted, turned and scaled against a reference picture of it, robust to what moves in it.

Corners of the reference are followed there and back by least squares on pyramids (Lucas and Kanade, 1981; Bouguet,
2001). A grid of cells then votes, since a bus through half of the picture has many corners, but leaves the other half
where it was: a view moves only if few cells stay in place.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from schemas.values import Bools, Float32, Float64, Int64, Uint8

Complex128 = npt.NDArray[np.complex128]

VIEW_WIDTH_PX = 384
"""Width of the pictures that are compared; shifts are found to about a tenth of their pixels."""

AROUND_PX = 15
"""Width of the surroundings that brightness and contrast are measured in: light changes both."""

LEAST_CONTRAST, NOISE_CONTRAST = 2.0, 6.0
"""Standard deviation, grey levels: the least around a corner, and what is added, since little of it is texture."""

CONTRAST_LEVELS = 40.0
"""Grey levels of the normalized picture per standard deviation."""

CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX = 800, 0.02, 5
"""Most corners, their least quality relative to the best one, and the least distance between two."""

GRID = (12, 8)
"""Columns and rows of the cells that vote."""

CORNERS_A_CELL = 4
"""Corners of a cell that are followed: its best ones."""

LEAST_CELLS = 8
"""Least number of cells with corners by which a view can be judged."""

WINDOW_PX, LEVELS = 15, 3
"""Window of the least squares, and levels of the pyramid above the first: shifts of some 50 px are found."""

RETURN_PX = 0.7
"""Largest distance from its start at which a corner that was followed there and back is trusted."""

AGREE_PX = 1.5
"""Largest distance from where a motion of the view takes a corner at which the corner agrees with it."""

STAY_SHARE = 0.3
"""Share of cells in place from which the view is where it was. Burnt-in captions fill fewer, a bus leaves more."""

MOVE_SHARE = 0.4
"""Least share of cells that agree with another place of the view."""

SIMILAR_GAIN, LEAST_APART_PX = 1.05, 1.0
"""Factor by which more cells must agree with a motion that has turn and scale, and what these must move a corner."""

ROUNDS = 3
"""Times that a motion is fitted again to the corners that agree with it."""

EDGES_ALIKE, CELLS_ALIKE = 0.5, 0.4
"""Least correlation of a cell's edges, and least share of such cells, if two pictures show one place in two lights.

Measured on nine clips: .59 of the cells or more in pictures of one view, .03 at most in those of two."""


@dataclass(frozen=True)
class ViewShift:
    """A motion of a view: a point z of the reference, as a complex number x + iy, is shown at ``turn`` z + ``offset``.

    Attributes:
        turn: complex number whose magnitude is the scale, and whose angle is the turn; 1 for a pure shift.
        offset: complex number.
    """

    turn: complex = 1.0
    offset: complex = 0.0

    @property
    def scale(self) -> float:
        """Returns the magnification; above 1, the camera zoomed in."""
        return abs(self.turn)

    @property
    def rotation_deg(self) -> float:
        """Returns the turn, degrees, clockwise as seen in the picture."""
        return float(np.degrees(np.angle(self.turn)))

    @property
    def matrix(self) -> Float64:
        """Returns the motion as OpenCV's ``(2, 3)`` matrix."""
        a, b = self.turn.real, self.turn.imag
        return np.array([[a, -b, self.offset.real], [b, a, self.offset.imag]])

    def at(self, points: Float64 | Float32) -> Float64:
        """Returns where points ``(N, 2)`` of the reference are shown."""
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2])

    def shift_at(self, x: float, y: float) -> tuple[float, float]:
        """Returns how far a point of the reference is shifted (right, down)."""
        right, down = (self.at(np.array([[x, y]], np.float64))[0] - (x, y)).tolist()
        return right, down

    def most_px(self, size_px: tuple[int, int]) -> float:
        """Returns the largest displacement of a corner of a picture of (width, height)."""
        corners = _corners(size_px)
        return float(np.hypot(*(self.at(corners) - corners).T).max())

    def after(self, earlier: "ViewShift") -> "ViewShift":
        """Returns the motion of ``earlier`` followed by this one."""
        return ViewShift(self.turn * earlier.turn, self.turn * earlier.offset + self.offset)

    def since(self, earlier: "ViewShift") -> "ViewShift":
        """Returns the motion that leads from ``earlier`` to this one."""
        turn = self.turn / earlier.turn
        return ViewShift(turn, self.offset - turn * earlier.offset)

    def scaled(self, factor: float) -> "ViewShift":
        """Returns the same motion for a picture that is ``factor`` times as wide."""
        return ViewShift(self.turn, self.offset * factor)


STILL = ViewShift()


@dataclass(frozen=True)
class _Votes:
    """How many cells agree with a motion, and their share, 0..1, of the cells that can tell; 0 if too few agree."""

    cells: int
    share: float


@dataclass(frozen=True)
class _Followed:
    """Corners of a reference that were followed to another picture.

    Attributes:
        here, there: ``(N, 2)`` places in both pictures.
        cells: ``(N,)`` cell of each.
        found: ``(N,)`` whether it was found there, and back here.
        size_px: (width, height).
    """

    here: Float32
    cells: Int64
    there: Float32
    found: Bools
    size_px: tuple[int, int]

    def common_motion(self) -> ViewShift | None:
        """Returns the motion that most corners share (RANSAC); None if there is none."""
        if np.count_nonzero(self.found) < LEAST_CELLS:
            return None
        matrix, _ = cv2.estimateAffinePartial2D(
            self.here[self.found], self.there[self.found], method=cv2.RANSAC, ransacReprojThreshold=AGREE_PX
        )
        if np.shape(matrix) != (2, 3):  # without such a motion, OpenCV returns None
            return None
        return ViewShift(complex(matrix[0, 0], matrix[1, 0]), complex(matrix[0, 2], matrix[1, 2]))

    def votes(self, motion: ViewShift) -> _Votes:
        """Counts the cells that agree with a motion: at least half of their corners that were found do."""
        count = GRID[0] * GRID[1]
        told = np.bincount(self.cells[self.found], minlength=count)
        agreeing = np.bincount(self.cells[self._agreeing(motion)], minlength=count)
        cells = int(np.count_nonzero(2 * agreeing[told > 0] >= told[told > 0]))
        return _Votes(cells, cells / np.count_nonzero(told) if cells >= LEAST_CELLS else 0.0)

    def refined(self, motion: ViewShift) -> ViewShift:
        """Returns a motion fitted to the corners that agree with it: a pure shift, unless turn and scale say more."""
        moved = similar = motion
        for _ in range(ROUNDS):
            moved, similar = self._shift(moved), self._similarity(similar)
        corners = _corners(self.size_px)
        apart = np.hypot(*(similar.at(corners) - moved.at(corners)).T).max()
        turned = apart >= LEAST_APART_PX and self.votes(similar).cells > SIMILAR_GAIN * self.votes(moved).cells
        return similar if turned else moved

    def _agreeing(self, motion: ViewShift) -> Bools:
        return np.asarray(self.found & (np.hypot(*(self.there - motion.at(self.here)).T) <= AGREE_PX))

    def _shift(self, motion: ViewShift) -> ViewShift:
        here, there = self._agreeing_points(motion)
        if not len(here):
            return motion
        # The median of each axis: corners on leaves or people that agree by chance do not disturb it.
        return ViewShift(offset=complex(np.median((there - here).real), np.median((there - here).imag)))

    def _similarity(self, motion: ViewShift) -> ViewShift:
        here, there = self._agreeing_points(motion)
        if len(here) < LEAST_CELLS:
            return motion
        centred = here - here.mean()
        turn = complex(np.vdot(centred, there - there.mean()) / max(np.vdot(centred, centred).real, 1e-9))
        return ViewShift(turn, complex(there.mean() - turn * here.mean()))

    def _agreeing_points(self, motion: ViewShift) -> tuple[Complex128, Complex128]:
        agrees = self._agreeing(motion)
        here, there = (points[agrees].astype(np.float64) @ np.array([1, 1j]) for points in (self.here, self.there))
        return here, there


class View:
    """A picture of a view, prepared to be compared.

    Args:
        picture: ``(h, w, 3)`` BGR, about ``VIEW_WIDTH_PX`` wide.

    Attributes:
        size_px: (width, height).
        textured: whether it has enough texture to be judged.
    """

    def __init__(self, picture: Uint8) -> None:
        self.size_px = (picture.shape[1], picture.shape[0])
        self._plane, contrast = _normalized(picture)
        self._points = _spread_corners(self._plane, contrast)
        self._cells = _cells_of(self._points, self.size_px)
        self.textured = len(np.unique(self._cells)) >= LEAST_CELLS

    def find(self, other: "View", start: ViewShift = STILL) -> ViewShift | None:
        """Returns the motion from this view to another picture of it; None if it is unsure, or shows another view.

        Args:
            start: where the view was last. It is still there if some of the cells say so.
        """
        if not (self.textured and other.textured):
            return None
        for first in (start, self._rough(other)):
            found = self._find(other, first, first is start)
            if found is not None:
                return found
        return None

    def is_like(self, other: "View") -> bool:
        """Returns whether another picture has its edges in the same places, whichever side of them is brighter."""
        if self.size_px != other.size_px:
            return False
        here, there = _edges(self._plane), _edges(other._plane)
        both, first, second = (_by_cell(product) for product in (here * there, here * here, there * there))
        alike = both >= EDGES_ALIKE * np.sqrt(np.maximum(first * second, 1e-6))
        cells = np.unique(self._cells)
        return bool(alike.ravel()[cells].mean() >= CELLS_ALIKE)

    def _find(self, other: "View", start: ViewShift, was_there: bool) -> ViewShift | None:
        corners = _Followed(self._points, self._cells, *self._follow(other, start), self.size_px)
        if was_there and corners.votes(start).share >= STAY_SHARE:
            return corners.refined(start)
        motion = corners.common_motion()
        if motion is None:
            return None
        refined = corners.refined(motion)
        return refined if corners.votes(refined).share >= MOVE_SHARE else None

    def _rough(self, other: "View") -> ViewShift:
        """Returns the shift by phase correlation (Kuglin and Hines, 1975), which finds the largest ones."""
        if min(self.size_px) < 2:
            return STILL
        window = cv2.createHanningWindow(self.size_px, cv2.CV_32F)
        planes = (self._plane.astype(np.float32), other._plane.astype(np.float32))
        (right, down), _ = cv2.phaseCorrelate(*planes, window)
        return ViewShift(offset=complex(right, down))

    def _follow(self, other: "View", start: ViewShift) -> tuple[Float32, Bools]:
        """Returns where the corners are in another picture, ``(N, 2)``, and which were found there and back."""
        from_here, guess = self._points.reshape(-1, 1, 2), start.at(self._points).astype(np.float32).reshape(-1, 1, 2)
        there, found = _flow(self._plane, other._plane, from_here, guess)
        back, found_back = _flow(other._plane, self._plane, there, from_here.copy())
        returned = np.hypot(*(back - from_here).reshape(-1, 2).T) <= RETURN_PX
        return there.reshape(-1, 2), found & found_back & returned


def _flow(before: Uint8, after: Uint8, points: Float32, guess: Float32) -> tuple[Float32, Bools]:
    """Returns where points ``(N, 1, 2)`` of one plane are in another, and ``(N,)`` which were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        points,
        guess,
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=LEVELS,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(there, np.float32), np.asarray(found.ravel() > 0)


def _normalized(picture: Uint8) -> tuple[Uint8, Float32]:
    """Returns brightness relative to its surroundings in units of their contrast, and that contrast, ``(h, w)``."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    around = (AROUND_PX, AROUND_PX)
    detail = cv2.GaussianBlur(grey, (3, 3), 0) - cv2.blur(grey, around)
    # OpenCV's running sums may end a little below 0.
    contrast = np.sqrt(np.maximum(cv2.blur(detail * detail, around), 0))
    plane = np.clip(detail / (contrast + NOISE_CONTRAST) * CONTRAST_LEVELS + 128, 0, 255)
    return np.asarray(plane, np.uint8), np.asarray(contrast, np.float32)


def _spread_corners(plane: Uint8, contrast: Float32) -> Float32:
    """Returns corners ``(N, 2)``, the best few of each cell."""
    textured = (contrast >= LEAST_CONTRAST).astype(np.uint8)
    found = cv2.goodFeaturesToTrack(plane, CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, mask=textured)
    points = np.asarray(np.zeros((0, 2)) if found is None else found.reshape(-1, 2), np.float32)
    cells = _cells_of(points, (plane.shape[1], plane.shape[0]))
    kept: list[int] = []
    count = np.zeros(GRID[0] * GRID[1], int)
    for number, cell in enumerate(cells.tolist()):  # best first
        if count[cell] < CORNERS_A_CELL:
            count[cell] += 1
            kept.append(number)
    return points[kept]


def _edges(plane: Uint8) -> Float32:
    """Returns the strength of edges, less its mean around."""
    smooth = cv2.GaussianBlur(plane, (0, 0), 1.5)
    strength = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    return np.asarray(strength - cv2.blur(strength, (2 * AROUND_PX + 1, 2 * AROUND_PX + 1)), np.float32)


def _by_cell(picture: Float32) -> Float32:
    """Returns the mean over each cell, ``(rows, columns)``."""
    return np.asarray(cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA), np.float32)


def _cells_of(points: Float32, size_px: tuple[int, int]) -> Int64:
    column, row = (points * np.array(GRID) / np.array(size_px)).astype(np.int64).T
    return np.asarray(np.minimum(row, GRID[1] - 1) * GRID[0] + np.minimum(column, GRID[0] - 1))


def _corners(size_px: tuple[int, int]) -> Float64:
    width, height = size_px
    return np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64)
