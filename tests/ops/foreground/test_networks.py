"""Networks are distinguished by their inputs and outputs, and cut real people out."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.real_clips import load_frames
from ops.foreground.blazepose import BlazePose
from ops.foreground.looks import Square
from ops.foreground.matting import RobustMatting
from ops.foreground.networks import open_masks
from ops.foreground.u2net import U2Net
from schemas.values import ModelFile, Uint8
from storage.box_files.mot import read_mot
from storage.weights.catalogue import ModelStore

pytestmark = pytest.mark.assets


def model_of(assets: Path, tmp_path: Path, name: str) -> ModelFile:
    """Known weights, OpenVINO IR in a folder of its own as `models import` wants it."""
    source = assets / "weights_more" / name
    if source.suffix != ".xml":
        return ModelStore(tmp_path).describe(source)
    folder = tmp_path / source.stem
    folder.mkdir()
    for part in (source, source.with_suffix(".bin")):
        (folder / part.name).symlink_to(part)
    return ModelStore(tmp_path / "none").describe(folder)


@pytest.fixture(scope="module")
def campus(assets: Path) -> tuple[Uint8, Uint8]:
    """The first two frames of people who walk by, at half their size."""
    first, second = load_frames(assets / "video" / "TUD-Campus.mp4", 2)
    return cv2.pyrDown(first), cv2.pyrDown(second)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "kind", "licence"),
    [
        ("pose_landmark_full.tflite", BlazePose, "Apache-2.0"),
        ("rvm_mobilenetv3.xml", RobustMatting, "GPL-3.0"),
        ("u2netp.onnx", U2Net, "Apache-2.0"),
    ],
)
def test_known_networks_are_distinguished_and_their_licences_are_listed(
    assets: Path, tmp_path: Path, name: str, kind: type, licence: str
) -> None:
    model = model_of(assets, tmp_path, name)
    assert (model.task, model.licence, model.classes) == ("mask", licence, ("person",) if kind is not U2Net else ())
    assert isinstance(open_masks(model), kind)


def test_matting_finds_the_people_of_a_frame_and_remembers(
    assets: Path, tmp_path: Path, campus: tuple[Uint8, Uint8]
) -> None:
    network = open_masks(model_of(assets, tmp_path, "rvm_mobilenetv3.xml"))
    assert isinstance(network, RobustMatting)
    truth = read_mot(assets / "gt" / "TUD-Campus" / "gt.txt")
    boxes = np.zeros(campus[1].shape[:2], bool)
    for x1, y1, x2, y2 in (truth.box[truth.frame == 2] / 2).astype(int).tolist():
        boxes[max(y1, 0) : y2, max(x1, 0) : x2] = True
    network.find(campus[0])
    remembered = network.find(campus[1])
    assert remembered.shape == boxes.shape and remembered.min() >= 0 and remembered.max() <= 1
    assert boxes[remembered > 0.5].mean() > 0.9, "people are in boxes"
    network.reset()
    alone = network.find(campus[1])
    assert np.abs(alone - remembered).max() > 0.05
    network.reset()
    assert (network.find(campus[1]) == alone).all()
    assert network.find(np.ascontiguousarray(campus[1][:200, :200])).shape == (200, 200), "another size starts anew"


def test_the_salient_object_of_a_picture_is_found(assets: Path, tmp_path: Path) -> None:
    network = open_masks(model_of(assets, tmp_path, "u2netp.onnx"))
    assert isinstance(network, U2Net)
    frame = np.full((240, 320, 3), 200, np.uint8)
    cv2.circle(frame, (160, 120), 60, (30, 40, 160), cv2.FILLED)
    found = network.find(frame)
    assert found[120, 160] > 0.9 and found[10, 10] < 0.1
    dark = network.look(np.zeros_like(frame), Square(60, 20, 200))
    assert np.isfinite(dark.logits).all() and dark.logits.shape == (256, 256)
