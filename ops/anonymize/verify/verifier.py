"""Verifier: looks at covered frames as a player shows them, and says where somebody may still be seen.

Four means, none of them the one by which people were found:

- *paint*: the head zone of everybody who is known to be there is as it was painted;
- *residual*: what is not covered looks like the background (``ops.anonymize.verify.residual``);
- *detector*: a second detector finds nobody whose head is not covered; it looks at some frames a second only;
- *face*: nor does a face detector find a face that is not.

What is covered is read off the decoded frame (``ops.anonymize.verify.coverage``), not off what was meant to be covered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.anonymize.verify.coverage import LEAK_BELOW, confirmed_cover, covered_shares, head_zones
from ops.anonymize.verify.people import Found, SecondDetector
from ops.anonymize.verify.residual import BackgroundResidual
from schemas.values import Float64, Uint8

Check = Literal["paint", "residual", "detector", "face"]


@dataclass(frozen=True)
class VerifyParams:
    """How strictly frames are looked at.

    Attributes:
        verify_fps: so many frames a second of footage are shown to the detectors; 0: none.
        head_pad: head zones that must be covered are grown on every side by this share of their size.
        head_share: share 0..1 of such a zone that must be covered; a little less than 1, for the encoder's rims.
        hidden_share: a face, or a found person's head zone, counts as hidden from this covered share on.
    """

    verify_fps: float = 1.0
    head_pad: float = 0.1
    head_share: float = 0.9
    hidden_share: float = LEAK_BELOW


@dataclass(frozen=True)
class ExpectedCoverage:
    """What was meant for one frame.

    Attributes:
        mask: ``(H, W)``, 255 where nothing of the original may stay.
        boxes: ``(N, 4)`` where people surely are, not padded: their head zones must be covered.
        comparable: whether the frame could be compared with the background.
        painted: ``(K, 3)`` flat colours, or the picture ``(H, W, 3)`` that was painted where ``mask`` is set; BGR.
        visible: ``(H, W)``, not 0 where somebody stays visible on purpose; None: nowhere.
    """

    mask: Uint8
    boxes: Float64
    comparable: bool
    painted: Uint8
    visible: Uint8 | None = None


@dataclass(frozen=True)
class Finding:
    """Where somebody may be seen: ``box`` ``(4,)`` x1, y1, x2, y2 in pixels of the frame."""

    box: Float64
    by: Check


class Verifier:
    """Looks at the frames of one segment.

    Args:
        residual: knows the background; None where there is none to compare with.
        people: the second detector, if any.
        faces: the face detector, if any.
        count: told of work done: ``verify_frames``, ``verify_detector_calls``, ``verify_face_calls``.

    Attributes:
        head_shares: ``(N,)`` how much of the head zone of each box of the last plan is covered as shown, 0..1.
    """

    def __init__(
        self,
        params: VerifyParams,
        residual: BackgroundResidual | None,
        people: SecondDetector | None,
        faces: SecondDetector | None,
        count: Callable[[str], None],
    ) -> None:
        self._params = params
        self._residual = residual
        self._people = people
        self._faces = faces
        self._count = count
        self._last_us: int | None = None
        self.head_shares: Float64 = np.ones(0)

    def verify(self, shown: Uint8, time_us: int, plan: ExpectedCoverage, paint_only: bool = False) -> list[Finding]:
        """What is wrong with a frame; frames come in order of time, and again from an earlier one if encoded again.

        The detectors look at the first frame of every ``1 / verify_fps`` seconds since 1970, so at the same frames
        when a stretch is looked at again, and at the first frame that comes.

        Args:
            shown: ``(H, W, 3)`` BGR, decoded.
            time_us: microseconds since 1970.
            paint_only: only whether everybody's head is as it was painted; for a frame whose rest was looked at.
        """
        self._count("verify_frames")
        due = self._due(time_us)
        covered = confirmed_cover(shown, plan.mask, plan.painted)
        findings = self._paint(covered, plan.boxes)
        if paint_only:
            return findings
        if plan.visible is not None:
            covered = np.where(plan.visible > 0, np.uint8(255), covered)
        if self._residual is not None and plan.comparable:
            findings += [Finding(box, "residual") for box in self._residual.find(shown, covered)]
        if due:
            findings += self._spotted(shown, covered)
        return findings

    def _paint(self, covered: Uint8, boxes: Float64) -> list[Finding]:
        """Head zones that are not as they were painted."""
        self.head_shares = covered_shares(covered, head_zones(boxes))
        zones = head_zones(boxes, self._params.head_pad)
        bare = covered_shares(covered, zones) < self._params.head_share
        return [Finding(zone, "paint") for zone in zones[bare]]

    def _spotted(self, shown: Uint8, covered: Uint8) -> list[Finding]:
        """Whom the detectors find, if not hidden."""
        findings: list[Finding] = []
        if self._people is not None:
            self._count("verify_detector_calls")
            found = self._people.find(shown)
            findings += self._bare(found, head_zones(found[:, :4]), covered, "detector")
        if self._faces is not None:
            self._count("verify_face_calls")
            found = self._faces.find(shown)
            findings += self._bare(found, found[:, :4], covered, "face")
        return findings

    def _bare(self, found: Found, zones: Float64, covered: Uint8, by: Check) -> list[Finding]:
        bare = covered_shares(covered, zones) < self._params.hidden_share
        return [Finding(box, by) for box in found[bare, :4]]

    def _due(self, time_us: int) -> bool:
        """Whether the detectors look at the frame at this time."""
        before, self._last_us = self._last_us, time_us
        if self._params.verify_fps <= 0:
            return False
        if before is None or time_us <= before:
            return True
        return self._slot(time_us) != self._slot(before)

    def _slot(self, time_us: int) -> int:
        return int(time_us * self._params.verify_fps // 1_000_000)
