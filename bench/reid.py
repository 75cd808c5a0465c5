"""Measures if people can be re-identified in anonymized video, by two networks, and if faces are found, by YuNet.

The attack uses a few crops of each person at true boxes: queries from the first half of the clip, gallery from the
second. Rank-1 is the share of queries whose nearest crop of the gallery (cosine) is of the same person.
OSNet: Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019; weights trained on MSMT17.
The stronger network is person-reidentification-retail-0287 of the Open Model Zoo; the product never uses it.

A crop shows the cover and what is around it. Two controls tell them apart: crops in which all that is not covered is
grey (``only_cover``), and crops of the empty scene at the same boxes (``only_scene``): who walks where is found by the
place alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ops.leaks import CODEC_TOLERANCE, touched_px
from schemas.frame_boxes import FrameBoxes
from schemas.values import Float32, Int64, Uint8

CROP_PX = (128, 256)
"""(width, height) of OSNet's input."""

LEAST_HEIGHT_PX = 32
FACE_SCORE = 0.6
FACE_ZOOM = 2.0
"""Enlargement of frames for YuNet, since faces in surveillance footage are small."""

RETAIL = "person-reidentification-retail-0287.xml"
"""The stronger network's file."""

UNCOVERED_GREY = 128
"""Level of all that is not covered in crops of the cover alone."""

Embed = Callable[[Uint8], Float32]
"""Maps crops ``(N, 256, 128, 3)`` BGR to unit vectors ``(N, D)``."""

_MEAN, _SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # ImageNet's, RGB


@dataclass(frozen=True)
class Samples:
    """Rows of the truth whose boxes are cropped, from the first and second half of the clip."""

    queries: FrameBoxes
    gallery: FrameBoxes

    @property
    def frames(self) -> set[int]:
        """Numbers of the frames that are needed."""
        return {*self.queries.frame.tolist(), *self.gallery.frame.tolist()}

    @property
    def chance(self) -> float:
        """Rank-1 of a random choice from the gallery."""
        same = self.queries.identity[:, None] == self.gallery.identity[None]
        return float(same.mean())


class Embedder:
    """Runs OSNet through OpenVINO.

    Args:
        weights: the ONNX file, its data beside it.
    """

    def __init__(self, weights: Path) -> None:
        import openvino

        self._network = openvino.Core().compile_model(str(weights), "CPU")

    def __call__(self, crops: Uint8) -> Float32:
        """Returns unit vectors ``(N, D)`` of crops ``(N, 256, 128, 3)`` BGR."""
        scaled = (crops[..., ::-1] / 255.0 - _MEAN) / _SPREAD
        inputs = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)
        found = np.concatenate([self._network([one[None]])[0].reshape(1, -1) for one in inputs])
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


class RetailEmbedder:
    """Runs person-reidentification-retail-0287 through OpenVINO.

    Args:
        weights: the XML file, its BIN beside it.
    """

    def __init__(self, weights: Path) -> None:
        import openvino

        self._network = openvino.Core().compile_model(str(weights), "CPU")

    def __call__(self, crops: Uint8) -> Float32:
        """Returns unit vectors ``(N, 256)`` of crops ``(N, 256, 128, 3)`` BGR."""
        inputs = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
        found = np.concatenate([self._network([one[None]])[0].reshape(1, -1) for one in inputs])
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def choose_samples(truth: FrameBoxes, size_px: tuple[int, int], middle: int, last: int, of_each: int) -> Samples:
    """Chooses boxes of people who are in both halves, evenly over time; none that the picture's edge cuts off.

    Args:
        truth: the clip's true boxes.
        size_px: (width, height) of its frames.
        middle, last: frames up to ``middle`` give queries, those after it, up to ``last``, the gallery.
        of_each: largest number of boxes per person and half.
    """
    whole = (truth.box[:, :2] >= 0).all(axis=1) & (truth.box[:, 2:] <= np.array(size_px)).all(axis=1)
    tall = truth.box[:, 3] - truth.box[:, 1] >= LEAST_HEIGHT_PX
    fit = truth.counts & whole & tall & (truth.frame <= last)
    early, late = truth.take(fit & (truth.frame <= middle)), truth.take(fit & (truth.frame > middle))
    both = np.intersect1d(early.identity, late.identity)
    return Samples(_spread(early, both, of_each), _spread(late, both, of_each))


