"""Reads and makes checkpoints: QPIC's published ones, our own, and DETR's to start training from.

A checkpoint is a pickle, and pickles can run code. ``weights_only`` allows tensors and plain values;
``argparse.Namespace``, in which the authors keep the settings of their runs, is allowed too, and nothing else.
"""

import argparse
import pickle
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ops.interactions.qpic.network import Qpic
from ops.interactions.qpic.read_settings import settings_of
from ops.interactions.qpic.settings import QpicSettings
from schemas.errors import ModelError

DAMAGE = (
    OSError,
    RuntimeError,
    EOFError,
    pickle.UnpicklingError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    ArithmeticError,
    struct.error,
)
"""What PyTorch raises for files that are cut off or changed, by where the damage is."""

FORBIDDEN = ("Unsupported global", "unsupported GLOBAL", "Can only create", "Can only build", "unrecognized function")
NAMED_KEYS = 4


def load_qpic(
    path: str | Path, objects: tuple[str, ...] | None = None, verbs: tuple[str, ...] | None = None
) -> tuple[Qpic, QpicSettings]:
    """Loads a checkpoint of QPIC on the CPU, ready to run, with the settings that its weights tell.

    Args:
        path: a checkpoint of the authors or of ``checkpoint_of``.
        objects: names of the object classes, without "no pair"; None: those in the file, or of the published weights
            with as many classes.
        verbs: names of the verbs, likewise.

    Raises:
        ModelError: the file is missing, damaged, holds more than weights, is of another architecture (the message names
            the entries), or has another number of classes than there are names.
    """
    content = read_checkpoint(path)
    weights = weights_in(content, path)
    settings = settings_of(content, weights, path, objects, verbs)
    network = Qpic(settings)
    load_weights(network, weights, path)
    return network.eval(), settings


def checkpoint_of(network: Qpic) -> dict[str, Any]:
    """Returns what ``torch.save`` writes so that ``load_qpic`` finds the weights and the names of the classes."""
    return {"model": network.state_dict(), "settings": asdict(network.settings)}


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Returns the content of a checkpoint, on the CPU.

    Raises:
        ModelError: the file is missing, damaged, or holds other Python objects than weights and plain values.
    """
    if not Path(path).is_file():
        raise ModelError(f"{path}: no such file; name a checkpoint of QPIC or DETR (.pth)")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGE as error:
        if isinstance(error, pickle.UnpicklingError) and any(word in str(error) for word in FORBIDDEN):
            reason = "it holds Python objects that could run code; save its state dict alone, and use that"
        else:
            reason = "PyTorch cannot read it: it is cut off, damaged or no checkpoint; fetch it again"
        raise ModelError(f"{path}: {reason}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: holds a {type(content).__name__}, not a state dict")
    return content


def weights_in(content: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """Returns the state dict of a checkpoint: its entry ``model``, or the whole.

    Raises:
        ModelError: there is none, or a weight is not a finite number.
    """
    weights = content.get("model", content)
    if not isinstance(weights, dict) or not all(isinstance(values, Tensor) for values in weights.values()):
        raise ModelError(f"{path}: holds no state dict, neither as its whole nor as its entry 'model'")
    broken = [name for name, values in weights.items() if not values.isfinite().all()]
    if broken:
        raise ModelError(f"{path}: {_some(broken)} not finite; the file is damaged, or its training failed")
    return weights


def load_weights(network: Qpic, weights: dict[str, Tensor], path: str | Path) -> None:
    """Sets all weights of a network.

    Raises:
        ModelError: entries are missing, unexpected or of another shape.
    """
    own = network.state_dict()
    faults = {
        "missing": [name for name in own if name not in weights],
        "unexpected": [name for name in weights if name not in own],
        "of another shape": [
            f"{name} {tuple(weights[name].shape)} instead of {tuple(values.shape)}"
            for name, values in own.items()
            if name in weights and weights[name].shape != values.shape
        ],
    }
    found = "; ".join(f"{kind}: {_some(names)}" for kind, names in faults.items() if names)
    if found:
        raise ModelError(f"{path}: weights of another architecture than QPIC's ({found})")
    network.load_state_dict(weights)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_KEYS} more" if len(names) > NAMED_KEYS else ""
    return ", ".join(names[:NAMED_KEYS]) + more
