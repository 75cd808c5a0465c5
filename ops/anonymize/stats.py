"""What is known of how a segment was covered: sums, tracks, and the frames that somebody should look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.anonymize.cover.frame import FrameCoverage
from ops.anonymize.verify.coverage import LEAK_BELOW
from ops.anonymize.verify.verifier import Check, Finding
from schemas.tables import TABLES
from schemas.values import Float64, Segment

MOST_REVIEWED = 40
"""Frames of a segment that are said to be worth a look, at most."""

RISKS: Mapping[Check, float] = {"face": 0.8, "detector": 0.7, "residual": 0.6, "paint": 0.5}
"""How much speaks for a look at a frame in which a means found something that was then covered."""

WHOLE_RISK, INCOMPARABLE_RISK, NARROW_RISK = 0.9, 0.4, 0.3


@dataclass(frozen=True)
class _Head:
    """A head zone in one frame: neighbour, how much of it is covered as shown, and the height of the person's box."""

    owner: int
    share: float
    height_px: float


class SegmentStats:
    """Counts what happens to the frames of a segment.

    Attributes:
        frames, covered_frames, widened, whole, compared, lost: numbers of frames.
        given_up: frames covered whole because something was found in them again and again.
        looks, hits: frames looked at, things found and then covered.
    """

    def __init__(self, segment: Segment, tracklets: Sequence[str]) -> None:
        self._segment = segment
        self._tracklets = tracklets
        self.frames = self.covered_frames = self.widened = self.whole = self.given_up = self.compared = self.lost = 0
        self.looks = self.hits = 0
        self._covered_px = self._seen_px = 0
        self._pending: list[_Head] = []
        self._heads: list[_Head] = []
        self._reviews: list[tuple[float, int, int, str]] = []

    def begin_look(self) -> None:
        """A take is looked at, maybe again: what was seen of it before no longer holds."""
        self._pending.clear()

    def saw(self, plan: FrameCoverage, head_shares: Float64) -> None:
        """A frame was looked at; ``head_shares`` ``(M,)`` as of the boxes of its plan."""
        self.looks += 1
        heights = plan.boxes[:, 3] - plan.boxes[:, 1]
        heads = map(_Head, plan.owners.tolist(), head_shares.tolist(), heights.tolist())
        # Of several boxes of a track, as where two were joined, the worst counts, once.
        self._pending += {head.owner: head for head in sorted(heads, key=lambda head: -head.share)}.values()

    def found(self, found: Mapping[int, Sequence[Finding]], plans: Sequence[FrameCoverage], whole: bool) -> None:
        """Things were found in frames, by their numbers in the take, and are about to be covered."""
        for number, findings in found.items():
            self.hits += len(findings)
            means = Counter(finding.by for finding in findings)
            risk = max(RISKS[each] for each in means)
            names = " and ".join(sorted(means))
            reason = f"covered whole: {names} found something again" if whole else f"covered more: {names}"
            self._review(WHOLE_RISK if whole else risk, plans[number], reason)

    def close_take(self, plans: Sequence[FrameCoverage]) -> None:
        """A take is in the file."""
        for plan in plans:
            covered_px = int(np.count_nonzero(plan.mask))
            self._covered_px += covered_px
            self._seen_px += plan.mask.size
            self.covered_frames += covered_px > 0
            self.whole += plan.whole
            self.given_up += plan.whole and plan.widened
            self.compared += plan.comparable
            self.lost += plan.lost
        self.frames += len(plans)
        self.widened += sum(plan.widened and not plan.whole for plan in plans)
        self._heads += self._pending
        self._pending.clear()
        self._odd(plans)

    def _odd(self, plans: Sequence[FrameCoverage]) -> None:
        """The first of a take's frames that could not be compared with the background, as others could."""
        for plan in plans:
            if self.compared and not plan.comparable and not plan.lost:
                self._review(
                    INCOMPARABLE_RISK, plan, "cannot be compared with the background: moved, or in another light"
                )
                return

    def _review(self, risk: float, plan: FrameCoverage, reason: str) -> None:
        self._reviews.append((risk, plan.time_us, plan.pts, reason))

    @property
    def covered_share(self) -> float:
        """Mean share of the frame that is covered, 0..1."""
        return self._covered_px / self._seen_px if self._seen_px else 0.0

    @property
    def given_up_share(self) -> float:
        """Share of the frames that were given up, 0..1."""
        return self.given_up / self.frames if self.frames else 0.0

    def tracks(self) -> pa.Table:
        """The table ``anonymized_tracks``."""
        by_owner: dict[int, list[_Head]] = {}
        for head in self._heads:
            if head.owner >= 0:
                by_owner.setdefault(head.owner, []).append(head)
        owners = sorted(by_owner, key=lambda owner: self._tracklets[owner])
        shares = [np.array([head.share for head in by_owner[owner]]) for owner in owners]
        return TABLES["anonymized_tracks"].conform(
            {
                "camera": [self._segment.camera] * len(owners),
                "segment_id": [self._segment.segment_id] * len(owners),
                "tracklet_id": [self._tracklets[owner] for owner in owners],
                "label": ["person"] * len(owners),
                "frames": [len(each) for each in shares],
                "leaks": [int((each < LEAK_BELOW).sum()) for each in shares],
                "least_head_cover": [float(each.min()) for each in shares],
                "mean_head_cover": [float(each.mean()) for each in shares],
                "height_px": [float(np.median([head.height_px for head in by_owner[owner]])) for owner in owners],
            }
        )

    def reviews(self) -> pa.Table:
        """The table ``review_frames``: those with the highest risk, one row a frame."""
        worst: dict[int, tuple[float, int, int, str]] = {}
        for each in sorted(self._reviews):
            worst[each[2]] = each
        kept = sorted(worst.values(), key=lambda each: (-each[0], each[1]))[:MOST_REVIEWED]
        kept.sort(key=lambda each: each[1])
        return TABLES["review_frames"].conform(
            {
                "camera": [self._segment.camera] * len(kept),
                "segment_id": [self._segment.segment_id] * len(kept),
                "time": [each[1] for each in kept],
                "pts": [each[2] for each in kept],
                "risk": [each[0] for each in kept],
                "reason": [each[3] for each in kept],
            }
        )
