"""An attacker without a network, who links people by shape, gait, colour and path in one anonymized video.

The attacker takes the video's median for the empty scene, and what differs from it for people, and knows where each
person is (the true box, grown). A viewer of ``remove`` does not know that, so the figures are upper bounds of what
these features give away. A person's way through the clip is cut into *stretches* of two seconds. Those of the first
half are the queries, those of the second half the gallery. Features are scaled by the gallery's mean and spread, and
the nearest stretch of the gallery is the guess.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from bench.frame_pairs import read_frames
from ops.leaks import touched_px
from schemas.frame_boxes import FrameBoxes
from schemas.values import Float64, Int64, Uint8

STRETCH_FRAMES, STEP_FRAMES = 20, 5
"""Frames of a stretch: two seconds of PETS, two to three steps; and from one stretch to the next."""

LEAST_SEEN = 0.75
"""Share of a stretch's frames in which the person must be in the truth, and whole in the picture."""

AROUND = 0.3
"""Share of its size by which a true box is grown, on every side, before what differs in it is taken for the person."""

DIFFERS = 20
"""Difference from the empty scene, grey levels in any channel, of a person's pixel."""

LEAST_PX = 12
"""Least number of such pixels that are taken for somebody."""

MEDIAN_STEP = 10
"""Every so many frames, one counts for the median."""

GAIT_LAGS = range(3, 11)
"""Periods of a gait that are tried, frames: 0.3 to 1 s."""

GROUPS: Mapping[str, tuple[int, int]] = {"shape": (0, 9), "gait": (9, 13), "colour": (13, 19), "path": (19, 24)}
"""First and last (exclusive) feature of each group."""

_PIECES = 16
"""Numbers that are measured in one frame."""


@dataclass(frozen=True)
class Stretch:
    """A person's way in some frames: their numbers ``(F,)`` and the true boxes ``(F, 4)``."""

    identity: int
    frames: Int64
    boxes: Float64


def median_frame(frames: Iterable[Uint8]) -> Uint8:
    """Returns the median of frames: the scene without those who walk through it."""
    return np.asarray(np.median(np.stack(list(frames)), axis=0), np.uint8)


def cut_stretches(truth: FrameBoxes, size_px: tuple[int, int], first: int, last: int) -> list[Stretch]:
    """Cuts the ways of all people in frames ``first`` to ``last`` into stretches."""
    whole = (truth.box[:, :2] >= 0).all(axis=1) & (truth.box[:, 2:] <= np.array(size_px)).all(axis=1)
    stretches = []
    for begin in range(first, last - STRETCH_FRAMES + 2, STEP_FRAMES):
        within = truth.counts & whole & (truth.frame >= begin) & (truth.frame < begin + STRETCH_FRAMES)
        for identity in np.unique(truth.identity[within]).tolist():
            rows = np.flatnonzero(within & (truth.identity == identity))
            if len(rows) >= LEAST_SEEN * STRETCH_FRAMES:
                rows = rows[np.argsort(truth.frame[rows], kind="stable")]
                stretches.append(Stretch(identity, truth.frame[rows], truth.box[rows]))
    return stretches


def describe(stretch: Stretch, frames: Mapping[int, Uint8], empty: Uint8) -> Float64:
    """Returns the features ``(24,)`` of a stretch, in the order of ``GROUPS``; NaN where nobody is seen."""
    seen = np.stack(
        [_measure(frames[int(n)], empty, box) for n, box in zip(stretch.frames, stretch.boxes, strict=True)]
    )
    present = np.isfinite(seen[:, 0])
    if present.sum() < 4:
        return np.full(GROUPS["path"][1], np.nan)
    times, seen = stretch.frames[present].astype(np.float64), seen[present]
    x, foot, width, height = seen[:, :4].T
    shape = [np.median(height), np.median(width / height), np.median(seen[:, 4]), *np.median(seen[:, 5:11], axis=0)]
    speed = [np.polyfit(times, place, 1)[0] / np.median(height) for place in (x, foot)]
    path = [np.median(x), np.median(foot), *speed, float(np.hypot(*speed))]
    colour = np.concatenate([np.median(seen[:, 11:14], axis=0), np.median(seen[:, 14:16], axis=0), [present.mean()]])
    return np.array([*shape, *_gait(times, width / height), *colour, *path], np.float64)


