"""Op ``frame_depth``: the depth of every frame, from a network at keyframes and optical flow between them.

Off unless ``[ops.frame_depth] model`` names a model. A fixed camera shows its background almost everywhere: there a
frame has the background's depth, which the network gives once a segment, and only what moves is carried. What the
network gives at a keyframe is fitted to the scale of the background's depth, so that depth does not flicker.

Decision: docs/decisions/0054-depth-of-frames.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import BOX_COLUMNS
from ops.depth_models.kinds import MetricDepth
from ops.depth_models.load import load_depth_network
from ops.depth_models.network import DepthNetwork
from ops.frame_depth.carry import CarriedDepth, DepthCarrier, KeyframeParams
from ops.frame_depth.people import depth_in_box, people_by_pts
from ops.frame_depth.rounding import rounded
from ops.frame_depth.view import Background
from ops.named_weights import NamedWeightsOp
from schemas.errors import ModelError
from schemas.op import (
    FrameNeed,
    FrameOp,
    FrameSession,
    Models,
    OpSpec,
    RasterSink,
    Read,
    Scope,
    Services,
    Tables,
    param,
)
from schemas.tables import TABLES
from schemas.values import FrameBatch, Int64, ModelFile, Uint8, UnitContext


@dataclass(frozen=True)
class FrameDepthParams(KeyframeParams):
    """Parameters of ``frame_depth``."""

    model: str = param("", "name of a depth model in models/; empty: the op is off")
    fps: float = param(5.0, "frames per second that get depth")
    width_px: int = param(384, "largest width of frames and rasters, pixels")


class FrameDepth(NamedWeightsOp, FrameOp):
    """Stores the depth of frames as rasters."""

    task, role = "depth", "depth"

    spec = OpSpec(
        name="frame_depth",
        version=1,
        summary="Dense depth of single frames, from a configured model at keyframes, carried by optical flow between.",
        scope=Scope.SEGMENT,
        reads=(
            Read(
                "backgrounds",
                columns=("png", "unknown_png", "doubtful_png", "noise", "steadied"),
                required=False,
                build_if_missing=True,
            ),
            Read("detections", columns=("pts", "detection", "label", "x1", "y1", "x2", "y2"), required=False),
        ),
        writes=("depth_files", "depth_frames", "person_depths"),
        params=FrameDepthParams,
        uses=("fixed",),
        memory_mb=4000,
    )
    params: FrameDepthParams

    def __init__(self, params: FrameDepthParams | None = None) -> None:
        super().__init__(params)
        self._model: ModelFile | None = None
        self._network: DepthNetwork | None = None

    def open(self, models: Models, cpus: int) -> None:
        """Loads the model.

        Raises:
            ModelError: the model is missing, or gives no depth.
        """
        model = self.weights_of(models)
        self._model, self._network = model, load_depth_network(model, cpus)

    def close(self) -> None:
        """Frees the model."""
        self._model = self._network = None

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:  # noqa: ARG002
        """Asks for small frames, of any camera."""
        return FrameNeed(self.params.fps, self.params.width_px)

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        """Starts a segment.

        Raises:
            ModelError: the op was not opened with a model.
        """
        if self._model is None or self._network is None:
            raise ModelError("frame_depth was not opened with a model")
        return FrameDepthSession(unit, inputs, services, self._network, self._model.name, self.params)


class FrameDepthSession(FrameSession):
    """Writes the depth of each frame as it comes."""

    def __init__(
        self,
        unit: UnitContext,
        inputs: Tables,
        services: Services,
        network: DepthNetwork,
        model: str,
        params: KeyframeParams,
    ) -> None:
        self._unit = unit
        self._services = services
        self._network = network
        self._model = model
        self._params = params
        self._background = _background_row(unit, inputs)
        self._people = people_by_pts(inputs.get("detections", TABLES["detections"].empty()))
        self._carrier: DepthCarrier | None = None
        self._sink: RasterSink | None = None
        self._frames: list[dict[str, Any]] = []
        self._person_depths: list[dict[str, Any]] = []

    def feed(self, batch: FrameBatch) -> None:
        for frame, pts, time_us in zip(batch.frames, batch.pts, batch.times_us, strict=True):
            if self._carrier is None:
                self._carrier = self._start(frame.shape[1], frame.shape[0])
            found = self._carrier.next(frame, int(time_us))
            self._store(found, pts, time_us)
            self._measure_people(found, pts, time_us)

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        if self._sink is None or self._carrier is None:
            return {name: TABLES[name].empty() for name in FrameDepth.spec.writes}
        keyframes = sum(row["keyframe"] for row in self._frames)
        self._services.count("depth_calls", self._carrier.calls)
        self._services.count("frames_propagated", len(self._frames) - keyframes)
        written, segment = self._sink.close(), self._unit.segment
        file = {
            **{"camera": segment.camera, "segment_id": segment.segment_id, "footage_id": segment.footage_id},
            **{"path": written.path, "frames": written.frames, "keyframes": keyframes, "model": self._model},
            **{"size_bytes": written.size_bytes, "sha256": written.sha256},
            **{name: self._frames[0][name] for name in ("width", "height", "kind")},
        }
        frames = [{**row, "path": written.path} for row in self._frames]
        return {
            "depth_files": _table("depth_files", [file]),
            "depth_frames": _table("depth_frames", frames),
            "person_depths": _table("person_depths", self._person_depths),
        }

    def _start(self, width_px: int, height_px: int) -> DepthCarrier:
        self._sink = self._services.raster_sink(self._unit)
        background = None if self._background is None else _scaled(self._background, (width_px, height_px))
        return DepthCarrier(lambda picture: self._network(picture).depth, self._params, background)

    def _store(self, found: CarriedDepth, pts: Int64, time_us: Int64) -> None:
        assert self._sink is not None
        raster = rounded(found.depth)
        self._frames.append(
            {
                **self._frame(pts, time_us),
                "entry": self._sink.add(int(pts), raster.pixels),
                "width": raster.pixels.shape[1],
                "height": raster.pixels.shape[0],
                "kind": found.depth.kind,
                "scale": raster.scale,
                "offset": raster.offset,
                "scale_group": found.scale_group,
                "keyframe": found.keyframe,
                "invalid_share": found.invalid_share,
            }
        )

    def _measure_people(self, found: CarriedDepth, pts: Int64, time_us: Int64) -> None:
        if not isinstance(found.depth, MetricDepth):
            return
        source_px = (self._unit.segment.width, self._unit.segment.height)
        for person in self._people.get(int(pts), ()):
            measured = depth_in_box(found, person.xyxy, source_px)
            if measured is not None:
                named = {"detection": person.detection, "keyframe": found.keyframe}
                named |= dict(zip(BOX_COLUMNS, person.xyxy.tolist(), strict=True))
                depths = {"depth_m": measured[0], "spread_m": measured[1]}
                self._person_depths.append({**self._frame(pts, time_us), **named, **depths})

    def _frame(self, pts: Int64, time_us: Int64) -> dict[str, Any]:
        segment = self._unit.segment
        return {"camera": segment.camera, "segment_id": segment.segment_id, "time": int(time_us), "pts": int(pts)}


def _background_row(unit: UnitContext, inputs: Tables) -> dict[str, Any] | None:
    """Returns the segment's background; None for a camera that moves, or whose view had to be steadied."""
    rows = inputs["backgrounds"].to_pylist() if "backgrounds" in inputs and unit.camera.fixed else []
    return rows[0] if rows and not rows[0]["steadied"] else None


def _scaled(row: Mapping[str, Any], size_px: tuple[int, int]) -> Background:
    """Returns a background of the frames' size (width, height)."""
    picture = _decoded(row["png"], cv2.IMREAD_COLOR)
    unsure = _decoded(row["unknown_png"], cv2.IMREAD_GRAYSCALE) | _decoded(row["doubtful_png"], cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA)
    unknown = cv2.resize(unsure, size_px, interpolation=cv2.INTER_AREA) > 0
    return Background(np.asarray(small, np.uint8), np.asarray(unknown, np.bool_), row["noise"])


def _decoded(png: bytes, flags: int) -> Uint8:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), flags), np.uint8)


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    if not rows:
        return TABLES[name].empty()
    return TABLES[name].conform({column: [row[column] for row in rows] for column in rows[0]})
