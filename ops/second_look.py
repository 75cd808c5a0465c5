"""Op ``second_look``: people that other weights than detect's find, so that what one detector misses is not unseen."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf

from ops.detect import hog
from ops.detect.backends import Network, open_network
from ops.detect.decode import PERSON, Decoder
from ops.detect.session import NetworkSession
from ops.detect.settings import LookSettings, look_settings, may_have_background
from schemas.errors import ModelError
from schemas.op import FrameNeed, FrameOp, FrameSession, ModelRequest, Models, OpSpec, Scope, Services, Tables, param
from schemas.values import UnitContext

SECOND = "second_detector"
"""Role of the weights."""

HOG = "hog"

MOST_GAP_FRAMES, DENSE_GAP_FRAMES = 30, 6
"""Most frames from one searched frame to the next, whatever a wrong clock says; the second where looks are dense."""


@dataclass(frozen=True)
class SecondLookParams:
    """Parameters of ``second_look``."""

    model: str = param("auto", "name of the weights; 'auto': other weights than detect's, if installed, else 'hog'")
    # A choice. Measured-real with YOLOX-Nano in tiles on 36 frames of four views of vehicles, one in 2 s: nobody at 0.2
    # on road.mp4, avenue.avi and car-detection.mp4, four boxes on highway.avi; at 0.1 nine in all.
    confidence: float = param(0.2, "least score kept, 0..1; low, since what is found only here is covered, not counted")
    iou: float = param(0.5, "overlap (IoU) above which two boxes are one person, 0..1")
    fps: float = param(1.0, "frames per second that are searched in segments of at least 30 s of a fixed camera")
    dense_fps: float = param(5.0, "frames per second that are searched in others: no background vouches there")
    tiles: bool = param(True, "also look in enlarged tiles for people that are too small for the weights' input")
    skip_unchanged: bool = param(
        True,
        "on fixed cameras, in segments of at least 30 s: look again only where a frame changed since the last look at "
        "all of it, which holds for probe_s, and up to 32 times as long as further looks find the same",
    )
    least_person_px: float = param(20.0, "tiles: least height of a person to find, pixels of the source; HOG: 48")
    probe_s: float = param(
        4.0,
        "tiles: seconds between frames that are searched in all tiles; the others are in those where people were "
        "found; a quarter on cameras that are not fixed, and 0 where fewer than 5 frames per second are searched",
    )


class SecondLook(FrameOp):
    """Detection of people with other weights than detect's; without any, with HOG."""

    spec = OpSpec(
        name="second_look",
        version=6,
        summary="Finds people by other weights than detect's, in fewer frames.",
        scope=Scope.SEGMENT,
        reads=(),
        writes=("second_detections", "second_observed_frames", "second_detector_reach"),
        params=SecondLookParams,
        uses=("fixed", "tuned"),
        memory_mb=700,
    )
    params: SecondLookParams

    def __init__(self, params: SecondLookParams) -> None:
        super().__init__(params)
        self._source = "model"
        self._network: Network | None = None
        self._decoder: Decoder | None = None

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        return {} if self.params.model == HOG else {SECOND: ModelRequest(self.params.model, "detect")}

    def open(self, models: Models, cpus: int) -> None:
        """Loads the weights, or HOG without any.

        Raises:
            ModelError: the weights are damaged, no detector, or do not know people.
        """
        model = models.get(SECOND)
        self._network = hog.HogNetwork() if model is None else open_network(model, cpus)
        self._source = HOG if model is None else "model"
        if PERSON not in self._network.classes:
            raise ModelError(f"weights {self.params.model!r} do not know the class {PERSON!r}; name others")
        wanted = (self._network.classes.index(PERSON),)
        layout = "yolo" if model is None else model.layout
        self._decoder = Decoder(layout, self._network.input_px, wanted, self.params.confidence, self.params.iou)

    def close(self) -> None:
        self._network = self._decoder = None

    def frame_need(self, unit: UnitContext) -> FrameNeed:
        network, _ = self._opened()
        # Without tiles, the decoder scales frames down to the network's input: it is cheaper there.
        width_px = network.input_px[0] if isinf(self._settings(unit).least_person_px) else None
        return FrameNeed(
            self._fps(unit), width_px, most_gap_frames=DENSE_GAP_FRAMES if self._dense(unit) else MOST_GAP_FRAMES
        )

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        network, decoder = self._opened()

        def count(name: str, amount: int) -> None:
            services.count(f"second_{name}", amount)

        return NetworkSession(unit.segment, network, decoder, self._settings(unit), count, "second_", self._source)

    def _opened(self) -> tuple[Network, Decoder]:
        if self._network is None or self._decoder is None:
            raise ValueError("second_look was not opened")
        return self._network, self._decoder

    def _dense(self, unit: UnitContext) -> bool:
        return not may_have_background(unit)

    def _fps(self, unit: UnitContext) -> float:
        return self.params.dense_fps if self._dense(unit) else self.params.fps

    def _settings(self, unit: UnitContext) -> LookSettings:
        network, decoder = self._opened()
        least_px = self.params.least_person_px
        if self._source == HOG:
            least_px = max(least_px, hog.LEAST_PERSON_PX)
        tiles = least_px if self.params.tiles else None
        # Of what was tuned for detect, only this is a parameter here: where detect looks at all, so does this.
        skip_unchanged = self.params.skip_unchanged and bool(unit.tuned.get("skip_unchanged", True))
        return look_settings(network, decoder, unit, tiles, self.params.probe_s, self._fps(unit), skip_unchanged)
