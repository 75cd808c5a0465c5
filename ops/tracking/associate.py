"""Associates detections frame by frame, by the library ``trackers``."""

from itertools import pairwise

import numpy as np

from ops.tracking.detections import Detections, Tracklet

CLOCK_FPS = 10.0
"""Rate for which the motion model's noise is meant. The library states noise per frame; with a fixed clock and real
time stamps it becomes noise per second, and the observed rate may be any and irregular."""

NEAR, FAR = 0.3, 0.5
"""Share of its size by which a box is widened before overlaps are taken, for sure and for weak detections (C-BIoU)."""


def associate_both_ways(detections: Detections, strong: float, max_gap_s: float) -> list[Tracklet]:
    """Returns tracklets of steps on which association forwards and backwards in time agree.

    Where people meet or are hidden, the two disagree, and tracklets end: hardly any of them holds two people.

    Args:
        detections, strong, max_gap_s: see ``associate``.
    """
    reverse, rows = detections.backwards()
    back = [np.sort(rows[tracklet]) for tracklet in associate(reverse, strong, max_gap_s)]
    agreed = {step for tracklet in back for step in pairwise(tracklet.tolist())}
    pieces: list[Tracklet] = []
    for tracklet in associate(detections, strong, max_gap_s):
        steps = enumerate(pairwise(tracklet.tolist()), 1)
        pieces += np.split(tracklet, [at for at, step in steps if step not in agreed])
    return detections.in_order([piece for piece in pieces if len(piece) > 1])


def associate(detections: Detections, strong: float, max_gap_s: float) -> list[Tracklet]:
    """Returns tracklets by C-BIoU: ByteTrack's cascade on widened boxes, which also holds at low frame rates.

    Args:
        detections: of one kind of thing.
        strong: confidence from which a detection may begin a tracklet; weaker ones only continue one.
        max_gap_s: time without a detection after which a tracklet ends.
    """
    if not len(detections):
        return []
    import supervision
    from trackers import CBIoUTracker

    # People cross a share of their width between frames; at low rates the search widens with the time that passed.
    step_s = float(np.median(np.diff(detections.frame_s))) if len(detections.frame_s) > 1 else 1 / CLOCK_FPS
    widen = min(step_s, 1.0)
    tracker = CBIoUTracker(
        lost_track_buffer=max(1, round(max_gap_s * 30)),  # the library counts frames of a 30 fps clock
        frame_rate=CLOCK_FPS,
        track_activation_threshold=strong,
        high_conf_det_threshold=strong,
        minimum_consecutive_frames=2,
        buffer_ratio_first=NEAR + widen,
        buffer_ratio_second=FAR + widen,
    )
    members: dict[int, list[int]] = {}
    alive_s = -np.inf
    for number, time_s in enumerate(detections.frame_s):
        rows = detections.on_frame(number)
        if len(rows):
            alive_s = time_s + max_gap_s
        elif time_s > alive_s + step_s:
            continue  # every tracklet has ended
        given = supervision.Detections(
            xyxy=detections.box[rows].astype(np.float32),
            confidence=detections.confidence[rows].astype(np.float32),
            data={"row": rows},
        )
        tracked = tracker.update(given, timestamp=float(time_s))
        if tracked.tracker_id is None or not len(tracked):
            continue
        for identity, row in zip(tracked.tracker_id, tracked.data["row"], strict=True):
            if identity >= 0:
                members.setdefault(int(identity), []).append(int(row))
    return detections.in_order([np.array(rows, np.int64) for rows in members.values()])
