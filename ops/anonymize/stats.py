"""Statistics of how a segment was covered: sums, tracks, and the frames that a person should review."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.anonymize.frame_coverage import FrameCoverage
from ops.anonymize.geometry import LEAK_BELOW
from ops.anonymize.verify.verifier import Check, Finding
from schemas.tables import TABLES
from schemas.values import Float64, Segment

MOST_REVIEWED = 40
"""Largest number of a segment's frames in ``review_frames``."""

RISKS: Mapping[Check, float] = {"face": 0.8, "detector": 0.7, "residual": 0.6, "paint": 0.5}
"""Review priority, 0..1, of a frame in which a check found something that was then covered."""

WHOLE_RISK, INCOMPARABLE_RISK = 0.9, 0.4
"""Review priority of a frame that was covered whole in the end, and of one that has no comparable background."""


@dataclass(frozen=True)
class _Head:
    """A person's head in one frame: tracklet, confirmed cover of the head zone 0..1, and height of the person's box."""

    owner: int
    share: float
    height_px: float


class SegmentStats:
    """Counts what happens to the frames of a segment.

    Attributes:
        frames, covered_frames, widened, whole, compared, lost, repeated, dismissed: numbers of frames.
        given_up: frames covered whole because something was found in them again and again.
        verified, findings: frames verified (again after each encoding), and findings, which were then covered.
    """

    def __init__(self, segment: Segment, tracklets: Sequence[str]) -> None:
        self._segment = segment
        self._tracklets = tracklets
        self.frames = self.covered_frames = self.widened = self.whole = self.given_up = self.compared = self.lost = 0
        self.repeated = self.dismissed = 0
        self.verified = self.findings = 0
        self._covered_px = self._all_px = 0
        self._chunk_heads: list[_Head] = []
        self._heads: list[_Head] = []
        self._reviews: list[tuple[float, int, int, str]] = []

    def begin_chunk(self) -> None:
        """Starts the verification of a chunk, maybe again: heads of its last encoding no longer count."""
        self._chunk_heads.clear()

    def add_verified(self, coverage: FrameCoverage, head_shares: Float64) -> None:
        """Counts a verified frame; ``head_shares`` ``(M,)`` are those of the boxes of its coverage."""
        self.verified += 1
        heights = coverage.boxes[:, 3] - coverage.boxes[:, 1]
        heads = map(_Head, coverage.owners.tolist(), head_shares.tolist(), heights.tolist())
        # A track may have several boxes in a frame, as where two were joined: the worst one counts, once.
        self._chunk_heads += {head.owner: head for head in sorted(heads, key=lambda head: -head.share)}.values()

    def add_findings(
        self, findings: Mapping[int, Sequence[Finding]], coverages: Sequence[FrameCoverage], whole: bool
    ) -> None:
        """Counts findings, by the frames' numbers in the chunk, that are about to be covered."""
        for number, found in findings.items():
            if coverages[number].repeats:  # found in the frame that it repeats
                continue
            self.findings += len(found)
            checks = Counter(finding.by for finding in found)
            risk = max(RISKS[each] for each in checks)
            names = " and ".join(sorted(checks))
            reason = f"covered whole: {names} found something again" if whole else f"covered more: {names}"
            self._review(WHOLE_RISK if whole else risk, coverages[number], reason)

    def close_chunk(self, coverages: Sequence[FrameCoverage]) -> None:
        """Counts the frames of a chunk that is in the file."""
        covered_px = size_px = 0
        for coverage in coverages:
            if not coverage.repeats:  # else they are those of the frame before it
                mask = coverage.mask
                covered_px, size_px = int(np.count_nonzero(mask)), mask.size
            self._covered_px += covered_px
            self._all_px += size_px
            self.covered_frames += covered_px > 0
            self.whole += coverage.whole
            self.given_up += coverage.whole and coverage.widened
            self.widened += coverage.widened and not coverage.whole
            self.compared += coverage.comparable
            self.lost += coverage.lost
            self.repeated += coverage.repeats
            self.dismissed += coverage.dismisses
        self.frames += len(coverages)
        self._heads += self._chunk_heads
        self._chunk_heads.clear()
        incomparable = [each for each in coverages if not each.comparable and not each.lost]
        if self.compared and incomparable:  # one frame per chunk shows it
            reason = "cannot be compared with the background: moved, or in another light"
            self._review(INCOMPARABLE_RISK, incomparable[0], reason)

    def _review(self, risk: float, coverage: FrameCoverage, reason: str) -> None:
        self._reviews.append((risk, coverage.time_us, coverage.pts, reason))

    @property
    def covered_share(self) -> float:
        """Returns the mean covered share of the frames, 0..1."""
        return self._covered_px / self._all_px if self._all_px else 0.0

    @property
    def given_up_share(self) -> float:
        """Returns the share of the frames that were given up, 0..1."""
        return self.given_up / self.frames if self.frames else 0.0

    def tracks(self) -> pa.Table:
        """Returns the table ``anonymized_tracks``."""
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
        """Returns the table ``review_frames``: the frames of highest risk, in order of time, one row per frame."""
        # In rising order of risk, so that the highest one of a frame is the last to be set.
        worst = {pts: (risk, time_us, pts, reason) for risk, time_us, pts, reason in sorted(self._reviews)}
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
