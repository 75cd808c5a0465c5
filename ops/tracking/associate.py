"""Frame by frame association of detections, by the library ``trackers``."""

import numpy as np

from ops.tracking.detections import Chain, Sightings

CLOCK_FPS = 10.0
"""Rate at which the motion model's noise is meant. The library states it per frame; with a fixed clock and real time
stamps it becomes noise per second, and the observed rate may be any and irregular."""

NEAR, FAR = 0.3, 0.5
"""Share of its size by which a box is widened before overlaps are taken, for sure and for weak detections (C-BIoU)."""


def associate(sightings: Sightings, strong: float, max_gap_s: float) -> list[Chain]:
    """Chains of sightings by C-BIoU: ByteTrack's cascade on widened boxes, so that it also holds at low frame rates.

    Args:
        sightings: detections of one kind.
        strong: confidence from which a detection may begin a chain; weaker ones only carry one on.
        max_gap_s: time after which a thing that is not seen is given up.
    """
    if not len(sightings):
        return []
    import supervision
    from trackers import CBIoUTracker

    # People cross a share of their width between frames; at low rates the search widens with the time that passed.
    step_s = float(np.median(np.diff(sightings.frame_s))) if len(sightings.frame_s) > 1 else 1 / CLOCK_FPS
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
    for number, time_s in enumerate(sightings.frame_s):
        rows = sightings.on_frame(number)
        seen = supervision.Detections(
            xyxy=sightings.box[rows].astype(np.float32),
            confidence=sightings.confidence[rows].astype(np.float32),
            data={"row": rows},
        )
        tracked = tracker.update(seen, timestamp=float(time_s))
        if tracked.tracker_id is None or not len(tracked):
            continue
        for identity, row in zip(tracked.tracker_id, tracked.data["row"], strict=True):
            if identity >= 0:
                members.setdefault(int(identity), []).append(int(row))
    return sightings.in_order([np.array(rows, np.int64) for rows in members.values()])