def _spread(rows: FrameBoxes, identities: Int64, of_each: int) -> FrameBoxes:
    chosen: list[int] = []
    for identity in identities.tolist():
        of_one = np.flatnonzero(rows.identity == identity)
        of_one = of_one[np.argsort(rows.frame[of_one], kind="stable")]
        chosen += of_one[np.unique(np.linspace(0, len(of_one) - 1, of_each).round().astype(int))].tolist()
    return rows.take(np.array(chosen, np.int64))


def crops_of(frames: Mapping[int, Uint8], rows: FrameBoxes) -> Uint8:
    """What is in boxes, ``(N, 256, 128, 3)`` BGR. ``frames`` by number."""
    cut = []
    for number, box in zip(rows.frame.tolist(), rows.box, strict=True):
        frame = frames[number]
        ((x1, y1, x2, y2),) = touched_px(box[None], frame.shape).tolist()
        cut.append(cv2.resize(frame[y1:y2, x1:x2], CROP_PX, interpolation=cv2.INTER_LINEAR))
    return np.array(cut, np.uint8)


def rank_1(queries: Float32, gallery: Float32, query_identity: Int64, gallery_identity: Int64) -> float:
    """Share of queries ``(N, D)`` whose nearest of the gallery ``(M, D)`` is of the same person."""
    nearest = (queries @ gallery.T).argmax(axis=1)
    return float(np.mean(gallery_identity[nearest] == query_identity))


def roc_auc(queries: Float32, gallery: Float32, query_identity: Int64, gallery_identity: Int64) -> float:
    """Returns how often two crops of one person are more alike than two of different people (area under the ROC)."""
    alike = queries @ gallery.T
    same = query_identity[:, None] == gallery_identity[None]
    order = np.argsort(alike.ravel(), kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    hits, misses = int(same.sum()), int((~same).sum())
    return float((ranks[same.ravel()].sum() - hits * (hits + 1) / 2) / (hits * misses))


def only_covered(original: Uint8, anonymized: Uint8) -> Uint8:
    """Returns an anonymized frame ``(H, W, 3)`` in which all that is as it was filmed is grey."""
    changed = np.abs(anonymized.astype(np.int16) - original).max(axis=2) > CODEC_TOLERANCE
    # Single pixels are the encoder's, and single holes are where the cover has the colour of what it covers.
    closed = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(closed, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    return np.asarray(np.where(closed[..., None] > 0, anonymized, UNCOVERED_GREY), np.uint8)


def attacks(
    embed: Embed, original: Mapping[int, Uint8], anonymized: Mapping[int, Uint8], of: Samples
) -> dict[str, float]:
    """Returns rank-1 of anonymized queries in an original gallery and in an anonymized one."""
    queries = embed(crops_of(anonymized, of.queries))
    query_identity, gallery_identity = of.queries.identity, of.gallery.identity
    return {
        "to_original": rank_1(queries, embed(crops_of(original, of.gallery)), query_identity, gallery_identity),
        "to_anonymized": rank_1(queries, embed(crops_of(anonymized, of.gallery)), query_identity, gallery_identity),
    }


def count_faces(weights: Path, frames: Iterable[Uint8]) -> int:
    """Counts the faces that YuNet finds in all frames."""
    detector = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), FACE_SCORE)
    found = 0
    for frame in frames:
        large = cv2.resize(frame, None, fx=FACE_ZOOM, fy=FACE_ZOOM, interpolation=cv2.INTER_LINEAR)
        detector.setInputSize((large.shape[1], large.shape[0]))
        faces = detector.detect(large)[1]
        found += 0 if faces is None else len(faces)
    return found
