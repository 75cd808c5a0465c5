"""Nothing enters a file that was not looked at as players will show it.

A take, some seconds that were covered and encoded, is decoded again and looked at. Where somebody may be seen, the
frames as decoded are covered more, flat, and encoded again: at first around what was found, and, should something still
be found, whole. The originals are not needed for it, nor kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ops.anonymize.cover.frame import FrameCoverage
from ops.anonymize.cover.paint import Colour, cover_boxes, paint_flat
from ops.anonymize.locate.spans import padded
from ops.anonymize.stats import SegmentStats
from ops.anonymize.verify.verifier import Check, Finding, Verifier
from schemas.errors import CoverageError
from schemas.op import VideoChunk, VideoSink
from schemas.values import Float64, FrameBatch, Int64, Uint8

WIDENED = 0.35
"""What is covered around something that was found, on every side, as a share of its size."""

WIDENED_PX = 6.0

LATE_FRAMES = 2
"""Decoders notice damage up to so many frames late, mostly."""

WIDENING_ROUNDS = 2
"""So often more is covered around what was found; what is found then is covered whole."""

MOST_ROUNDS = 6
"""A take in which something is still found after so many encodings is not vouched for."""

Found = dict[int, list[Finding]]
"""By the frame's number within its take."""


@dataclass(frozen=True)
class Reviewer:
    """Looks at takes, and mends them.

    Attributes:
        flat: ``(K, 3)`` BGR, the colours of flat modes; the first is what is covered more by.
        colour: BGR, of what is covered more.
        sampled_us: time between two frames that the detectors look at; what they find may be there until the next.
    """

    sink: VideoSink
    verifier: Verifier
    stats: SegmentStats
    flat: Uint8
    colour: Colour
    sampled_us: int

    def keep(self, chunk: VideoChunk, plans: Sequence[FrameCoverage]) -> None:
        """Puts a take into the file, once nothing is found in it.

        What comes just before frames that could not be decoded is covered whole, too: damage is noticed late.

        Raises:
            CoverageError: something is found whatever is covered.
        """
        plans = list(plans)
        doubtful = _before_lost(plans)
        if doubtful:
            chunk, plans = self._again(chunk, plans, {}, doubtful)
        found: Found = {}
        for number in range(MOST_ROUNDS):
            found = self._look(chunk, plans, found if number else None)
            if not found:
                self.sink.keep(chunk)
                self.stats.close_take(plans)
                return
            given_up = number >= WIDENING_ROUNDS
            self.stats.found(found, plans, given_up)
            chunk, plans = self._again(chunk, plans, found, set(found) if given_up else set())
        first = plans[min(found)].pts
        raise CoverageError(
            f"after {MOST_ROUNDS} encodings somebody may still be seen at PTS {first} "
            f"(by {', '.join(sorted({each.by for each in found[min(found)]}))})"
        )

    def _look(self, chunk: VideoChunk, plans: Sequence[FrameCoverage], before: Found | None) -> Found:
        """What is found in a take, frame by frame.

        A frame in which nothing was found shows no more after it was encoded again: there, only paint can be missing.

        Args:
            before: what was found when its frames were looked at last; None for a first look.
        """
        found: Found = {}
        self.stats.begin_look()
        for number, shown, time_us in _numbered(chunk):
            plan = plans[number]
            seen = before is not None and number not in before
            findings = self.verifier.verify(shown, time_us, plan.plan(self.flat), paint_only=seen)
            self.stats.saw(plan, self.verifier.head_shares)
            if findings:
                found[number] = findings
        return found

    def _again(
        self, chunk: VideoChunk, plans: Sequence[FrameCoverage], found: Found, whole: set[int]
    ) -> tuple[VideoChunk, list[FrameCoverage]]:
        """The take with more covered, some frames whole, and what was meant for its frames."""
        again = self.sink.new_chunk(reencode=True)
        times_us: Int64 = np.array([plan.time_us for plan in plans])
        mended: list[FrameCoverage] = []
        for batch in chunk.decode():
            frames = batch.frames.copy()
            for frame in frames:
                plan = plans[len(mended)]
                number = len(mended)
                if number in whole:
                    plan = _covered_whole(frame, plan, self.colour, given_up=number in found)
                else:
                    boxes = self._to_cover(found, times_us, number)
                    if len(boxes):
                        plan = _covered_more(frame, plan, boxes, self.colour)
                mended.append(plan)
            again.write(FrameBatch(frames, batch.pts, batch.times_us))
        return again, mended

    def _to_cover(self, found: Found, times_us: Int64, number: int) -> Float64:
        """Boxes ``(N, 4)`` around what was found in a frame, in its neighbours, and in the last that detectors saw."""
        boxes = []
        for other, findings in found.items():
            away_us = abs(int(times_us[other] - times_us[number]))
            for finding in findings:
                if abs(other - number) <= 1 or (_sampled(finding.by) and away_us < self.sampled_us):
                    boxes.append(finding.box)
        return padded(np.array(boxes).reshape(-1, 4), WIDENED, WIDENED_PX)


def _before_lost(plans: Sequence[FrameCoverage]) -> set[int]:
    """The last frames before each that is lost."""
    lost = [number for number, plan in enumerate(plans) if plan.lost]
    near = {number for each in lost for number in range(max(each - LATE_FRAMES, 0), each)}
    return near.difference(lost)


def _sampled(by: Check) -> bool:
    """Whether a means does not look at every frame."""
    return by in ("detector", "face")


def _numbered(chunk: VideoChunk) -> Iterator[tuple[int, Uint8, int]]:
    """The frames of a take as shown, with their numbers and times."""
    number = 0
    for batch in chunk.decode():
        for shown, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            yield number, shown, time_us
            number += 1


def _covered_more(frame: Uint8, plan: FrameCoverage, boxes: Float64, colour: Colour) -> FrameCoverage:
    """Covers boxes in place; what is meant for the frame then."""
    more = np.zeros(frame.shape[:2], np.uint8)
    cover_boxes(more, boxes)
    return _painted(frame, plan, more, colour)


def _covered_whole(frame: Uint8, plan: FrameCoverage, colour: Colour, given_up: bool) -> FrameCoverage:
    painted = _painted(frame, plan, np.full(frame.shape[:2], 255, np.uint8), colour)
    return replace(painted, whole=True, widened=given_up)


def _painted(frame: Uint8, plan: FrameCoverage, more: Uint8, colour: Colour) -> FrameCoverage:
    paint_flat(frame, more, colour)
    picture = plan.picture
    if picture is not None:
        picture = picture.copy()
        paint_flat(picture, more, colour)
    return replace(plan, bits=np.packbits((plan.mask | more) > 0, axis=1), picture=picture, widened=True)
