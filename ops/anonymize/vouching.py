"""Vouching for frames: the detector observed a frame near each one, in seconds and in frames, by a possible clock.

Seconds alone prove nothing on a clock that runs fast, and frames alone nothing on one that runs slow
(docs/decisions/0018-clocks.md).
"""

from dataclasses import dataclass

import numpy as np

from ops.anonymize.params import AnonymizeParams
from schemas.clock import STRETCH_FRAMES, find_fast_stretch
from schemas.errors import CoverageError
from schemas.values import Int64, Segment


@dataclass(frozen=True)
class _Place:
    """A segment, to name a time in it."""

    segment: Segment

    def __call__(self, time_us: int) -> str:
        start_us = round(self.segment.start.timestamp() * 1e6)
        return f"segment {self.segment.segment_id}, {(time_us - start_us) / 1e6:.2f} s after its start"


def require_plausible_clock(times_us: Int64, segment: Segment) -> None:
    """Makes sure that the times ``(N,)`` of consecutive frames are possible.

    Raises:
        CoverageError: it cannot.
    """
    fast = find_fast_stretch(times_us)
    if fast is not None:
        raise CoverageError(
            f"segment {segment.segment_id}: its clock is wrong: {fast}; so no length of time holds there, and nothing "
            "shows that people are covered; stamp the footage again at its true frame rate"
        )


def require_observed_in_time(times_us: Int64, observed_us: Int64, limit_s: float, segment: Segment) -> None:
    """Makes sure that the detector observed a frame within ``limit_s`` seconds of each frame.

    Args:
        times_us: ``(N,)``, of the frames.
        observed_us: ``(L,)``, rising: of the frames that the detector observed.

    Raises:
        CoverageError: it did not.
    """
    if not len(times_us):
        return
    limit_us = round(limit_s * 1e6)
    # Sentinels out of reach on both sides make frames before the first and after the last observed one count.
    edged = np.concatenate([[times_us[0] - 2 * limit_us - 1], observed_us, [times_us[-1] + 2 * limit_us + 1]])
    after = np.clip(np.searchsorted(edged, times_us), 1, len(edged) - 1)
    away_us = np.minimum(np.abs(edged[after] - times_us), np.abs(times_us - edged[after - 1]))
    if (away_us > limit_us).any():
        raise CoverageError(
            f"{_Place(segment)(int(times_us[np.argmax(away_us)]))}: the detector observed no frame within "
            f"{limit_s:g} s, so nothing shows that people are covered there; "
            "raise the frame rate of detect, or max_unobserved_s of [ops.anonymize]"
        )


def require_observed_in_frames(times_us: Int64, observed_us: Int64, limit: int, segment: Segment) -> None:
    """Makes sure that the detector observed a frame at most ``limit`` frames from each one.

    Args:
        times_us: ``(N,)``, rising: of all frames of the segment that could be decoded.
        observed_us: ``(L,)``, rising: of the frames that the detector observed.

    Raises:
        CoverageError: it did not.
    """
    if not len(times_us):
        return
    numbers = np.searchsorted(times_us, observed_us, side="right") - 1
    edged = np.concatenate([[-limit - 1], numbers[numbers >= 0], [len(times_us) + limit]])
    every = np.arange(len(times_us))
    after = np.searchsorted(edged, every)
    away = np.minimum(edged[after] - every, every - edged[after - 1])
    if (away > limit).any():
        raise CoverageError(
            f"{_Place(segment)(int(times_us[np.argmax(away)]))}: the detector observed no frame within "
            f"{limit} frames, so nothing shows that people are covered there; "
            "raise the frame rate of detect, or max_unobserved_frames of [ops.anonymize]"
        )


class Vouching:
    """Watches the frames of one segment, and raises where nothing vouches for them.

    Args:
        observed_us: ``(L,)``, rising: times of the frames that the detector observed.
    """

    def __init__(self, params: AnonymizeParams, segment: Segment, observed_us: Int64) -> None:
        self._params = params
        self._segment = segment
        self._observed_us = observed_us
        self._times_us = np.empty(0, np.int64)

    def add(self, times_us: Int64) -> None:
        """Takes the times ``(N,)`` of the next frames that could be decoded.

        Raises:
            CoverageError: the detector observed no frame near one of these, or their clock is wrong.
        """
        require_observed_in_time(times_us, self._observed_us, self._params.max_unobserved_s, self._segment)
        self._times_us = np.concatenate([self._times_us, times_us])
        # A shorter start may be a burst, so it is judged at the end only.
        if len(self._times_us) > STRETCH_FRAMES:
            require_plausible_clock(self._times_us[-STRETCH_FRAMES - len(times_us) :], self._segment)

    def finish(self) -> None:
        """Judges the segment as a whole, after its last frame.

        Raises:
            CoverageError: see ``add``; here also for the distance in frames.
        """
        require_plausible_clock(self._times_us, self._segment)
        limit = self._params.max_unobserved_frames
        require_observed_in_frames(self._times_us, self._observed_us, limit, self._segment)
