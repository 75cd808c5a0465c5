"""Op ``keypoints``: where the joints of people are who are near a thing, as a pose network sees them.

Off unless ``[ops.keypoints] model`` names weights for poses, or ``auto``. ``interactions`` takes hands and feet from
them, where they are known, instead of guessing them from a box. Pose networks want people of 80 px and more; the
smaller are enlarged, and found less often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ops.interactions.encounters import Candidates, frames_to_look_at
from ops.named_weights import NamedWeightsOp
from ops.pose_network import KEYPOINTS, YoloPose, open_pose
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
from schemas.values import FrameBatch, Segment, Uint8, UnitContext


@dataclass(frozen=True)
class KeypointsParams:
    """Parameters of ``keypoints``."""

    model: str = param("", "weights that find poses; 'auto': those that are installed; empty: the op is off")
    every_s: float = param(0.5, "least seconds between two looks at one person near one thing")
    most_fps: float = param(4.0, "most frames per second that are looked at, however many encounters begin")
    near: float = param(0.5, "most distance from a person to a thing, between their boxes, in heights of the person")
    confidence: float = param(0.25, "least score of a detected person or thing, 0..1")
    score: float = param(0.3, "least score of a key point, 0..1")

    def __post_init__(self) -> None:
        if self.most_fps <= 0:
            raise ValueError(f"most_fps must be more than 0, got {self.most_fps}")


class Keypoints(NamedWeightsOp, FrameOp):
    """Runs a pose network on people near things."""

    task, role = "pose", "pose"

    spec = OpSpec(
        name="keypoints",
        version=1,
        summary="Where the joints of people near things are, from a configured pose network.",
        scope=Scope.SEGMENT,
        reads=(Read("detections"),),
        writes=("keypoints",),
        params=KeypointsParams,
        memory_mb=800,
    )
    params: KeypointsParams

    def __init__(self, params: KeypointsParams | None = None) -> None:
        super().__init__(params)
        self._network: YoloPose | None = None

    def open(self, models: Models, cpus: int) -> None:
        """Loads the network.

        Raises:
            ModelError: the weights are missing, damaged, or find no poses.
        """
        self._network = open_pose(self.weights_of(models), cpus)

    def close(self) -> None:
        """Frees the network."""
        self._network = None

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:  # noqa: ARG002 - all segments need the same
        return FrameNeed()  # detections name frames by PTS, at whatever rate detect looked

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        if self._network is None:
            raise ModelError("keypoints was not opened with weights")
        return KeypointsSession(unit.segment, self.params, self._network, inputs, services)


class KeypointsSession(FrameSession):
    """Looks at people near things in the frames of a segment."""

    def __init__(
        self, segment: Segment, params: KeypointsParams, network: YoloPose, inputs: Tables, services: Services
    ) -> None:
        self._segment, self._params, self._network, self._services = segment, params, network, services
        self._wanted: Mapping[int, Candidates] = frames_to_look_at(
            inputs["detections"], params.confidence, params.near, params.every_s, params.most_fps
        )
        self._rows: list[dict[str, Any]] = []

    @property
    def wants_frames(self) -> bool:
        return bool(self._wanted)

    def feed(self, batch: FrameBatch) -> None:
        for frame, pts, time_us in zip(batch.frames, batch.pts.tolist(), batch.times_us.tolist(), strict=True):
            if pts in self._wanted:
                self._look(frame, pts, time_us, self._wanted[pts])

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002 - no input is late
        spec = TABLES["keypoints"]
        if not self._rows:
            return {spec.name: spec.empty()}
        rows = sorted(self._rows, key=lambda row: (row["time"], row["detection"], row["keypoint"]))
        return {spec.name: spec.conform({name: [row[name] for row in rows] for name in rows[0]})}

    def _look(self, frame: Uint8, pts: int, time_us: int, found: Candidates) -> None:
        people = np.unique(found.pairs[:, 0])
        boxes = found.boxes[people]
        poses = self._network.find(frame, boxes)
        self._services.count("pose_frames")
        self._services.count("pose_people", len(people))
        for person, box, pose in zip(people.tolist(), boxes.tolist(), poses, strict=True):
            here = {
                "camera": self._segment.camera,
                "segment_id": self._segment.segment_id,
                "time": time_us,
                "pts": pts,
                "detection": int(found.detections[person]),
                **dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
            }
            for name, (x, y, score) in zip(KEYPOINTS, pose.tolist(), strict=True):
                if score >= self._params.score:
                    self._rows.append(here | {"keypoint": name, "x": x, "y": y, "score": score})
