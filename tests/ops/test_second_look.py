"""The second look: other weights than detect's, HOG without any, few frames where a background can vouch."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.boxes import iou_matrix
from ops.second_look import SECOND, SecondLook, SecondLookParams
from schemas.errors import ModelError
from schemas.op import ModelRequest, Tables
from schemas.values import ModelFile, Uint8, UnitContext
from storage.weights.catalogue import ModelStore
from tests.ops.networks import CENTRE, colour_network, solid
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit


def opened(model: ModelFile | None, params: SecondLookParams | None = None) -> SecondLook:
    op = SecondLook(params or SecondLookParams())
    op.open({} if model is None else {SECOND: model}, 1)
    return op


def unit_of(duration_s: float, size_px: tuple[int, int] = (320, 240), fixed: bool = True) -> UnitContext:
    unit = make_unit([make_segment(duration_s=duration_s, size_px=size_px)])
    return replace(unit, camera=replace(unit.camera, fixed=fixed))


def looked(op: SecondLook, frames: Uint8, unit: UnitContext | None = None) -> tuple[Tables, FakeServices]:
    unit = unit or unit_of(30, (frames.shape[2], frames.shape[1]))
    services = FakeServices()
    session = op.start(unit, {}, services)
    session.feed(make_batch(frames, unit.segment, fps=1))
    return session.finish({}), services


@pytest.mark.parametrize(
    ("duration_s", "fixed", "fps", "gap"), [(60, True, 1, 30), (30, True, 1, 30), (29, True, 5, 6), (60, False, 5, 6)]
)
def test_few_frames_are_searched_where_a_background_can_vouch(
    duration_s: float, fixed: bool, fps: float, gap: int
) -> None:
    need = opened(None).frame_need(unit_of(duration_s, fixed=fixed))
    assert (need.fps, need.most_gap_frames) == (fps, gap)


def test_frames_come_at_the_sources_size_only_where_tiles_need_it() -> None:
    op = opened(None)
    assert op.frame_need(unit_of(60, (640, 480))).width_px is None
    assert op.frame_need(unit_of(60, (240, 180))).width_px == 640
    assert opened(None, SecondLookParams(tiles=False)).frame_need(unit_of(60, (1920, 1080))).width_px == 640


def test_only_people_are_found_and_its_work_has_its_own_counters(tmp_path: Path) -> None:
    op = opened(colour_network(tmp_path / "net", CENTRE))
    tables, services = looked(op, solid([(0, 0, 255), (0, 255, 0), (0, 0, 20)]))
    (row,) = tables["second_detections"].to_pylist()
    assert (row["label"], row["source"], row["detection"]) == ("person", "model", 0)
    assert [row[name] for name in ("x1", "y1", "x2", "y2")] == [24, 28, 40, 36]
    assert tables["second_observed_frames"]["detections"].to_pylist() == [1, 0, 0]
    assert [reach["people"] for reach in tables["second_detector_reach"].to_pylist()] == [0, 0, 0, 0, 1, 0, 0, 0]
    expected = {"second_detector_calls": 3, "second_frames_observed": 3, "second_frames_held": 0}
    assert services.counters == expected


@pytest.mark.parametrize(
    ("tuned", "held"), [({}, 3), ({"skip_unchanged": False}, 0), ({"skip_unchanged": True, "gap_s": 9.0}, 3)]
)
def test_what_was_tuned_for_detect_can_only_make_it_look_more(
    tmp_path: Path, tuned: dict[str, float], held: int
) -> None:
    op = opened(colour_network(tmp_path / "net", CENTRE))
    _, services = looked(op, solid([(0, 0, 255)] * 4), replace(unit_of(30, (64, 64)), tuned=tuned))
    assert services.counters["second_frames_held"] == held
    never = opened(colour_network(tmp_path / "net", CENTRE), SecondLookParams(skip_unchanged=False))
    _, services = looked(never, solid([(0, 0, 255)] * 4), replace(unit_of(30, (64, 64)), tuned=tuned))
    assert services.counters["second_frames_held"] == 0


def test_other_weights_than_detects_are_asked_for_unless_hog_is() -> None:
    assert SecondLook(SecondLookParams()).model_requests == {SECOND: ModelRequest("auto", "detect")}
    assert SecondLook(SecondLookParams(model="hog")).model_requests == {}


def test_weights_that_know_no_people_are_refused(tmp_path: Path) -> None:
    model = replace(colour_network(tmp_path / "net", CENTRE), classes=("cat", "plant"))
    with pytest.raises(ModelError, match="do not know the class 'person'"):
        opened(model)


def frames_of_pets(assets: Path, numbers: list[int]) -> tuple[Uint8, list[np.ndarray]]:
    folder = assets / "video" / "PETS09-S2L1" / "img1"
    frames = np.stack([cv2.imread(str(next(folder.glob(f"*{number:06d}.jpg")))) for number in numbers])
    truth = np.loadtxt(assets / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    counted = [truth[(truth[:, 0] == number) & (truth[:, 6] == 1)] for number in numbers]
    return frames, [np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]) for rows in counted]


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize(("name", "least"), [("yolox_nano.onnx", 0.9), ("hog", 0.55)])
def test_it_finds_most_people_of_pets(
    assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, least: float
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    model = None
    if name != "hog":
        detects = ModelStore(tmp_path).resolve(ModelRequest("auto", "detect"))
        assert detects is not None
        model = ModelStore(tmp_path).resolve(ModelRequest("auto", "detect"), [detects])
        assert model is not None and model.name == name
    frames, truth = frames_of_pets(assets, list(range(1, 300, 140)))
    tables, services = looked(opened(model), frames)
    rows = tables["second_detections"].to_pylist()
    assert {row["source"] for row in rows} == {"hog" if model is None else "model"}
    shares = []
    for boxes, pts in zip(truth, tables["second_observed_frames"]["pts"].to_pylist(), strict=True):
        found = [[row[key] for key in ("x1", "y1", "x2", "y2")] for row in rows if row["pts"] == pts]
        overlaps = iou_matrix(boxes.astype(np.float32), np.array(found, np.float32).reshape(-1, 4))
        shares.append(overlaps.max(axis=1, initial=0) >= 0.35)
    # Measured on 5 frames: YOLOX-Nano all, HOG .67.
    assert np.concatenate(shares).mean() >= least
    assert services.counters["second_tile_calls"] > 0
