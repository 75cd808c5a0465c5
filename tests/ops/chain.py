"""All ops of the registry, one after the other, on a tiny made-up clip: what each reads and gives.

This is a worker without stores and processes: enough to hold every op to the contract with real input.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pyarrow as pa
from shapely.geometry import LineString, box

from ops import REGISTRY
from schemas.op import FrameNeed, FrameOp, Neighbour, Op, Scope, TableOp
from schemas.tables import TABLES
from schemas.values import (
    CameraView,
    ControlPoint,
    Feature,
    FeatureKind,
    FrameBatch,
    Uint8,
    UnitContext,
    VideoFile,
)
from tests.support.fakes import FOOTAGE_ID, FakeServices, make_batch, make_segment, make_unit

SIZE_PX = (320, 240)
FPS = 10.0
SEGMENT_S = 2.0
SEGMENTS = tuple(make_segment(index, SEGMENT_S, FPS, SIZE_PX) for index in range(2))
CAMERA = CameraView(
    "cam1",
    "Camera 1",
    "Europe/Amsterdam",
    fixed=True,
    control_points=tuple(
        ControlPoint(u, v, 121000 + x, 486000 + y)
        for u, v, x, y in ((0, 120, -8, 20), (320, 120, 8, 20), (0, 240, -2, 5), (320, 240, 2, 5))
    ),
    image_size_px=SIZE_PX,
    position_m=(121000.0, 486000.0, 4.0),
)
FEWER_LOOKS = {"second_look": {"dense_fps": 2.0}}
"""HOG takes half of the time of all tests of the contract."""

FEATURES = (
    Feature("gate", "lines", FeatureKind.LINE, "pixel", "cam1", LineString([(160, 0), (160, 240)])),
    Feature("yard", "zones", FeatureKind.ZONE, "pixel", "cam1", box(80, 60, 220, 230)),
)


class ChainServices(FakeServices):
    """Services whose joined video has as many frames as its parts."""

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        self.merged.append(tuple(parts))
        return VideoFile(f"anonymized/{unit.unit}.mp4", len(parts) * round(SEGMENT_S * FPS), 1000, "0" * 64)


def clip() -> list[FrameBatch]:
    """A dark figure that walks before a noisy wall for both segments: one batch each."""
    random = np.random.default_rng(3)
    noise = random.integers(90, 200, (SIZE_PX[1], SIZE_PX[0], 3), dtype=np.uint8)
    wall = np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.uint8)
    batches = []
    for segment in SEGMENTS:
        count = segment.frames
        frames = wall[None] + random.integers(0, 4, (count, *wall.shape), dtype=np.uint8)
        for number in range(count):
            left = 20 + 4 * (segment.index * count + number)
            frames[number, 90:190, left : left + 36] = 30
        batches.append(make_batch(frames, segment, 0, FPS))
    return batches


def asked_for(batch: FrameBatch, need: FrameNeed) -> FrameBatch:
    """The frames that an op needs, as the reader would choose and scale them."""
    every = 1 if need.fps is None else max(round(FPS / need.fps), 1)
    every = min(every, need.most_gap_frames or every)
    frames: Uint8 = batch.frames[::every]
    if need.width_px is not None and need.width_px < frames.shape[2]:
        height = round(frames.shape[1] * need.width_px / frames.shape[2])
        frames = np.stack([cv2.resize(one, (need.width_px, height), interpolation=cv2.INTER_AREA) for one in frames])
    return FrameBatch(frames, batch.pts[::every], batch.times_us[::every])


def cut(batch: FrameBatch, size: int) -> Iterator[FrameBatch]:
    """A batch in pieces."""
    for first in range(0, len(batch), size):
        part = slice(first, first + size)
        yield FrameBatch(batch.frames[part], batch.pts[part], batch.times_us[part])


def default(name: str) -> Op:
    """An op with its default parameters or FEWER_LOOKS, opened without weights unless it is off without them."""
    kind = REGISTRY[name]
    op = kind(kind.spec.params(**FEWER_LOOKS.get(name, {})))
    if op.enabled:
        op.open({}, 1)
    return op


@dataclass(frozen=True)
class Work:
    """One unit of one op: its context, what it reads, and its frames if it takes any."""

    unit: UnitContext
    inputs: dict[str, pa.Table]
    frames: FrameBatch | None = None


@dataclass
class Chain:
    """Tables that ops gave, by (table, unit)."""

    given: dict[tuple[str, str], pa.Table] = field(default_factory=dict)
    works: dict[str, list[Work]] = field(default_factory=dict)
    results: dict[str, list[dict[str, pa.Table]]] = field(default_factory=dict)

    def rows(self, table: str, units: Sequence[str]) -> pa.Table:
        """A table's rows of some units, as a store would give them."""
        parts = [self.given[table, unit] for unit in units if (table, unit) in self.given]
        return TABLES[table].conform(pa.concat_tables(parts)) if parts else TABLES[table].empty()

    def inputs(self, op: Op, unit: UnitContext) -> dict[str, pa.Table]:
        """What an op reads for a unit."""
        names = [segment.segment_id for segment in unit.segments]
        units = {
            Neighbour.SELF: [*names, "day", FOOTAGE_ID],
            Neighbour.NEXT: [
                segment.segment_id for segment in SEGMENTS if segment.index == unit.segments[-1].index + 1
            ],
            Neighbour.PREVIOUS_DAY: [],
            Neighbour.OTHERS: [],
            Neighbour.STEREO: [],
        }
        inputs = {}
        for read in op.spec.reads:
            table = self.rows(read.table, units[read.neighbour])
            inputs[read.key] = table.select(read.columns) if read.columns else table
        return inputs


def units_of(scope: Scope) -> list[UnitContext]:
    """The clip's units of a scope."""
    if scope is Scope.SEGMENT:
        return [make_unit([segment], CAMERA, FEATURES) for segment in SEGMENTS]
    name = "day" if scope is Scope.CAMERA_DAY else FOOTAGE_ID
    return [make_unit(SEGMENTS, CAMERA, FEATURES, unit=name)]


def run(op: Op, work: Work, batch_size: int = 8) -> dict[str, pa.Table]:
    """One unit of an op's work."""
    services = ChainServices()
    if isinstance(op, TableOp):
        return dict(op.run(work.unit, work.inputs, services))
    assert isinstance(op, FrameOp)
    late = {read.key for read in op.spec.reads if read.late}
    session = op.start(work.unit, {key: table for key, table in work.inputs.items() if key not in late}, services)
    if work.frames is not None:
        for batch in cut(work.frames, batch_size):
            session.feed(batch)
    return dict(session.finish({key: table for key, table in work.inputs.items() if key in late}))


def run_chain(batch_size: int = 8) -> Chain:
    """Every enabled op on every unit of the clip."""
    chain = Chain()
    batches = clip()
    for name in REGISTRY:
        op = default(name)
        chain.works[name], chain.results[name] = [], []
        for unit in units_of(op.spec.scope) if op.enabled else ():
            need = op.frame_need(unit) if isinstance(op, FrameOp) else None
            frames = None if need is None else asked_for(batches[unit.segment.index], need)
            work = Work(unit, chain.inputs(op, unit), frames)
            chain.works[name].append(work)
            tables = run(op, work, batch_size)
            chain.results[name].append(tables)
            chain.given |= {(table, unit.unit): rows for table, rows in tables.items()}
    return chain
