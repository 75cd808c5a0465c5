"""Small detectors whose answer is known, as files that the backends load."""

from pathlib import Path

import cv2
import numpy as np

from ops.detect import Detect, DetectParams
from ops.detect.backends import Deliver, Network
from ops.detect.decode import Decoder
from schemas.op import DETECTOR, Tables
from schemas.values import Float32, ModelFile, Uint8
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

SIDE_PX = 64


def colour_network(folder: Path, boxes: Float32) -> ModelFile:
    """An OpenVINO detector that sees one object per box, always there, of two classes: how red, how green all is.

    Args:
        folder: where its files go.
        boxes: ``(N, 4)`` centre x, centre y, width, height in px of its 64 x 64 input.
    """
    import openvino as ov
    from openvino import opset8 as op

    image = op.parameter([1, 3, SIDE_PX, SIDE_PX], np.float32, name="images")
    means = op.reduce_mean(image, np.array([2, 3]), keep_dims=False)  # (1, 3), red first
    scores = op.reshape(op.gather(means, np.array([0, 1]), np.array(1)), np.array([1, 2, 1]), special_zero=False)
    scores = op.broadcast(scores, np.array([1, 2, len(boxes)]))
    found = op.concat([op.constant(boxes.T[None].astype(np.float32)), scores], axis=1)
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(ov.Model([op.result(found)], [image]), folder / "net.xml", compress_to_fp16=False)
    return ModelFile(
        name=folder.name,
        path=str(folder),
        format="openvino",
        task="detect",
        layout="yolo",
        sha256="0" * 64,
        licence="none",
        origin="test",
        input_px=(SIDE_PX, SIDE_PX),
        classes=("person", "plant"),
    )


CENTRE = np.array([[32, 32, 16, 8]], np.float32)


def detect(op: Detect, frames: Uint8, sizes: list[int], source_px: tuple[int, int] | None = None) -> Tables:
    """Feeds frames in batches of these sizes, again and again."""
    segment = make_segment(duration_s=len(frames) / 10, size_px=source_px or (frames.shape[2], frames.shape[1]))
    services = FakeServices()
    session = op.start(make_unit([segment]), {}, services)
    first, turn = 0, 0
    while first < len(frames):
        batch = frames[first : first + sizes[turn % len(sizes)]]
        session.feed(make_batch(batch, segment, first))
        first, turn = first + len(batch), turn + 1
    assert services.counters["detector_calls"] - services.counters["tile_calls"] == len(frames)
    return session.finish({})


def opened(params: DetectParams, model: ModelFile, cpus: int = 1) -> Detect:
    op = Detect(params)
    op.open({DETECTOR: model}, cpus)
    return op


def solid(colours: list[tuple[int, int, int]], size_px: tuple[int, int] = (64, 64)) -> Uint8:
    """Frames of one colour each, BGR."""
    return np.stack([np.full((size_px[1], size_px[0], 3), colour, np.uint8) for colour in colours])


class BrightSpots(Network):
    """Finds white rectangles at least 20 pixels high in its input, all equally sure."""

    def __init__(self, side_px: int = 320) -> None:
        model = ModelFile("spots", "", "onnx", "detect", "yolo", "0", "", "", (side_px, side_px), ("person",))
        super().__init__(model, (side_px, side_px), ("person",))
        self.calls = 0

    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        self.calls += 1
        canvas = np.zeros((self.input_px[1], self.input_px[0], 3), np.uint8)
        self._draw(frame, canvas)
        _, _, stats, _ = cv2.connectedComponentsWithStats((canvas[..., 0] > 127).astype(np.uint8), connectivity=8)
        boxes = stats[1:, :4].astype(np.float32)
        boxes = boxes[boxes[:, 3] >= 20]
        centred = np.column_stack([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:], np.full(len(boxes), 0.9)])
        rows = np.concatenate([centred, np.zeros((9, 5))])  # exactly six columns would be another layout
        deliver(rows.T[None].astype(np.float32))


def spots_decoder(network: Network) -> Decoder:
    """A decoder for its output."""
    return Decoder("yolo", network.input_px, (0,), 0.1, 0.7)


def spotted(boxes: list[tuple[int, int, int, int]], frame_px: tuple[int, int]) -> Uint8:
    """A black picture with these white boxes."""
    picture = np.zeros((frame_px[1], frame_px[0], 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        picture[y1:y2, x1:x2] = 255
    return picture
