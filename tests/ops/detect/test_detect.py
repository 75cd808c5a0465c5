"""The op ``detect`` with networks: frames in, rows in the source's pixels out, the same whatever the batches."""

import os
import subprocess
import sys
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
from tests.ops.networks import colour_network
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

CENTRE = np.array([[32, 32, 16, 8]], np.float32)


def detect(op: Detect, frames: Uint8, sizes: list[int], source_px: tuple[int, int] | None = None) -> Tables:
    """Feeds frames in batches of these sizes, again and again."""
    segment = make_segment(duration_s=len(frames) / 10, size_px=source_px or (frames.shape[2], frames.shape[1]))
    services = FakeServices()
    session = op.start(make_unit([segment]), {}, services)
    first, turn = 0, 0
    while first < len(frames):
        batch = frames[first : first + sizes[turn % len(sizes)]]
        session.feed(make_batch(batch, segment, first))
        first, turn = first + len(batch), turn + 1
    assert services.counters["detector_calls"] == len(frames)
    return session.finish({})


def opened(params: DetectParams, model: ModelFile, cpus: int = 1) -> Detect:
    op = Detect(params)
    op.open({DETECTOR: model}, cpus)
    return op


def solid(colours: list[tuple[int, int, int]], size_px: tuple[int, int] = (64, 64)) -> Uint8:
    """Frames of one colour each, BGR."""
    return np.stack([np.full((size_px[1], size_px[0], 3), colour, np.uint8) for colour in colours])


def test_colours_reach_the_network_in_its_order_and_range(tmp_path: Path) -> None:
    op = opened(DetectParams(classes=("person", "plant"), confidence=0.1), colour_network(tmp_path / "net", CENTRE))
    tables = detect(op, solid([(255, 0, 204), (255, 51, 0), (255, 0, 0)]), [2])
    rows = tables["detections"].to_pylist()
    assert [(row["label"], round(row["confidence"], 4)) for row in rows] == [("person", 0.8), ("plant", 0.2)]
    assert tables["observed_frames"]["detections"].to_pylist() == [1, 1, 0]
    assert {row["source"] for row in rows} == {"model"}


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
    assert {name: table.num_rows for name, table in tables.items()} == {"detections": 0, "observed_frames": 0}


def test_frames_are_asked_for_at_the_networks_size(tmp_path: Path) -> None:
    op = opened(DetectParams(fps=5), colour_network(tmp_path / "net", CENTRE))
    need = op.frame_need(make_unit([make_segment()]))
    assert need is not None
    assert (need.fps, need.width_px) == (5, 64)


def test_the_request_follows_the_parameter() -> None:
    assert Detect(DetectParams()).model_requests == {DETECTOR: ModelRequest("auto", "detect")}
    assert Detect(DetectParams(model="mine.onnx")).model_requests == {DETECTOR: ModelRequest("mine.onnx", "detect")}
    assert Detect(DetectParams(model="motion")).model_requests == {}


def test_classes_that_the_weights_do_not_know_are_said(tmp_path: Path) -> None:
    op = Detect(DetectParams(classes=("unicorn",)))
    with pytest.raises(ModelError, match=r"unicorn.*person, plant"):
        op.open({DETECTOR: colour_network(tmp_path / "net", CENTRE)}, 1)


def test_damaged_weights_are_the_users_mistake(tmp_path: Path) -> None:
    model = colour_network(tmp_path / "net", CENTRE)
    (tmp_path / "net" / "net.xml").write_bytes(b"<net")
    with pytest.raises(ModelError, match="OpenVINO cannot load"):
        Detect(DetectParams()).open({DETECTOR: model}, 1)


CHECKPOINT = """
import sys, warnings, torch
warnings.simplefilter("error")
sys.path.insert(0, sys.argv[1])
import numpy as np
from pathlib import Path
from ops.boxes import iou_matrix
from ops.detect import Detect, DetectParams
from schemas.values import ModelFile
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit
folder = Path(sys.argv[2])
class Given(torch.nn.Module):
    names = {0: "person", 1: "plant"}
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
    def forward(self, image):
        boxes = torch.tensor([[[32.0], [32.0], [16.0], [8.0]]])
        return torch.cat([boxes, image.mean(dim=(2, 3))[:, :2, None] * self.scale], dim=1), None
sys.modules["__main__"].Given = Given
torch.save({"model": Given(), "train_args": {}}, folder / "best.pt")
op = Detect(DetectParams())
model = ModelFile("best.pt", str(folder / "best.pt"), "pt", "detect", "yolo", "0", "x", "x", (64, 64))
op.open({"detector": model}, 1)
segment = make_segment(size_px=(64, 64))
session = op.start(make_unit([segment]), {}, FakeServices())
session.feed(make_batch(np.full((1, 64, 64, 3), (0, 0, 204), np.uint8), segment))
(row,) = session.finish({})["detections"].to_pylist()
print(row["label"], round(row["confidence"], 4), *(row[name] for name in ("x1", "y1", "x2", "y2")))
"""


@pytest.mark.slow
def test_ultralytics_checkpoints_run_and_write_nothing_at_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO", "XDG", "ULTRA"))}
    run = subprocess.run(
        [sys.executable, "-c", CHECKPOINT, str(Path(__file__).parents[3]), str(tmp_path)],
        env={**kept, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "person 0.8 24.0 28.0 40.0 36.0"
    assert list((tmp_path / "home").rglob("*")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "home"]


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
    frames, truth = pets(assets, list(range(1, 300, 12)))
    tables = detect(opened(DetectParams(), real(name, assets, monkeypatch, tmp_path), 2), frames, [8])
    found = true = 0
    for number, boxes in enumerate(truth):
        overlaps = iou_matrix(boxes.astype(np.float32), boxes_of(number, tables))
        found += int((overlaps.max(axis=1, initial=0) >= 0.5).sum())
        true += len(boxes)
    assert true > 100
    assert found / true >= least


@pytest.mark.slow
@pytest.mark.assets
def test_real_weights_give_the_same_bytes_twice(assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = real("auto", assets, monkeypatch, tmp_path)
    assert model.name == "yolo11n_int8_openvino_model"
    frames, _ = pets(assets, list(range(1, 8)))
    assert detect(opened(DetectParams(), model, 1), frames, [7]) == detect(
        opened(DetectParams(), model, 2), frames, [1, 3]
    )
