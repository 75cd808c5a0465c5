"""The clothes of a tracklet: the colours of its surest boxes, and where they change."""

import numpy as np

from ops.tracking.colours import SIZE, colour_distances, mean_colours
from ops.tracking.detections import Detections, Tracklet
from schemas.values import Float32

SUREST = 16
"""Number of a tracklet's surest boxes whose colours count."""

MOST_COVERED = 0.3
"""Share of a box that others may cover for its colours to count: beyond, they are partly the others'."""

HIDDEN_S, HIDDEN_STEPS = 0.45, 1.5
"""Gap beyond which clothes are compared: in seconds, and in steps from frame to frame."""

UNLIKE = 0.1
"""Distance of colours beyond which a gap splits a tracklet. Measured-real on PETS and TUD-Campus: half of a person's
tracklets are within .03 of each other, of two people's within .15."""


def clothes_of(detections: Detections, tracklet: Tracklet) -> Float32:
    """Returns the mean colours ``(SIZE,)`` of a tracklet's surest boxes; zeros where nothing is known."""
    if detections.colours is None:
        return np.zeros(SIZE, np.float32)
    free = detections.colours[tracklet].any(axis=1) & (detections.covered[tracklet] <= MOST_COVERED)
    rows = tracklet[free]
    surest = rows[np.argsort(-detections.confidence[rows], kind="stable")[:SUREST]]
    return mean_colours(detections.colours[surest])


def split_where_clothes_change(detections: Detections, tracklets: list[Tracklet]) -> list[Tracklet]:
    """Splits tracklets at gaps with other clothes before than after them.

    Two people who turn back behind a pillar look, by their movement, as if they had passed each other, forwards and
    backwards alike. What is split here is joined again by everything that is known.
    """
    if detections.colours is None or len(detections.frame_s) < 2:
        return tracklets
    longest_s = max(HIDDEN_S, HIDDEN_STEPS * float(np.median(np.diff(detections.frame_s))))
    pieces: list[Tracklet] = []
    for tracklet in tracklets:
        gaps = np.flatnonzero(np.diff(detections.time_s[tracklet]) > longest_s) + 1
        pieces += np.split(tracklet, [at for at in gaps if _unlike(detections, tracklet[:at], tracklet[at:])])
    return detections.in_order([piece for piece in pieces if len(piece) > 1])


def _unlike(detections: Detections, before: Tracklet, after: Tracklet) -> bool:
    sides = clothes_of(detections, before)[None], clothes_of(detections, after)[None]
    return bool(colour_distances(*sides)[0] > UNLIKE)  # NaN, where they are unknown, is not
