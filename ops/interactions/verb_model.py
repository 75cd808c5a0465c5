"""The seam between op ``frame_interactions`` and the networks that find verbs in frames.

Two kinds of networks fit. A *one-stage* network, such as QPIC, sees the frame alone, and finds subjects, objects and
verbs at once. A *second-stage* network gets the boxes that a detector found, and gives the verbs of pairs of them. Both
give the same rows, so that tables and scores do not depend on the kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.interactions.encounters import Candidates
from schemas.values import Float64, Uint8


@dataclass(frozen=True)
class Look:
    """A frame to look at.

    Attributes:
        frame: ``(H, W, 3)`` uint8 BGR, of the source's size.
        pts: in the stream's time base.
        time_us: microseconds since 1970 UTC.
        candidates: who and what the detector found there. A second-stage network gives verbs of its pairs;
            ``detections`` leads to the tracks, for a network that wants those.
    """

    frame: Uint8
    pts: int
    time_us: int
    candidates: Candidates


@dataclass(frozen=True)
class FoundVerbs:
    """What a network found in one frame; R rows, the best first.

    Attributes:
        subjects: ``(R, 4)`` x1, y1, x2, y2, px of the source frame.
        objects: ``(R, 4)`` the same; NaN where the verb has no object.
        object_labels: ``(R,)`` classes; None where the verb has no object.
        verbs: ``(R,)``.
        scores: ``(R,)`` verb and object together, 0..1.
    """

    subjects: Float64
    objects: Float64
    object_labels: tuple[str | None, ...]
    verbs: tuple[str, ...]
    scores: Float64


class VerbModel(Protocol):
    """A network that finds verbs in frames; it is loaded when it is made.

    Attributes:
        batch: number of frames that it looks at best at once.
    """

    batch: int

    def find(self, looks: Sequence[Look], least_score: float, most_rows: int) -> Sequence[FoundVerbs]:
        """Returns what it found in each frame.

        Args:
            looks: up to ``batch`` frames of one segment, hence of one size.
            least_score: rows below are left out, 0..1.
            most_rows: most rows of a frame.
        """
