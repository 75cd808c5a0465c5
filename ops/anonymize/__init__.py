"""``anonymize``: a copy of a segment in which people are covered, in every frame and at the source's size.

What is covered, and why, stands in ``coverer.py``; where people are, in ``people.py``; how a frame is covered, mode by
mode, in ``ops/anonymize/locate``. What is encoded is decoded again and looked at by other means (``review.py``,
``ops/anonymize/verify``) before it becomes part of the file. A segment that cannot be vouched for gives a ``CoverageError``,
and is not published.

What cannot be covered: one whom the detector never finds and who stands still for most of the segment, since then he
is part of the background.
"""

from collections.abc import Mapping

from ops.anonymize.detectors import FACES, POSE, VERIFIER, DetectorSet
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.session import WRITES, AnonymizeSession
from schemas.op import FrameNeed, FrameOp, ModelRequest, Models, Neighbour, OpSpec, Read, Scope, Services, Tables
from schemas.values import UnitContext

NO_WEIGHTS = ("none", "hog")


class Anonymize(FrameOp):
    """Covers people, frame by frame."""

    spec = OpSpec(
        name="anonymize",
        version=3,
        summary="A copy of each segment in which people are covered, or none if that cannot be vouched for.",
        scope=Scope.SEGMENT,
        reads=(
            Read("observed_frames", columns=("segment_id", "time", "source")),
            Read("detections"),
            Read("detections", Neighbour.NEXT, required=False),
            Read("tracklets", columns=("tracklet_id", "label")),
            Read("tracklet_points"),
            Read("backgrounds", required=False, build_if_missing=True),
        ),
        writes=WRITES,
        params=AnonymizeParams,
        uses=("fixed", "privacy_masks"),
        memory_mb=1000,
    )

    params: AnonymizeParams

    def __init__(self, params: AnonymizeParams) -> None:
        super().__init__(params)
        self._detectors: DetectorSet | None = None

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        """Those that verify, and, for skeletons, those that find poses."""
        wanted: dict[str, ModelRequest] = {}
        if self.params.verify_fps > 0:
            if self.params.verify_model not in NO_WEIGHTS:
                wanted[VERIFIER] = ModelRequest(self.params.verify_model, "detect")
            if self.params.face_model not in NO_WEIGHTS:
                wanted[FACES] = ModelRequest(self.params.face_model, "face")
        if self.params.mode == "skeleton":
            wanted[POSE] = ModelRequest(self.params.pose_model, "pose", required=True)
        return wanted

    def open(self, models: Models, cpus: int) -> None:
        """Loads the second detectors, and what finds poses.

        Raises:
            ModelError: weights are damaged or for something else.
        """
        self._detectors = DetectorSet.open(self.params, models, cpus)

    def close(self) -> None:
        self._detectors = None

    @property
    def detectors(self) -> DetectorSet:
        """What was opened."""
        if self._detectors is None:
            raise ValueError("anonymize was not opened")
        return self._detectors

    def frame_need(self, unit: UnitContext) -> FrameNeed:  # noqa: ARG002 - every unit needs the same
        """Every frame, at the source's size, and those that cannot be decoded."""
        return FrameNeed(lost=True)

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> AnonymizeSession:
        """Gathers where people are, and the background, before the first frame."""
        return AnonymizeSession(self.params, self.detectors, unit, inputs, services)
