"""Poses are found in enlarged crops and mapped back into the frame."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.anonymize.cover.skeleton import SURE
from ops.detect.backends import Deliver, Network
from ops.pose_network import POINTS, YoloPose, open_pose
from schemas.errors import ModelError
from schemas.op import ModelRequest
from schemas.values import Float32, Float64, ModelFile, Uint8
from storage.weights.catalogue import ModelStore

ANY = ModelFile("pose", "pose", "onnx", "pose", "yolo", "0" * 64, "none", "test", (640, 640), ("person",))


class SeesMagenta(Network):
    """Finds every magenta rectangle; its corners and centre line are the key points."""

    def __init__(self, numbers: int = 56) -> None:
        super().__init__(ANY, (640, 640), ("person",))
        self.pictures: list[Uint8] = []
        self._numbers = numbers

    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        self.pictures.append(frame.copy())
        magenta = (frame[..., 0] > 200) & (frame[..., 1] < 60) & (frame[..., 2] > 200)
        _, _, stats, _ = cv2.connectedComponentsWithStats(magenta.astype(np.uint8), connectivity=8)
        rows = np.zeros((8400, self._numbers), np.float32)
        for number, (x, y, width, height, area) in enumerate(stats[1:]):
            if area < 50:
                continue
            rows[number, :5] = x + width / 2, y + height / 2, width, height, 0.9
            places = [(x + width / 2, y + height * share, 0.8) for share in np.linspace(0, 1, POINTS)]
            if self._numbers == 56:
                rows[number, 5:] = np.array(places).ravel()
        deliver(np.asarray(rows.T[None], np.float32))


def scene(boxes: Float64) -> Uint8:
    frame = np.full((480, 720, 3), 90, np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int):
        frame[max(y1, 0) : y2, max(x1, 0) : x2] = (255, 0, 255)
    return frame


@pytest.mark.parametrize("count", [1, 2, 5, 9, 11])
def test_everybody_gets_their_own_key_points(count: int) -> None:
    corners = np.array([[30 + 62 * (n % 11), 40 + 100 * (n % 4)] for n in range(count)], np.float64)
    boxes = np.concatenate([corners, corners + np.array([18, 50])], axis=1)
    network = SeesMagenta()
    poses = YoloPose(network).find(scene(boxes), boxes)
    assert poses.shape == (count, POINTS, 3)
    assert len(network.pictures) == -(-count // 9)
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    assert np.abs(poses[:, :, 0] - centre[:, None]).max() < 1.5
    assert np.abs(poses[:, 0, 1] - boxes[:, 1]).max() < 1.5
    assert np.abs(poses[:, -1, 1] - boxes[:, 3]).max() < 1.5
    assert (poses[:, :, 2] > SURE).all()


def test_nobody_in_a_box_has_no_sure_point() -> None:
    boxes = np.array([[100, 100, 130, 180], [-90, -90, -20, -20], [800, 10, 820, 60.0]])
    poses = YoloPose(SeesMagenta()).find(scene(np.empty((0, 4))), boxes)
    assert not poses[:, :, 2].any()
    assert YoloPose(SeesMagenta()).find(scene(np.empty((0, 4))), np.empty((0, 4))).shape == (0, POINTS, 3)


def test_a_neighbour_in_the_crop_is_not_taken_for_the_one_who_was_asked_for() -> None:
    both = np.array([[100, 100, 130, 180], [138, 150, 150, 178.0]])
    poses = YoloPose(SeesMagenta()).find(scene(both), both[:1])
    assert abs(poses[0, 8, 0] - 115) < 2
    nobody = YoloPose(SeesMagenta()).find(scene(both[1:]), both[:1])
    assert not nobody[:, :, 2].any()


def test_one_at_the_edge_of_the_picture_is_found() -> None:
    boxes = np.array([[-10, -20, 30, 80], [700, 400, 740, 500.0]])
    poses = YoloPose(SeesMagenta()).find(scene(boxes), boxes)
    assert (poses[:, :, 2] > SURE).all()
    assert abs(poses[0, -1, 1] - 80) < 2
    assert abs(poses[1, 0, 1] - 400) < 2


def test_weights_that_find_no_poses_are_refused() -> None:
    with pytest.raises(ModelError, match="not the 56 of 17 COCO key points"):
        YoloPose(SeesMagenta(84)).find(scene(np.empty((0, 4))), np.array([[10, 10, 50, 90.0]]))
    with pytest.raises(ModelError, match="find no poses"):
        open_pose(ModelFile("net", "net", "onnx", "detect", "yolo", "0" * 64, "none", "test"), 1)


@pytest.mark.assets
def test_real_weights_find_people_who_are_small(assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    model = ModelStore(tmp_path).resolve(ModelRequest("auto", "pose"))
    assert model is not None
    frame = cv2.imread(str(assets / "video/PETS09-S2L1/img1/000001.jpg"))
    truth = np.loadtxt(assets / "gt/PETS09-S2L1/gt.txt", delimiter=",")
    rows = truth[truth[:, 0] == 1]
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    poses = open_pose(model, 2).find(np.asarray(frame, np.uint8), boxes)
    found = (poses[:, :, 2] > SURE).sum(axis=1) >= 10
    assert found.mean() >= 0.6
    one: Float32 = poses[found][0]
    shoulders, ankles = one[[5, 6], 1].mean(), one[[15, 16], 1].mean()
    assert shoulders < ankles
