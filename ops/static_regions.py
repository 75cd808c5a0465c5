"""Finds things left or taken: regions of a fixed view that changed against the background before, and then stayed.

Two rates are compared, as in Porikli's dual backgrounds: medians over two seconds, in which a passer-by leaves no
trace, against a background that only ever learns what it already shows. A pixel is static where the short medians show
it changed, alike each time, for long enough; static pixels whose changes began together are a region.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ops.foreground_mask import ForegroundMask
from ops.masked_median import UNSEEN, masked_median
from schemas.op import param
from schemas.values import Bools, Float32, Int64, Uint8

SMALL_WIDTH_PX = 320
"""Width of the frames that are searched: a thing worth a row is still some pixels wide there."""

WINDOW_US = 2_000_000
BEFORE_WINDOWS = 2
"""Windows in which a pixel's background must have been seen before a change of it counts as one."""

SHORT_WINDOWS = 2
"""Least windows at the end of a segment in which a change counts that began too late to stay long enough."""

LEAST_CHANGE, CHANGE_SIGMA = 15.0, 5.0
"""Least change of a pixel: in grey levels, and in standard deviations of its noise."""

LEAST_CONTRAST = 20.0
"""Least mean change of a region, grey levels."""

SAME_GREY = 15.0
"""Greatest drift of a changed pixel, grey levels, up to which its change is one and the same."""

MEDIAN_SAMPLES = 9
NOISE_PAIRS = 60
MOSTLY = 0.6
ALIKE = 0.35
"""Greatest difference, as a share of its contrast, at which a region still looks as it did."""

LEARNING = 0.1
LIGHT_SHARE = 0.25
"""Width over which light may vary, as a share of the frame's: things left are smaller."""

LEAST_FILL = 0.3
SHARP_EDGE = 2.0
"""Least ratio of the change within a region to the change just outside: a thing ends at an edge, where light fades."""

EVEN_GREY = 3.0
"""What is added to both sides of a comparison, grey levels: noise must not decide."""

NEAR_PX = 8
"""What lies farther from a region is not looked at: its ring is four pixels away, edges and blurs reach one more."""

MOST_COLOURS = 120
"""Pixels that are compared, of a region and of what lies around it."""


@dataclass(frozen=True)
class StaticRegionParams:
    """What counts as a static region."""

    static_s: float = param(8.0, "time after which a change that stays is a static region, seconds")
    static_min_share: float = param(0.0004, "least area of a static region, as a share of the frame")
    static_max_share: float = param(0.05, "greatest area of a static region, as a share of the frame")


@dataclass(frozen=True)
class StaticRegion:
    """A region that changed and then stayed.

    Attributes:
        first_us, last_us: first and last time at which it looks as it does.
        xyxy: in px of the source, right and bottom exclusive.
        area_px: px of the source.
        contrast: mean difference to the background before it, grey levels.
        mask: ``(h, w)`` its pixels within its box, in pixels of the frames that were searched.
        appeared: how much it looks like a thing since the change, against before, 0..1: above .5 something came.
        short: whether it stayed for less than ``static_s``, up to the last frame.
    """

    first_us: int
    last_us: int
    xyxy: tuple[float, float, float, float]
    area_px: float
    contrast: float
    mask: Bools
    appeared: float
    short: bool = False


@dataclass(frozen=True)
class _Clip:
    """Small frames and their free pixels: ``(S, H, W, 3)`` and ``(S, H, W)``; times and windows ``(S,)``."""

    samples: Uint8
    free: Bools
    times_us: Int64
    windows: Int64

    def near(self, rows: slice, columns: slice) -> "_Clip":
        """Returns a part of each picture."""
        return replace(self, samples=self.samples[:, rows, columns], free=self.free[:, rows, columns])

    def appearance(self, chosen: Bools, area: Bools, from_end: bool) -> tuple[Float32, Bools]:
        """Returns the median picture of the samples, of those chosen the first or last few, that show an area.

        Args:
            chosen: ``(S,)``.
            area: ``(H, W)``; samples in which something covers most of it are passed over.
            from_end: whether to take the last samples.

        Returns:
            The picture ``(H, W, 3)``, and ``(H, W)``, where any sample shows it.
        """
        showing = self.free[:, area].mean(axis=1) >= MOSTLY
        (numbers,) = np.nonzero(chosen & showing)
        numbers = numbers[-MEDIAN_SAMPLES:] if from_end else numbers[:MEDIAN_SAMPLES]
        median, seen = masked_median(self.samples[numbers], self.free[numbers])
        return median.astype(np.float32), seen

    def shows(self, mask: Bools, late: Float32, tolerance: float) -> Bools:
        """Marks samples ``(S,)``, covered or not, in which most of a region looks as in a picture."""
        apart = np.abs(self.samples[:, mask].astype(np.float32) - late[mask]).max(axis=2)
        return np.asarray((apart <= tolerance).mean(axis=1) > MOSTLY)


