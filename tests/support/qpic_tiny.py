"""Golden numbers of our own for a tiny QPIC: ``python -m tests.support.qpic_tiny`` writes them anew.

They prove the basics without the assets folder: the network, pairs, costs and losses that wrote them met every golden
number of the authors' program. Write them again only after those are met again (``test_golden.py``).
"""

import json
from pathlib import Path
from typing import Any

import torch

from ops.interactions.qpic.losses import LossSettings, losses, total
from ops.interactions.qpic.matcher import Target, cost_matrix, match
from ops.interactions.qpic.network import Outputs, pad_pictures
from ops.interactions.qpic.postprocess import postprocess
from tests.support.qpic_weights import TINY, network_of, picture_of

FIXTURE = Path(__file__).parent / "qpic_tiny.json"
SIZES_PX = ((96, 130), (70, 64))
ORIGINAL_SIZES_PX = ((480, 650), (350, 320))
DIGITS = 7


def tiny_numbers() -> dict[str, Any]:
    """Runs the tiny network on two pictures, one of them padded, in float64; returns all that is compared."""
    network = network_of(TINY).double()
    images, mask = pad_pictures([picture_of(f"tiny/{number}", *size) for number, size in enumerate(SIZES_PX)])
    layers = network(images.double(), mask)
    targets = tiny_targets()
    found: dict[str, Any] = {
        f"layer {number} {name}": values
        for number, layer in enumerate(layers)
        for name, values in layer._asdict().items()
    }
    for number, pairs in enumerate(postprocess(layers[-1], torch.tensor(ORIGINAL_SIZES_PX))):
        found |= {f"picture {number} {name}": values for name, values in pairs.as_prediction().items()}
    for number, target in enumerate(targets):
        one = Outputs(*(values[number] for values in layers[-1]))
        found[f"picture {number} costs"] = cost_matrix(one, target)
    found["indices"] = [[queries.tolist(), pairs.tolist()] for queries, pairs in match(layers[-1], targets)]
    for kind in ("focal", "bce"):
        settings = LossSettings(verb_loss=kind)
        parts = losses(layers, targets, settings)
        found[kind] = {name: value.item() for name, value in (parts | {"total": total(parts, settings)}).items()}
    return {name: _plain(values) for name, values in found.items()}


def tiny_targets() -> list[Target]:
    """Returns two pairs for the first picture, one of them with no visible object, and none for the second."""
    boxes = torch.tensor([[0.3, 0.5, 0.2, 0.8], [0.7, 0.6, 0.2, 0.5]], dtype=torch.float64)
    bag = torch.tensor([[0.4, 0.6, 0.1, 0.2], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    verbs = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    first = Target(torch.tensor([1, 2]), verbs, boxes, bag)
    return [first, Target(*(values[:0] for values in first))]


def _plain(values: Any) -> Any:
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    if isinstance(values, dict):
        return {name: _plain(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_plain(value) for value in values]
    if hasattr(values, "tolist"):
        return _plain(values.tolist())
    return round(values, DIGITS) if isinstance(values, float) else values


if __name__ == "__main__":
    FIXTURE.write_text(json.dumps(tiny_numbers()) + "\n")
