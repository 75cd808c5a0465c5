"""The op ``detect`` with networks: frames in, rows in the source's pixels out, the same whatever the batches."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.compute as pc
import pytest

from ops.boxes import iou_matrix
from ops.detect import Detect, DetectParams
from schemas.errors import ModelError
from schemas.op import DETECTOR, ModelRequest, Tables
from schemas.values import ModelFile, Uint8
from storage.weights.catalogue import ModelStore
from tests.ops.networks import CENTRE, colour_network, detect, opened, solid
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit


def test_boxes_are_in_the_sources_pixels(tmp_path: Path) -> None:
    op = opened(DetectParams(), colour_network(tmp_path / "net", CENTRE))
    # A frame of 128 x 96, decoded at half size: the input's centre is the source's.
    (row,) = detect(op, solid([(0, 0, 255)], (64, 48)), [1], (128, 96))["detections"].to_pylist()
    assert [row[name] for name in ("x1", "y1", "x2", "y2")] == [48, 40, 80, 56]


def test_edges_are_exclusive_and_what_is_outside_is_dropped(tmp_path: Path) -> None:
    boxes = np.array([[60, 60, 20, 20], [90, 90, 20, 20], [10, 10, 4, 0.5]], np.float32)
    op = opened(DetectParams(), colour_network(tmp_path / "net", boxes))
    (row,) = detect(op, solid([(0, 0, 255)]), [1])["detections"].to_pylist()
    assert [row[name] for name in ("x1", "y1", "x2", "y2")] == [50, 50, 64, 64]


@pytest.mark.parametrize("cpus", [1, 2])
def test_batches_and_threads_change_nothing(tmp_path: Path, cpus: int) -> None:
    model = colour_network(tmp_path / "net", CENTRE)
    frames = np.random.default_rng(3).integers(0, 256, (23, 48, 64, 3), dtype=np.uint8)
    frames[:, :, :, 2] = np.linspace(0, 255, 23).astype(np.uint8)[:, None, None]
    once = detect(opened(DetectParams(confidence=0.5), model), frames, [23])
    again = detect(opened(DetectParams(confidence=0.5), model, cpus), frames, [1, 5, 2])
    assert once == again
    assert 0 < once["detections"].num_rows < 23
    assert once["detections"]["detection"].to_pylist() == list(range(once["detections"].num_rows))


def test_frames_that_were_held_are_counted_as_the_table_has_them(tmp_path: Path) -> None:
    op, services = opened(DetectParams(), colour_network(tmp_path / "net", CENTRE)), FakeServices()
    segment = make_segment(duration_s=60, size_px=(64, 64))
    session = op.start(make_unit([segment]), {}, services)
    session.feed(make_batch(solid([(0, 0, 255)] * 20), segment))
    looks = session.finish({})["observed_frames"]["looks"].to_pylist()
    assert (len(looks), looks.count(0)) == (20, 19)
    assert (services.counters["frames_observed"], services.counters["frames_held"]) == (20, 19)


@pytest.mark.parametrize(
    ("tuned", "looked_at"), [({}, range(1, 200)), ({"gap_s": 0.0}, range(280, 300)), ({"skip_unchanged": False}, [300])]
)
def test_what_was_tuned_for_a_camera_goes_before_the_parameters(
    tmp_path: Path, tuned: dict[str, float], looked_at: Sequence[int]
) -> None:
    """A view in which something changes in each frame, but for the first seconds."""
    op = opened(DetectParams(tiles=False, sample_share=0.0), colour_network(tmp_path / "net", CENTRE))
    frames = np.full((300, 64, 64, 3), 60, np.uint8)
    for number in range(15, 300):
        frames[number, 2:10, 2 + number % 50 : 12 + number % 50] = 250
    segment, services = make_segment(duration_s=30, size_px=(64, 64)), FakeServices()
    session = op.start(replace(make_unit([segment]), tuned=tuned), {}, services)
    session.feed(make_batch(frames, segment))
    looks = session.finish({})["observed_frames"]["looks"].to_numpy()
    assert np.count_nonzero(looks) in looked_at


def test_an_abandoned_segment_leaves_nothing_behind(tmp_path: Path) -> None:
    op = opened(DetectParams(), colour_network(tmp_path / "net", CENTRE))
    segment = make_segment(size_px=(64, 64))
    left = op.start(make_unit([segment]), {}, FakeServices())
    left.feed(make_batch(solid([(0, 0, 255)] * 8), segment))
    left.abandon()
    assert detect(op, solid([(0, 0, 0)] * 3), [3])["detections"].num_rows == 0


def test_a_segment_without_frames_gives_empty_tables(tmp_path: Path) -> None:
    op = opened(DetectParams(), colour_network(tmp_path / "net", CENTRE))
    tables = op.start(make_unit([make_segment()]), {}, FakeServices()).finish({})
    assert {name: table.num_rows for name, table in tables.items()} == dict.fromkeys(Detect.spec.writes, 0)


def test_frames_are_asked_for_at_the_networks_size(tmp_path: Path) -> None:
    op = opened(DetectParams(fps=5), colour_network(tmp_path / "net", CENTRE))
    need = op.frame_need(make_unit([make_segment()]))
    assert need is not None
    assert (need.fps, need.width_px, need.most_gap_frames) == (5, 64, 6)


def test_the_request_follows_the_parameter() -> None:
    assert Detect(DetectParams()).model_requests == {DETECTOR: ModelRequest("auto", "detect")}
    assert Detect(DetectParams(model="mine.onnx")).model_requests == {DETECTOR: ModelRequest("mine.onnx", "detect")}
    assert Detect(DetectParams(model="motion")).model_requests == {}


def test_classes_that_the_weights_do_not_know_are_said(tmp_path: Path) -> None:
    op = Detect(DetectParams(classes=("unicorn",)))
    with pytest.raises(ModelError, match=r"unicorn.*person, plant"):
        op.open({DETECTOR: colour_network(tmp_path / "net", CENTRE)}, 1)


# Real weights -------------------------------------------------------------------------------------------------------


def real(name: str, assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModelFile:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    model = ModelStore(tmp_path / "models").resolve(ModelRequest(name, "detect"))
    assert model is not None
    return model


def pets(assets: Path, numbers: list[int]) -> tuple[Uint8, list[np.ndarray]]:
    """Frames of PETS by number, and the true boxes of people in each."""
    folder = assets / "video" / "PETS09-S2L1" / "img1"
    frames = np.stack([cv2.imread(str(next(folder.glob(f"*{number:06d}.jpg")))) for number in numbers])
    truth = np.loadtxt(assets / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    counted = [truth[(truth[:, 0] == number) & (truth[:, 6] == 1)] for number in numbers]
    return frames, [np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]) for rows in counted]


def boxes_of(frame: int, tables: Tables) -> np.ndarray:
    pts = tables["observed_frames"]["pts"][frame]
    rows = tables["detections"]
    sure = [row for row in rows.filter(pc.equal(rows["pts"], pts)).to_pylist() if row["confidence"] >= 0.25]
    people = [[row[name] for name in ("x1", "y1", "x2", "y2")] for row in sure if row["label"] == "person"]
    return np.array(people, np.float32).reshape(-1, 4)


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize(("name", "least"), [("yolo11n_int8_openvino_model", 0.87), ("yolox_nano.onnx", 0.87)])
def test_people_of_pets_are_found(
    assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, least: float
) -> None:
    frames, truth = pets(assets, list(range(1, 300, 32)))
    tables = detect(opened(DetectParams(), real(name, assets, monkeypatch, tmp_path), 2), frames, [8])
    found = true = 0
    for number, boxes in enumerate(truth):
        overlaps = iou_matrix(boxes.astype(np.float32), boxes_of(number, tables))
        found += int((overlaps.max(axis=1, initial=0) >= 0.5).sum())
        true += len(boxes)
    assert true > 50
    assert found / true >= least


@pytest.mark.slow
@pytest.mark.assets
def test_real_weights_give_the_same_bytes_twice(assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = real("auto", assets, monkeypatch, tmp_path)
    assert model.name == "yolo11n_int8_openvino_model"
    frames, _ = pets(assets, list(range(1, 5)))
    assert detect(opened(DetectParams(), model, 1), frames, [4]) == detect(
        opened(DetectParams(), model, 2), frames, [1, 3]
    )


@pytest.mark.slow
@pytest.mark.assets
def test_people_too_small_for_the_whole_frame_are_found_in_every_frame_of_a_segment(
    assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = real("yolo11n_int8_openvino_model", assets, monkeypatch, tmp_path)
    frames, truth = pets(assets, list(range(1, 4)))
    wide = np.full((3, 1080, 1920, 3), 127, np.uint8)
    wide[:, 400:544, 900:1092] = [cv2.resize(one, (192, 144), interpolation=cv2.INTER_AREA) for one in frames]
    shifted = [boxes / 4 + [900, 400, 900, 400] for boxes in truth]
    shares, reaches = [], []
    for tiles in (False, True):
        tables = detect(opened(DetectParams(tiles=tiles), model, 2), wide, [2])
        found = [
            iou_matrix(boxes.astype(np.float32), boxes_of(number, tables)).max(axis=1, initial=0) >= 0.4
            for number, boxes in enumerate(shifted)
        ]
        shares.append(np.concatenate(found).mean())
        reaches.append(tables["detector_reach"].to_pylist())
    assert shares[0] < 0.1
    assert shares[1] > 0.8
    plain, tiled = reaches[0][3], reaches[1][3]
    assert (plain["y1"], plain["y2"], plain["frames"]) == (405, 540, 3)
    assert (plain["people"], plain["probe_height_px"], plain["tile_looks"]) == (0, None, 0)
    assert plain["least_height_px"] == tiled["least_height_px"] == pytest.approx(120)
    assert tiled["probe_height_px"] == pytest.approx(20)
    assert tiled["people"] > 5
    assert 15 < tiled["person_height_px"] < 30
    assert tiled["tile_looks"] > 5
