"""The smallest ONNX files that a runtime accepts, written byte by byte: the ``onnx`` package is not a dependency."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

FLOAT = 1


def constant_network(
    input_shape: Sequence[int],
    output_shape: Sequence[int],
    metadata: Mapping[str, str] | None = None,
    values: Sequence[float] | None = None,
) -> bytes:
    """An ONNX model that gives the same values, by default zeros, whatever it is given."""
    given = np.zeros(prod(output_shape)) if values is None else np.asarray(values)
    constant = b"".join(_number(1, size) for size in output_shape) + _number(2, FLOAT)
    constant += _bytes(8, b"constant") + _bytes(9, given.astype("<f4").tobytes())
    node = _bytes(1, b"constant") + _bytes(2, b"output") + _bytes(4, b"Identity")
    graph = _bytes(1, node) + _bytes(2, b"graph") + _bytes(5, constant)
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
