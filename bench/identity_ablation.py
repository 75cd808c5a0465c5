"""What each part of the tracker brings: all runs of ``bench.identity`` again, with one part off at a time."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

import ops.track
import ops.tracking.join
import ops.tracking.join_costs
from bench.identity_material import SEQUENCES, DetectedSequence, thinned
from bench.identity_trackers import ours
from ops.track import TrackParams
from ops.tracking.associate import associate
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.scores import TrackScores, score_tracks
from schemas.frame_boxes import FrameBoxes

MEASURES = ("hota", "assa", "idf1", "id_switches", "tracks")
NAMES = {"tracks": "ids"}
"""What figures are called where the scores have another word."""


@dataclass(frozen=True)
class Part:
    """A part of the tracker, and how it is switched off.

    Attributes:
        name: what is off.
        swapped: module, name in it, and what takes its place.
        params: of ``track``.
        colours: false to leave out the table ``appearances``.
    """

    name: str
    swapped: tuple[tuple[ModuleType, str, object], ...] = ()
    params: TrackParams = field(default_factory=TrackParams)
    colours: bool = True

    def tracks(self, detected: DetectedSequence) -> FrameBoxes:
        """Runs the tracker without this part."""
        with ExitStack() as stack:
            for module, name, value in self.swapped:
                stack.enter_context(patch.object(module, name, value))
            if not self.colours:
                none = detected.tables["appearances"].slice(0, 0)
                detected = replace(detected, tables=dict(detected.tables) | {"appearances": none})
            return ours(detected, self.params)


def unchanged(detections: Detections, tracklets: list[Tracklet], *_: object) -> list[Tracklet]:
    """Takes the place of a step that is off."""
    return detections.in_order(tracklets)


def whole(detections: Detections, tracklets: list[Tracklet], *_: object) -> list[Tracklet]:
    """Takes the place of the filters: only single detections are dropped, which no step can use."""
    return [tracklet for tracklet in unchanged(detections, tracklets) if len(tracklet) > 1]


def step_off(name: str, instead: Callable[..., Any] = unchanged) -> tuple[tuple[ModuleType, str, object], ...]:
    """Returns what switches off a step of ``track``, by the name of its function."""
    return ((ops.track, name, instead),)


PARTS = (
    Part("nothing"),
    Part("agreement of both directions", step_off("associate_both_ways", associate)),
    Part("split at jumps", step_off("split_jumps")),
    Part("split at the picture's sides", step_off("split_out_of_view")),
    Part("cost of joins at the picture's sides", ((ops.tracking.join_costs, "LEFT", 0.0),)),
    Part("split where clothes change", step_off("split_where_clothes_change")),
    Part("joins", ((ops.tracking.join, "STEPS", ()),)),
    Part("colours in joins", colours=False),
    Part("join by upper edges", ((ops.tracking.join_costs, "HIDDEN_LEGS", np.inf),)),
    Part("trim", step_off("trim")),
    Part("extend", step_off("extend")),
    Part("smoothing", params=TrackParams(smooth_s=0.0)),
    Part("filters", step_off("filter_tracklets", whole)),
)
"""The first is the whole tracker."""


def ablation(detected: Mapping[tuple[str, str], DetectedSequence]) -> dict[str, dict[str, float]]:
    """Returns means over runs without each part: of all clips, and of each clip, since a part may help only one.

    Args:
        detected: by clip and detector.
    """
    found = {}
    for part in PARTS:
        by_clip: dict[str, list[TrackScores]] = {}
        for sequence in SEQUENCES:
            truth = sequence.true_boxes()
            looks = [thinned(each, step) for (clip, _), each in detected.items() if clip == sequence.name
                     for step in sequence.steps]  # fmt: skip
            by_clip[sequence.name] = [score_tracks(truth, part.tracks(each)) for each in looks]
        everything = [scores for clip in by_clip.values() for scores in clip]
        found[part.name] = means(everything) | {
            f"{clip}_{name}": value for clip, scores in by_clip.items() for name, value in means(scores).items()
        }
    return found


def means(scores: list[TrackScores]) -> dict[str, float]:
    """Returns the means over runs, with four decimals."""
    return {NAMES.get(name, name): round(float(np.mean([getattr(each, name) for each in scores])), 4)
            for name in MEASURES}  # fmt: skip
