"""Pixel density in the place of a person: pixels per metre, and the bands that IEC 62676-4:2025 makes of them."""

import numpy as np

from ops.ground.homography import GroundPlane
from ops.ground.project import jacobian
from schemas.values import Float64

BANDS = (
    (250.0, "characterise"),
    (125.0, "perceive"),
    (80.0, "discern"),
    (40.0, "outline"),
    (20.0, "overview"),
)
"""Bands of IEC 62676-4:2025: least pixels per metre, and name."""

BELOW = "below overview"


def pixels_per_metre(plane: GroundPlane, boxes: Float64, frame_px: tuple[int, int]) -> Float64:
    """Returns pixels per metre ``(N,)`` at the feet of boxes ``(N, 4)``; NaN on and above the horizon.

    Args:
        plane: of the camera.
        boxes: in pixels of the frame.
        frame_px: (width, height) of the frame; the plane may be of another size.
    """
    scale = np.array(plane.size_px) / np.array(frame_px)
    feet = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    return density_at(plane, feet * scale, np.tile(scale, (len(feet), 1)))


def density_at(plane: GroundPlane, pixels: Float64, scale: Float64) -> Float64:
    """Returns pixels of the frame per metre ``(N,)`` where people stand; NaN on and above the horizon.

    Ground is foreshortened along the line of sight, but not across it. So the larger of its two scales in the picture
    is that of an upright person in that place.

    Args:
        plane: of the camera.
        pixels: ``(N, 2)`` of the plane.
        scale: ``(N, 2)``, factors from pixels of the frame to those of the plane.
    """
    metres_a_px = jacobian(plane, pixels) * scale[:, None, :]
    square = (metres_a_px**2).sum(axis=(1, 2))
    (a, b), (c, d) = metres_a_px.transpose(1, 2, 0)
    area = np.abs(a * d - b * c)
    # Largest singular value, in metres per pixel; its partner, area / longest, is the smaller: the scale of a person.
    longest = np.sqrt((square + np.sqrt(np.maximum(square**2 - 4 * area**2, 0.0))) / 2)
    return np.asarray(longest / area)


def band_of(px_per_m: float) -> str:
    """Returns the band of IEC 62676-4:2025 that a density falls into."""
    return next((name for least, name in BANDS if px_per_m >= least), BELOW)
