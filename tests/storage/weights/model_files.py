"""Weights files in every format, for tests."""

import zipfile
from pathlib import Path

from tests.storage.onnx_file import constant_network

IR = """<?xml version="1.0"?><net name="x" version="11"><layers>
<layer id="0" name="images" type="Parameter" version="opset1"><output><port id="0" precision="FP32">
<dim>1</dim><dim>3</dim><dim>{height}</dim><dim>{width}</dim></port></output></layer>
<layer id="1" name="out" type="Result" version="opset1"><input><port id="0" precision="FP32">
<dim>1</dim><dim>{rows}</dim><dim>84</dim></port></input></layer></layers></net>"""


def detector(path: Path, classes: int = 2, metadata: dict[str, str] | None = None) -> Path:
    """An ONNX file in YOLO's layout, as Ultralytics exports it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = str({number: f"thing{number}" for number in range(classes)})
    said = {"task": "detect", "names": names, "license": "AGPL-3.0"} if metadata is None else metadata
    path.write_bytes(constant_network((1, 3, 32, 64), (1, 4 + classes, 40), said))
    return path


def openvino_folder(folder: Path, metadata: str | None) -> Path:
    folder.mkdir(parents=True)
    (folder / "net.xml").write_text(IR.format(height=320, width=640, rows=84))
    (folder / "net.bin").write_bytes(b"weights")
    if metadata is not None:
        (folder / "metadata.yaml").write_text(metadata)
    return folder


def pickled(path: Path, content: bytes = b"not opened") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("best/data.pkl", content)
    return path
