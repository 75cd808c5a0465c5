"""Decides which encoded frames the verifying detectors look at, and in which of them in tiles as well."""

TILES_EVERY_US = 4_000_000
"""Time between two frames in which the second detector looks in tiles, too, until it finds somebody uncovered there."""


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
