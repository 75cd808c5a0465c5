"""``detect``: people, vehicles and bags in the frames of a segment, by a network, or by motion where there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from ops.detect.backends import Network, open_network
from ops.detect.decode import Boxes, Decoder
from ops.detect.letterbox import Fit, fit_into, to_source
from ops.detect.motion import MOTION_WIDTH_PX, MotionParams, find_movers
from ops.detect.motion_buffer import MotionBuffer
from schemas.errors import ModelError
from schemas.op import (
    DETECTOR,
    FrameNeed,
    FrameOp,
    FrameSession,
    ModelRequest,
    Models,
    OpSpec,
    Scope,
    Services,
    Tables,
)
from schemas.tables import TABLES
from schemas.values import Float32, FrameBatch, Int64, Segment, UnitContext

MOTION = "motion"


@dataclass(frozen=True)
class DetectParams:
    """Parameters of ``detect``."""

    model: str = field(
        default="auto",
        metadata={
            "doc": "name of the weights; 'auto': the best at hand, else motion; 'motion': none, fixed cameras only"
        },
    )
    fps: float = field(default=10.0, metadata={"doc": "at most so many frames a second are looked at"})
    classes: tuple[str, ...] = field(
        default=(
            "person",
            "bicycle",
            "car",
            "motorcycle",
            "bus",
            "truck",
            "backpack",
            "handbag",
            "suitcase",
            "dog",
        ),
        metadata={"doc": "classes to find, by the names that the weights use; motion finds only persons"},
    )
    confidence: float = field(
        default=0.1,
        metadata={"doc": "least score kept, 0..1; low, because the tracker uses weak boxes to keep tracks alive"},
    )
    iou: float = field(
        default=0.7, metadata={"doc": "boxes of one class that overlap by more than this, 0..1, are one"}
    )
    motion_min_height: float = field(
        default=0.05, metadata={"doc": "motion: least height of a person, as a share of the frame's height"}
    )


class Detect(FrameOp):
    """Detection with OpenVINO, ONNX or Ultralytics weights; without any, background subtraction on fixed cameras."""

    spec = OpSpec(
        name="detect",
        version=2,
        summary="Finds people, vehicles and bags, frame by frame.",
        scope=Scope.SEGMENT,
        reads=(),
        writes=("detections", "observed_frames"),
        params=DetectParams,
        uses=("fixed",),
        memory_mb=900,
    )
    params: DetectParams

    def __init__(self, params: DetectParams) -> None:
        super().__init__(params)
        self._network: Network | None = None
        self._decoder: Decoder | None = None

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        return {} if self.params.model == MOTION else {DETECTOR: ModelRequest(self.params.model, "detect")}

    def open(self, models: Models, cpus: int) -> None:
        model = models.get(DETECTOR)
        if model is None:
            return
        self._network = open_network(model, cpus)
        classes = self._network.classes
        wanted = tuple(index for index, name in enumerate(classes) if name in self.params.classes)
        if not wanted:
            raise ModelError(
                f"weights {model.name!r} know none of the classes {', '.join(self.params.classes)}, "
                f"but {', '.join(classes) or 'none by name'}; set classes under [ops.detect]"
            )
        layout: Literal["yolo", "yolox"] = "yolox" if model.layout == "yolox" else "yolo"
        self._decoder = Decoder(layout, self._network.input_px, wanted, self.params.confidence, self.params.iou)

    def close(self) -> None:
        self._network = self._decoder = None

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        if self._network is not None:
            # The network sees no more than its input, so larger frames are made smaller where they are decoded.
            return FrameNeed(self.params.fps, self._network.input_px[0])
        return FrameNeed(self.params.fps, MOTION_WIDTH_PX) if unit.camera.fixed else None

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        if self._network is not None and self._decoder is not None:
            return NetworkSession(unit.segment, self._network, self._decoder, services)
        return MotionSession(unit.segment, MotionParams(self.params.motion_min_height), self.params.confidence)


class NetworkSession(FrameSession):
    """One segment through a network. Outputs arrive in any order and are put in place by the frame's number."""

    def __init__(self, segment: Segment, network: Network, decoder: Decoder, services: Services) -> None:
        self._segment = segment
        self._network = network
        self._decoder = decoder
        self._services = services
        self._frames = _SeenFrames()
        self._found: dict[int, Boxes] = {}

    def feed(self, batch: FrameBatch) -> None:
        height, width = batch.frames.shape[1:3]
        fit = fit_into((width, height), self._network.input_px, self._network.centred)
        for number, frame in enumerate(batch.frames, start=len(self._frames.pts)):
            self._network.submit(frame, partial(self._receive, number, fit))
        self._frames.add(batch)
        self._services.count("detector_calls", len(batch))

    def _receive(self, number: int, fit: Fit, output: Float32) -> None:
        found = self._decoder(output)
        boxes = to_source(found.xyxy, fit, (self._segment.width, self._segment.height))
        self._found[number] = Boxes(boxes, found.confidence, found.classes)

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        self._network.wait()
        found = [self._found[number] for number in range(len(self._frames.pts))]
        return _tables(self._segment, self._frames, found, self._network.classes, "model")

    def abandon(self) -> None:
        self._network.wait()  # or the next segment's network would still be busy with this one


