"""Decides which encoded frames the verifying detectors look at, and in which of them in tiles as well."""

from ops.detect.changes import changed
from schemas.values import Uint8

TILES_EVERY_US = 4_000_000
"""Time between two frames in which the second detector looks in tiles, too, until it finds somebody uncovered there."""


MOST_HELD_US = 32_000_000
"""Longest time for which a look that found nobody holds while nothing changes."""


class LookSchedule:
    """The looks at one segment's frames, which come in order of time, and again if encoded again.

    Slots of time count from 1970, not from the first frame: a chunk encoded again is checked at the same frames.

    Args:
        fps: frames per second of footage that are looked at; 0: none.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._last_us: int | None = None
        self._tiles_slot, self._tiles_us = -1, -1
        self._small_people = False

    def is_due(self, time_us: int) -> bool:
        """Returns whether a frame is looked at: the first of each slot, and the first of each stretch that comes."""
        before, self._last_us = self._last_us, time_us
        if self._fps <= 0:
            return False
        if before is None or time_us <= before:
            return True
        return self._slot(time_us) != self._slot(before)

    def _slot(self, time_us: int) -> int:
        return int(time_us * self._fps // 1_000_000)

    def are_tiles_due(self, time_us: int) -> bool:
        """Returns whether a frame that is due is looked at in tiles as well: the first of each ``TILES_EVERY_US``."""
        slot = time_us // TILES_EVERY_US
        due = self._small_people or slot != self._tiles_slot or time_us == self._tiles_us
        if slot != self._tiles_slot:
            self._tiles_slot, self._tiles_us = slot, time_us
        return due

    def look_in_all_tiles(self) -> None:
        """Looks in tiles in every frame that is due from now on, since a look in tiles found somebody uncovered."""
        self._small_people = True


class ClearView:
    """Remembers a look in tiles that found nobody: it holds while decoded frames show the same, and not for ever.

    At first it holds for ``TILES_EVERY_US``, and twice as long each time that the next one finds nobody in the same
    view.
    """

    def __init__(self) -> None:
        self._picture: Uint8 | None = None
        self._since_us = self._holds_us = 0

    def holds(self, picture: Uint8, time_us: int) -> bool:
        """Returns whether a frame, reduced by ``ops.detect.changes.reduced``, need not be looked at."""
        return 0 <= time_us - self._since_us < self._holds_us and self._shows(picture)

    def look(self, picture: Uint8, time_us: int, found_nobody: bool) -> None:
        """Takes note of a look in tiles."""
        longer = min(2 * self._holds_us, MOST_HELD_US) if self._shows(picture) else TILES_EVERY_US
        self._picture = picture if found_nobody else None
        self._since_us, self._holds_us = time_us, longer if found_nobody else 0

    def _shows(self, picture: Uint8) -> bool:
        return self._picture is not None and not changed(picture, self._picture).any()
