"""The smallest ONNX files that a runtime accepts, written byte by byte: the ``onnx`` package is not a dependency."""

import struct
from collections.abc import Mapping, Sequence
from math import prod

FLOAT = 1


def constant_network(
    input_shape: Sequence[int], output_shape: Sequence[int], metadata: Mapping[str, str] | None = None
) -> bytes:
    """An ONNX model that gives zeros, whatever it is given."""
    zeros = b"".join(_number(1, size) for size in output_shape) + _number(2, FLOAT)
    zeros += _bytes(8, b"zeros") + _bytes(9, struct.pack("<f", 0) * prod(output_shape))
    node = _bytes(1, b"zeros") + _bytes(2, b"output") + _bytes(4, b"Identity")
    graph = _bytes(1, node) + _bytes(2, b"graph") + _bytes(5, zeros)
    graph += _bytes(11, _port("images", input_shape)) + _bytes(12, _port("output", output_shape))
    model = _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))
    for key, value in (metadata or {}).items():
        model += _bytes(14, _bytes(1, key.encode()) + _bytes(2, value.encode()))
    return model


def _port(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor = _number(1, FLOAT) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
