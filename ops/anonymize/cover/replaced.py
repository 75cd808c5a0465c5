"""What is drawn of people where the scene is replaced by a plain one: less than is covered in other modes.

Elsewhere a cover too many is safe. Here it does harm: what a detector takes for a person again and again, a sign or a
cone, would show the place. So only tracked people are drawn who differ from the background, where one vouches. What
merely differs from it is not drawn: no car, no shadow, no digit of a clock (``ops/foreground/contours.py``).
"""

from ops.anonymize.geometry import covered_shares
from ops.foreground.contours import people_contours
from schemas.values import Float64, Uint8

SEEN = 0.2
"""Share of a box that must differ from the background for its person to be drawn."""


def silhouettes(mask: Uint8, tracked: Float64, differs: Uint8 | None) -> Uint8:
    """Returns what of a mask ``(H, W)`` is drawn of people in a replaced scene, 255.

    Args:
        tracked: ``(N, 4)`` boxes of people.
        differs: ``(H, W)``, not 0 where people are by the background alone; None where none can tell.
    """
    seen = tracked if differs is None else tracked[covered_shares(differs, tracked) >= SEEN]
    return people_contours(mask, seen)
