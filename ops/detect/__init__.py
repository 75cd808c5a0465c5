"""Op ``detect``: finds people, vehicles and bags in a segment's frames, by a network, or by motion without one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, isinf

from ops.detect.backends import Network, open_network
from ops.detect.decode import Boxes, Decoder
from ops.detect.motion import MOTION_WIDTH_PX, find_movers
from ops.detect.motion_buffer import MotionBuffer
from ops.detect.reach import reach_table
from ops.detect.rows import ObservedFrames, detection_tables, sample_table
from ops.detect.session import NetworkSession
from ops.detect.settings import LookSettings, look_settings
from ops.detect.tiles import Look
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
from schemas.values import FrameBatch, Segment, UnitContext

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
    tiles: bool = param(True, "also look in enlarged tiles for people that are too small for the weights' input")
    skip_unchanged: bool = param(
        True,
        "on fixed cameras, in segments of at least 30 s: look again only where a frame changed since the last look at "
        "all of it, which holds for probe_s, and up to 32 times as long as further looks find the same",
    )
    gap_s: float = param(
        1.6,
        "then: most seconds between two looks at what changes; it is looked at in between where both looks and the "
        "changes do not tell who is where; 0: looked at in every frame",
    )
    sample_share: float = param(
        0.005, "share of the frames, 0..1, that are then looked at in full as well, to measure whom that misses"
    )
    least_person_px: float = param(20.0, "tiles: least height of a person to find, pixels of the source")
    probe_s: float = param(
        4.0,
        "tiles: seconds between frames that are searched in all tiles; the others are in those where people were "
        "found; a quarter on cameras that are not fixed, and 0 where fewer than 5 frames per second are searched",
    )
    motion_min_height: float = param(0.05, "motion: least height of a person, as a share of the frame's height")


class Detect(FrameOp):
    """Detection with OpenVINO, ONNX or Ultralytics weights; without any, background subtraction on fixed cameras."""

    spec = OpSpec(
        name="detect",
        version=9,
        summary="Finds people, vehicles and bags, frame by frame.",
        scope=Scope.SEGMENT,
        reads=(),
        writes=("detections", "observed_frames", "detector_reach", "detector_samples"),
        params=DetectParams,
        uses=("fixed", "tuned"),
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
        if self._network is not None and self._decoder is not None:
            # Without tiles, the decoder scales frames down to the network's input: it is cheaper there.
            settings = self._settings(unit, self._network, self._decoder)
            width_px = self._network.input_px[0] if isinf(settings.least_person_px) else None
            return FrameNeed(self.params.fps, width_px, most_gap_frames=MOST_GAP_FRAMES)
        motion = FrameNeed(self.params.fps, MOTION_WIDTH_PX, most_gap_frames=MOST_GAP_FRAMES)
        return motion if unit.camera.fixed else None

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        if self._network is not None and self._decoder is not None:
            settings = self._settings(unit, self._network, self._decoder)
            return NetworkSession(unit.segment, self._network, self._decoder, settings, services.count)
        return MotionSession(unit.segment, self.params.motion_min_height, self.params.confidence)

    def _settings(self, unit: UnitContext, network: Network, decoder: Decoder) -> LookSettings:
        params = replace(self.params, **unit.tuned)
        least_px = params.least_person_px if params.tiles else None
        return look_settings(
            network,
            decoder,
            unit,
            least_px,
            params.probe_s,
            params.fps,
            params.skip_unchanged,
            params.sample_share,
            params.gap_s,
        )


class MotionSession(FrameSession):
    """Runs a segment of a fixed camera through motion detection, as a whole at its end; see ``motion.py``."""

    def __init__(self, segment: Segment, min_height: float, confidence: float) -> None:
        self._segment = segment
        self._min_height = min_height
        self._confidence = confidence
        self._frames = ObservedFrames()
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
        tables = detection_tables(self._segment, self._frames, sure, ("person",), "motion", [1] * len(sure))
        size_px = (self._segment.width, self._segment.height)
        whole = Look(0, 0, *size_px, 0, 1.0, inf, least_height_px=self._min_height * size_px[1])
        reach = reach_table(self._segment, sure, 0, (whole,), [frozenset()] * len(sure), 0)
        return {**tables, **reach, **sample_table(self._segment, self._frames, [])}
