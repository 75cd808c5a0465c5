"""Detectors that verify: faces, and people by other weights than those that found them, or by OpenCV's HOG."""

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol

import cv2
import numpy as np

from ops.anonymize.geometry import work_size
from ops.boxes import whole_boxes
from ops.detect import hog
from ops.detect.backends import Network, open_network
from ops.detect.decode import PERSON, Boxes, Decoder, suppress
from ops.detect.tiles import Look, find_in_looks, network_pyramid, pyramid
from ops.openvino_cpu import cpu_settings, reason_of
from schemas.errors import ModelError
from schemas.values import Float32, Float64, Int64, ModelFile, Uint8

SAME_PERSON_IOU, SAME_FACE_IOU = 0.45, 0.3
"""Intersection over union above which two boxes are one person or one face."""

STRIDES = (8, 16, 32)
"""Sides of YuNet's cells, pixels; a cell gives at most one face, and frames are padded to the largest."""

WIDEST_PX = 1280
"""Width to which wider frames are reduced before faces are searched."""

MOST_SIZES = 4
"""Number of frame sizes for which compiled networks are kept: a worker handles many cameras, of few sizes."""

Found = Float64
"""``(N, 5)``: x1, y1, x2, y2 in pixels of the frame, and a score; surest first."""

LEAST_PERSON_PX = 20.0
"""Least height of a person whom tiles are to show, pixels of the frame: a head has three pixels then."""

HOG_INPUT_PX = (800, 1600)
"""Width and height that frames are fitted into for HOG. The width decides; nearly all frames are less high."""

HOG_LARGER = 2.0
"""Factor by which HOG's tiles are at least larger than the look at the whole frame; a choice, not measured."""

SURROUNDINGS, LEAST_SIDE_PX = 1.8, 32.0
"""Side of the square that is looked at around a region: multiple of the region's longer side, and least pixels."""

SHARED = 0.3
"""Share of the smaller of two boxes, a region and a person found near it, that both share if they are the same."""


class SecondDetector(Protocol):
    """Finds people, or their faces, in single frames.

    Attributes:
        sure: score from which it takes what it finds for sure.
    """

    @property
    def sure(self) -> float: ...

    def looks(self, size_px: tuple[int, int]) -> tuple[Look, ...]:
        """Returns the looks at a frame of (width, height): the whole, then tiles for people too small for that one."""

    def find(self, frame: Uint8, looks: Sequence[Look] | None = None) -> Found:
        """Returns what is in a frame ``(H, W, 3)`` BGR, however unsure; the same frame and looks give the same.

        Args:
            looks: at least one of ``looks``; None: the whole.
        """


class PeopleInLooks:
    """People by a network, one frame at a time.

    Args:
        decoder: of the network's output.
        sure: score from which it is sure.
    """

    def __init__(self, network: Network, decoder: Decoder, sure: float) -> None:
        self.sure = sure
        self._network = network
        self._decode = decoder

    def looks(self, size_px: tuple[int, int]) -> tuple[Look, ...]:
        """Returns the looks at a frame of (width, height), the whole first."""
        return network_pyramid(self._network, size_px, self._least_px(size_px))

    def find(self, frame: Uint8, looks: Sequence[Look] | None = None) -> Found:
        """Returns the people in a frame ``(H, W, 3)`` BGR."""
        chosen = self.looks((frame.shape[1], frame.shape[0]))[:1] if looks is None else looks
        people = find_in_looks(self._network, self._decode, frame, chosen)
        return _with_scores(people.xyxy, people.confidence)

    def _least_px(self, size_px: tuple[int, int]) -> float:  # noqa: ARG002 - HOG's depends on it
        """Returns the least height of a person whom tiles are to show, in a frame of (width, height)."""
        return LEAST_PERSON_PX