def find_static_regions(
    times_us: Sequence[int],
    frames: Sequence[Uint8],
    foreground: ForegroundMask,
    source_px: tuple[int, int],
    params: StaticRegionParams,
) -> list[StaticRegion]:
    """Returns the static regions, in order of time, of small frames ``(H, W, 3)`` BGR taken at ``times_us``.

    Args:
        times_us: rising.
        frames: of one size.
        foreground: pixels that people and vehicles cover do not count.
        source_px: (width, height) of the footage, for the regions' boxes.
        params: what counts as a region.
    """
    known = [number for number, time_us in enumerate(times_us) if foreground.known_at(time_us)]
    if len(known) < 2:
        return []
    times = np.array([times_us[number] for number in known], np.int64)
    samples = np.stack([frames[number] for number in known])
    size_px = (samples.shape[2], samples.shape[1])
    free = ~np.stack([foreground.mask_at(time_us, size_px, source_px) for time_us in times.tolist()])
    clip = _Clip(samples, free, times, (times - times[0]) // WINDOW_US)
    first, last = _longest_changes(clip)
    windows = round(params.static_s * 1e6 / WINDOW_US)
    length = np.where(first >= 0, last - first + 1, 0)
    stays = region_masks(length >= windows, params.static_min_share, params.static_max_share)
    to_end = (length >= SHORT_WINDOWS) & (last == clip.windows[-1])
    latest = region_masks(to_end & (length < windows), params.static_min_share, params.static_max_share)
    found = [_region(mask, int(np.median(first[mask])), clip, source_px) for mask in (*stays, *latest)]
    # Windows are coarse; the exact times of the samples decide whether a region stayed for long enough.
    static_us, end_us = params.static_s * 1e6, int(times[-1])
    kept = []
    for region in found:
        if region is not None and region.last_us - region.first_us >= static_us:
            kept.append(region)
        elif region is not None and region.last_us == end_us:
            kept.append(replace(region, short=True))
    return sorted(kept, key=lambda region: (region.first_us, region.xyxy))


def _longest_changes(clip: _Clip) -> tuple[Int64, Int64]:
    """Returns the first and the last window of each pixel's longest change, ``(H, W)`` each; -1 without any."""
    shape = clip.samples.shape[1:3]
    threshold = _thresholds(clip)
    background, candidate = np.zeros((2, *shape, 3), np.float32)
    background_windows = np.zeros(shape, np.int64)  # windows in which the background was seen
    since, best_first, best_last = np.full((3, *shape), -1)
    for window in np.unique(clip.windows):
        chosen = clip.windows == window
        picture, seen = masked_median(clip.samples[chosen], clip.free[chosen])
        current = relit(picture.astype(np.float32), background, seen & (background_windows > 0))
        as_before = seen & (background_windows > 0) & (apart(current, background) <= threshold)
        changed = seen & ~as_before & (background_windows >= BEFORE_WINDOWS)
        # A change goes on while the pixel stays as it became; another look begins another change.
        same = changed & (since >= 0) & (apart(current, candidate) <= np.maximum(threshold, SAME_GREY))
        fresh = changed & ~same
        # A background that was seen too rarely may have been a person who stood there: it is replaced, not compared.
        replaced = seen & ~as_before & ~changed
        background[replaced] = current[replaced]
        # Learning follows daylight. A changed pixel never reaches this line, so a thing left never becomes background.
        background[as_before] += LEARNING * (current - background)[as_before]
        background_windows[replaced] = 0
        background_windows[as_before | replaced] += 1
        since[as_before | replaced] = -1
        since[fresh], candidate[fresh] = window, current[fresh]
        # Pixels that something covers in this window keep their state: a passer-by interrupts nothing.
        longer = changed & (window - since > best_last - best_first)
        best_first[longer], best_last[longer] = since[longer], window
    return best_first, best_last


def _thresholds(clip: _Clip) -> Float32:
    """Returns the least change of each pixel ``(H, W)``: above the noise, and above what leaves and water do there."""
    pairs = np.unique(np.linspace(0, len(clip.samples) - 2, NOISE_PAIRS).round().astype(int))
    steps = np.stack([cv2.absdiff(clip.samples[first], clip.samples[first + 1]).max(axis=2) for first in pairs])
    usual, _ = masked_median(steps[..., None], clip.free[pairs] & clip.free[pairs + 1])
    usual[usual == UNSEEN] = 0
    # Standard deviation from the median of absolute differences of two samples: 1.4826 / sqrt(2) = 1.05.
    sigma = usual[:, :, 0] * np.float32(1.05)
    return np.asarray(np.maximum(LEAST_CHANGE, CHANGE_SIGMA * cv2.blur(sigma, (5, 5))), np.float32)


def relit(current: Float32, background: Float32, comparable: Bools) -> Float32:
    """Returns a picture under the background's light, where light varies slowly over the picture."""
    if not comparable.any():
        return current
    width = max(3, round(current.shape[1] * LIGHT_SHARE)) | 1
    ratio = np.zeros(current.shape[:2], np.float32)
    ratio[comparable] = ((background.sum(axis=2) + 30) / (current.sum(axis=2) + 30))[comparable]
    # A thing left must not count as light, or it would relight its surroundings: outliers are clipped before averaging.
    usual = float(np.median(ratio[comparable]))
    ratio = np.where(comparable, np.clip(ratio, usual * 0.9, usual * 1.1), 0).astype(np.float32)
    weight = cv2.blur(comparable.astype(np.float32), (width, width))
    gain = np.where(weight > 0.02, cv2.blur(ratio, (width, width)) / np.maximum(weight, 0.02), usual)
    return np.asarray(current * gain[:, :, None], np.float32)


def apart(a: Float32, b: Float32) -> Float32:
    """Returns the greatest difference of a channel ``(H, W)`` of two pictures, smoothed a little against noise."""
    return np.asarray(np.abs(cv2.blur(a - b, (3, 3))).max(axis=2), np.float32)


def region_masks(changed: Bools, least_share: float, most_share: float) -> list[Bools]:
    """Returns masks ``(H, W)`` of connected changed pixels of a possible size.

    Args:
        changed: ``(H, W)``.
        least_share, most_share: of a region's area, as shares of the picture's.
    """
    # Close first: a thing's pixels hang together loosely. Then open: single pixels are noise.
    solid = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    masks = []
    for label in range(1, count):
        _, _, width, height, area = stats[label].tolist()
        if least_share <= area / changed.size <= most_share and area >= LEAST_FILL * width * height:
            masks.append((labels == label) & changed)  # closing added pixels that did not change
    return [mask for mask in masks if mask.any()]


def _region(mask: Bools, since: int, clip: _Clip, source_px: tuple[int, int]) -> StaticRegion | None:
    """Returns a mask's region, its times exact to the sample; None if it fades out, as a patch of light does.

    Args:
        mask: ``(H, W)``.
        since: window in which it changed.
        clip: the frames.
        source_px: (width, height) of the footage.
    """
    height, width = mask.shape
    y, x = np.nonzero(mask)
    own = mask[y.min() : y.max() + 1, x.min() : x.max() + 1]
    rows, columns = (slice(max(0, each.min() - NEAR_PX), each.max() + 1 + NEAR_PX) for each in (y, x))
    mask, clip = mask[rows, columns], clip.near(rows, columns)
    ring = ring_of(mask)
    early, seen_early = clip.appearance(clip.windows < since, mask | ring, from_end=True)
    late, seen_late = clip.appearance(clip.windows >= since, mask | ring, from_end=False)
    ring &= seen_early & seen_late
    if not ring.any():
        return None
    # The ring did not change, so its brightness tells the light before and after apart.
    gain = (early[ring].mean() + 1) / (late[ring].mean() + 1)
    late_relit = late * np.float32(gain)
    contrast = sharp_contrast(apart(late_relit, early), mask, ring)
    if contrast is None:
        return None
    # A person in front of the thing must not look like it, or the thing seems to be there before the person.
    shows = clip.shows(mask, late, max(SAME_GREY, ALIKE * contrast))
    # It is there from the sample after the last one, up to the end of the window of its change, that does not show it.
    begin = int(np.searchsorted(clip.windows, since, side="right"))
    before = np.nonzero(~shows[:begin])[0]
    first = int(before[-1]) + 1 if len(before) else 0
    last = int(np.nonzero(shows)[0][-1]) if shows.any() else first
    scale = np.array([source_px[0] / width, source_px[1] / height] * 2)
    left, top, right, bottom = (np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) * scale).tolist()
    times = int(clip.times_us[first]), int(clip.times_us[max(first, last)])
    area_px = float(mask.sum() * scale[0] * scale[1])
    appeared = appeared_share(early, late_relit, mask, seen_early & seen_late)
    return StaticRegion(*times, (left, top, right, bottom), area_px, contrast, own, appeared)