def _measure(frame: Uint8, empty: Uint8, box: Float64) -> Float64:
    """Returns what is seen of a person in one frame ``(16,)``: place, size, fill, moments, colour; NaN if nothing."""
    size = np.tile(box[2:] - box[:2], 2) * AROUND
    ((x1, y1, x2, y2),) = touched_px((box + size * [-1, -1, 1, 1])[None], frame.shape).tolist()
    part = frame[y1:y2, x1:x2]
    differs = (np.abs(part.astype(np.int16) - empty[y1:y2, x1:x2]).max(axis=2) > DIFFERS).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.medianBlur(differs, 3), connectivity=8)
    if count < 2 or stats[1:, cv2.CC_STAT_AREA].max() < LEAST_PX:
        return np.full(_PIECES, np.nan)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height, area = stats[largest].tolist()
    mask = (labels == largest).astype(np.uint8)
    moments = cv2.moments(mask, binaryImage=True)
    shape = [moments[name] for name in ("nu20", "nu11", "nu02", "nu30", "nu21", "nu03")]
    lab = cv2.cvtColor(part, cv2.COLOR_BGR2LAB)[mask > 0].astype(np.float64)
    place = [x1 + left + width / 2, y1 + top + height, width, height, area / (width * height)]
    return np.array([*place, *shape, *lab.mean(axis=0), lab[:, 0].std(), lab[:, 1:].std()], np.float64)


def _gait(times: Float64, widths: Float64) -> list[float]:
    """Returns period (frames), strength 0..1, spread and mean of the width over height, which swings with the legs."""
    steady = np.interp(np.arange(times[0], times[-1] + 1), times, widths)
    swing = steady - np.polyval(np.polyfit(np.arange(len(steady)), steady, 1), np.arange(len(steady)))
    power = float((swing**2).mean())
    strengths = [
        float((swing[lag:] * swing[:-lag]).mean()) / power if power > 0 and lag < len(swing) - 2 else 0.0
        for lag in GAIT_LAGS
    ]
    best = int(np.argmax(strengths))
    return [float(GAIT_LAGS[best]), strengths[best], float(steady.std()), float(np.abs(np.diff(steady)).mean())]


def link(queries: Float64, gallery: Float64, query_identity: Int64, gallery_identity: Int64) -> float:
    """Returns rank-1 of queries ``(N, D)`` in a gallery ``(M, D)``; a missing feature says nothing.

    Of several that are equally near, one is guessed at random: their share of the right person counts.
    """
    seen = np.isfinite(gallery)
    counts = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, gallery, 0.0).sum(axis=0) / counts
    spread = np.sqrt((np.where(seen, gallery - mean, 0.0) ** 2).sum(axis=0) / counts)
    spread[spread < 1e-9] = 1.0
    scaled = [np.nan_to_num((each - mean) / spread) for each in (queries, gallery)]
    away = np.linalg.norm(scaled[0][:, None] - scaled[1][None], axis=2)
    nearest = away <= away.min(axis=1, keepdims=True) + 1e-9
    right = query_identity[:, None] == gallery_identity[None]
    return float(np.mean((nearest & right).sum(axis=1) / nearest.sum(axis=1)))


def _without_perspective(queries: Float64, gallery: Float64) -> tuple[Float64, Float64]:
    """Divides the heights by those that people of the gallery have in the same image row."""
    height, foot = 0, GROUPS["path"][0] + 1
    seen = np.isfinite(gallery[:, height])
    if len(np.unique(gallery[seen, foot])) < 2:
        return queries, gallery
    usual = np.polyfit(gallery[seen, foot], gallery[seen, height], 1)
    scaled = [each.copy() for each in (queries, gallery)]
    for each in scaled:
        each[:, height] /= np.maximum(np.polyval(usual, each[:, foot]), 1.0)
    return scaled[0], scaled[1]


def attack_video(video: Path, truth: FrameBoxes, last: int) -> dict[str, float]:
    """Returns rank-1 by each group of features and by all together, and chance, on frames 1 to ``last`` of a video."""
    frames = {number: frame.image for number, frame in enumerate(islice(read_frames(video), last), 1)}
    height, width = frames[1].shape[:2]
    empty = median_frame(frames[number] for number in range(1, last + 1, MEDIAN_STEP))
    halves = [cut_stretches(truth, (width, height), *of) for of in ((1, last // 2), (last // 2 + 1, last))]
    both = {each.identity for each in halves[0]} & {each.identity for each in halves[1]}
    kept: list[Sequence[Stretch]] = [[each for each in half if each.identity in both] for half in halves]
    described = [np.stack([describe(each, frames, empty) for each in half]) for half in kept]
    features = _without_perspective(described[0], described[1])
    identities = [np.array([each.identity for each in half]) for half in kept]
    parts = {**GROUPS, "appearance": (0, GROUPS["path"][0]), "all": (0, GROUPS["path"][1])}
    found = {
        name: link(features[0][:, first:end], features[1][:, first:end], identities[0], identities[1])
        for name, (first, end) in parts.items()
    }
    found["chance"] = float((identities[0][:, None] == identities[1][None]).mean())
    found["seen"] = float(np.isfinite(features[0][:, 0]).mean())
    return {name: round(value, 4) for name, value in found.items()} | {"queries": len(identities[0])}
