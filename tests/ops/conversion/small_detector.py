"""A detector of one convolution, whose boxes depend on the picture: small enough to be quantized in a test."""

from pathlib import Path

import numpy as np

from schemas.values import ModelFile

SIDE_PX, CELL_PX = 64, 16
CLASSES = ("patch",)


def patch_detector(folder: Path) -> ModelFile:
    """An OpenVINO detector that sees a ``patch`` in each of 4 x 4 cells of its input, as surely as it is red."""
    import openvino as ov
    from openvino import opset8 as op

    image = op.parameter([1, 3, SIDE_PX, SIDE_PX], np.float32, name="images")
    mean = np.zeros((2, 3, CELL_PX, CELL_PX), np.float32)
    mean[0, 0] = 1 / CELL_PX**2
    cells = op.convolution(image, op.constant(mean), [CELL_PX] * 2, [0, 0], [0, 0], [1, 1])
    cells = op.relu(op.add(cells, op.constant(np.zeros((1, 2, 1, 1), np.float32))))
    pick = np.zeros((4, 2, 1, 1), np.float32)
    pick[0, 0] = 1
    cells = op.convolution(cells, op.constant(pick), [1, 1], [0, 0], [0, 0], [1, 1])
    count = (SIDE_PX // CELL_PX) ** 2
    scores = op.reshape(cells, np.array([1, 4, count]), special_zero=False)
    scores = op.gather(scores, np.array([0]), np.array(1))
    y, x = np.divmod(np.arange(count), SIDE_PX // CELL_PX)
    boxes = np.stack([(x + 0.5) * CELL_PX, (y + 0.5) * CELL_PX, np.full(count, 12.0), np.full(count, 12.0)])
    found = op.concat([op.constant(boxes[None].astype(np.float32)), op.sigmoid(op.multiply(scores, np.float32(4)))], 1)
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(ov.Model([op.result(found)], [image]), folder / "net.xml", compress_to_fp16=False)
    (folder / "metadata.yaml").write_text("task: detect\nlicense: CC0-1.0\nnames: {0: patch}\n")
    size_px = (SIDE_PX, SIDE_PX)
    return ModelFile(
        folder.name, str(folder), "openvino", "detect", "yolo", "0" * 64, "CC0-1.0", "test", size_px, CLASSES
    )


def coloured_pictures(count: int) -> list[np.ndarray]:
    """Pictures of cells of random colours, ``(64, 64, 3)`` BGR."""
    cells = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), np.uint8)
    return list(cells.repeat(CELL_PX, axis=1).repeat(CELL_PX, axis=2))