def sharp_contrast(change: Float32, mask: Bools, ring: Bools) -> float | None:
    """Returns the mean change of a region, grey levels; None if it is low, or no higher than around the region."""
    contrast = float(change[mask].mean())
    return contrast if contrast >= max(LEAST_CONTRAST, SHARP_EDGE * float(np.median(change[ring]))) else None


def appeared_share(before: Float32, after: Float32, mask: Bools, known: Bools) -> float:
    """Returns how much a region looks like a thing since it changed, against before: 0..1, above .5 a thing came.

    A thing ends at its outline, where ground goes on (Connell et al., 2004), and it has other colours than what lies
    around it. Both are compared.

    Args:
        before, after: ``(H, W, 3)``, under one light.
        mask: ``(H, W)``.
        known: ``(H, W)``, where both pictures are known.
    """
    edges = [outline_edges(picture, mask, known) for picture in (before, after)]
    strange = [strangeness(picture, mask, known) for picture in (before, after)]
    shares = [(late + EVEN_GREY) / (early + late + 2 * EVEN_GREY) for early, late in (edges, strange)]
    return float(np.mean(shares))


def outline_edges(picture: Float32, mask: Bools, known: Bools) -> float:
    """Returns the mean strength of edges along a region's outline, grey levels; 0 if nothing of it is known."""
    strength = edges_along(picture, mask, known)
    return float(strength.mean()) if len(strength) else 0.0


