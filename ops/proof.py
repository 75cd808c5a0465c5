"""A detector's proof: it finds the known people of the known picture, and little else.

A detector that finds nobody looks like a quiet night (docs/decisions/0022). People prove detectors and pose networks,
faces prove face detectors, and buses prove detectors that know no people. A network that cuts people out must do so in
the boxes of known people, and not where nobody is; so must one for depth, if its depth is to cut people out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.anonymize.cover.outlines import OutlineCover
from ops.anonymize.verify.second_detectors import FaceDetector
from ops.boxes import iou_matrix
from ops.detect.backends import Network, open_network
from ops.detect.decode import PERSON, Decoder
from ops.detect.tiles import find_in_looks, network_pyramid
from ops.foreground.looks import MaskFinder
from ops.foreground.networks import open_masks
from ops.known_picture import BUSES, FACES, NOBODY, PEOPLE, Subject, draw_known_picture, known_boxes
from schemas.values import Float32, Float64, ModelFile, Uint8

BUS = "bus"

SCORE = 0.25
"""Least score of a box that counts, 0..1. Of yolo11n, yolov8n, yolov8n-pose and YOLOX-Nano, the least score of a known
person on the known picture is .56."""

SAME_IOU, NEAR_IOU = 0.5, 0.3
"""Least overlap of a box with a known one that it finds, and below which it is elsewhere."""

LEAST_FOUND = 0.75
"""Share of the known things that an able detector finds at least. Measured-real with those networks and YuNet: all of
them; with yolo11n broken in the five ways of ``bench/blind.py``: 8 of 18 at most."""

MOST_ELSEWHERE = 0.5
"""Most boxes elsewhere, as a share of the number of known things. Measured-real with those networks and YuNet: none."""

Verdict = Literal["able", "broken", "unproven"]


@dataclass(frozen=True)
class Proof:
    """What the known picture says about a detector.

    Attributes:
        verdict: ``unproven``: the picture shows nothing that it knows.
        result: what was expected, and what it found.
        classes: names of the classes that it knows; empty for face detectors.
    """

    model: ModelFile
    verdict: Verdict
    result: str
    classes: tuple[str, ...] = ()


def is_detector(model: ModelFile) -> bool:
    """Returns whether weights find people or things, so that they can prove themselves."""
    return model.task in ("detect", "pose", "mask", "face")


def prove(model: ModelFile, photograph: Uint8, cpus: int = 1) -> Proof:
    """Shows the known picture to a detector.

    A network for depth cuts people out with Otsu's threshold here, whatever a site gives by hand for its own scenes.

    Args:
        photograph: ``(H, W, 3)`` BGR; see ``draw_known_picture``.
        cpus: threads.

    Raises:
        ModelError: the weights cannot be loaded as a detector.
    """
    picture = draw_known_picture(photograph)
    if model.task == "face":
        return _judge(model, FACES, FaceDetector(model, cpus).find(picture)[:, :4])
    if model.task in ("mask", "depth"):
        return _judge(model, PEOPLE, _cut_out(open_masks(model), picture))
    network = open_network(model, cpus)
    # Pose networks find people and nothing else, whatever their metadata call them.
    name = PERSON if model.task == "pose" else next((name for name in (PERSON, BUS) if name in network.classes), None)
    if name is None:
        known = ", ".join(network.classes) or "nothing by name"
        return Proof(
            model, "unproven", f"it knows {known}, and the known picture shows people and buses", network.classes
        )
    index = network.classes.index(name) if name in network.classes else 0
    subject = PEOPLE if name == PERSON else BUSES
    return _judge(model, subject, _boxes(network, model.layout, index, picture), network.classes)


def _boxes(network: Network, layout: str, index: int, picture: Uint8) -> Float32:
    """Returns the boxes ``(N, 4)`` of one class in a look at the whole picture."""
    decoder = Decoder(layout, network.input_px, (index,), SCORE, SAME_IOU)
    looks = network_pyramid(network, (picture.shape[1], picture.shape[0]), np.inf)
    return find_in_looks(network, decoder, picture, looks).xyxy


def _cut_out(finder: MaskFinder, picture: Uint8) -> Float64:
    """Returns the boxes ``(N, 4)``, of people and of places without anybody, in which somebody is cut out."""
    boxes = np.concatenate([known_boxes(PEOPLE.whole), known_boxes(NOBODY)])
    mask = np.zeros(picture.shape[:2], np.uint8)
    return boxes[[OutlineCover(finder).add(mask, picture, box[None], 1, 0)[0] for box in boxes]]


def _judge(model: ModelFile, subject: Subject, boxes: Float32 | Float64, classes: tuple[str, ...] = ()) -> Proof:
    whole = known_boxes(subject.whole)
    overlaps = iou_matrix(np.concatenate([whole, known_boxes(subject.cut_off)]), np.asarray(boxes, np.float64))
    hits = int((overlaps[: len(whole)].max(axis=1, initial=0) >= SAME_IOU).sum())
    elsewhere = int((overlaps.max(axis=0, initial=0) < NEAR_IOU).sum())
    least, most = int(np.ceil(LEAST_FOUND * len(whole))), int(MOST_ELSEWHERE * len(whole))
    result = f"it found {hits} of {len(whole)} {subject.plural} on the known picture"
    if hits >= least and elsewhere <= most:
        return Proof(model, "able", result, classes)
    expected = f"expected are at least {least}, and at most {most} boxes elsewhere"
    return Proof(model, "broken", f"{result}, and {elsewhere} boxes elsewhere; {expected}", classes)
