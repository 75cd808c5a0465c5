"""Measures how much of people an anonymized video still shows: decoded frames against true boxes.

A *head zone* is the top 18 % of a true box and the middle half of its width, all pixels that it touches. It *leaks* in
a frame where less than half of it is covered, *strictly* where less than 90 % is. A track leaks if any of its frames
does. Covered pixels are recognized in the decoded frame: the anonymizer's own records and code are not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools, Float64, Int64, Uint8

HEAD_DOWN, HEAD_ACROSS = 0.18, 0.5
LEAK_BELOW, STRICT_BELOW = 0.5, 0.9
NEAR_SHARE = 0.2
"""Share of a true box's size added on every side: covering inside the enlarged box is not counted as excess."""

CODEC_TOLERANCE = 20
"""Levels by which H.264 at the usual qualities changes a flat colour, except at edges."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class FrameCover:
    """How well one frame covers the people in it.

    Attributes:
        identity: ``(M,)`` people whose head zone is in the picture and whose true box counts.
        head_share: ``(M,)`` covered share of their head zone, 0..1.
        area: covered share of the frame, 0..1.
        over_area: share of the frame that is covered without a person near, 0..1.
        true_area: share of the frame that lies in any true box, 0..1.
    """

    identity: Int64
    head_share: Float64
    area: float
    over_area: float
    true_area: float = 0.0


@dataclass(frozen=True)
class LeakScores:
    """Leaks of a clip; shares are 0..1, intervals have 95 % confidence.

    Attributes:
        frames, heads, tracks: numbers judged.
        head_leak, head_leak_strict: share of the head zones that leak. Their interval assumes independence, which
            does not hold within a track.
        track_leaks, track_leaks_strict: tracks that leak in any frame.
        track_interval: of the share of tracks that leak.
        area: mean covered share of the frame.
        over_area: mean share of the frame that is covered without a person near.
        area_ratio: covered area divided by that of the union of the true boxes, mean over frames with people; None
            without any.
    """

    frames: int
    heads: int
    head_leak: float
    head_leak_strict: float
    head_interval: Interval
    head_interval_strict: Interval
    tracks: int
    track_leaks: int
    track_leaks_strict: int
    track_interval: Interval
    track_interval_strict: Interval
    area: float
    over_area: float
    area_ratio: float | None


def head_zones(boxes: Float64) -> Float64:
    """Returns the head zones ``(N, 4)`` of boxes ``(N, 4)`` x1, y1, x2, y2."""
    x1, y1, x2, y2 = boxes.T
    inset = (x2 - x1) * (1 - HEAD_ACROSS) / 2
    return np.stack([x1 + inset, y1, x2 - inset, y1 + HEAD_DOWN * (y2 - y1)], axis=1)


def touched_px(boxes: Float64, shape: tuple[int, ...]) -> Int64:
    """Rounds boxes outwards to whole pixels, ends exclusive, clipped to a picture of (height, width)."""
    height, width = shape[:2]
    whole = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1)
    return np.asarray(np.clip(whole, 0, [width, height, width, height]), np.int64)


def covered_pixels(anonymized: Uint8, original: Uint8, colour: tuple[int, int, int], tolerance: int) -> Bools:
    """Returns which pixels of a frame are covered with a flat colour, ``(H, W)``.

    Where the original has about the same colour, the pixel is undecided and takes the nearest decided one's value.

    Args:
        anonymized, original: ``(H, W, 3)`` BGR, of one size.
        colour: BGR.
        tolerance: levels by which encoding may change any channel.
    """
    if anonymized.shape != original.shape:
        raise ValueError(f"frames must have one size, got {anonymized.shape = } {original.shape = }")
    # Encoding can also bring an original colour nearer, hence its wider tolerance.
    flat, was_flat = _near(anonymized, colour, tolerance), _near(original, colour, 2 * tolerance)
    undecided = flat & was_flat
    covered = flat & ~was_flat
    if not undecided.any() or undecided.all():
        return covered
    _, labels = cv2.distanceTransformWithLabels(
        undecided.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    covered_of = np.zeros(labels.max() + 1, np.bool_)
    covered_of[labels[~undecided]] = covered[~undecided]
    return np.asarray(covered_of[labels])


def _near(frame: Uint8, colour: tuple[int, int, int], tolerance: int) -> Bools:
    low, high = (tuple(np.clip(np.array(colour) + way * tolerance, 0, 255).tolist()) for way in (-1, 1))
    return np.asarray(cv2.inRange(frame, np.array(low), np.array(high))) > 0


def zone_shares(covered: Bools, zones: Float64) -> Float64:
    """Returns the covered share of each zone ``(M, 4)``; NaN for zones outside the picture."""
    shares = [
        float(covered[y1:y2, x1:x2].mean()) if y2 > y1 and x2 > x1 else np.nan
        for x1, y1, x2, y2 in touched_px(zones, covered.shape).tolist()
    ]
    return np.array(shares, np.float64)


def frame_cover(covered: Bools, truth: FrameBoxes) -> FrameCover:
    """Judges one frame.

    Args:
        covered: ``(H, W)``.
        truth: the frame's true boxes; ignored ones never leak, and covering them is no excess.
    """
    heads = zone_shares(covered, head_zones(truth.box))
    judged = truth.counts & np.isfinite(heads)
    size = truth.box[:, 2:] - truth.box[:, :2]
    around = np.concatenate([truth.box[:, :2] - NEAR_SHARE * size, truth.box[:, 2:] + NEAR_SHARE * size], axis=1)
    near = in_boxes(around, covered.shape)
    return FrameCover(
        truth.identity[judged],
        heads[judged],
        area=float(covered.mean()),
        over_area=float(np.mean(covered & ~near)),
        true_area=float(in_boxes(truth.box, covered.shape).mean()),
    )


def in_boxes(boxes: Float64, shape: tuple[int, ...]) -> Bools:
    """Returns the pixels of a picture of (height, width) that any of the boxes ``(M, 4)`` touches."""
    inside = np.zeros(shape[:2], np.bool_)
    for x1, y1, x2, y2 in touched_px(boxes, shape).tolist():
        inside[y1:y2, x1:x2] = True
    return inside


def leak_scores(frames: Sequence[FrameCover]) -> LeakScores:
    """Summarizes the frames of a clip.

    Raises:
        ValueError: ``frames`` is empty.
    """
    if not frames:
        raise ValueError("no frame to judge")
    identity = np.concatenate([frame.identity for frame in frames])
    share = np.concatenate([frame.head_share for frame in frames])
    leaks, strict = share < LEAK_BELOW, share < STRICT_BELOW
    tracks, leaking, leaking_strict = (len(np.unique(each)) for each in (identity, identity[leaks], identity[strict]))
    heads = len(share)
    ratios = [frame.area / frame.true_area for frame in frames if frame.true_area > 0]
    return LeakScores(
        frames=len(frames),
        heads=heads,
        head_leak=float(leaks.mean()) if heads else 0.0,
        head_leak_strict=float(strict.mean()) if heads else 0.0,
        head_interval=clopper_pearson(int(leaks.sum()), heads),
        head_interval_strict=clopper_pearson(int(strict.sum()), heads),
        tracks=tracks,
        track_leaks=leaking,
        track_leaks_strict=leaking_strict,
        track_interval=clopper_pearson(leaking, tracks),
        track_interval_strict=clopper_pearson(leaking_strict, tracks),
        area=float(np.mean([frame.area for frame in frames])),
        over_area=float(np.mean([frame.over_area for frame in frames])),
        area_ratio=float(np.mean(ratios)) if ratios else None,
    )


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> Interval:
    """Returns the exact interval of a share, from ``hits`` of ``trials`` (Clopper & Pearson, Biometrika 1934)."""
    from scipy.stats import beta

    if not 0 <= hits <= trials:
        raise ValueError(f"hits must be 0 to {trials}, got {hits}")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, trials - hits)) if hits < trials else 1.0
    return low, high