class NetworkPersonDetector(PeopleInLooks):
    """People by a detector's network.

    Args:
        confidence: least score, 0..1, of what is found at all.
        sure: score from which it is sure.

    Raises:
        ModelError: the weights are damaged, no detector, or do not know people.
    """

    def __init__(self, model: ModelFile, cpus: int, confidence: float = 0.05, sure: float = 0.5) -> None:
        network = open_network(model, cpus)
        if PERSON not in network.classes:
            raise ModelError(f"weights {model.name!r} do not know the class {PERSON!r}; verify with others")
        wanted = (network.classes.index(PERSON),)
        super().__init__(network, Decoder(model.layout, network.input_px, wanted, confidence, SAME_PERSON_IOU), sure)

    def score_in(self, frame: Uint8, box: Float64) -> float:
        """Returns how surely, 0..1, a person is in a box ``(4,)`` of a frame, enlarged with its surroundings."""
        side = max(float((box[2:] - box[:2]).max()) * SURROUNDINGS, LEAST_SIDE_PX)
        middle = (box[:2] + box[2:]) / 2
        size_px = (frame.shape[1], frame.shape[0])
        around = np.concatenate([middle - side / 2, middle + side / 2])
        ((x1, y1, x2, y2),) = whole_boxes(around[None], size_px).tolist()
        part = np.ascontiguousarray(frame[y1:y2, x1:x2])
        look = pyramid((x2 - x1, y2 - y1), self._network.input_px, side)[:1]
        people = find_in_looks(self._network, self._decode, part, look)
        own = people.xyxy + np.array([x1, y1, x1, y1])
        low, high = np.maximum(own[:, :2], box[:2]), np.minimum(own[:, 2:], box[2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        smaller = np.minimum((own[:, 2:] - own[:, :2]).prod(axis=1), (box[2:] - box[:2]).prod())
        return float(people.confidence[shared >= SHARED * smaller].max(initial=0.0))


class HogPersonDetector(PeopleInLooks):
    """People by HOG (``ops/detect/hog.py``), which needs no weights; what it finds at all, it is sure of."""

    def __init__(self) -> None:
        network, sure = hog.HogNetwork(HOG_INPUT_PX), hog.least_confidence()
        super().__init__(network, Decoder("yolo", network.input_px, (0,), sure, SAME_PERSON_IOU), sure)

    def _least_px(self, size_px: tuple[int, int]) -> float:
        (whole,) = network_pyramid(self._network, size_px, np.inf)
        return min(hog.LEAST_PERSON_PX, whole.least_height_px / HOG_LARGER)


def _with_scores(boxes: Float32 | Float64, scores: Float32) -> Found:
    return np.column_stack([boxes, scores]).astype(np.float64).reshape(-1, 5)


class FaceDetector:
    """Faces by YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023), in OpenVINO.

    OpenVINO takes a third of the time that OpenCV's ``FaceDetectorYN`` takes for the same boxes (docs/decisions/0015).

    Args:
        cpus: threads.

    Raises:
        ModelError: OpenVINO cannot load the weights, or they are not those of YuNet.
    """

    sure = 0.5
    """Least score, 0..1."""

    def __init__(self, model: ModelFile, cpus: int) -> None:
        import openvino as ov

        self._settings = cpu_settings(cpus)
        self._core = ov.Core()
        try:
            self._network = self._core.read_model(model.path)
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot load {model.path} as YuNet: {reason_of(error)}; fetch it again"
            ) from error
        named = {name for output in self._network.outputs for name in output.get_names()}
        if not {f"{part}_{stride}" for part in ("cls", "obj", "bbox") for stride in STRIDES} <= named:
            raise ModelError(f"{model.path} lacks the outputs of YuNet; use a face_detection_yunet file")
        self._compiled: dict[tuple[int, int], Any] = {}

    def looks(self, size_px: tuple[int, int]) -> tuple[Look, ...]:
        """Returns the look at the whole of a frame of (width, height): faces of 10 pixels are found as they are."""
        return pyramid(size_px, size_px, inf)

    def find(self, frame: Uint8, looks: Sequence[Look] | None = None) -> Found:  # noqa: ARG002 - there is one look only
        """Returns the faces in a frame ``(H, W, 3)`` BGR."""
        scale = min(1.0, WIDEST_PX / frame.shape[1])
        size = work_size(frame.shape[1], frame.shape[0], WIDEST_PX)
        small = frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        width, height = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in size)
        # Padded on the right and below, so that boxes keep their coordinates.
        padded = cv2.copyMakeBorder(small, 0, height - size[1], 0, width - size[0], cv2.BORDER_CONSTANT)
        request = self._request((width, height))
        request.infer([padded.astype(np.float32).transpose(2, 0, 1)[None]])
        faces = suppress(self._decoded(request, width), SAME_FACE_IOU)
        return _with_scores(faces.xyxy / scale, faces.confidence)

    def _request(self, size_px: tuple[int, int]) -> Any:
        """Returns the compiled network of a frame size; the last few sizes are kept."""
        request = self._compiled.pop(size_px, None)
        if request is None:
            self._network.reshape([1, 3, size_px[1], size_px[0]])
            request = self._core.compile_model(self._network, "CPU", self._settings).create_infer_request()
        self._compiled[size_px] = request
        if len(self._compiled) > MOST_SIZES:
            self._compiled.pop(next(iter(self._compiled)))  # dicts keep order, so this is the one used longest ago
        return request

    def _decoded(self, request: Any, width: int) -> Boxes:
        """Returns all faces that are sure enough, overlapping ones included, in pixels of the network's input."""
        boxes, scores = [], []
        for stride in STRIDES:
            output = {part: request.get_tensor(f"{part}_{stride}").data[0] for part in ("cls", "obj", "bbox")}
            # The score that OpenCV's FaceDetectorYN computes.
            score = np.sqrt(np.clip(output["cls"][:, 0], 0, 1) * np.clip(output["obj"][:, 0], 0, 1))
            sure = np.flatnonzero(score >= self.sure)
            boxes.append(_face_boxes(output["bbox"][sure], sure, width // stride) * stride)
            scores.append(score[sure])
        confidence = np.concatenate(scores).astype(np.float32)
        return Boxes(np.concatenate(boxes).astype(np.float32), confidence, np.zeros(len(confidence), np.int64))


def _face_boxes(offsets: Float32, cells: Int64, columns: int) -> Float32:
    """Returns corners ``(N, 4)`` in cells: offsets are centres from the cell's corner, and logarithms of sizes."""
    corner = np.stack([cells % columns, cells // columns], axis=1)
    centre, half = corner + offsets[:, :2], np.exp(offsets[:, 2:]) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
