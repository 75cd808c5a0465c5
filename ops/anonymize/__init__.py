"""``anonymize``: a copy of a segment in which people are covered, in every frame and at the source's size.

``locate`` gathers where people may be, ``cover`` covers frames mode by mode, ``verify`` checks frames that were encoded
and decoded again by other means, and ``review`` covers more where it finds something. ``geometry`` holds the sizes that
privacy depends on. A segment that nothing can vouch for gives a ``CoverageError``, and is not published
(docs/decisions/0014). ``reveal`` leaves one person visible, for subject access.

Not covered: people whom no detector finds and who do not move for most of a segment, since they are part of the
background then.
"""

from collections.abc import Mapping

from ops.anonymize.detectors import FACES, MASKS, POSE, VERIFIER, DetectorSet
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.session import WRITES, AnonymizeSession
from schemas.op import FrameNeed, FrameOp, ModelRequest, Models, Neighbour, OpSpec, Read, Scope, Services, Tables
from schemas.values import UnitContext

NO_WEIGHTS = ("none", "hog")
"""Models that need no weights."""

OUTLINED = ("silhouette", "replace")
"""Modes that show people's outlines."""


class Anonymize(FrameOp):
    """Covers people, frame by frame, and verifies the result."""

    spec = OpSpec(
        name="anonymize",
        version=15,
        summary="A copy of each segment in which people are covered, or none if that cannot be vouched for.",
        scope=Scope.SEGMENT,
        reads=(
            Read("observed_frames", columns=("segment_id", "time", "source")),
            Read("detections"),
            Read("detections", Neighbour.NEXT, required=False),
            Read("second_detections", required=False, build_if_missing=True),
            Read("second_observed_frames", required=False, build_if_missing=True),
            Read("tracklets", columns=("tracklet_id", "label")),
            Read("tracklet_points"),
            Read("backgrounds", required=False, build_if_missing=True),
            Read("view_motion", columns=("views", "moves"), required=False, build_if_missing=True),
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
        """Returns the weights that verify, and those that find poses or outlines, for the modes that use them."""
        wanted: dict[str, ModelRequest] = {}
        if self.params.verify_fps > 0:
            if self.params.verify_model not in NO_WEIGHTS:
                wanted[VERIFIER] = ModelRequest(self.params.verify_model, "detect")
            if self.params.face_model not in NO_WEIGHTS:
                wanted[FACES] = ModelRequest(self.params.face_model, "face")
        if self.params.mode == "skeleton":
            wanted[POSE] = ModelRequest(self.params.pose_model, "pose", required=True)
        if self.params.mode in OUTLINED and "person" in self.params.targets and self.params.mask_model != "none":
            wanted[MASKS] = ModelRequest(self.params.mask_model, "mask", or_task="depth")
        return wanted

    def open(self, models: Models, cpus: int) -> None:
        """Loads the detectors.

        Raises:
            ModelError: weights are damaged, or for something else.
        """
        self._detectors = DetectorSet.open(self.params, models, cpus)

    def close(self) -> None:
        """Frees the detectors."""
        self._detectors = None

    @property
    def detectors(self) -> DetectorSet:
        """Returns the open detectors; ``ValueError`` before ``open``."""
        if self._detectors is None:
            raise ValueError("anonymize was not opened")
        return self._detectors

    def frame_need(self, unit: UnitContext) -> FrameNeed:  # noqa: ARG002 - every unit needs the same
        """Asks for every frame at the source's size, and for the times of those that cannot be decoded."""
        return FrameNeed(lost=True)

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> AnonymizeSession:
        """Starts a segment: gathers where people are, and the background."""
        return AnonymizeSession(self.params, self.detectors, unit, inputs, services)
