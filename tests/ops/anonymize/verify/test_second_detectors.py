"""Second detectors: boxes in pixels of the frame, the same for the same frame; and planted leaks in real footage."""

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bench.pets import pets_truth
from ops.anonymize.cover.paint import paint_flat
from ops.anonymize.detectors import DetectorSet
from ops.anonymize.geometry import checked_head_zones, cover_boxes, covered_shares
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.verify.coverage import confirmed_cover
from ops.anonymize.verify.residual import BackgroundResidual
from ops.anonymize.verify.second_detectors import (
    FaceDetector,
    HogPersonDetector,
    NetworkPersonDetector,
)
from ops.boxes import pad
from ops.detect.decode import Boxes
from ops.detect.hog import HogPeople
from ops.masked_median import masked_median
from schemas.errors import ModelError
from schemas.op import ModelRequest
from schemas.values import Float64, ModelFile, Uint8
from storage.weights.catalogue import ModelStore
from tests.ops.networks import colour_network

GREY = np.array([[139, 116, 100]], np.uint8)


def model(path: Path, task: str = "face") -> ModelFile:
    return ModelFile(path.name, str(path), "onnx", task, "other", "0" * 64, "none", "test")  # type: ignore[arg-type]


def test_a_network_gives_people_in_pixels_of_the_frame(tmp_path: Path) -> None:
    detector = NetworkPersonDetector(
        colour_network(tmp_path / "net", np.array([[32.0, 32, 16, 32]], np.float32)), cpus=1
    )
    red, green = np.zeros((2, 128, 128, 3), np.uint8)
    red[:, :, 2], green[:, :, 1] = 255, 255
    assert detector.find(red) == pytest.approx(np.array([[48.0, 32, 80, 96, 1]]), abs=0.01)
    assert detector.find(green).shape == (0, 5)


def test_a_network_that_knows_no_people_is_refused(tmp_path: Path) -> None:
    known = colour_network(tmp_path / "net", np.array([[32.0, 32, 16, 32]], np.float32))
    other = ModelFile(**{**vars(known), "classes": ("cat", "plant")})
    with pytest.raises(ModelError, match="do not know the class 'person'"):
        NetworkPersonDetector(other, cpus=1)


def test_without_weights_hog_finds_nobody_in_an_empty_picture() -> None:
    detector = DetectorSet.open(AnonymizeParams(), {}, 1).people
    assert isinstance(detector, HogPersonDetector)
    assert detector.find(np.full((360, 480, 3), 120, np.uint8)).shape == (0, 5)
    assert detector.find(np.full((8, 480, 3), 120, np.uint8)).shape == (0, 5)


