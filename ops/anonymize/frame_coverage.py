"""The record of what one frame's cover is, kept until the encoded frame was verified against it."""

from dataclasses import dataclass, replace

import numpy as np

from ops.anonymize.cover.paint import Colour, paint_flat
from schemas.values import Float64, Int64, Uint8


def pack_mask(mask: Uint8) -> Uint8:
    """Packs a mask ``(H, W)`` to bits, 1 where it is not 0."""
    return np.packbits(mask > 0, axis=1)


@dataclass(frozen=True)
class FrameCoverage:
    """What must be covered in one frame, and what it was painted with.

    Attributes:
        pts, time_us: of the frame; microseconds since 1970.
        width_px: of the frame.
        bits: the mask ``(H, W)`` as ``pack_mask`` packs it, since a chunk of frames holds one each.
        painted: ``(K, 3)`` BGR, the colours of modes that paint flat; else the painted picture ``(H, W, 3)`` BGR.
        boxes, owners: people who surely are there, ``(M, 4)`` not padded, and indices of their tracklets ``(M,)``.
        comparable: whether the frame could be compared with a background.
        whole: whether all of the frame is covered.
        widened: whether more was covered later, because the verifier found something.
        lost: whether the footage's frame could not be decoded.
        shown: where in the mask the background is shown, packed as ``bits``; None: nowhere.
        dismisses: whether something that differs from the background was taken for nobody, so that it stays visible.
        repeats: whether the frame repeats the one before it, in which nobody was found.
        replaces: whether all of the frame is painted, so that nothing may be seen but what was painted.
        drawn: ``(D, 4)`` boxes in which a skeleton is drawn, which looks like a person and is none.
    """

    pts: int
    time_us: int
    width_px: int
    bits: Uint8
    painted: Uint8
    boxes: Float64
    owners: Int64
    comparable: bool
    whole: bool = False
    widened: bool = False
    lost: bool = False
    shown: Uint8 | None = None
    drawn: Float64 | None = None
    dismisses: bool = False
    repeats: bool = False
    replaces: bool = False

    @property
    def mask(self) -> Uint8:
        """Returns ``(H, W)``, 255 where nothing of the original may remain."""
        return np.unpackbits(self.bits, axis=1, count=self.width_px) * np.uint8(255)

    @property
    def hiding(self) -> Uint8:
        """Returns ``(H, W)``, 255 where the mask hides whatever is there: no background is shown."""
        if self.shown is None:
            return self.mask
        return np.unpackbits(self.bits & ~self.shown, axis=1, count=self.width_px) * np.uint8(255)

    @property
    def nbytes(self) -> int:
        """Returns the memory that the mask and the picture take; a repeat has those of the frame before it."""
        if self.repeats:
            return 0
        return self.bits.nbytes + (self.painted.nbytes if self.painted.ndim == 3 else 0)

    def repeated(self, pts: int, time_us: int) -> "FrameCoverage":
        """Returns the record of a frame that repeats this one."""
        return replace(self, pts=pts, time_us=time_us, repeats=True)

    def cover_more(self, frame: Uint8, more: Uint8, colour: Colour) -> "FrameCoverage":
        """Paints a mask ``(H, W)`` flat on the frame, in place, and returns the record of the larger cover."""
        paint_flat(frame, more, colour)
        # The earlier record may still be in use, so its picture is copied before it is painted on.
        painted = self.painted
        if painted.ndim == 3:
            painted = painted.copy()
            paint_flat(painted, more, colour)
        shown = None if self.shown is None else self.shown & ~pack_mask(more)
        return replace(self, bits=pack_mask(self.mask | more), painted=painted, widened=True, shown=shown)
