"""Things left or taken: regions of a fixed view that changed against the background before, and then stayed.

Two rates are compared, after Porikli's dual backgrounds: medians over two seconds, in which who walks by leaves no
trace, against a background that only ever learns what it already shows. A pixel that the short medians show changed,
alike each time, for long enough, is still; still pixels that began together are a region.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ops.foreground_mask import ForegroundMask
from ops.masked_median import UNSEEN, masked_median
from schemas.values import Bools, Float32, Int64, Uint8

SMALL_WIDTH_PX = 320
WINDOW_US = 2_000_000
BEFORE_WINDOWS = 2  # a background that was seen in fewer is no evidence of a change
LEAST_CHANGE, CHANGE_SIGMA = 15.0, 5.0  # of a pixel, grey levels
LEAST_CONTRAST = 20.0  # of a region, grey levels
SAME_GREY = 15.0  # a changed pixel stays as it is if it moves by less
LOOK_SAMPLES = 9
NOISE_PAIRS = 60
MOSTLY = 0.6
ALIKE = 0.35  # a thing still looks as it did if it is off by less than this share of its contrast
LEARNING = 0.1
LIGHT_SHARE = 0.25  # light may change over such a share of the frame's width; things left are smaller
LEAST_FILL = 0.3
SHARP_EDGE = 2.0  # a thing ends where light fades: change within over change just outside


@dataclass(frozen=True)
class StaticRegionParams:
    """What counts as a static region.

    Attributes:
        static_s: it stays at least so long.
        min_share, max_share: its area, as a share of the frame's.
    """

    static_s: float
    min_share: float
    max_share: float


@dataclass(frozen=True)
class StaticRegion:
    """A region that changed and then stayed.

    Attributes:
        first_us, last_us: when it first and last looked as it does.
        xyxy: in px of the source, right and bottom exclusive.
        area_px: px of the source.
        contrast: mean difference to the background before it, a grey level.
    """

    first_us: int
    last_us: int
    xyxy: tuple[float, float, float, float]
    area_px: float
    contrast: float


@dataclass(frozen=True)
class _Clip:
    """Small frames and what is free in them: ``(S, H, W, 3)`` and ``(S, H, W)``; times and windows ``(S,)``."""

    samples: Uint8
    free: Bools
    times_us: Int64
    windows: Int64

    def look(self, chosen: Bools, area: Bools, from_end: bool) -> tuple[Float32, Bools]:
        """An area's median over those chosen samples, the last or the first, that show it; and where there is one."""
        showing = self.free[:, area].mean(axis=1) >= MOSTLY
        (numbers,) = np.nonzero(chosen & showing)
        numbers = numbers[-LOOK_SAMPLES:] if from_end else numbers[:LOOK_SAMPLES]
        median, seen = masked_median(self.samples[numbers], self.free[numbers])
        return median.astype(np.float32), seen

    def shows(self, mask: Bools, late: Float32, tolerance: float) -> Bools:
        """In which samples, covered or not, most of a region looks as it did late, ``(S,)``."""
        apart = np.abs(self.samples[:, mask].astype(np.float32) - late[mask]).max(axis=2)
        return np.asarray((apart <= tolerance).mean(axis=1) > MOSTLY)


@dataclass(frozen=True)
class _Changes:
    """The longest change of each pixel: its first and last window, -1 where there was none, ``(H, W)`` each."""

    first: Int64
    last: Int64


