"""Finds what changed in a fixed view since a frame that was looked at: the parts to look at again.

Frames are compared at a reduced size. What shows the same as then holds the same people, so what was found there holds,
and only the rest is looked at again. The limit is absolute: noise, leaves and flicker that exceed it cost looks, and
never spare one.
"""

import cv2
import numpy as np

from ops.boxes import gaps_px
from ops.pictures import above, downscale, largest_channel
from schemas.values import Float64, Uint8

REDUCED = 4
"""Factor by which frames are reduced: somebody of 20 px is 5 px high, and noise a quarter."""

LIMIT = 6
"""Grey levels of any channel, mean of 2 x 2 reduced pixels, above which one of them changed.

Measured-real with yolo11n at 10 looks a second, each frame against the last one that was looked at: a bag left behind
(ABODA) and people at a table, 5 and 99 people in frames in which nothing changed, and all of them in the held boxes; so
they are at limits of 10 and 16. In the dark (ABODA at a quarter of its light, with noise of 2 levels) 3 of 260 sure
people are missed.
"""

ENCODED_LIMIT = 12
"""The same for pictures of a published video: those of an unchanged view differ by 11 at most, since each chunk is
encoded by itself (measured-real, ABODA, 120 s)."""

MARGIN_PX, MARGIN_SHARE = 24.0, 0.25
"""Growth of a changed part on every side, pixels of the frame and share of its longer side: networks see people by what
is around them, and somebody who moved a little changed at the rim only."""

BOX_MARGIN = 0.1
"""Growth of a known box that a changed part touches, share of its size."""

MOST_SHARE = 0.5
"""Share of the frame that the parts cover at most; above, it is looked at as a whole: that costs no more."""


def reduced(frame: Uint8, factor: int = REDUCED) -> Uint8:
    """Returns a frame, or a part of one, ``(H, W, 3)`` at the size at which it is compared."""
    height, width = frame.shape[:2]
    return downscale(frame, (max(width // factor, 1), max(height // factor, 1)))


def changed(picture: Uint8, before: Uint8, limit: int = LIMIT) -> Uint8:
    """Returns 255 where two reduced pictures ``(h, w, 3)`` differ by more than a limit, ``(h, w)``."""
    difference = largest_channel(cv2.absdiff(picture, before))
    return above(cv2.blur(difference, (2, 2)), limit)


def changed_parts(mask: Uint8, boxes: Float64, frame_px: tuple[int, int]) -> Float64 | None:
    """Returns the parts ``(N, 4)`` of a frame to look at again, whole pixels; they do not overlap.

    Args:
        mask: of ``changed``.
        boxes: ``(M, 4)``, px of the frame: what was found before; one that a part touches becomes part of it, so that
            it is found anew or gone as a whole.
        frame_px: (width, height).

    Returns:
        None if all of the frame is to be looked at.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask, np.ones((5, 5), np.uint8)), connectivity=8)
    left, top, width, height = stats[1:, : cv2.CC_STAT_AREA].T.astype(np.float64)
    scale = np.tile(np.array(frame_px) / np.array(mask.shape[::-1]), 2)
    parts = np.stack([left, top, left + width, top + height], axis=1) * scale
    longer = (parts[:, 2:] - parts[:, :2]).max(axis=1, initial=0)[:, None]
    margin = np.maximum(MARGIN_SHARE * longer, MARGIN_PX)
    parts = np.concatenate([parts[:, :2] - margin, parts[:, 2:] + margin], axis=1)
    grown = BOX_MARGIN * np.tile(boxes[:, 2:] - boxes[:, :2], 2) * np.array([-1, -1, 1, 1])
    parts = _merged(parts, boxes + grown)
    whole = np.tile(np.array(frame_px, np.float64), 2)
    parts = np.clip(np.concatenate([np.floor(parts[:, :2]), np.ceil(parts[:, 2:])], axis=1), 0, whole)
    share = (parts[:, 2:] - parts[:, :2]).prod(axis=1).sum() / (frame_px[0] * frame_px[1])
    return None if share > MOST_SHARE else parts


def _merged(parts: Float64, boxes: Float64) -> Float64:
    """Returns parts that overlap nothing, each grown to hold the boxes and parts that it touched."""
    free: list[Float64] = list(parts)
    done: list[Float64] = []
    boxes = boxes.copy()
    while free:
        part = free.pop()
        while True:
            touched = gaps_px(boxes, part) <= 0
            inner = [number for number, other in enumerate(free) if _touch(part, other)]
            outer = [number for number, other in enumerate(done) if _touch(part, other)]
            joined = [part, *boxes[touched], *(free[number] for number in inner), *(done[number] for number in outer)]
            if len(joined) == 1:
                break
            boxes = boxes[~touched]
            free = [other for number, other in enumerate(free) if number not in inner]
            done = [other for number, other in enumerate(done) if number not in outer]
            together = np.stack(joined)
            part = np.concatenate([together[:, :2].min(axis=0), together[:, 2:].max(axis=0)])
        done.append(part)
    return np.stack(done) if done else np.empty((0, 4))


def _touch(one: Float64, other: Float64) -> bool:
    return bool((one[:2] <= other[2:]).all() and (other[:2] <= one[2:]).all())
