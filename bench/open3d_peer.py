"""Runs the peer of the plane benchmark: ``segment_plane`` of the package open3d, on the same points.

It is never a dependency, and no extra: it brings a web server and a notebook along, and needs libusb and libGL on the
machine. ``pip install open3d`` into an environment of its own, and name that environment's Python.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.values import Float64

ITERATIONS = 1000
"""Of open3d's documentation."""

_SCRIPT = """
import json, sys
import numpy as np
import open3d
points = np.load(sys.argv[1])
distance, iterations, seeds = float(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
found = []
for seed in seeds:
    open3d.utility.random.seed(seed)
    plane, inliers = cloud.segment_plane(distance, 3, iterations)
    again = np.abs(points @ plane[:3] + plane[3]) <= distance
    found.append([len(inliers) / len(points), float(again.mean()), *plane.tolist()])
print(json.dumps(found))
"""
_ABOUT = "from importlib.metadata import version; import open3d; print(version('open3d'))"


@dataclass(frozen=True)
class PeerPlane:
    """A plane of open3d.

    Attributes:
        share: of the points that it returns as inliers.
        share_again: of those within the distance of the plane that it returns, which is not the same one.
        plane: a, b, c, d.
    """

    share: float
    share_again: float
    plane: tuple[float, float, float, float]


def find_open3d(python: str = sys.executable) -> str | None:
    """Returns the version of open3d in an environment; None if it is not installed there, or does not start."""
    asked = subprocess.run([python, "-c", _ABOUT], capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else None


def segment_plane(python: str, points_m: Float64, distance_m: float, seeds: Sequence[int]) -> list[PeerPlane]:
    """Returns open3d's plane for each seed.

    Args:
        python: interpreter of the environment that has open3d.
        points_m: ``(N, 3)``.
        distance_m: of inliers.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.npy"
        np.save(file, points_m)
        command = [python, "-c", _SCRIPT, str(file), str(distance_m), str(ITERATIONS), json.dumps(list(seeds))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout.strip().splitlines()[-1])
    return [PeerPlane(share, again, (a, b, c, d)) for share, again, a, b, c, d in rows]
