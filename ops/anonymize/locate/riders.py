"""Riders: a two-wheeler that moves carries a person, whether a detector found that person or not.

While the vehicle moves, its box, extended upward to a rider's head, surely holds a person. While it does not move, it
may hold one, and on a fixed camera the comparison with the background decides. Where a detector found a person in the
rider's place, nothing is added. So a passenger behind a found rider is covered only if a detector finds the passenger.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from ops.anonymize.locate.spans import (
    NOBODY,
    FrameBoxes,
    Spans,
    Trajectory,
    join_spans,
    lingering_spans,
    track_spans,
)
from ops.anonymize.params import AnonymizeParams
from ops.boxes import centre, size
from schemas.values import Bools, Float64

TWO_WHEELERS = ("bicycle", "motorcycle")
"""Labels of vehicles whose rider is seen from outside."""

RIDER_ABOVE = 0.75
"""Height of a rider above the vehicle's box, as a share of that box's height.

Handlebars are about 1.05 m high and an upright rider's head about 1.75 m: .67. Measured-real on the cyclist of
person-bicycle-car-detection.gif (16 frames, side-on, from above): .16, where the box held the trunk as well, to .68.
"""

RIDER_OVER_LENGTH = 0.4
"""Height of a rider above the vehicle's box, as a share of that box's width: .7 m above a vehicle 1.75 m long. It is
used where it is larger: for vehicles seen from the side whose wheels are hidden."""

MOVING_SHARE = 0.15
"""Distance within a second above which a two-wheeler moves, in sizes of its box (square root of the area).

Measured-real with yolo11n: .08 at most on three cars that stand for 11 s in road.mp4, .98 at least on the cyclist of
person-bicycle-car-detection.gif. A cyclist who comes nearer at 4 m/s from 60 m away, seen from 5 m above, reaches .3.
"""

PACE_US = 1_000_000
"""Time over which a vehicle's pace is measured, microseconds."""

FOUND_ABOVE = 0.15
"""Height above the vehicle's box at which the box of its rider begins at least, as a share of the height of the
vehicle's box. The least that was measured for ``RIDER_ABOVE`` is .16."""

FOUND_BELOW = 0.2
"""A found rider's box ends between this far below the vehicle's top and this far below its bottom, as a share of the
height of the vehicle's box. A choice, not measured."""

HEAD_WIDTH = 1.0
"""Least ratio of width to height of a rider's box where heads alone are covered. The vehicle's box may already hold the
rider, whose head is then further down; in a wider box the covered head zone reaches further down, too."""


def rider_spans(
    vehicles: Sequence[Trajectory], loose: Spans, people: Spans, params: AnonymizeParams, linger: bool
) -> Spans:
    """Builds the spans of riders whom nobody found.

    Args:
        vehicles: tracks of two-wheelers.
        loose: detections of two-wheelers without a track. Whether these move is unknown, so they may have a rider.
        people: everybody who was found.
        params: ``targets`` and ``pad_share`` to ``linger_s`` are used.
        linger: whether riders may also be near the ends of tracks, for ``linger_s``.
    """
    heads_only = "person" not in params.targets
    people_at: Callable[[int], FrameBoxes] = cache(people.at)
    tracked = [_along(each, people_at, params, linger, heads_only) for each in vehicles]
    middles = (loose.start_us + loose.end_us) // 2
    found = np.array(
        [_shows_rider(people_at(int(at)), box) for at, box in zip(middles, loose.first, strict=True)], bool
    )
    boxes = rider_boxes(loose.first[~found], heads_only)
    count = len(boxes)
    uncertain = Spans(
        loose.start_us[~found], loose.end_us[~found], boxes, boxes, np.zeros(count, bool), np.full(count, NOBODY)
    )
    return join_spans([*tracked, uncertain])


