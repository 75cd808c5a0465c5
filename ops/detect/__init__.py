"""Op ``detect``: finds people, vehicles and bags in a segment's frames, by a network, or by motion without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ops.detect.backends import Network, open_network
from ops.detect.decode import Boxes, Decoder
from ops.detect.letterbox import Fit, fit_into, to_source
from ops.detect.motion import MOTION_WIDTH_PX, find_movers
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
    param,
)
from schemas.tables import TABLES
from schemas.values import Float32, FrameBatch, Int64, Segment, UnitContext

MOTION = "motion"

MOST_GAP_FRAMES = 6
"""Most frames from one searched frame to the next: 10 per second of 60. A wrong clock must not lower that."""


@dataclass(frozen=True)
class DetectParams:
    """Parameters of ``detect``."""

    model: str = param(
        "auto", "name of the weights; 'auto': the best available, else motion; 'motion': none, fixed cameras only"
    )
    fps: float = param(10.0, "most frames per second that are searched; but at least every 6th frame is")
    classes: tuple[str, ...] = param(
        ("person", "bicycle", "car", "motorcycle", "bus", "truck", "backpack", "handbag", "suitcase", "dog"),
        "classes to find, by the weights' names for them; motion finds only persons",
    )
    confidence: float = param(
        0.1, "least score kept, 0..1; low, because the tracker uses weak boxes to keep tracks alive"
    )
    iou: float = param(0.7, "overlap (IoU) above which two boxes of one class are one, 0..1")
    motion_min_height: float = param(0.05, "motion: least height of a person, as a share of the frame's height")


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
        self._decoder = Decoder(model.layout, self._network.input_px, wanted, self.params.confidence, self.params.iou)

    def close(self) -> None:
        self._network = self._decoder = None

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:
        if self._network is not None:
            # Pixels beyond the network's input are lost anyway, so the decoder scales frames down: it is cheaper there.
            return FrameNeed(self.params.fps, self._network.input_px[0], most_gap_frames=MOST_GAP_FRAMES)
        motion = FrameNeed(self.params.fps, MOTION_WIDTH_PX, most_gap_frames=MOST_GAP_FRAMES)
        return motion if unit.camera.fixed else None

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        if self._network is not None and self._decoder is not None:
            return NetworkSession(unit.segment, self._network, self._decoder, services)
        return MotionSession(unit.segment, self.params.motion_min_height, self.params.confidence)


class NetworkSession(FrameSession):
    """Runs a segment through a network. Outputs arrive in any order, and are sorted by the frame's number."""

    def __init__(self, segment: Segment, network: Network, decoder: Decoder, services: Services) -> None:
        self._segment = segment
        self._network = network
        self._decoder = decoder
        self._services = services
        self._frames = _ObservedFrames()
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
        self._network.wait()  # the network is shared: the next segment must not find it busy with this one


class MotionSession(FrameSession):
    """Runs a segment of a fixed camera through motion detection, as a whole at its end; see ``motion.py``."""

    def __init__(self, segment: Segment, min_height: float, confidence: float) -> None:
        self._segment = segment
        self._min_height = min_height
        self._confidence = confidence
        self._frames = _ObservedFrames()
        self._buffer = MotionBuffer()
        self._found: list[Boxes] = []

    def feed(self, batch: FrameBatch) -> None:
        self._frames.add(batch)
        for frame in batch.frames:
            if self._buffer.full:
                self._search()
            self._buffer.add(frame)

    def _search(self) -> None:
        source_px = (self._segment.width, self._segment.height)
        self._found += find_movers(self._buffer, source_px, self._min_height)
        self._buffer = MotionBuffer()

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        self._search()
        sure = [found.take((found.confidence >= self._confidence).nonzero()[0]) for found in self._found]
        return _tables(self._segment, self._frames, sure, ("person",), "motion")


class _ObservedFrames:
    """PTS and times of the observed frames, in order."""

    def __init__(self) -> None:
        self.pts: list[int] = []
        self.times_us: list[int] = []

    def add(self, batch: FrameBatch) -> None:
        self.pts += batch.pts.tolist()
        self.times_us += batch.times_us.tolist()


def _tables(
    segment: Segment, frames: _ObservedFrames, found: Sequence[Boxes], classes: Sequence[str], source: str
) -> Tables:
    """Builds ``detections`` and ``observed_frames`` from the boxes of each frame, in px of the source."""
    found = [boxes.take(_visible(boxes)) for boxes in found]
    numbers = [number for number, boxes in enumerate(found) for _ in range(len(boxes))]
    rows = len(numbers)
    edges = [edge for boxes in found for edge in boxes.xyxy.tolist()]
    detections = TABLES["detections"].conform(
        {
            "camera": [segment.camera] * rows,
            "segment_id": [segment.segment_id] * rows,
            "time": [frames.times_us[number] for number in numbers],
            "pts": [frames.pts[number] for number in numbers],
            "detection": range(rows),
            "label": [classes[index] for boxes in found for index in boxes.classes.tolist()],
            "confidence": [score for boxes in found for score in boxes.confidence.tolist()],
            **{name: [edge[side] for edge in edges] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": [source] * rows,
        }
    )
    observed = TABLES["observed_frames"].conform(
        {
            "camera": [segment.camera] * len(found),
            "segment_id": [segment.segment_id] * len(found),
            "time": frames.times_us,
            "pts": frames.pts,
            "detections": [len(boxes) for boxes in found],
            "source": [source] * len(found),
        }
    )
    return {"detections": detections, "observed_frames": observed}


def _visible(boxes: Boxes) -> Int64:
    """Returns the rows of boxes at least one pixel wide and tall: clipping to the frame leaves slivers."""
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    return np.nonzero((sides >= 1).all(axis=1))[0]
