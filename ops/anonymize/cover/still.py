"""Tells which frames need no cover of their own: nobody was found in them, and they show what a covered one shows.

Such a frame is published as a repeat of that one, which was covered, and is verified, in full. So a repeat can show
nobody whom its original does not show: somebody who walks in below the limit of a change is not in the picture at all.
Footage of an empty view then costs little more than decoding it.
"""

from ops.detect.changes import changed, reduced
from schemas.values import Uint8


class StillView:
    """Remembers what the last covered frame shows, as it was filmed, if nobody was found in it."""

    def __init__(self) -> None:
        self._shown: Uint8 | None = None

    def remember(self, frame: Uint8) -> None:
        """Takes a frame ``(H, W, 3)`` BGR, in which nobody was found, as the one that may be repeated."""
        self._shown = reduced(frame)

    def forget(self) -> None:
        """Takes note of a frame that may not be repeated."""
        self._shown = None

    def shows(self, frame: Uint8) -> bool:
        """Returns whether nothing changed since the frame that may be repeated; not so if there is none."""
        if self._shown is None:
            return False
        picture = reduced(frame)
        return picture.shape == self._shown.shape and not changed(picture, self._shown).any()
