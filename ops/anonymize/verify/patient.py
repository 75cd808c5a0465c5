"""Looks of a verifying detector that found nobody hold for what they showed, so that a still view costs few of them."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from ops.anonymize.verify.second_detectors import Found, SecondDetector
from ops.detect.changes import ENCODED_LIMIT, changed, reduced
from ops.detect.tiles import Look, part_in
from schemas.values import Uint8

HELD_US, MOST_HELD_US = 4_000_000, 128_000_000
"""Time for which a look that found nobody holds while nothing changes, at first and at most."""


class ClearView:
    """Remembers a look that found nobody: it holds while decoded frames show the same there, and not for ever.

    At first it holds for ``HELD_US``, and twice as long each time that the next one finds nobody in the same
    view.
    """

    def __init__(self) -> None:
        self._picture: Uint8 | None = None
        self._since_us = self._holds_us = 0

    def holds(self, picture: Uint8, time_us: int) -> bool:
        """Returns whether a picture, reduced by ``ops.detect.changes.reduced``, need not be looked at."""
        return 0 <= time_us - self._since_us < self._holds_us and self._shows(picture)

    def look(self, picture: Uint8, time_us: int, found_nobody: bool) -> None:
        """Takes note of a look."""
        longer = min(2 * self._holds_us, MOST_HELD_US) if self._shows(picture) else HELD_US
        self._picture = picture if found_nobody else None
        self._since_us, self._holds_us = time_us, longer if found_nobody else 0

    def _shows(self, picture: Uint8) -> bool:
        return self._picture is not None and not changed(picture, self._picture, ENCODED_LIMIT).any()


class PatientDetector:
    """A detector that looks again only where a look may show anything else than the last one did.

    Args:
        detector: finds people or faces.
        count: called before each search.
    """

    def __init__(self, detector: SecondDetector, count: Callable[[], None]) -> None:
        self._detector = detector
        self._count = count
        self._views: defaultdict[Look, ClearView] = defaultdict(ClearView)

    def find(self, frame: Uint8, time_us: int, tiles: bool, patient: bool) -> Found:
        """Returns what the detector is sure of in a frame ``(H, W, 3)`` BGR, in the looks that do not hold.

        Args:
            time_us: of the frame.
            tiles: in tiles as well.
            patient: looks that found nobody hold.
        """
        picture, frame_px = reduced(frame), (frame.shape[1], frame.shape[0])
        looks = self._detector.looks(frame_px)[: None if tiles else 1]
        parts = {look: picture[part_in(look, frame_px, (picture.shape[1], picture.shape[0]))] for look in looks}
        due = [look for look in looks if not (patient and self._views[look].holds(parts[look], time_us))]
        if not due:
            return np.empty((0, 5))
        self._count()
        found = self._detector.find(frame, due)
        sure = np.asarray(found[found[:, 4] >= self._detector.sure])
        for look in due:
            inside = (sure[:, :2] < [look.x2, look.y2]) & (sure[:, 2:4] > [look.x1, look.y1])
            self._views[look].look(parts[look], time_us, found_nobody=not inside.all(axis=1).any())
        return sure