def find_static_regions(
    times_us: Sequence[int],
    frames: Sequence[Uint8],
    cover: ForegroundMask,
    source_px: tuple[int, int],
    params: StaticRegionParams,
) -> list[StaticRegion]:
    """Regions of small frames ``(H, W, 3)`` BGR, taken at ``times_us``, by the time at which they began."""
    known = [number for number, time_us in enumerate(times_us) if cover.known_at(time_us)]
    if len(known) < 2:
        return []
    times = np.array([times_us[number] for number in known], np.int64)
    samples = np.stack([frames[number] for number in known])
    size_px = (samples.shape[2], samples.shape[1])
    free = ~np.stack([cover.mask_at(time_us, size_px, source_px) for time_us in times.tolist()])
    clip = _Clip(samples, free, times, (times - times[0]) // WINDOW_US)
    changes = _watch(clip)
    found = [_region(mask, int(np.median(changes.first[mask])), clip, source_px) for mask in _shapes(changes, params)]
    static_us = params.static_s * 1e6
    stayed = [region for region in found if region is not None and region.last_us - region.first_us >= static_us]
    return sorted(stayed, key=lambda region: (region.first_us, region.xyxy))


def _watch(clip: _Clip) -> _Changes:
    """Follows each pixel through the windows."""
    shape = clip.samples.shape[1:3]
    threshold = _thresholds(clip)
    background, candidate = np.zeros((2, *shape, 3), np.float32)
    backed = np.zeros(shape, np.int64)  # windows in which the background was seen
    since, best_first, best_last = np.full((3, *shape), -1)
    for window in np.unique(clip.windows):
        chosen = clip.windows == window
        look, seen = masked_median(clip.samples[chosen], clip.free[chosen])
        current = _relit(look.astype(np.float32), background, seen & (backed > 0))
        as_before = seen & (backed > 0) & (_apart(current, background) <= threshold)
        changed = seen & ~as_before & (backed >= BEFORE_WINDOWS)
        same = changed & (since >= 0) & (_apart(current, candidate) <= np.maximum(threshold, SAME_GREY))
        fresh = changed & ~same
        replaced = seen & ~as_before & ~changed  # not seen long enough to be sure that it was the background
        background[replaced] = current[replaced]
        background[as_before] += LEARNING * (current - background)[as_before]
        backed[replaced] = 0
        backed[as_before | replaced] += 1
        since[as_before | replaced] = -1
        since[fresh], candidate[fresh] = window, current[fresh]
        longer = changed & (window - since > best_last - best_first)
        best_first[longer], best_last[longer] = since[longer], window
    return _Changes(best_first, best_last)


def _thresholds(clip: _Clip) -> Float32:
    """Least change of each pixel: above what noise, leaves and water do there, ``(H, W)``."""
    pairs = np.unique(np.linspace(0, len(clip.samples) - 2, NOISE_PAIRS).round().astype(int))
    steps = np.stack([cv2.absdiff(clip.samples[first], clip.samples[first + 1]).max(axis=2) for first in pairs])
    usual, _ = masked_median(steps[..., None], clip.free[pairs] & clip.free[pairs + 1])
    usual[usual == UNSEEN] = 0
    sigma = usual[:, :, 0] * np.float32(1.05)  # of a difference of two: 1.4826 / sqrt(2)
    return np.asarray(np.maximum(LEAST_CHANGE, CHANGE_SIGMA * cv2.blur(sigma, (5, 5))), np.float32)


def _relit(current: Float32, background: Float32, comparable: Bools) -> Float32:
    """A picture under the background's light, where light varies slowly over the picture."""
    if not comparable.any():
        return current
    width = max(3, round(current.shape[1] * LIGHT_SHARE)) | 1
    ratio = np.zeros(current.shape[:2], np.float32)
    ratio[comparable] = ((background.sum(axis=2) + 30) / (current.sum(axis=2) + 30))[comparable]
    # What changed for good must not count as light: outliers are pulled in before they are averaged.
    usual = float(np.median(ratio[comparable]))
    ratio = np.where(comparable, np.clip(ratio, usual * 0.9, usual * 1.1), 0).astype(np.float32)
    weight = cv2.blur(comparable.astype(np.float32), (width, width))
    gain = np.where(weight > 0.02, cv2.blur(ratio, (width, width)) / np.maximum(weight, 0.02), usual)
    return np.asarray(current * gain[:, :, None], np.float32)


def _apart(a: Float32, b: Float32) -> Float32:
    """Greatest difference of a channel, of pictures smoothed a little, ``(H, W)``."""
    return np.asarray(np.abs(cv2.blur(a - b, (3, 3))).max(axis=2), np.float32)


def _shapes(changes: _Changes, params: StaticRegionParams) -> list[Bools]:
    """Masks of regions of a possible size whose change stayed long enough."""
    windows = round(params.static_s * 1e6 / WINDOW_US)
    still = (changes.first >= 0) & (changes.last - changes.first + 1 >= windows)
    joined = cv2.morphologyEx(still.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    masks = []
    for label in range(1, count):
        _, _, width, height, area = stats[label].tolist()
        if params.min_share <= area / still.size <= params.max_share and area >= LEAST_FILL * width * height:
            masks.append((labels == label) & still)
    return [mask for mask in masks if mask.any()]


def _region(mask: Bools, since: int, clip: _Clip, source_px: tuple[int, int]) -> StaticRegion | None:
    """A region from its mask, its times told sample by sample; None if it fades out, as a patch of light does."""
    ring = _ring(mask)
    early, seen_early = clip.look(clip.windows < since, mask | ring, from_end=True)
    late, seen_late = clip.look(clip.windows >= since, mask | ring, from_end=False)
    ring &= seen_early & seen_late
    if not ring.any():
        return None
    gain = (early[ring].mean() + 1) / (late[ring].mean() + 1)
    change = _apart(late * np.float32(gain), early)
    contrast = float(change[mask].mean())
    if contrast < max(LEAST_CONTRAST, SHARP_EDGE * float(np.median(change[ring]))):
        return None
    # Somebody in front of a thing must look unlike it to be told from it, or it seems to be there before them.
    shows = clip.shows(mask, late, max(SAME_GREY, ALIKE * contrast))
    begin = int(np.searchsorted(clip.windows, since, side="right"))
    before = np.nonzero(~shows[:begin])[0]
    first = int(before[-1]) + 1 if len(before) else 0
    last = int(np.nonzero(shows)[0][-1]) if shows.any() else first
    y, x = np.nonzero(mask)
    scale = np.array([source_px[0] / mask.shape[1], source_px[1] / mask.shape[0]] * 2)
    left, top, right, bottom = (np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) * scale).tolist()
    times = int(clip.times_us[first]), int(clip.times_us[max(first, last)])
    return StaticRegion(*times, (left, top, right, bottom), float(mask.sum() * scale[0] * scale[1]), contrast)


def _ring(mask: Bools) -> Bools:
    """Pixels around a mask, two to four away from it."""
    grown = mask.astype(np.uint8)
    near, far = (cv2.dilate(grown, np.ones((2 * reach + 1,) * 2, np.uint8)) for reach in (2, 4))
    return np.asarray((far > 0) & (near == 0))