def test_a_file_that_is_no_face_detector_is_refused(tmp_path: Path) -> None:
    (tmp_path / "faces.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match="as YuNet"):
        FaceDetector(model(tmp_path / "faces.onnx"), 1)


@pytest.mark.assets
def test_hog_finds_people_in_real_footage_and_the_same_each_time(assets: Path) -> None:
    frames = [frame for number, frame in enumerate(read(assets, "TUD-Campus.mp4", 60)) if number % 20 == 0]
    detector = HogPersonDetector()
    found = [detector.find(frame) for frame in frames]
    assert sum(map(len, found)) >= 1
    assert all(((boxes[:, 2:4] > boxes[:, :2]) & (boxes[:, :2] >= 0)).all() for boxes in found)
    assert all((detector.find(frame) == boxes).all() for frame, boxes in zip(frames, found, strict=True))


@pytest.mark.assets
def test_hog_finds_people_in_tiles_who_are_too_small_in_the_whole_frame(assets: Path) -> None:
    small = [
        cv2.resize(frame, (240, 180), interpolation=cv2.INTER_AREA)
        for frame in read(assets, "pets09_s2l1_480x360.mp4", 181)[::60]
    ]
    frame = np.asarray(np.vstack([np.hstack(small[:2]), np.hstack(small[2:])]), np.uint8)
    detector = HogPersonDetector()
    whole, tiled = detector.find(frame), detector.find(frame, detector.looks((480, 360)))
    assert len(tiled) >= len(whole) + 3
    assert (tiled[:, 4] >= detector.sure).all(), "what HOG finds, it is sure of"
    assert (tiled[:, 2:4] <= [480, 360]).all() and np.median(tiled[:, 3] - tiled[:, 1]) < 45


def test_hog_enlarges_frames_at_least_twice_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[tuple[int, ...]] = []

    class Recorded(HogPeople):
        def find(self, grey: Uint8) -> Boxes:
            searched.append(grey.shape)
            return super().find(grey)

    monkeypatch.setattr("ops.detect.hog.HogPeople", Recorded)
    for size_px in ((480, 360), (1280, 720)):
        searched.clear()
        detector = HogPersonDetector()
        detector.find(np.full((size_px[1], size_px[0], 3), 120, np.uint8), detector.looks(size_px))
        assert searched[0] == (round(size_px[1] * 800 / size_px[0]), 800), "the whole frame first, as without tiles"
        assert len(searched) > 1
        assert sum(height * width for height, width in searched[1:]) >= 4 * searched[0][0] * searched[0][1]


@pytest.mark.assets
def test_faces_are_found_in_frames_of_any_size(assets: Path) -> None:
    weights = ModelStore(assets / "weights").resolve(ModelRequest("face_detection_yunet_2026may.onnx", "face"))
    assert weights is not None
    detector = FaceDetector(weights, 1)
    frame = read(assets, "TUD-Campus.mp4", 31)[-1]
    once, larger = detector.find(frame), detector.find(cv2.resize(frame, None, fx=3, fy=3))
    assert len(once) >= 1
    assert (detector.find(frame) == once).all()
    assert larger[:, :4].max() > 640, "boxes are in pixels of the frame, also where it was reduced"


def test_a_network_that_is_not_yunet_is_refused(tmp_path: Path) -> None:
    network = colour_network(tmp_path / "net", np.array([[32.0, 32, 16, 32]], np.float32))
    graph = next(Path(network.path).glob("*.xml"))
    with pytest.raises(ModelError, match="lacks the outputs of YuNet"):
        FaceDetector(model(graph), 1)


@pytest.mark.assets
def test_faces_are_those_that_opencv_finds_with_the_same_weights(assets: Path) -> None:
    weights = assets / "weights" / "face_detection_yunet_2026may.onnx"
    ours = FaceDetector(model(weights), 1)
    compared = 0
    for frame in read(assets, "TUD-Campus.mp4", 60)[::10]:
        theirs = cv2.FaceDetectorYN.create(str(weights), "", (frame.shape[1], frame.shape[0]), 0.5, 0.3, 500)
        faces = theirs.detect(frame)[1]
        sure = faces[faces[:, -1] >= 0.55]  # OpenVINO may infer in half precision: scores differ in the third digit
        boxes = np.concatenate([sure[:, :2], sure[:, :2] + sure[:, 2:4]], axis=1)
        found = ours.find(frame)[:, :4]
        apart = np.abs(boxes[:, None] - found[None]).max(axis=2)
        assert (apart.min(axis=1) < 2.0).all()
        compared += len(boxes)
    assert compared >= 15


@pytest.mark.slow
@pytest.mark.assets
def test_residual_catches_planted_leaks_in_encoded_footage(assets: Path) -> None:
    frames = read(assets, "pets09_s2l1_480x360.mp4", 400)
    truth = pets_truth(assets)
    boxes = [truth.box[truth.frame == number + 1] for number in range(len(frames))]
    background = background_of(frames, boxes)
    residual = BackgroundResidual(background, np.zeros(frames.shape[1:3], np.uint8))
    planted, masks, numbers = frames[60:160].copy(), [], range(60, 160)
    for frame, number in zip(planted, numbers, strict=True):
        bare = number % 4 == 0  # its first person is forgotten
        mask = np.zeros(frame.shape[:2], np.uint8)
        cover_boxes(mask, pad(boxes[number][int(bare) :], 0.15, 4.0))
        paint_flat(frame, mask, (139, 116, 100))
        masks.append(mask)
    caught = total = 0
    for decoded, mask, number in zip(played(planted), masks, numbers, strict=True):
        head = checked_head_zones(boxes[number][:1])
        differs = (cv2.absdiff(frames[number], background).max(axis=2) > 24).astype(np.uint8)  # not behind the sign
        if number % 4 or covered_shares(mask, head)[0] >= 0.5 or covered_shares(differs, head)[0] < 0.25:
            continue
        hit = np.zeros(mask.shape, np.uint8)
        cover_boxes(hit, residual.find(decoded, confirmed_cover(decoded, mask, GREY)))
        total, caught = total + 1, caught + int(covered_shares(hit, head)[0] >= 0.5)
    assert total >= 20
    assert caught >= 0.95 * total


def read(assets: Path, name: str, count: int) -> Uint8:
    """The first frames ``(N, H, W, 3)`` of a clip."""
    with av.open(str(assets / "video" / name)) as clip:
        return np.stack([_image(frame) for _, frame in zip(range(count), clip.decode(video=0), strict=False)])


def background_of(frames: Uint8, boxes: list[Float64]) -> Uint8:
    """The median of some frames, people left out."""
    numbers = np.linspace(0, len(frames) - 1, 40).astype(int)
    usable = np.ones((len(numbers), *frames.shape[1:3]), bool)
    for free, number in zip(usable, numbers, strict=True):
        mask = np.zeros(free.shape, np.uint8)
        cover_boxes(mask, pad(boxes[number], 0.12, 3.0))
        free[:] = mask == 0
    return masked_median(frames[numbers], usable)[0]


def played(frames: Uint8) -> Uint8:
    """Frames as they are decoded again after x264 had them."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "23", "preset": "veryfast", "threads": "1"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as shown:
        return np.stack([_image(frame) for frame in shown.decode(video=0)])


def _image(frame: av.VideoFrame) -> Uint8:
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
