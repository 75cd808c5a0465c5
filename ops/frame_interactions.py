"""Op ``frame_interactions``: what people do with things, as a network sees it in single frames.

Off unless ``[ops.frame_interactions] model`` names weights for the task ``interactions``. The network runs only on
frames in which a detector found a person near a thing of another class, at most once every ``every_s`` per encounter:
in most footage nothing happens most of the time, and a look takes more than a second of a CPU.

QPIC is the one network that is built in (``ops/interactions/qpic/``). A second-stage network, which gets the detections
and gives the verbs of pairs, is one more class that keeps the protocol ``ops.interactions.verb_model.VerbModel``,
chosen in ``open_verb_model`` by the layout of its weights; if it also wants tracks, ``reads`` gets their table. The
rows, and the scores against labels, are the same for both kinds. Decision 50.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ops.interactions.encounters import Candidates, frames_to_look_at
from ops.interactions.verb_model import FoundVerbs, Look, VerbModel
from ops.named_weights import NamedWeightsOp
from schemas.errors import ModelError
from schemas.op import (
    FrameNeed,
    FrameOp,
    FrameSession,
    Models,
    OpSpec,
    Read,
    Scope,
    Services,
    Tables,
    param,
)
from schemas.tables import TABLES
from schemas.values import Float64, FrameBatch, ModelFile, Segment, UnitContext

LEAST_SIDE_PX = 32
"""The networks' maps have one cell for 32 x 32 px."""


@dataclass(frozen=True)
class FrameInteractionsParams:
    """Parameters of ``frame_interactions``."""

    model: str = param("", "name of weights for interactions in models/; empty: the op is off")
    every_s: float = param(1.0, "least seconds between two looks at one person near one thing")
    most_fps: float = param(2.0, "most frames per second that are looked at, however many encounters begin")
    near: float = param(
        0.5, "most distance from a person to a thing, between their boxes, in heights of the person's box"
    )
    confidence: float = param(0.25, "least score of a detected person or thing, 0..1")
    short_side_px: int = param(800, "shorter side to which frames are scaled, pixels; less is faster and finds less")
    long_side_px: int = param(1333, "most of the longer side of a scaled frame, pixels")
    score: float = param(0.05, "least score of a row, verb and object together, 0..1")
    most_rows: int = param(100, "most rows of a frame, the best")

    def __post_init__(self) -> None:
        if self.most_fps <= 0:
            raise ValueError(f"most_fps must be more than 0, got {self.most_fps}")
        if not LEAST_SIDE_PX <= self.short_side_px <= self.long_side_px:
            given = f"{self.short_side_px} and {self.long_side_px}"
            raise ValueError(f"short_side_px must be from {LEAST_SIDE_PX} to long_side_px, got {given}")


class FrameInteractions(NamedWeightsOp, FrameOp):
    """Runs a network for verbs on frames in which a person is near a thing."""

    task, role = "interactions", "verbs"
    how_to_get = "import them with `nightshift models import FILE --task interactions`"

    spec = OpSpec(
        name="frame_interactions",
        version=1,
        summary="What people do with things in single frames, from a configured network.",
        scope=Scope.SEGMENT,
        reads=(Read("detections"),),
        writes=("frame_interactions",),
        params=FrameInteractionsParams,
        memory_mb=3000,
    )
    params: FrameInteractionsParams

    def __init__(self, params: FrameInteractionsParams | None = None) -> None:
        super().__init__(params)
        self._model: VerbModel | None = None
        self._name = ""

    def open(self, models: Models, cpus: int) -> None:
        """Loads the network.

        Raises:
            ModelError: the weights are missing, damaged, or of another network.
        """
        weights = self.weights_of(models)
        self._model, self._name = open_verb_model(weights, self.params, cpus), weights.name

    def close(self) -> None:
        """Frees the network."""
        self._model = None

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:  # noqa: ARG002 - all segments need the same
        return FrameNeed()  # detections name frames by PTS, at whatever rate detect looked

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        if self._model is None:
            raise ModelError("frame_interactions was not opened with weights")
        return FrameInteractionsSession(unit.segment, self.params, self._model, self._name, inputs, services)


class FrameInteractionsSession(FrameSession):
    """Looks at the frames of a segment in which a person is near a thing."""

    def __init__(
        self,
        segment: Segment,
        params: FrameInteractionsParams,
        model: VerbModel,
        name: str,
        inputs: Tables,
        services: Services,
    ) -> None:
        self._segment, self._params, self._model, self._name = segment, params, model, name
        self._services = services
        self._wanted: Mapping[int, Candidates] = frames_to_look_at(
            inputs["detections"], params.confidence, params.near, params.every_s, params.most_fps
        )
        self._waiting: list[Look] = []
        self._rows: list[dict[str, Any]] = []

    @property
    def wants_frames(self) -> bool:
        return bool(self._wanted)

    def feed(self, batch: FrameBatch) -> None:
        for frame, pts, time_us in zip(batch.frames, batch.pts.tolist(), batch.times_us.tolist(), strict=True):
            if pts in self._wanted:
                self._waiting.append(Look(frame.copy(), pts, time_us, self._wanted[pts]))
                if len(self._waiting) >= self._model.batch:
                    self._look()

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002 - no input is late
        if self._waiting:
            self._look()
        numbered = [{**row, "number": number} for number, row in enumerate(self._rows)]
        spec = TABLES["frame_interactions"]
        if not numbered:
            return {spec.name: spec.empty()}
        return {spec.name: spec.conform({name: [row[name] for row in numbered] for name in numbered[0]})}

    def _look(self) -> None:
        looks, self._waiting = self._waiting, []
        found = self._model.find(looks, self._params.score, self._params.most_rows)
        self._services.count("interaction_calls")
        self._services.count("interaction_frames", len(looks))
        for look, verbs in zip(looks, found, strict=True):
            self._rows += self._rows_of(look, verbs)

    def _rows_of(self, look: Look, found: FoundVerbs) -> list[dict[str, Any]]:
        subjects, objects = self._clipped(found.subjects), self._clipped(found.objects)
        rows = []
        for number, label in enumerate(found.object_labels):
            row: dict[str, Any] = {
                "camera": self._segment.camera,
                "segment_id": self._segment.segment_id,
                "time": look.time_us,
                "pts": look.pts,
                "object_label": label,
                "verb": found.verbs[number],
                "score": float(found.scores[number]),
                "model": self._name,
            }
            for side, name in enumerate(("x1", "y1", "x2", "y2")):
                row[name] = float(subjects[number, side])
                row[f"object_{name}"] = None if label is None else float(objects[number, side])
            rows.append(row)
        return rows

    def _clipped(self, boxes: Float64) -> Float64:
        """Returns boxes without what is outside the picture, where networks place edges of things that leave it."""
        size = [self._segment.width, self._segment.height]
        return np.clip(boxes, 0, [*size, *size])


def open_verb_model(weights: ModelFile, params: FrameInteractionsParams, cpus: int) -> VerbModel:
    """Loads the network that weights are of, by their layout.

    Raises:
        ModelError: the weights are damaged, or of no network that is known.
    """
    if weights.layout != "qpic":
        raise ModelError(f"weights {weights.name!r} are of no known network for interactions; give those of QPIC")
    from ops.interactions.qpic.runner import QpicModel

    return QpicModel(weights, params.short_side_px, params.long_side_px, cpus)
