"""Weights and pictures from names alone (``hoi/FORMAT.md``): the same everywhere, without a file."""

import math
import zlib
from typing import Any

import numpy as np
import torch

from ops.interactions.qpic.network import Qpic
from ops.interactions.qpic.settings import QpicSettings
from schemas.values import Float32, Float64

CELL_PX = 32

TINY = QpicSettings(
    objects=("person", "bag", "bicycle"),
    verbs=("carry", "ride"),
    blocks=(1, 1, 1, 1),
    width=4,
    hidden=16,
    heads=2,
    feedforward=32,
    encoder_layers=1,
    decoder_layers=2,
    queries=5,
)
"""A network of a few thousand weights, with everything that the published one has."""


def normal(name: str, shape: tuple[int, ...]) -> Float32:
    """Returns normal numbers whose seed is the name's CRC-32."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode("utf-8"))))
    return generator.standard_normal(shape, dtype=np.float32)


def weights_of(name: str, shape: tuple[int, ...]) -> Float32:
    """Returns the weights of one entry of a state dict."""
    return _scaled(name, normal(name, shape).astype(np.float64)).astype(np.float32)


def _scaled(name: str, values: Float64) -> Float64:
    if name == "query_embed.weight":
        return 2 * values
    if values.ndim == 4:
        centred = values - values.mean(axis=(1, 2, 3), keepdims=True)
        return np.asarray(centred / math.sqrt(math.prod(values.shape[1:])))
    if values.ndim == 2:
        return _gain(name) * values / math.sqrt(values.shape[1])
    if name.endswith("running_var"):
        return 0.5 + 0.5 * np.abs(values)
    if name.endswith("running_mean"):
        return 0.1 * values
    return 0.02 * values if name.endswith("bias") else 1 + 0.1 * values


def _gain(name: str) -> float:
    endings = {"in_proj_weight": 1.5, "out_proj.weight": 0.3, "linear2.weight": 0.5, "class_embed.weight": 2.0}
    for ending, gain in endings.items():
        if name.endswith(ending):
            return gain
    return 1.5 if "bbox_embed" in name else 1.0


def network_of(settings: QpicSettings) -> Qpic:
    """Returns a network with these weights, ready to run."""
    network = Qpic(settings)
    weights = {name: weights_of(name, tuple(values.shape)) for name, values in network.state_dict().items()}
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return network.eval()


def picture_of(tag: str, height: int, width: int) -> Any:
    """Returns a picture ``(3, height, width)`` as a tensor, as if it was normed."""
    cells = (3, math.ceil(height / CELL_PX), math.ceil(width / CELL_PX))
    coarse = normal(f"{tag}/coarse", cells).repeat(CELL_PX, axis=1).repeat(CELL_PX, axis=2)
    fine = normal(f"{tag}/fine", (3, height, width))
    return torch.from_numpy(coarse[:, :height, :width] + np.float32(0.5) * fine)
