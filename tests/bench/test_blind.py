"""Broken detectors fail in the way of their name, and look like any other weights."""

import numpy as np
import pytest

from bench.anonymize_systems import DETECTOR
from bench.blind import KINDS, LARGE_PX, break_detector
from storage.weights.files import read_model_facts

pytestmark = [pytest.mark.assets, pytest.mark.slow]


@pytest.fixture(scope="module")
def outputs(assets, tmp_path_factory):
    """Returns the output of the network and of each broken one on the first picture of PETS."""
    import cv2
    import openvino as ov

    source = assets / "weights" / DETECTOR
    image = cv2.resize(cv2.imread(str(assets / "video" / "PETS09-S2L1" / "img1" / "000001.jpg")), (640, 640))
    given = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    folder = tmp_path_factory.mktemp("broken")
    paths = {"as it is": source} | {kind: break_detector(source, folder / kind, kind) for kind in KINDS}
    assert {read_model_facts(path).layout for path in paths.values()} == {"yolo"}
    core = ov.Core()
    return {name: core.compile_model(next(path.glob("*.xml")), "CPU")(given)[0][0] for name, path in paths.items()}


def surest(output):
    return output[:4, output[4] > 0.5]


def test_the_network_finds_people_and_the_blind_one_nothing(outputs):
    assert surest(outputs["as it is"]).shape[1] > 0
    assert not outputs["nothing"].any()


def test_boxes_are_shifted(outputs):
    moved = surest(outputs["shifted"]) - surest(outputs["as it is"])
    assert moved.mean(axis=1) == pytest.approx([120, 90, 0, 0], abs=1e-3)


def test_only_some_people_are_found(outputs):
    normal = surest(outputs["as it is"])
    assert surest(outputs["only-large"]).shape[1] == (normal[3] > LARGE_PX).sum() == 0
    assert surest(outputs["left-half"]).shape[1] == (normal[0] < 320).sum() < normal.shape[1]


def test_people_are_called_something_else(outputs):
    assert outputs["other-classes"][83] == pytest.approx(outputs["as it is"][4])
    assert outputs["other-classes"][4].max() < 0.25
