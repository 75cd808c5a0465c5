"""Networks run where the operating system puts them, so that two workers do not share one core."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.onnx_file import write_depth_onnx

ROOT = Path(__file__).parents[2]

INFER = """
import sys
from pathlib import Path
import numpy as np
import openvino
from ops.openvino_cpu import cpu_settings

compiled = openvino.Core().compile_model(sys.argv[1], "CPU", cpu_settings(*map(int, sys.argv[2:])))
queue = openvino.AsyncInferQueue(compiled, 3)
found = set()
for _ in range(60):
    queue.start_async([np.zeros((1, 3, 1400, 1400), np.float32)])
    for status in Path("/proc/self/task").glob("*/status"):  # while they infer: pins last no longer
        found |= {line.split()[1] for line in status.read_text().splitlines() if line.startswith("Cpus_allowed_list")}
queue.wait_all()
print(*found)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux lists where threads may run")
@pytest.mark.parametrize("settings", [(1,), (1, 1), (2, 2)], ids=["one frame at once", "one stream", "two streams"])
def test_no_thread_is_tied_to_fewer_cores_than_its_process(tmp_path: Path, settings: tuple[int, ...]) -> None:
    network = write_depth_onnx(tmp_path / "net.onnx", [1400, 1400])
    command = [sys.executable, "-c", INFER, str(network), *map(str, settings)]
    allowed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    own = [
        line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "Cpus_allowed_list" in line
    ]
    assert allowed == own


IMPORT = """
import sys
import ops.openvino_cpu
import openvino
print(type(openvino.tools.ovc.telemetry).__module__)
"""


@pytest.mark.slow
def test_openvino_sends_no_usage_event_and_leaves_no_identifier(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert ended.stdout.strip() == "openvino.tools.ovc.telemetry_stub"
    assert list(tmp_path.iterdir()) == []
