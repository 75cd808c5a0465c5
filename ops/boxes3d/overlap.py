"""Overlap of upright cuboids, as KITTI's evaluation has it: seen from above, and of volumes.

Cuboids are in camera coordinates: location is the middle of the lower face, y points down, and rotation is about y.
"""

import numpy as np
import shapely

from schemas.values import Float64


def footprints(location_m: Float64, size_m: Float64, rotation_y: Float64) -> Float64:
    """Returns the corners ``(N, 4, 2)`` x, z of footprints.

    Args:
        location_m: ``(N, 3)``.
        size_m: ``(N, 3)`` height, width, length.
        rotation_y: ``(N,)``; at 0 the length is along x.
    """
    along = np.column_stack([np.cos(rotation_y), -np.sin(rotation_y)]) * size_m[:, 2:] / 2
    across = np.column_stack([np.sin(rotation_y), np.cos(rotation_y)]) * size_m[:, 1:2] / 2
    middle = location_m[:, [0, 2]]
    front, back = middle + along, middle - along
    return np.stack([front + across, front - across, back - across, back + across], axis=1)


def overlaps(one: tuple[Float64, Float64, Float64], other: tuple[Float64, Float64, Float64]) -> tuple[Float64, Float64]:
    """Returns intersections over unions ``(N, M)`` of every cuboid with every other: from above, and of volumes.

    Args:
        one: location ``(N, 3)``, size ``(N, 3)`` and rotation ``(N,)``, as for ``footprints``.
        other: the same of the others, ``M``.
    """
    shapes = [shapely.polygons(footprints(*each)) if len(each[0]) else np.zeros(0, object) for each in (one, other)]
    shared = shapely.area(shapely.intersection(shapes[0][:, None], shapes[1][None]))
    areas = [each[1][:, 1] * each[1][:, 2] for each in (one, other)]
    from_above = _share(shared, areas[0][:, None] + areas[1][None] - shared)
    low = np.minimum(one[0][:, None, 1], other[0][None, :, 1])
    high = np.maximum(one[0][:, None, 1] - one[1][:, None, 0], other[0][None, :, 1] - other[1][None, :, 0])
    volume = shared * np.clip(low - high, 0, None)
    volumes = [area * each[1][:, 0] for area, each in zip(areas, (one, other), strict=True)]
    return from_above, _share(volume, volumes[0][:, None] + volumes[1][None] - volume)


def _share(part: Float64, whole: Float64) -> Float64:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
