"""Verifier: checks covered frames as a player shows them, and reports where a person may still be visible.

Four checks, none of them by the means that found the people (docs/decisions/0014):

- *paint*: the head zone of every person who is known to be there is as it was painted; where the scene is replaced,
  all of the frame is;
- *residual*: what is not covered equals the background (``ops/anonymize/verify/residual.py``);
- *detector*: a second detector finds nobody whose head is not covered, in every frame that cannot be compared with a
  background, else in some frames per second;
- *face*: nor does a face detector find a face that is not.

Where a mode shows the background in place of people, what is found counts although it is covered: the background may
hold a person. What is covered is read off the decoded frame (``ops/anonymize/verify/coverage.py``), not taken from the
plan.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import cv2
import numpy as np

from ops.anonymize.frame_coverage import FrameCoverage
from ops.anonymize.geometry import LEAK_BELOW, checked_head_zones, covered_shares
from ops.anonymize.locate.region_judge import RegionJudge
from ops.anonymize.verify.coverage import confirmed_cover
from ops.anonymize.verify.patient import PatientDetector
from ops.anonymize.verify.residual import BackgroundResidual
from ops.anonymize.verify.schedule import LookSchedule
from ops.anonymize.verify.second_detectors import Found, SecondDetector
from ops.boxes import inside_shares
from schemas.values import Float64, Uint8

Check = Literal["paint", "residual", "detector", "face"]

HEAD_PAD = 0.1
"""Padding of the head zones that the paint check looks at, on every side, as a share of their size."""

PAINTED_SHARE = 0.9
"""Least share of such a zone that must be as painted; a little less than 1, since the encoder blends the edges."""

LEAST_BARE_PX = 5
"""Side of the smallest square of a replaced scene, pixels, that must be as painted."""

MOSTLY = 0.6
"""Share of what is found that must lie in the box of a skeleton to be taken for the skeleton."""


@dataclass(frozen=True)
class Finding:
    """Where a person may be visible: ``box`` ``(4,)`` x1, y1, x2, y2 in pixels of the frame."""

    box: Float64
    by: Check


class Verifier:
    """Verifies the frames of one segment.

    Args:
        verify_fps: frames per second of footage that the detectors check where the background vouches for the rest; 0:
            none. They check every frame that cannot be compared with a background.
        residual: knows the background; None where there is none to compare with.
        judge: says which of its findings may be people; None: all of them.
        people: the second detector, if any.
        faces: the face detector, if any.
        count: called with the name of each piece of work: ``verify_frames``, ``verify_detector_calls``,
            ``verify_face_calls``.

    Attributes:
        head_shares: ``(M,)`` confirmed cover of the head zone of each person in the last frame, 0..1.
    """

    def __init__(
        self,
        verify_fps: float,
        residual: BackgroundResidual | None,
        judge: RegionJudge | None,
        people: SecondDetector | None,
        faces: SecondDetector | None,
        count: Callable[[str], None],
    ) -> None:
        self._schedule = LookSchedule(verify_fps)
        self._looks = verify_fps > 0
        self._residual = residual
        self._judge = judge
        self._people = None if people is None else PatientDetector(people, partial(count, "verify_detector_calls"))
        self._faces = None if faces is None else PatientDetector(faces, partial(count, "verify_face_calls"))
        self._count = count
        self._shown: Uint8 | None = None
        self._covered: Uint8 = np.empty((0, 0), np.uint8)
        self._looked = self._looked_in_tiles = False
        self.head_shares: Float64 = np.ones(0)

    def verify(self, decoded: Uint8, coverage: FrameCoverage, paint_only: bool = False) -> list[Finding]:
        """Returns what is wrong with a frame; frames come in order of time, and again if encoded again.

        Where a background vouches, the detectors check the first frame of every ``1 / verify_fps`` seconds since 1970,
        hence the same frames when a stretch is encoded again, and the first frame that comes, unless a look that found
        nobody holds for what it shows. A frame that shows the
        very picture of the one before it is not checked again, but by detectors that did not look at that one.

        Args:
            decoded: ``(H, W, 3)`` BGR.
            coverage: what must be covered in it.
            paint_only: only the paint check, for a frame in which nothing was found before it was encoded again.
        """
        self._count("verify_frames")
        due = self._schedule.is_due(coverage.time_us)
        due |= self._looks and not coverage.comparable and not coverage.whole
        if coverage.repeats and self._shown is not None and np.array_equal(decoded, self._shown):
            return self._look(decoded, coverage) if due and not paint_only else []
        covered = confirmed_cover(decoded, coverage.mask, coverage.painted)
        self._shown, self._covered, self._looked, self._looked_in_tiles = decoded, covered, False, False
        # A frame that passed before was encoded again from what was decoded then, so nothing of the original can come
        # back: that its paint blends a little more with what is beside it shows nobody.
        findings = self._check_paint(covered, coverage.boxes, LEAK_BELOW if paint_only else PAINTED_SHARE)
        if coverage.replaces:
            findings += [Finding(box, "paint") for box in _bare_parts(covered)]
        if paint_only:
            return findings
        if self._residual is not None and coverage.comparable:
            regions = self._residual.find(decoded, covered)
            if self._judge is not None:
                regions = regions[self._judge.people(decoded, regions, coverage.time_us)]
            findings += [Finding(box, "residual") for box in regions]
        if due:
            findings += self._look(decoded, coverage)
        return findings

    def _check_paint(self, covered: Uint8, boxes: Float64, least_share: float) -> list[Finding]:
        """Returns the head zones of which less than a share is as it was painted."""
        # The audit reports the plain zone, as benchmarks do; the check demands more, on a padded zone.
        self.head_shares = covered_shares(covered, checked_head_zones(boxes))
        zones = checked_head_zones(boxes, HEAD_PAD)
        bare = covered_shares(covered, zones) < least_share
        return [Finding(zone, "paint") for zone in zones[bare]]

    def _look(self, decoded: Uint8, coverage: FrameCoverage) -> list[Finding]:
        """Lets the detectors look at a frame that is due, unless they looked at its very picture before."""
        tiles = self._schedule.are_tiles_due(coverage.time_us)
        if self._looked and (self._looked_in_tiles or not tiles):
            return []
        self._looked, self._looked_in_tiles = True, tiles
        # A background that is shown hides nobody who is part of it.
        shows = coverage.shown is not None
        hidden = np.asarray(cv2.bitwise_and(self._covered, coverage.hiding), np.uint8) if shows else self._covered
        people, faces = (self._seen(each, decoded, coverage, tiles) for each in (self._people, self._faces))
        bare = _uncovered(people, checked_head_zones(people[:, :4]), hidden, "detector")
        # Once a look in tiles shows somebody uncovered, there may be more people too small for the whole look.
        if tiles and bare:
            self._schedule.look_in_all_tiles()
        return bare + _uncovered(faces, faces[:, :4], hidden, "face")

    def _seen(self, detector: PatientDetector | None, decoded: Uint8, coverage: FrameCoverage, tiles: bool) -> Found:
        """Returns whom a detector is sure of, but for those whom a skeleton shows."""
        if detector is None:
            return np.empty((0, 5))
        return _not_drawn(detector.find(decoded, coverage.time_us, tiles, coverage.comparable), coverage.drawn)


def _bare_parts(covered: Uint8) -> Float64:
    """Returns boxes ``(N, 4)`` of the parts of a frame that are not covered, but for the encoder's errors."""
    if cv2.countNonZero(covered) == covered.size:
        return np.empty((0, 4))
    square = np.ones((LEAST_BARE_PX, LEAST_BARE_PX), np.uint8)
    bare = cv2.morphologyEx(cv2.bitwise_not(covered), cv2.MORPH_OPEN, square)
    _, _, stats, _ = cv2.connectedComponentsWithStats(bare, connectivity=8, ltype=cv2.CV_32S)
    left, top, width, height = stats[1:, :4].T.astype(np.float64)
    return np.stack([left, top, left + width, top + height], axis=1)


def _not_drawn(found: Found, drawn: Float64 | None) -> Found:
    """Returns those found that are not mostly within the box ``(D, 4)`` of a skeleton."""
    if drawn is None or not len(drawn):
        return found
    return np.asarray(found[(inside_shares(drawn, found[:, :4]) < MOSTLY).all(axis=0)])


def _uncovered(found: Found, zones: Float64, covered: Uint8, by: Check) -> list[Finding]:
    """Returns those found whose zone is less covered than ``LEAK_BELOW``."""
    bare = covered_shares(covered, zones) < LEAK_BELOW
    return [Finding(box, by) for box in found[bare, :4]]
