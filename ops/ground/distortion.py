"""Radial distortion of a lens: where a straight picture would have a pixel, and back.

The division model with one number (Fitzgibbon, "Simultaneous linear estimation of multiple view geometry and lens
distortion", CVPR 2001): both directions have a closed form, and a wide lens does not fold the picture, as one term of a
polynomial does.
"""

from dataclasses import dataclass

import numpy as np

from schemas.values import Float64


@dataclass(frozen=True)
class RadialDistortion:
    """How a lens bends straight lines, about the middle of the frame.

    Attributes:
        size_px: (width, height) of the frames.
        share: lambda: at radius r, in half diagonals of the frame, a straight picture has the pixel at
            ``r / (1 + lambda r^2)``. Negative: barrel; positive: pincushion.
    """

    size_px: tuple[int, int]
    share: float

    @property
    def radius_px(self) -> float:
        """Returns half the diagonal of the frame."""
        return float(np.hypot(*self.size_px) / 2)

    @property
    def corner_px(self) -> float:
        """Returns how far the lens moves the corner of a straight picture: negative towards the middle."""
        return self.radius_px * self.share / (1 + self.share)

    def straighten(self, pixels: Float64) -> Float64:
        """Returns where a straight picture has pixels ``(N, 2)``; NaN so far outside that no ray of the lens is."""
        off, scale = self._from_middle(pixels)
        return np.asarray(self._middle + off / np.where(scale > 0, scale, np.nan))

    def bend(self, straight: Float64) -> Float64:
        """Returns the pixels ``(N, 2)`` of those of a straight picture: the inverse; NaN where no pixel is."""
        off = straight - self._middle
        root = 1 - 4 * self.share * (off**2).sum(axis=1, keepdims=True) / self.radius_px**2
        return np.asarray(self._middle + 2 * off / (1 + np.sqrt(np.where(root >= 0, root, np.nan))))

    def straighten_boxes(self, boxes: Float64) -> Float64:
        """Returns boxes ``(N, 4)`` of a straight picture: each edge is where its middle is."""
        x1, y1, x2, y2 = boxes.T
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        edges = [self.straighten(np.column_stack(pair)) for pair in ((x1, y), (x, y1), (x2, y), (x, y2))]
        return np.column_stack([edge[:, number % 2] for number, edge in enumerate(edges)])

    def jacobian(self, pixels: Float64) -> Float64:
        """Returns how straight pixels move with pixels: ``(N, 2, 2)``."""
        off, scale = self._from_middle(pixels)
        outward = off[:, :, None] * off[:, None, :] * 2 * self.share / self.radius_px**2
        return np.asarray(np.eye(2) / scale[:, :, None] - outward / scale[:, :, None] ** 2)

    def by_share(self, pixels: Float64) -> Float64:
        """Returns how straight pixels move with ``share``: ``(N, 2)``."""
        off, scale = self._from_middle(pixels)
        return np.asarray(-off * ((off**2).sum(axis=1, keepdims=True) / self.radius_px**2) / scale**2)

    @property
    def _middle(self) -> Float64:
        return np.array(self.size_px) / 2

    def _from_middle(self, pixels: Float64) -> tuple[Float64, Float64]:
        """Returns offsets ``(N, 2)`` from the middle and what divides them ``(N, 1)``."""
        off = pixels - self._middle
        return off, 1 + self.share * (off**2).sum(axis=1, keepdims=True) / self.radius_px**2
