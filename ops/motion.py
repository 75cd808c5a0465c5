"""Op ``motion``: where and when something in a view changed, second by second."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa

from ops.view_changes import Kind, Seen, ViewChanges
from ops.view_shift import VIEW_WIDTH_PX
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Scope, Services, Tables, param
from schemas.tables import TABLES
from schemas.tables.motion import pack_tiles
from schemas.values import FrameBatch, Segment, UnitContext

SECOND_US = 1_000_000


@dataclass(frozen=True)
class MotionParams:
    """Parameters of ``motion``."""

    fps: float = param(2.0, "frames per second that are compared; those of view_motion cost nothing more")
    settle_s: float = param(10.0, "seconds after which what changed and then stayed the same is no change any more")
    least_grey: float = param(6.0, "least difference of a pixel that changed, grey levels; noise that is learned adds")
    warm_up_s: float = param(8.0, "seconds at a segment's start whose median is the first background")

    def __post_init__(self) -> None:
        if not self.settle_s > 0:
            raise ValueError(f"settle_s is {self.settle_s}; it needs a time above 0")


class Motion(FrameOp):
    """Compares small grey pictures with a running background. Cameras that are not fixed are compared, too."""

    spec = OpSpec(
        name="motion",
        version=1,
        summary="Finds the seconds in which something in the view changed, and where.",
        scope=Scope.SEGMENT,
        reads=(),
        writes=("motion",),
        params=MotionParams,
        memory_mb=300,
    )
    params: MotionParams

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:  # noqa: ARG002
        return FrameNeed(self.params.fps, VIEW_WIDTH_PX)

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        return MotionSession(unit.segment, self.params)


class MotionSession(FrameSession):
    """Compares frames as they come; keeps those of the first seconds until their background is known."""

    def __init__(self, segment: Segment, params: MotionParams) -> None:
        self._segment = segment
        self._changes = ViewChanges(params.settle_s, params.least_grey, params.warm_up_s)

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            self._changes.add(frame, time_us)

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        self._changes.finish()
        return {"motion": _rows(self._segment, self._changes.seen)}


def _rows(segment: Segment, seen: Sequence[Seen]) -> pa.Table:
    """Returns a row for each second, counted by the clock, in which something changed."""
    seconds = [(second, list(group)) for second, group in groupby(seen, lambda each: each.time_us // SECOND_US)]
    strength = list(Kind)
    return TABLES["motion"].conform(
        {
            "camera": [segment.camera] * len(seconds),
            "segment_id": [segment.segment_id] * len(seconds),
            "time": [second * SECOND_US for second, _ in seconds],
            "kind": [min((each.kind for each in group), key=strength.index).value for _, group in seconds],
            "tiles": [pack_tiles(np.any([each.change.tiles for each in group], axis=0)) for _, group in seconds],
            "share": [max(each.change.share for each in group) for _, group in seconds],
        }
    )
