"""Anonymizes one segment: covers and encodes frames, and keeps chunks of them once they are verified."""

import json
from dataclasses import asdict

import numpy as np

from ops.anonymize.cover.frame import FrameAnonymizer, MaskHook
from ops.anonymize.cover.outlines import OutlineCover
from ops.anonymize.detectors import DetectorSet
from ops.anonymize.frame_coverage import FrameCoverage
from ops.anonymize.locate.background import usable_background
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.anonymize.review import Reviewer
from ops.anonymize.stats import SegmentStats
from ops.anonymize.verify.verifier import Verifier
from ops.anonymize.vouching import Vouching
from ops.arrays import times_us
from ops.foreground.carried import CarriedMasks
from schemas.anonymity import MODES
from schemas.errors import CoverageError
from schemas.op import FrameSession, Services, Tables, VideoChunk, VideoSink
from schemas.tables import TABLES
from schemas.values import FrameBatch, UnitContext

WRITES = ("anonymized_segments", "anonymized_tracks", "review_frames")
"""Tables that the op writes."""

MOST_CHUNK_BYTES = 96_000_000
"""Approximate memory for the records of a chunk's frames until it is verified."""


class AnonymizeSession(FrameSession):
    """Anonymizes one segment.

    Args:
        detectors: verify what was encoded, and find poses.
        mask_hook: see ``FrameAnonymizer``.
    """

    def __init__(
        self,
        params: AnonymizeParams,
        detectors: DetectorSet,
        unit: UnitContext,
        inputs: Tables,
        services: Services,
        mask_hook: MaskHook | None = None,
    ) -> None:
        self._params = params
        self._detectors = detectors
        self._unit = unit
        self._services = services
        background = usable_background(params, unit, inputs)
        if background is not None:
            # A person who stood still for all of the segment is part of its median.
            background = background.without(detectors.people_in(background.picture))
        self._has_background = background is not None
        score = None if detectors.judges is None else detectors.judges.score_in
        outlines = None
        if detectors.masks is not None:
            finder = detectors.masks
            outlines = OutlineCover(finder if params.mask_every == 1 else CarriedMasks(finder, params.mask_every))
        self._anonymizer = FrameAnonymizer(params, unit, inputs, background, detectors.pose, mask_hook, score, outlines)
        self._stats = SegmentStats(unit.segment, self._anonymizer.tracklets)
        self._verifier = Verifier(
            params.verify_fps,
            self._anonymizer.residual,
            self._anonymizer.new_judge(encoded=True),
            detectors.people,
            detectors.faces,
            services.count,
        )
        self._vouching = Vouching(params, unit.segment, times_us(inputs["observed_frames"]))
        self._sink: VideoSink | None = None
        self._chunk: VideoChunk | None = None
        self._coverages: list[FrameCoverage] = []

    def feed(self, batch: FrameBatch) -> None:
        """Covers and encodes frames; a chunk that is long enough is verified and kept.

        Raises:
            CoverageError: nothing vouches for one of these (see ``Vouching``), or a person stays visible.
        """
        if not len(batch):
            return
        lost = np.zeros(len(batch), bool) if batch.lost is None else batch.lost
        self._vouching.add(batch.times_us[~lost])
        if self._sink is None:
            self._sink = self._services.video_sink(self._unit)
        # Batches are cut where decoding suits; chunks end by time and memory, so frames are taken one by one.
        for number in range(len(batch)):
            time_us = int(batch.times_us[number])
            if self._coverages and self._is_full(time_us):
                self._keep_chunk()
            if self._chunk is None:
                self._chunk = self._sink.new_chunk()
            self._coverages.append(self._add(self._chunk, batch, number, bool(lost[number])))

    def _add(self, chunk: VideoChunk, batch: FrameBatch, number: int, lost: bool) -> FrameCoverage:
        """Adds a frame of a batch to a chunk, covered or as a repeat of the one before it; returns its record."""
        frame, pts, time_us = batch.frames[number], int(batch.pts[number]), int(batch.times_us[number])
        if self._coverages and not lost and self._anonymizer.may_repeat(frame, time_us):
            chunk.repeat(pts, time_us)
            return self._coverages[-1].repeated(pts, time_us)
        covered, coverage = self._anonymizer.cover(frame, pts, time_us, lost)
        one = slice(number, number + 1)
        chunk.write(FrameBatch(covered[None], batch.pts[one], batch.times_us[one]))
        return coverage

    def _is_full(self, time_us: int) -> bool:
        """Returns whether the chunk ends before a frame at this time."""
        if time_us - self._coverages[0].time_us >= round(self._params.chunk_s * 1e6):
            return True
        # The next frame's record takes about as much memory as the last one's.
        return (len(self._coverages) + 1) * self._coverages[-1].nbytes > MOST_CHUNK_BYTES

    def _keep_chunk(self) -> None:
        """Ends the chunk: it is verified, covered more where needed, and becomes part of the file."""
        assert self._sink is not None and self._chunk is not None
        verify_fps = self._params.verify_fps
        # Without a background, the detectors look at every frame.
        sampled_us = round(1e6 / verify_fps) if verify_fps > 0 and self._has_background else 0
        reviewer = Reviewer(self._sink, self._verifier, self._stats, self._params.bgr, sampled_us)
        reviewer.keep(self._chunk, self._coverages)
        self._chunk, self._coverages = None, []

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002 - nothing is read late
        """Returns one row for the segment's file, its tracks and frames to review; none if it has no frame.

        Raises:
            CoverageError: nothing vouches for a frame, a person stays visible, or too many frames had to be covered
                whole.
        """
        if self._sink is None:
            return {name: TABLES[name].empty() for name in WRITES}
        self._vouching.finish()
        self._keep_chunk()
        stats, segment = self._stats, self._unit.segment
        if stats.given_up_share > self._params.max_whole_share:
            raise CoverageError(
                f"segment {self._unit.unit}: a person was still visible in {stats.given_up} of {stats.frames} frames "
                f"until they were covered whole, more than max_whole_share = {self._params.max_whole_share:g} of "
                "[ops.anonymize] allows; look at the footage, or raise it"
            )
        video = self._sink.close()
        self._sink = None
        self._services.count("frames_covered", stats.covered_frames)
        row: dict[str, object] = {
            "camera": segment.camera,
            "segment_id": segment.segment_id,
            "footage_id": segment.footage_id,
            "path": video.path,
            "frames": video.frames,
            "size_bytes": video.size_bytes,
            "sha256": video.sha256,
            "mode": self._params.mode,
            "level": MODES[self._params.mode].level,
            "targets": ",".join(self._params.targets),
            "covered_frames": stats.covered_frames,
            "covered_share": stats.covered_share,
            "frames_widened": stats.widened,
            "frames_whole": stats.whole,
            "frames_lost": stats.lost,
            "frames_repeated": stats.repeated,
            "verified_frames": stats.verified,
            "verifier_findings": stats.findings,
            "verified_by": ", ".join(self._checks()),
            "unknown_share": self._anonymizer.unknown_share,
            "background_frames": stats.compared,
            "dismissed_frames": stats.dismissed,
            "params": json.dumps(asdict(self._params), sort_keys=True),
            "models": json.dumps(
                {role: {"name": model.name, "sha256": model.sha256} for role, model in self._detectors.models.items()},
                sort_keys=True,
            ),
        }
        return {
            "anonymized_segments": TABLES["anonymized_segments"].conform({name: [row[name]] for name in row}),
            "anonymized_tracks": stats.tracks(),
            "review_frames": stats.reviews(),
        }

    def _checks(self) -> list[str]:
        """Returns the names of the checks of encoded frames."""
        people = not PEOPLE.isdisjoint(self._params.targets)
        residual = ["residual"] if self._anonymizer.residual is not None else []
        return [*(["paint"] if people else []), *residual, *self._detectors.names]

    def abandon(self) -> None:
        """Removes the unfinished file."""
        self._chunk, self._coverages = None, []
        if self._sink is not None:
            self._sink.abort()
            self._sink = None