def edges_along(picture: Float32, mask: Bools, known: Bools) -> Float32:
    """Returns the strength of edges at each known pixel of a region's outline, ``(N,)``, grey levels."""
    near = np.ones((3, 3), np.uint8)
    # The largest channel, as contrasts are measured: a red bag on a grey floor may be no brighter than the floor.
    strength = (cv2.dilate(picture, near) - cv2.erode(picture, near)).max(axis=2)
    inside = cv2.erode(mask.astype(np.uint8), near, borderValue=0) > 0
    return np.asarray(strength[mask & ~inside & known], np.float32)


def strangeness(picture: Float32, mask: Bools, known: Bools) -> float:
    """Returns how far a region's colours are from the nearest ones around it, grey levels; 0 if that is not known."""
    inside, around = (picture[area & known] for area in (mask, ring_of(mask)))
    if not len(inside) or not len(around):
        return 0.0
    inside, around = (pixels[:: -(-len(pixels) // MOST_COLOURS)] for pixels in (inside, around))
    apart_by = np.abs(inside[:, None] - around[None]).max(axis=2)
    return float(apart_by.min(axis=1).mean())


def ring_of(mask: Bools) -> Bools:
    """Returns the pixels around a mask, two to four away: nearer ones may belong to the thing's edge."""
    grown = mask.astype(np.uint8)
    near, far = (cv2.dilate(grown, np.ones((2 * reach + 1,) * 2, np.uint8)) for reach in (2, 4))
    return np.asarray((far > 0) & (near == 0))
