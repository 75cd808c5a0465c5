"""Detectors that are able prove themselves; those that are blind, see things, or know other things do not."""

from dataclasses import replace

import numpy as np
import pytest

from bench.anonymize_systems import DETECTOR
from bench.blind import KINDS, break_detector
from ops.foreground.looks import SIDE
from ops.known_picture import PHOTOGRAPH, PHOTOGRAPH_PX
from ops.proof import is_detector, prove
from schemas.errors import ModelError
from storage.photographs import read_photograph
from storage.weights.catalogue import ModelStore
from tests.ops.depth_models.models import described, floor_graph, red_graph
from tests.ops.known_people import KNOWN_BUSES, KNOWN_PEOPLE, constant_detector
from tests.ops.mask_networks import constant_masks

ABLE = {
    DETECTOR: "18 of 18 people",
    "yolov8n_int8_openvino_model": "18 of 18 people",
    "yolox_nano.onnx": "18 of 18 people",
    "yolov8n-pose_int8_openvino_model": "18 of 18 people",
    "face_detection_yunet_2026may.onnx": "18 of 18 faces",
}
GRID = np.array([[x, y, x + 54, y + 158] for x in range(0, 756, 27) for y in range(0, 922, 79)], np.float64)
"""Boxes of a person's size all over the picture, half over each other."""

PERSON_ANYWHERE = np.full((SIDE, SIDE), -5.0, np.float32)
PERSON_ANYWHERE[26:230, 108:148] = 5.0
PERSON_ANYWHERE[60:80, 70:186] = 5.0


@pytest.fixture(scope="module")
def photograph():
    return read_photograph(PHOTOGRAPH, PHOTOGRAPH_PX)


@pytest.mark.assets
@pytest.mark.parametrize("name", ABLE)
def test_weights_that_see_prove_it(assets, tmp_path, photograph, name):
    proof = prove(ModelStore(tmp_path).describe(assets / "weights" / name), photograph)
    assert (proof.verdict, proof.result) == ("able", f"it found {ABLE[name]} on the known picture")


@pytest.mark.assets
def test_a_network_that_cuts_people_out_proves_it(assets, tmp_path, photograph):
    proof = prove(ModelStore(tmp_path).describe(assets / "weights_more" / "pose_landmark_full.tflite"), photograph)
    assert (proof.verdict, proof.result) == ("able", "it found 18 of 18 people on the known picture")


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        (np.full((SIDE, SIDE), -5.0, np.float32), "0 of 18 people on the known picture, and 0 boxes elsewhere"),
        (np.full((SIDE, SIDE), 5.0, np.float32), "0 of 18 people on the known picture, and 0 boxes elsewhere"),
        (PERSON_ANYWHERE, "18 of 18 people on the known picture, and 27 boxes elsewhere"),
    ],
    ids=["nothing", "everything", "the-same-person-everywhere"],
)
def test_a_network_that_cuts_out_wrongly_is_broken(tmp_path, photograph, logits, said):
    proof = prove(constant_masks(tmp_path / "net", logits), photograph)
    assert proof.verdict == "broken" and said in proof.result


@pytest.mark.parametrize("values", ["red", "row"])
def test_a_network_for_depth_that_cuts_nobody_out_is_broken(tmp_path, photograph, values):
    """Of a network for depth the red of a picture, or the same floor everywhere: nobody is nearer than the scene."""
    path = red_graph(tmp_path / "net") if values == "red" else floor_graph(tmp_path / "net")
    proof = prove(described(path, input_px=(64, 48), resize="stretch"), photograph)
    assert proof.verdict == "broken" and "of 18 people on the known picture" in proof.result


@pytest.mark.assets
@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_that_fails_silently_is_broken(assets, tmp_path, photograph, kind):
    path = break_detector(assets / "weights" / DETECTOR, tmp_path / kind, kind)
    proof = prove(ModelStore(tmp_path).describe(path), photograph)
    assert proof.verdict == "broken" and "expected are at least 14" in proof.result


@pytest.mark.parametrize(
    ("boxes", "score", "verdict", "said"),
    [
        (KNOWN_PEOPLE, 0.9, "able", "18 of 18 people"),
        (KNOWN_PEOPLE[:14], 0.9, "able", "14 of 18"),
        (KNOWN_PEOPLE[:13], 0.9, "broken", "13 of 18 people on the known picture, and 0 boxes elsewhere"),
        (KNOWN_PEOPLE, 0.2, "broken", "0 of 18"),
        (KNOWN_PEOPLE + np.array([0, 100, 0, 100]), 0.9, "broken", "0 of 18"),
        (KNOWN_PEOPLE[[0] * 18], 0.9, "broken", "1 of 18"),
        (np.empty((0, 4)), 0.9, "broken", "0 of 18 people on the known picture, and 0 boxes elsewhere"),
        (np.concatenate([KNOWN_PEOPLE, GRID]), 0.9, "broken", "at most 9 boxes elsewhere"),
    ],
    ids=["all", "enough", "too-few", "unsure", "shifted", "one", "nothing", "everywhere"],
)
def test_known_people_must_be_found_and_little_else(tmp_path, photograph, boxes, score, verdict, said):
    proof = prove(constant_detector(tmp_path / "net.onnx", boxes, score=score), photograph)
    assert proof.verdict == verdict and said in proof.result


@pytest.mark.parametrize(
    ("boxes", "name", "verdict"),
    [(KNOWN_BUSES, "bus", "able"), (KNOWN_PEOPLE, "bus", "broken"), (KNOWN_BUSES, "boat", "unproven")],
)
def test_weights_that_know_no_people_prove_themselves_on_buses_or_not_at_all(
    tmp_path, photograph, boxes, name, verdict
):
    proof = prove(constant_detector(tmp_path / "net.onnx", boxes, name), photograph)
    assert (proof.verdict, proof.classes) == (verdict, (name,))
    assert verdict != "unproven" or "it knows boat" in proof.result


def test_weights_of_unknown_layout_cannot_be_detectors(tmp_path, photograph):
    model = replace(constant_detector(tmp_path / "net.onnx", KNOWN_PEOPLE), layout="other")
    with pytest.raises(ModelError, match="unknown layout"):
        prove(model, photograph)


def test_weights_for_depth_are_no_detectors(tmp_path):
    model = constant_detector(tmp_path / "net.onnx", KNOWN_PEOPLE)
    assert is_detector(model) and not is_detector(replace(model, task="depth"))
