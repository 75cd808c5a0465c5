"""Made-up walks, as several cameras see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ops.ground.shared_paths import Paths, sample_paths
from schemas.values import Float64


@dataclass(frozen=True)
class Seen:
    """A track: a straight walk as one camera sees it, ten times a second.

    Attributes:
        shift_m: how far off the camera puts it.
        late_s: how late its clock is.
    """

    camera: int
    begin_s: float
    end_s: float
    begin_m: tuple[float, float]
    speed_m_s: tuple[float, float] = (1.2, 0.0)
    shift_m: tuple[float, float] = (0.0, 0.0)
    late_s: float = 0.0
    kind: int = 0

    def rows(self) -> tuple[Float64, Float64]:
        """Times ``(N,)`` in seconds, and places ``(N, 2)``."""
        times_s = np.arange(self.begin_s, self.end_s + 0.01, 0.1)
        walked = np.array(self.speed_m_s) * times_s[:, None]
        return times_s + self.late_s, np.array(self.begin_m) + walked + np.array(self.shift_m)


def paths_of(tracks: Sequence[Seen], variance_m2: float = 0.02) -> Paths:
    """The tracks, numbered in this order."""
    rows = [track.rows() for track in tracks]
    spans = [(round(times[0] * 1e6), round(times[-1] * 1e6)) for times, _ in rows]
    owner = np.repeat(np.arange(len(rows)), [len(times) for times, _ in rows])
    time_us = np.round(np.concatenate([times for times, _ in rows] or [np.zeros(0)]) * 1e6).astype(np.int64)
    places = np.concatenate([places for _, places in rows] or [np.zeros((0, 2))])
    spread = np.tile(variance_m2 * np.eye(2), (len(time_us), 1, 1))
    cameras, kinds = (np.array([getattr(each, name) for each in tracks], np.int64) for name in ("camera", "kind"))
    span_us = np.array(spans, np.int64).reshape(-1, 2)
    return Paths(cameras, kinds, span_us, *sample_paths(owner, time_us, places, spread))
