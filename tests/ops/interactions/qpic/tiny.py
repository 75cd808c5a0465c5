"""A QPIC of a few thousand weights, and a file of it."""

import io
from pathlib import Path

import torch

from ops.interactions.qpic.checkpoints import checkpoint_of
from ops.interactions.qpic.network import Qpic
from ops.interactions.qpic.settings import QpicSettings
from schemas.values import ModelFile

TINY = QpicSettings(
    objects=("person", "cart", "bench"),
    verbs=("pushes", "sits_on"),
    blocks=(1, 1, 1, 1),
    width=8,
    hidden=16,
    heads=2,
    feedforward=32,
    encoder_layers=1,
    decoder_layers=2,
    queries=6,
)


def tiny_network(settings: QpicSettings = TINY, seed: int = 0) -> Qpic:
    """Returns a network with random weights, ready to run."""
    torch.manual_seed(seed)
    return Qpic(settings).eval()


def tiny_weights(path: Path, settings: QpicSettings = TINY, seed: int = 0) -> ModelFile:
    """Writes a tiny network as a checkpoint."""
    content = io.BytesIO()
    torch.save(checkpoint_of(tiny_network(settings, seed)), content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())
    return ModelFile(path.name, str(path), "pt", "interactions", "qpic", "0" * 64, "none", "made by a test")
