"""The rules of NIST's ActEV protocols: when a detection may match a reference, and how false alarms are timed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from schemas.activities import ActivityInstance, shared_length

Overlap = Literal["reference second", "system second", "iou"]
"""How much of a reference a detection must cover.

``reference second``: one second, or the share ``least`` of a reference that is shorter than one second.
``system second``: the same, but the detection's length decides which of the two applies.
``iou``: a temporal overlap of more than ``least``.
"""

TimeAlarms = Literal["none", "excess", "outside"]
"""What counts as false time.

``excess``: frames times the number of detections beyond that of references there.
``outside``: frames times the number of detections, where no reference is.
"""


@dataclass(frozen=True)
class Protocol:
    """How instances match, and how false alarms are counted.

    Attributes:
        least: overlap; see ``Overlap``.
        confidence_weight, iou_weight: what prefers one of several detections of a reference.
        miss_points: false alarms at which misses are reported.
    """

    overlap: Overlap
    least: float
    time_alarms: TimeAlarms
    confidence_weight: float
    iou_weight: float
    miss_points: tuple[float, ...]

    def may_match(self, reference: ActivityInstance, detection: ActivityInstance, frame_rate: float) -> bool:
        """Says whether two instances of one activity and file may be one."""
        shared = shared_length(reference.frames, detection.frames)
        if self.overlap == "iou":
            return temporal_iou(reference, detection) > self.least
        judged = reference if self.overlap == "reference second" else detection
        if judged.length < frame_rate:
            return shared / reference.length >= self.least
        return shared >= frame_rate


def temporal_iou(one: ActivityInstance, other: ActivityInstance) -> float:
    """Returns the frames that both have over those that either has, 0..1."""
    shared = shared_length(one.frames, other.frames)
    return shared / (one.length + other.length - shared)


_TWENTIETHS = tuple(step / 20 for step in range(20, 0, -1))
_SRL_POINTS = (10, 5, 2, 1, 0.5, 0.2, 0.15, 0.1, 0.03, 0.01)


def _srl(least: float) -> Protocol:
    return Protocol("iou", least, "none", 1e-6, 1e-8, _SRL_POINTS)


PROTOCOLS: Mapping[str, Protocol] = {
    "SDL_V2": Protocol("reference second", 0.5, "excess", 1.0, 0.0, (*_TWENTIETHS, 0.04, 0.03, 0.02, 0.01)),
    "SDL_V1": Protocol("system second", 0.5, "excess", 1.0, 0.0, (*_TWENTIETHS, 0.04, 0.03, 0.01)),
    "AD19_V2": Protocol("system second", 0.5, "outside", 1.0, 0.0, (*_TWENTIETHS, 0.03, 0.01)),
    "SRL_AD_V1": _srl(0.2),
    "SRL_AD_V2": _srl(0.1),
    "SRL_AD_V3": _srl(0.4),
}
"""Protocols by name: sequestered data leaderboard (SDL), TRECVID 2019 (AD19), self-reported leaderboard (SRL)."""

AUDC_POINTS = tuple(sorted((*_TWENTIETHS, 0.04, 0.03, 0.02, 0.01), reverse=True))
"""False alarms up to which the area under the misses is reported, for every protocol."""
