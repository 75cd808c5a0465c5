"""Networks get frames in their own order and range, and weights that cannot be used are said."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from ops.detect import Detect, DetectParams
from ops.detect.backends import open_network
from schemas.errors import ModelError
from schemas.op import DETECTOR
from schemas.values import ModelFile
from tests.ops.networks import CENTRE, colour_network, detect, opened, solid


def test_colours_reach_the_network_in_its_order_and_range(tmp_path: Path) -> None:
    op = opened(DetectParams(classes=("person", "plant"), confidence=0.1), colour_network(tmp_path / "net", CENTRE))
    tables = detect(op, solid([(255, 0, 204), (255, 51, 0), (255, 0, 0)]), [2])
    rows = tables["detections"].to_pylist()
    assert [(row["label"], round(row["confidence"], 4)) for row in rows] == [("person", 0.8), ("plant", 0.2)]
    assert tables["observed_frames"]["detections"].to_pylist() == [1, 1, 0]
    assert {row["source"] for row in rows} == {"model"}


def test_damaged_weights_are_the_users_mistake(tmp_path: Path) -> None:
    model = colour_network(tmp_path / "net", CENTRE)
    (tmp_path / "net" / "net.xml").write_bytes(b"<net")
    with pytest.raises(ModelError, match="OpenVINO cannot load"):
        Detect(DetectParams()).open({DETECTOR: model}, 1)


CHECKPOINT = """
import hashlib, sys, warnings, torch
warnings.simplefilter("error")
sys.path.insert(0, sys.argv[1])
import numpy as np
from pathlib import Path
from ops.boxes import iou_matrix
from ops.detect import Detect, DetectParams
from ops.detect.backends import open_network
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
digest = hashlib.sha256((folder / "best.pt").read_bytes()).hexdigest()
model = ModelFile("best.pt", str(folder / "best.pt"), "pt", "detect", "yolo", digest, "x", "x", (64, 64))
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


@pytest.mark.slow
def test_a_checkpoint_that_was_swapped_after_it_was_checked_is_not_loaded(tmp_path: Path) -> None:
    """A pickle runs code when it is loaded; this one would write a file."""
    ran = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return exec, (f"open({str(ran)!r}, 'w').close()", "")

    path = tmp_path / "best.pt"
    path.write_bytes(pickle.dumps(Bomb()))
    model = ModelFile("best.pt", str(path), "pt", "detect", "yolo", "0" * 64, "x", "x", (64, 64))
    with pytest.raises(ModelError, match="altered since they were checked"):
        open_network(model, 1)
    assert not ran.exists()
