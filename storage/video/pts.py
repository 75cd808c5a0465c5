"""Keeps PTS in order."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class OrderedPts:
    """A set of PTS that tells which of them lie in a range without looking at the others.

    Footage of an hour has a hundred thousand frames, and each asks what lies between it and the one before. PTS come
    nearly in order, so that most are added at the end.
    """

    def __init__(self) -> None:
        self._pts: list[int] = []

    def __iter__(self) -> Iterator[int]:
        return iter(self._pts)

    def add(self, pts: int) -> None:
        """Adds a PTS, unless it is there."""
        at = bisect_left(self._pts, pts)
        if self._pts[at : at + 1] != [pts]:
            self._pts.insert(at, pts)

    def update(self, every: Iterable[int]) -> None:
        """Adds several PTS."""
        for pts in every:
            self.add(pts)

    def discard(self, pts: int) -> None:
        """Removes a PTS if it is there."""
        at = bisect_left(self._pts, pts)
        if self._pts[at : at + 1] == [pts]:
            del self._pts[at]

    def between(self, begin: int, end: int) -> list[int]:
        """Returns the PTS from ``begin`` up to, but without, ``end``, rising."""
        return self._pts[bisect_left(self._pts, begin) : bisect_left(self._pts, end)]
