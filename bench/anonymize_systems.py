"""The clips with truth, and the site configurations, that the anonymization benchmark compares."""

from dataclasses import dataclass
from pathlib import Path

from bench.anonymized_site import Params
from bench.material import ASSETS
from bench.pets import GT_SCALE, LAST_FRAME
from bench.real_clips import PICTURES
from schemas.frame_boxes import FrameBoxes
from storage.box_files.mot import read_mot

DETECTOR, OTHER_DETECTOR = "yolo11n_int8_openvino_model", "yolox_nano.onnx"
MASKS = "../weights_more/pose_landmark_full.tflite"
POSE, FACES, OSNET = (
    "yolov8n-pose_int8_openvino_model",
    "face_detection_yunet_2026may.onnx",
    "osnet_x0_25_msmt17.onnx",
)


@dataclass(frozen=True)
class Scene:
    """A clip with truth.

    Attributes:
        clip: file below the real material's ``video/``; None for the full-size pictures of PETS, which become a clip.
        truth: folder of its MOT ground truth.
        scale: factor from the truth's pixels to the clip's.
        last: number of the frame at which the truth ends, from 1.
    """

    clip: str | None
    truth: str
    scale: float
    last: int

    @property
    def rows(self) -> FrameBoxes:
        """The true boxes."""
        return read_mot(ASSETS / "gt" / self.truth / "gt.txt").scaled(self.scale, self.scale)


SCENES = {
    "pets": Scene("pets09_s2l1_480x360.mp4", "PETS09-S2L1", GT_SCALE, LAST_FRAME),
    "campus": Scene("TUD-Campus.mp4", "TUD-Campus", 1.0, 71),
    "pets-large": Scene(None, "PETS09-S2L1", 1.0, PICTURES),
}
DEFAULT_SCENES = ("pets", "campus")


def weights(*names: str) -> list[Path]:
    """Returns the files of these weights."""
    return [ASSETS / "weights" / name for name in names]


@dataclass(frozen=True)
class System:
    """A site's weights and op parameters."""

    models: tuple[str, ...]
    ops: Params

    def at_detector_fps(self, fps: float) -> "System":
        """Returns the same system with another frame rate of the detector."""
        return System(self.models, {**self.ops, "detect": {**self.ops["detect"], "fps": fps}})


WITH_WEIGHTS = System((DETECTOR, OTHER_DETECTOR, POSE, FACES), {"detect": {"model": DETECTOR}})
WITH_YOLOX = System((DETECTOR, OTHER_DETECTOR, FACES), {"detect": {"model": OTHER_DETECTOR}})
SYSTEMS = {"weights": WITH_WEIGHTS, "no_weights": System((), {"detect": {"model": "motion"}})}

LEAKS_HALF_FPS = 5.0
"""Every second frame of PETS, whose clip declares 10 frames per second, and every fifth of TUD-Campus."""


def variants(half_fps: float) -> dict[str, System]:
    """Returns systems with other weights, with outlines, and with a detector at ``half_fps`` frames per second."""
    return {
        "outlines": System((*WITH_WEIGHTS.models, MASKS), WITH_WEIGHTS.ops),
        "yolox": WITH_YOLOX,
        "weights_half": WITH_WEIGHTS.at_detector_fps(half_fps),
        "yolox_half": WITH_YOLOX.at_detector_fps(half_fps),
    }
