"""Detectors that ``anonymize`` opens: those that verify encoded frames, and one that finds poses."""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.anonymize.cover.skeleton import PoseFinder
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.anonymize.verify.second_detectors import FaceDetector, HogPersonDetector, NetworkPersonDetector, SecondDetector
from ops.boxes import iou_matrix, pad, size
from ops.detect.letterbox import PAD_GREY
from ops.foreground.looks import MaskFinder
from ops.foreground.networks import open_masks
from ops.pose_network import open_pose
from schemas.op import Models
from schemas.values import Float64, Uint8

VERIFIER, FACES, POSE, MASKS = "verifier", "faces", "pose", "masks"
"""Roles of weights."""

HOG = "HOG"
"""Name of the second detector that needs no weights."""


BACKGROUND_PAD = 0.15
"""Padding of people in a background, on every side, as a share of their size."""


BACKGROUND_SCORE = 0.1
"""Score from which something in a background is taken for a person. Measured-real on the backgrounds of eight clips of
the test material that show nobody, with yolo11n, yolov8n and YOLOX-Nano in tiles: 9 boxes reach it, in three clips."""


LARGE_SHARE = 0.25
"""Share of a background from which what looks like a person is looked at once more, from afar: taken for one in error,
it would leave little that the background can vouch for. Measured-real with YOLOX-Nano: a street that reads as a person
of .15 is none from afar; 68 of 68 people cut out of TUD-Campus to fill a picture are found again."""

AFAR_SCORE, SAME_IOU = 0.05, 0.3
"""Score and intersection over union from which it is found again."""


@dataclass(frozen=True)
class DetectorSet:
    """Open detectors.

    Attributes:
        people, faces: verify what was encoded; None: not used.
        pose: finds poses, for the mode ``skeleton``.
        masks: cuts people out, for the mode ``silhouette`` where no background vouches; None: not used.
        models: the weights of all of them, by role.
    """

    people: SecondDetector | None
    faces: SecondDetector | None
    pose: PoseFinder | None
    masks: MaskFinder | None
    models: Models

    @classmethod
    def open(cls, params: AnonymizeParams, models: Models, cpus: int) -> "DetectorSet":
        """Loads the detectors that the parameters ask for, as far as there are weights for them.

        Raises:
            ModelError: weights are damaged, or for something else.
        """
        verifies = params.verify_fps > 0 and not PEOPLE.isdisjoint(params.targets)
        people: SecondDetector | None = None
        if verifies and params.verify_model != "none":
            people = NetworkPersonDetector(models[VERIFIER], cpus) if VERIFIER in models else HogPersonDetector()
        faces = FaceDetector(models[FACES], cpus) if verifies and FACES in models else None
        pose = open_pose(models[POSE], cpus) if params.mode == "skeleton" else None
        masks = open_masks(models[MASKS], params.mask_depth_threshold) if MASKS in models else None
        return cls(people, faces, pose, masks, models)

    def people_in(self, background: Uint8) -> Float64:
        """Returns padded boxes ``(N, 4)`` of whatever looks like a person or a face in a background, however unsure.

        Args:
            background: ``(H, W, 3)`` BGR.
        """
        found = [_confirmed(each, background) for each in (self.people, self.faces) if each is not None]
        return pad(np.concatenate([np.empty((0, 4)), *found]), BACKGROUND_PAD, 2.0)

    @property
    def judges(self) -> NetworkPersonDetector | None:
        """Returns the network that judges regions in which nobody was found; None without one."""
        return self.people if isinstance(self.people, NetworkPersonDetector) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the names of the detectors that verify, as in the column ``verified_by``."""
        people = self.models[VERIFIER].name if VERIFIER in self.models else HOG
        found = (f"detector {people}",) if self.people is not None else ()
        return (*found, f"face {self.models[FACES].name}") if self.faces is not None else found


def _confirmed(detector: SecondDetector, background: Uint8) -> Float64:
    """Returns the boxes ``(N, 4)`` of what a detector takes for a person in a background, from afar too if large."""
    found = detector.find(background, detector.looks((background.shape[1], background.shape[0])))
    boxes = found[found[:, 4] >= BACKGROUND_SCORE, :4]
    large = size(boxes).prod(axis=1) >= LARGE_SHARE * background.shape[0] * background.shape[1]
    if not large.any():
        return boxes
    margin = max(background.shape[:2]) // 2
    bordered = cv2.copyMakeBorder(
        background, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(PAD_GREY,) * 3
    )
    afar = detector.find(np.asarray(bordered, np.uint8))
    again = iou_matrix(boxes + margin, afar[afar[:, 4] >= AFAR_SCORE, :4]) >= SAME_IOU
    return np.asarray(boxes[~large | again.any(axis=1)])
