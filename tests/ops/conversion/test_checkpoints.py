"""Ultralytics' own checkpoints become OpenVINO and ONNX, with no network access and nothing left behind."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from storage.weights.files import read_model_facts

CONVERSION = """
import hashlib, sys, torch
sys.path.insert(0, sys.argv[1])
import numpy as np
from dataclasses import replace
from pathlib import Path
from ops.conversion.agreement import Comparison
from ops.conversion.graphs import read_graph, write_graph, write_onnx
from schemas.values import ModelFile
folder, wanted = Path(sys.argv[2]), sys.argv[3]
class Given(torch.nn.Module):
    names = {0: "person", 1: "plant"}
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
    def forward(self, image):
        boxes = torch.tensor([[[32.0], [32.0], [16.0], [8.0]]]).repeat(1, 1, 8) * self.scale
        return torch.cat([boxes, image.mean(dim=(2, 3))[:, :2, None].repeat(1, 1, 8)], dim=1), None
sys.modules["__main__"].Given = Given
torch.save({"model": Given(), "train_args": {}}, folder / "best.pt")
digest = hashlib.sha256((folder / "best.pt").read_bytes()).hexdigest()
model = ModelFile("best.pt", str(folder / "best.pt"), "pt", "detect", "yolo", digest, "x", "x", (64, 64))
graph = read_graph(model)
assert (graph.precision, graph.classes, graph.input_px) == ("FP32", ("person", "plant"), (64, 64)), graph
if wanted == "openvino":
    write_graph(graph.network, folder / "made", to_fp16=True)
    made = replace(model, path=str(folder / "made"), format="openvino", classes=graph.classes)
else:
    write_onnx(model, folder / "made.onnx", {"task": "detect", "license": "x", "names": str(Given.names)})
    made = replace(model, path=str(folder / "made.onnx"), format="onnx", classes=graph.classes)
comparison = Comparison(model, made)
for blue, green, red in ((0, 0, 204), (0, 128, 0), (255, 0, 0)):
    comparison.add("all", np.full((64, 64, 3), (blue, green, red), np.uint8))
print(comparison.by_group["all"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["openvino", "onnx"])
def test_a_checkpoint_is_converted_and_finds_the_same(tmp_path: Path, wanted: str) -> None:
    if wanted == "onnx" and find_spec("onnx") is None:
        pytest.skip("the extra `convert` is not installed")
    (tmp_path / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO", "XDG", "ULTRA"))}
    run = subprocess.run(
        [sys.executable, "-c", CONVERSION, str(Path(__file__).parents[3]), str(tmp_path), wanted],
        env={**kept, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "Agreement(pictures=3, boxes=2, found=2, converted_boxes=2, confirmed=2)"
    assert list((tmp_path / "home").rglob("*")) == []
    made = "made" if wanted == "openvino" else "made.onnx"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["best.pt", "home", made])
    if wanted == "onnx":
        facts = read_model_facts(tmp_path / made)
        assert (facts.task, facts.classes, facts.input_px) == ("detect", ("person", "plant"), (64, 64))
