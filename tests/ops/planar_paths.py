"""Made-up paths in a plane, for tests of zones and lines."""

from itertools import pairwise

import numpy as np

from ops.trajectories import PlanarTrajectories


def planar(*trajectories, step_s=0.1):
    """Trajectories of ``(x, y)`` points, one every ``step_s``."""
    at = np.concatenate([np.asarray(path, float).reshape(-1, 2) for path in trajectories])
    track = np.repeat(np.arange(len(trajectories)), [len(path) for path in trajectories])
    time_us = np.concatenate([np.arange(len(path)) for path in trajectories]) * round(step_s * 1e6)
    return PlanarTrajectories(track, time_us, at)


def along(*corners, step=0.2):
    """Points along straight legs between corners, every ``step``."""
    legs = [
        np.linspace(start, end, max(2, int(np.hypot(*np.subtract(end, start)) / step)), endpoint=False)
        for start, end in pairwise(corners)
    ]
    return np.concatenate([*legs, [corners[-1]]])
