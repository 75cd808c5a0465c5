"""Verifies chunks of encoded frames and covers more where something is found, before they enter the file.

A chunk, some seconds that were covered and encoded, is decoded again and verified. Where a person may be visible, the
decoded frames are covered more, flat, and encoded again: first around what was found, then whole, and in the end all
frames of the chunk. The originals are not needed for it, nor kept (docs/decisions/0014).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ops.anonymize.cover.paint import Colour
from ops.anonymize.frame_coverage import FrameCoverage
from ops.anonymize.geometry import cover_boxes
from ops.anonymize.stats import SegmentStats
from ops.anonymize.verify.verifier import Finding, Verifier
from ops.boxes import pad
from schemas.errors import CoverageError
from schemas.op import VideoChunk, VideoSink
from schemas.values import Float64, FrameBatch, Int64

WIDENING, WIDENING_PX = 0.35, 6.0
"""Padding of a finding before it is covered, on every side: share of its size, and least pixels."""

LATE_FRAMES = 2
"""Frames before a lost one that are covered whole, since decoders mostly notice damage up to this many frames late."""

WIDENING_ROUNDS = 2
"""Rounds in which more is covered around what is found; in later rounds its frames are covered whole."""

FRAME_ROUNDS = 4
"""Rounds after which all frames of a chunk are covered whole: each encoding may show something in another frame."""

MOST_ROUNDS = 6
"""Encodings after which a chunk in which something is still found is given up: nobody can vouch for it."""

SAMPLED_CHECKS = frozenset({"detector", "face"})
"""Checks that do not run on every frame."""

Findings = dict[int, list[Finding]]
"""Findings by the frame's number in its chunk."""


@dataclass(frozen=True)
class Reviewer:
    """Verifies the chunks of a segment, and covers more in them where needed.

    Attributes:
        colour: BGR, of what is covered more.
        sampled_us: time between two frames that the detectors check; a person they find may be there until the next.
    """

    sink: VideoSink
    verifier: Verifier
    stats: SegmentStats
    colour: Colour
    sampled_us: int

    def keep(self, chunk: VideoChunk, coverages: Sequence[FrameCoverage]) -> None:
        """Puts a chunk into the file, once nothing is found in it.

        Raises:
            CoverageError: something is found whatever is covered.
        """
        coverages = list(coverages)
        # Damage is noticed late: the last frames before a lost one may already show parts of older frames.
        damaged = _before_lost(coverages)
        if damaged:
            chunk, coverages = self._cover_more(chunk, coverages, {}, damaged)
        findings: Findings = {}
        # Each round covers more, so a chunk becomes quiet or is refused; nothing enters the file unverified.
        for number in range(MOST_ROUNDS):
            findings = self._verify(chunk, coverages, findings if number else None)
            if not findings:
                self.sink.keep(chunk)
                self.stats.close_chunk(coverages)
                return
            give_up = number >= WIDENING_ROUNDS
            self.stats.add_findings(findings, coverages, give_up)
            whole = set(findings) if give_up else set()
            if number >= FRAME_ROUNDS:
                whole = set(range(len(coverages)))
            chunk, coverages = self._cover_more(chunk, coverages, findings, whole)
        first = min(findings)
        checks = ", ".join(sorted({finding.by for finding in findings[first]}))
        raise CoverageError(
            f"after {MOST_ROUNDS} encodings a person may still be visible at PTS {coverages[first].pts} (by {checks})"
        )

    def _verify(self, chunk: VideoChunk, coverages: Sequence[FrameCoverage], before: Findings | None) -> Findings:
        """Returns what is found in a chunk, frame by frame.

        A frame in which nothing was found can have lost nothing but paint by being encoded again, so only that is
        checked (docs/decisions/0015).

        Args:
            before: findings of the last round; None in the first one.
        """
        findings: Findings = {}
        self.stats.begin_chunk()
        decoded = (frame for batch in chunk.decode() for frame in batch.frames)
        for number, (frame, coverage) in enumerate(zip(decoded, coverages, strict=True)):
            found = self.verifier.verify(frame, coverage, paint_only=before is not None and number not in before)
            self.stats.add_verified(coverage, self.verifier.head_shares)
            if found:
                findings[number] = found
        return _with_repeats(findings, coverages)

    def _cover_more(
        self, chunk: VideoChunk, coverages: Sequence[FrameCoverage], findings: Findings, whole: set[int]
    ) -> tuple[VideoChunk, list[FrameCoverage]]:
        """Encodes a chunk again with more covered, the frames of ``whole`` entirely; returns it and its records."""
        reencoded = self.sink.new_chunk(reencode=True)
        times_us: Int64 = np.array([coverage.time_us for coverage in coverages])
        widened: list[FrameCoverage] = []
        for batch in chunk.decode():
            frames = batch.frames.copy()
            for frame in frames:
                number = len(widened)
                coverage = coverages[number]
                if coverage.repeats:
                    reencoded.repeat(coverage.pts, coverage.time_us)
                    widened.append(widened[-1].repeated(coverage.pts, coverage.time_us))
                    continue
                if number in whole:
                    everything = np.full(frame.shape[:2], 255, np.uint8)
                    coverage = coverage.cover_more(frame, everything, self.colour)
                    # Frames before a lost one were not given up for a finding, so they do not count as widened.
                    coverage = replace(coverage, whole=True, widened=bool(findings))
                else:
                    boxes = self._boxes_near(findings, times_us, number)
                    if len(boxes):
                        more = np.zeros(frame.shape[:2], np.uint8)
                        cover_boxes(more, boxes)
                        coverage = coverage.cover_more(frame, more, self.colour)
                reencoded.write(FrameBatch(frame[None], *(np.array([at]) for at in (coverage.pts, coverage.time_us))))
                widened.append(coverage)
        return reencoded, widened

    def _boxes_near(self, findings: Findings, times_us: Int64, number: int) -> Float64:
        """Returns padded boxes ``(N, 4)`` of findings in a frame, its neighbours, and the last sampled frames."""
        boxes = []
        # People move little between neighbouring frames; a detector that runs once a second may have missed them in all
        # frames between two of its own.
        for other, found in findings.items():
            away_us = abs(int(times_us[other] - times_us[number]))
            for finding in found:
                if abs(other - number) <= 1 or (finding.by in SAMPLED_CHECKS and away_us < self.sampled_us):
                    boxes.append(finding.box)
        return pad(np.array(boxes).reshape(-1, 4), WIDENING, WIDENING_PX)


def _with_repeats(findings: Findings, coverages: Sequence[FrameCoverage]) -> Findings:
    """Returns the findings of a chunk, where what is found in a picture is found in all frames that show it."""
    pictures = np.cumsum([not coverage.repeats for coverage in coverages]).tolist()
    in_picture: Findings = {}
    for number, found in findings.items():
        in_picture[pictures[number]] = [*in_picture.get(pictures[number], []), *found]
    return {number: in_picture[picture] for number, picture in enumerate(pictures) if picture in in_picture}


def _before_lost(coverages: Sequence[FrameCoverage]) -> set[int]:
    """Returns the numbers of the last frames before each that is lost."""
    lost = [number for number, coverage in enumerate(coverages) if coverage.lost]
    before = {number for each in lost for number in range(max(each - LATE_FRAMES, 0), each)}
    return before.difference(lost)
