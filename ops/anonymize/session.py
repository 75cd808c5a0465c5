"""One segment being anonymized: frames come in, takes are covered, encoded, looked at and kept."""

import json
from dataclasses import asdict

import numpy as np

from ops.anonymize.cover.frame import FrameAnonymizer, FrameCoverage, MaskHook
from ops.anonymize.detectors import DetectorSet
from ops.anonymize.locate.presence import times_us
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.anonymize.review import Reviewer
from ops.anonymize.stats import SegmentStats
from ops.anonymize.verify.verifier import Verifier, VerifyParams
from schemas.anonymity import MODES
from schemas.errors import CoverageError
from schemas.op import FrameSession, Services, Tables, VideoChunk, VideoSink
from schemas.tables import TABLES
from schemas.values import FrameBatch, Int64, UnitContext

WRITES = ("anonymized_segments", "anonymized_tracks", "review_frames")
"""The tables that are written."""

MAX_CHUNK_BYTES = 96_000_000
"""What is kept of a take's frames until it was looked at, about."""


class AnonymizeSession(FrameSession):
    """One segment.

    Args:
        detectors: what looks at what was encoded.
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
        self._anonymizer = FrameAnonymizer(params, unit, inputs, detectors.pose, mask_hook)
        self._stats = SegmentStats(unit.segment, self._anonymizer.tracklets)
        looks = VerifyParams(verify_fps=params.verify_fps)
        self._verifier = Verifier(looks, self._anonymizer.residual, detectors.people, detectors.faces, services.count)
        self._observed_us = times_us(inputs["observed_frames"])
        self._sink: VideoSink | None = None
        self._chunk: VideoChunk | None = None
        self._plans: list[FrameCoverage] = []

    def feed(self, batch: FrameBatch) -> None:
        """Covers and encodes some frames; a take that is long enough is looked at and kept.

        Raises:
            CoverageError: the detector looked at no frame near to one of these, or somebody stays visible.
        """
        if not len(batch):
            return
        self._vouch(batch.times_us if batch.lost is None else batch.times_us[~batch.lost])
        if self._sink is None:
            self._sink = self._services.video_sink(self._unit)
        for number in range(len(batch)):
            one = slice(number, number + 1)
            lost = None if batch.lost is None else batch.lost[one]
            self._add(FrameBatch(batch.frames[one], batch.pts[one], batch.times_us[one], lost))

    def _add(self, frame: FrameBatch) -> None:
        """Covers one frame, and encodes it into the take that it is of."""
        assert self._sink is not None
        if self._plans and self._full(int(frame.times_us[0])):
            self._keep()
        if self._chunk is None:
            self._chunk = self._sink.new_chunk()
        covered, plans = self._anonymizer.cover(frame)
        self._chunk.write(covered)
        self._plans += plans

    def _full(self, time_us: int) -> bool:
        """Whether the take ends before a frame at this time."""
        plan = self._plans[-1]
        a_frame = plan.bits.nbytes + (0 if plan.picture is None else plan.picture.nbytes)
        long = time_us - self._plans[0].time_us >= round(self._params.chunk_s * 1e6)
        return long or (len(self._plans) + 1) * a_frame > MAX_CHUNK_BYTES

    def _keep(self) -> None:
        """Ends the take: it is looked at, mended if need be, and becomes part of the file."""
        assert self._sink is not None and self._chunk is not None
        reviewer = Reviewer(
            self._sink,
            self._verifier,
            self._stats,
            self._anonymizer.flat,
            self._params.paint_options.colour,
            round(1e6 / self._params.verify_fps) if self._params.verify_fps > 0 else 0,
        )
        reviewer.keep(self._chunk, self._plans)
        self._chunk, self._plans = None, []

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002 - nothing is read late
        """One row for the part; none if the segment has no frame.

        Raises:
            CoverageError: somebody stays visible, or too many frames had to be covered whole.
        """
        if self._sink is None:
            return {name: TABLES[name].empty() for name in WRITES}
        self._keep()
        stats, segment = self._stats, self._unit.segment
        if stats.given_up_share > self._params.max_whole_share:
            raise CoverageError(
                f"segment {self._unit.unit}: somebody could still be seen in {stats.given_up} of {stats.frames} "
                "frames until they were covered whole, more than "
                f"max_whole_share = {self._params.max_whole_share:g} of [ops.anonymize] allows"
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
            "verified_frames": stats.looks,
            "verifier_findings": stats.hits,
            "verified_by": ", ".join(self._means()),
            "unknown_share": self._anonymizer.unknown_share,
            "background_frames": stats.compared,
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

    def _means(self) -> list[str]:
        """What looked at what was encoded."""
        people = not PEOPLE.isdisjoint(self._params.targets)
        residual = ["residual"] if self._anonymizer.residual is not None else []
        return [*(["paint"] if people else []), *residual, *self._detectors.names]

    def abandon(self) -> None:
        """Removes the unfinished part."""
        self._chunk, self._plans = None, []
        if self._sink is not None:
            self._sink.abort()
            self._sink = None

    def _vouch(self, times_us: Int64) -> None:
        """Makes sure that the detector looked, not long before or after each frame."""
        if not len(times_us):
            return
        limit_us = round(self._params.max_unobserved_s * 1e6)
        edged = np.concatenate([[times_us[0] - 2 * limit_us - 1], self._observed_us, [times_us[-1] + 2 * limit_us + 1]])
        after = np.clip(np.searchsorted(edged, times_us), 1, len(edged) - 1)
        away_us = np.minimum(np.abs(edged[after] - times_us), np.abs(times_us - edged[after - 1]))
        if (away_us > limit_us).any():
            start_us = round(self._unit.segment.start.timestamp() * 1e6)
            offset_s = (int(times_us[np.argmax(away_us)]) - start_us) / 1e6
            raise CoverageError(
                f"segment {self._unit.unit}, {offset_s:.2f} s after its start: the detector looked at no frame within "
                f"{self._params.max_unobserved_s:g} s, so nobody vouches that people are covered there; "
                "make detect look more often, or raise max_unobserved_s of [ops.anonymize]"
            )
