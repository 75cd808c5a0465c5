"""Builds the table of a detector's reach: by band of image rows, the least height of people that it can find."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ops.detect.decode import Boxes
from ops.detect.tiles import Look
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import Float64, Segment

BANDS = 8
"""Bands of rows of a frame: people of one band are of similar height."""

SURE = 0.25
"""Least score, 0..1, of people whose height is measured."""


def reach_table(
    segment: Segment,
    found: Sequence[Boxes],
    person: int | None,
    looks: Sequence[Look],
    looked: Sequence[frozenset[int]],
    probes: int,
    prefix: str = "",
) -> Tables:
    """Builds the rows of a segment, one per band; none if no frame was looked at.

    Args:
        found: the boxes of each frame, px of the source.
        person: class index of people; None if they are not looked for.
        looks: the looks at a frame, the whole first, in px of the frames, which may be smaller than the source's.
        looked: by frame, the numbers of the tiles that were looked at.
        probes: number of frames that were looked at in all tiles.
        prefix: of the table's name, such as ``second_``.
    """
    name = f"{prefix}detector_reach"
    if not found:
        return {name: TABLES[name].empty()}
    edges = np.linspace(0, segment.height, BANDS + 1)
    feet, heights = _people(found, person)
    reduced = segment.width / looks[0].x2
    rows: list[dict[str, object]] = []
    for y1, y2 in pairwise(edges.tolist()):
        inside = heights[(feet > y1) & (feet <= y2)]
        tiles = {
            number for number, look in enumerate(looks) if number and look.y1 * reduced < y2 and look.y2 * reduced > y1
        }
        rows.append(
            {
                "camera": segment.camera,
                "segment_id": segment.segment_id,
                "y1": y1,
                "y2": y2,
                "people": len(inside),
                "person_height_px": float(np.median(inside)) if len(inside) else None,
                "least_height_px": _always(looks, tiles, looked) * reduced,
                "probe_height_px": looks[-1].least_height_px * reduced if probes else None,
                "tile_looks": sum(len(tiles & numbers) for numbers in looked),
                "probes": probes,
                "frames": len(found),
            }
        )
    return {name: TABLES[name].conform({column: [row[column] for row in rows] for column in rows[0]})}


def _people(found: Sequence[Boxes], person: int | None) -> tuple[Float64, Float64]:
    """Returns the row of the feet, and the height, of everybody who was surely found."""
    boxes = [one.xyxy[(one.confidence >= SURE) & (one.classes == person)] for one in found]
    edges = np.concatenate(boxes).astype(np.float64)
    return edges[:, 3], edges[:, 3] - edges[:, 1]


def _always(looks: Sequence[Look], tiles: set[int], looked: Sequence[frozenset[int]]) -> float:
    """Returns the least height that is found in every frame, everywhere in a band, px of the frame."""
    for level in range(looks[-1].level, 0, -1):
        of_level = {number for number in tiles if looks[number].level == level}
        if of_level and all(of_level <= numbers for numbers in looked):
            return looks[min(of_level)].least_height_px
    return looks[0].least_height_px