def rider_boxes(boxes: Float64, heads_only: bool = False) -> Float64:
    """Extends boxes ``(N, 4)`` of two-wheelers upward to their riders' heads.

    Args:
        heads_only: also widens them to ``HEAD_WIDTH`` of their height.
    """
    width, height = size(boxes).T
    above = np.maximum(RIDER_ABOVE * height, RIDER_OVER_LENGTH * width)
    wider = np.maximum(HEAD_WIDTH * (height + above) - width, 0.0) / 2 if heads_only else np.zeros(len(boxes))
    return np.stack([boxes[:, 0] - wider, boxes[:, 1] - above, boxes[:, 2] + wider, boxes[:, 3]], axis=1)


def moving(trajectory: Trajectory) -> Bools:
    """Returns for each point of a track, ``(N,)``, whether the vehicle moves in the second around it.

    Near the ends of the track that second is shifted, or cut, to lie within the track.
    """
    times_us, centres = trajectory.times_us, centre(trajectory.boxes)
    latest_start = max(int(times_us[-1]) - PACE_US, int(times_us[0]))
    start = np.clip(times_us - PACE_US // 2, times_us[0], latest_start)
    end = np.minimum(start + PACE_US, times_us[-1])
    passed = np.stack([np.interp(end, times_us, each) - np.interp(start, times_us, each) for each in centres.T], axis=1)
    elapsed_s = np.maximum(end - start, 1) / 1e6
    sizes = np.sqrt(size(trajectory.boxes).prod(axis=1))
    return np.asarray(np.hypot(passed[:, 0], passed[:, 1]) > MOVING_SHARE * sizes * elapsed_s, bool)


def _along(
    vehicle: Trajectory,
    people_at: Callable[[int], FrameBoxes],
    params: AnonymizeParams,
    linger: bool,
    heads_only: bool,
) -> Spans:
    """Builds the spans of the rider of one track."""
    rider = replace(vehicle, boxes=rider_boxes(vehicle.boxes, heads_only), owner=NOBODY)
    at_points = zip(vehicle.times_us, vehicle.boxes, strict=True)
    found = np.array([_shows_rider(people_at(int(at)), box) for at, box in at_points], bool)
    moves = moving(vehicle)
    growth = (params.pad_share, params.pad_px)
    # One span before the track, one from each point to the next, and one after the track; see ``track_spans``.
    along = track_spans(rider, round(params.extend_s * 1e6), *growth)
    between = (found[:-1] & found[1:], moves[:-1] | moves[1:]) if len(found) > 1 else (found, moves)
    ends = found[[0, -1]]
    parts = [
        _kept(along, ~np.concatenate([ends[:1], between[0], ends[1:]]), np.concatenate([[False], between[1], [False]]))
    ]
    if linger:
        near = lingering_spans(rider, round(params.linger_s * 1e6), *growth)
        parts.append(_kept(near, ~ends, near.sure))
    return join_spans(parts)


def _kept(spans: Spans, kept: Bools, sure: Bools) -> Spans:
    """Returns the spans marked in ``kept``, with ``sure`` in place of their own."""
    return Spans(
        spans.start_us[kept], spans.end_us[kept], spans.first[kept], spans.last[kept], sure[kept], spans.owner[kept]
    )


def _shows_rider(people: FrameBoxes, vehicle: Float64) -> bool:
    """Returns whether one of the people who surely are there sits on a vehicle ``(4,)``.

    The box of such a person begins above the vehicle's, ends near or within it, and has its middle between its sides.
    """
    boxes = people.boxes[people.sure]
    x1, y1, x2, y2 = vehicle
    height, middle = y2 - y1, (boxes[:, 0] + boxes[:, 2]) / 2
    over = (middle >= x1) & (middle <= x2)
    above = boxes[:, 1] <= y1 - FOUND_ABOVE * height
    seated = (boxes[:, 3] >= y1 + FOUND_BELOW * height) & (boxes[:, 3] <= y2 + FOUND_BELOW * height)
    return bool((over & above & seated).any())
