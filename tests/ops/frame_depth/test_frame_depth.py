"""Op ``frame_depth``: rasters, their rows, and the depth of people, from a made-up network."""

from collections.abc import Callable

import cv2
import numpy as np
import pyarrow as pa
import pytest

import ops.frame_depth
from ops.depth_models.kinds import Depth
from ops.depth_models.network import DepthEstimate
from ops.frame_depth import FrameDepth, FrameDepthParams
from schemas.errors import ModelError
from schemas.tables import TABLES
from schemas.values import CameraView, FrameBatch, ModelFile, Uint8, UnitContext
from tests.ops.frame_depth.scene import FIGURE_PX, FRAMES, SIZE_PX, Scene
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

FPS = 5.0
MODEL = ModelFile("made-up", "made-up.onnx", "onnx", "depth", "depth", "0" * 64, "MIT", "here")


def png(picture: Uint8) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


def unit_of(fixed: bool = True, frames: int = FRAMES, size_px: tuple[int, int] = SIZE_PX) -> UnitContext:
    return make_unit([make_segment(0, frames / FPS, FPS, size_px)], CameraView("cam1", "", "UTC", fixed=fixed))


def background_of(scene: Scene, unit: UnitContext, steadied: bool = False) -> pa.Table:
    none = png(np.zeros(SIZE_PX[::-1], np.uint8))
    row = {"png": png(scene.background.picture), "unknown_png": none, "doubtful_png": none, "noise": 1.0}
    row |= {"steadied": steadied}
    read = next(read for read in FrameDepth.spec.reads if read.table == "backgrounds")
    schema = TABLES["backgrounds"].schema
    return pa.table({name: pa.array([row[name]], schema.field(name).type) for name in read.columns})


def detections_of(unit: UnitContext, batch: FrameBatch) -> pa.Table:
    """The figure's true box in every frame, and a car's."""
    rows = []
    for number, pts in enumerate(batch.pts.tolist()):
        left, foot = 10 + 4 * number, 90 + number // 2
        box = {"x1": left, "y1": foot - FIGURE_PX[1], "x2": left + FIGURE_PX[0], "y2": foot}
        for label in ("person", "car"):
            rows.append({"pts": pts, "detection": len(rows), "label": label, **box})
    read = next(read for read in FrameDepth.spec.reads if read.table == "detections")
    schema = TABLES["detections"].schema
    return pa.table({name: pa.array([row[name] for row in rows], schema.field(name).type) for name in read.columns})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Uint8], Depth]], FrameDepth]:
    """Opens the op with a function as network."""

    def open_with(network: Callable[[Uint8], Depth]) -> FrameDepth:
        def load(_model: ModelFile, _cpus: int) -> Callable[[Uint8], DepthEstimate]:
            return lambda picture: DepthEstimate(network(picture))

        monkeypatch.setattr(ops.frame_depth, "load_depth_network", load)
        op = FrameDepth(FrameDepthParams(model="made-up"))
        op.open({"depth": MODEL}, 1)
        return op

    return open_with


OpenOp = Callable[[Callable[[Uint8], Depth]], FrameDepth]


def run(
    op: FrameDepth, scene: Scene, unit: UnitContext, inputs: dict[str, pa.Table]
) -> tuple[dict[str, pa.Table], FakeServices]:
    services = FakeServices()
    session = op.start(unit, inputs, services)
    for number in range(unit.segment.frames):
        frame = scene.frame(number)[None]
        session.feed(make_batch(frame, unit.segment, number, FPS))
    return dict(session.finish({})), services


def test_each_frame_has_a_raster_and_a_row_and_people_a_depth(opened: OpenOp) -> None:
    scene, unit = Scene(), unit_of()
    batch = make_batch(np.zeros((FRAMES, 1, 1, 3), np.uint8), unit.segment, 0, FPS)
    inputs = {"backgrounds": background_of(scene, unit), "detections": detections_of(unit, batch)}
    tables, services = run(opened(scene.network("metric")), scene, unit, inputs)
    for name, table in tables.items():
        assert table.schema.equals(TABLES[name].schema, check_metadata=True)
    (file,), frames = tables["depth_files"].to_pylist(), tables["depth_frames"].to_pylist()
    rasters = services.rasters[unit.unit]
    assert (file["frames"], file["path"], file["kind"], file["model"]) == (FRAMES, rasters.path, "metric", "made-up")
    assert [row["entry"] for row in frames] == list(rasters.rasters) and frames[0]["keyframe"]
    keyframes = sum(row["keyframe"] for row in frames)
    assert file["keyframes"] == keyframes <= FRAMES / 5
    assert services.counters == {"depth_calls": keyframes + 1, "frames_propagated": FRAMES - keyframes}
    for number, row in enumerate(frames):
        stored_m = rasters.rasters[row["entry"]] * row["scale"] + row["offset"]
        assert np.mean(np.abs(stored_m - scene.depth_m(number)) / scene.depth_m(number)) < 0.02
    people = tables["person_depths"].to_pylist()
    assert len(people) == FRAMES and {row["detection"] % 2 for row in people} == {0}, "of people only"
    true_m = [scene.depth_m(number)[89 + number // 2, 12 + 4 * number] for number in range(FRAMES)]
    assert np.abs(np.array([row["depth_m"] for row in people]) / true_m - 1).max() < 0.1


def test_depth_without_metres_tells_nothing_of_people(opened: OpenOp) -> None:
    scene, unit = Scene(), unit_of(frames=2)
    batch = make_batch(np.zeros((2, 1, 1, 3), np.uint8), unit.segment, 0, FPS)
    tables, _ = run(opened(scene.network("relative")), scene, unit, {"detections": detections_of(unit, batch)})
    assert tables["person_depths"].num_rows == 0 and tables["depth_files"]["kind"].to_pylist() == ["relative"]


@pytest.mark.parametrize(("fixed", "steadied"), [(False, False), (True, True)])
def test_a_view_that_moves_uses_no_background(opened: OpenOp, fixed: bool, steadied: bool) -> None:
    scene, unit = Scene(pan_px=2), unit_of(fixed, frames=4)
    _, services = run(
        opened(scene.network("metric")), scene, unit, {"backgrounds": background_of(scene, unit, steadied)}
    )
    assert services.counters == {"depth_calls": 1, "frames_propagated": 3}


def test_a_segment_of_one_frame_and_one_of_none(opened: OpenOp) -> None:
    scene = Scene()
    tables, services = run(opened(scene.network("metric")), scene, unit_of(frames=1), {})
    assert tables["depth_frames"].num_rows == 1 and services.counters["frames_propagated"] == 0
    unit = unit_of(frames=1)
    services = FakeServices()
    tables = dict(opened(scene.network("metric")).start(unit, {}, services).finish({}))
    assert {name: table.num_rows for name, table in tables.items()} == dict.fromkeys(FrameDepth.spec.writes, 0)
    assert services.rasters == {}, "no empty file"


def test_off_unless_a_model_is_named_and_an_error_without_it() -> None:
    assert not FrameDepth().enabled and FrameDepth().model_requests == {}
    op = FrameDepth(FrameDepthParams(model="lost"))
    assert op.enabled and op.model_requests["depth"].required
    with pytest.raises(ModelError, match="weights 'lost' for depth are missing"):
        op.open({}, 1)
    with pytest.raises(ModelError, match="was not opened"):
        op.start(unit_of(), {}, FakeServices())
