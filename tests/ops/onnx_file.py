"""Writes a small ONNX file without the onnx package: its protobuf messages, field by field.

Numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; only what these tests need is here.
"""

from collections.abc import Sequence
from pathlib import Path

FLOAT = 1  # TensorProto.DataType
INT, INTS = 2, 7  # AttributeProto.AttributeType


def write_depth_onnx(path: Path, sides_px: Sequence[int | str], keep_axis: bool = True) -> Path:
    """A model from ``pixel_values`` (1, 3, H, W) to ``depth``: the mean of the three colours.

    Args:
        path: the file to write.
        sides_px: H and W, or names for sides that may be of any length.
        keep_axis: whether the output is (1, 1, H, W) or (1, H, W).
    """
    node = _text(1, "pixel_values") + _text(2, "depth") + _text(4, "ReduceMean")
    node += _field(5, _text(1, "axes") + _number(8, 1) + _number(20, INTS))
    node += _field(5, _text(1, "keepdims") + _number(3, int(keep_axis)) + _number(20, INT))
    outgoing = [1, 1, *sides_px] if keep_axis else [1, *sides_px]
    graph = _field(1, node) + _text(2, "depth_of_colours")
    graph += _field(11, _value("pixel_values", [1, 3, *sides_px])) + _field(12, _value("depth", outgoing))
    opset = _text(1, "") + _number(2, 13)
    path.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, opset))
    return path


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    """ValueInfoProto: a name, an element type and a shape."""
    sides = b"".join(_field(1, _text(2, side) if isinstance(side, str) else _number(1, side)) for side in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, FLOAT) + _field(2, sides)))


def _varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _field(field, text.encode())