class MotionSession(FrameSession):
    """One segment of a fixed camera by motion alone: looked at as a whole at its end, see ``motion.py``."""

    def __init__(self, segment: Segment, params: MotionParams, confidence: float) -> None:
        self._segment = segment
        self._params = params
        self._confidence = confidence
        self._frames = _SeenFrames()
        self._buffer = MotionBuffer()
        self._found: list[Boxes] = []

    def feed(self, batch: FrameBatch) -> None:
        self._frames.add(batch)
        for frame in batch.frames:
            if self._buffer.full:
                self._look()
            self._buffer.add(frame)

    def _look(self) -> None:
        source_px = (self._segment.width, self._segment.height)
        self._found += find_movers(self._buffer, source_px, self._params)
        self._buffer = MotionBuffer()

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        self._look()
        sure = [found.take((found.confidence >= self._confidence).nonzero()[0]) for found in self._found]
        return _tables(self._segment, self._frames, sure, ("person",), "motion")


class _SeenFrames:
    """PTS and times of the frames that were looked at, in order."""

    def __init__(self) -> None:
        self.pts: list[int] = []
        self.times_us: list[int] = []

    def add(self, batch: FrameBatch) -> None:
        self.pts += batch.pts.tolist()
        self.times_us += batch.times_us.tolist()


def _tables(
    segment: Segment, frames: _SeenFrames, found: Sequence[Boxes], classes: Sequence[str], source: str
) -> Tables:
    """The tables ``detections`` and ``observed_frames`` from the boxes of each frame, in px of the source."""
    drawn = [boxes.take(_visible(boxes)) for boxes in found]
    numbers = [number for number, boxes in enumerate(drawn) for _ in range(len(boxes))]
    rows = len(numbers)
    edges = [edge for boxes in drawn for edge in boxes.xyxy.tolist()]
    detections = TABLES["detections"].conform(
        {
            "camera": [segment.camera] * rows,
            "segment_id": [segment.segment_id] * rows,
            "time": [frames.times_us[number] for number in numbers],
            "pts": [frames.pts[number] for number in numbers],
            "detection": range(rows),
            "label": [classes[index] for boxes in drawn for index in boxes.classes.tolist()],
            "confidence": [score for boxes in drawn for score in boxes.confidence.tolist()],
            **{name: [edge[side] for edge in edges] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": [source] * rows,
        }
    )
    seen = TABLES["observed_frames"].conform(
        {
            "camera": [segment.camera] * len(drawn),
            "segment_id": [segment.segment_id] * len(drawn),
            "time": frames.times_us,
            "pts": frames.pts,
            "detections": [len(boxes) for boxes in drawn],
            "source": [source] * len(drawn),
        }
    )
    return {"detections": detections, "observed_frames": seen}


def _visible(boxes: Boxes) -> Int64:
    """Rows of boxes that are at least one pixel wide and tall, once they are clipped to the frame."""
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    return np.nonzero((sides >= 1).all(axis=1))[0]
