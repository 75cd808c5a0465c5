"""Tells which frames need no cover of their own: nobody was found in them, and they show what a covered one shows.

Such a frame is published as a repeat of that one, which was covered, and is verified, in full. So a repeat can show
nobody whom its original does not show: somebody who walks in below the limit of a change is not in the picture at all.
Footage of an empty view then costs little more than decoding it.
"""

from ops.detect.changes import changed, reduced
from schemas.values import Uint8


class StillView:
    """Remembers what the last covered frame shows, as it was filmed, if nobody was found in it.

    Args:
        hold_s: seconds for which somebody who left stays covered.
    """

    def __init__(self, hold_s: float) -> None:
        self._hold_us = round(hold_s * 1e6)
        self._shown: Uint8 | None = None
        self._same: Uint8 | None = None
        self._since_us = 0

    def remember(self, frame: Uint8, time_us: int, covered: bool) -> None:
        """Takes a frame in which nobody was found as the one that may be repeated.

        Args:
            frame: ``(H, W, 3)`` BGR.
            time_us: of the frame.
            covered: something is covered in it. Then it may be repeated once it showed the same for ``hold_s``: until
                then that may be the cover of somebody who left, which must end.
        """
        picture = reduced(frame)
        if self._same is None or not _alike(picture, self._same):
            self._same, self._since_us = picture, time_us
        self._shown = None if covered and time_us - self._since_us <= self._hold_us else picture

    def forget(self) -> None:
        """Takes note of a frame that may not be repeated."""
        self._shown = self._same = None

    def shows(self, frame: Uint8) -> bool:
        """Returns whether nothing changed since the frame that may be repeated; not so if there is none."""
        return self._shown is not None and _alike(reduced(frame), self._shown)


def _alike(picture: Uint8, other: Uint8) -> bool:
    return picture.shape == other.shape and not changed(picture, other).any()
