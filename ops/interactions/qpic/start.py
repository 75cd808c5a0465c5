"""Starts training from other weights: of DETR, or of a QPIC with other classes."""

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ops.interactions.qpic.checkpoints import load_weights, read_checkpoint, weights_in
from ops.interactions.qpic.names import COCO_IDS, COCO_OBJECTS
from ops.interactions.qpic.network import Qpic
from ops.interactions.qpic.read_settings import settings_of, sizes_of
from schemas.errors import ModelError

DETR_CLASSES = 92
"""Outputs of DETR's class head: COCO's category ids from 0 to 90, and 91 for no object."""

CONVERTED = ("sub_bbox_embed.", "obj_bbox_embed.", "obj_class_embed.")
"""Entries that the authors' ``convert_parameters.py`` adds to those of DETR, which stay in the file too."""

NO_PAIR = "no pair"
Rows = dict[str, int]


def start_from(path: str | Path, objects: tuple[str, ...], verbs: tuple[str, ...]) -> tuple[Qpic, list[str]]:
    """Returns a network to be trained, with the weights of a checkpoint of DETR or QPIC, and what it has to learn anew.

    Classes are found by their names. DETR's box head becomes that of subjects and that of objects, as in the authors'
    ``convert_parameters.py``.

    Args:
        path: checkpoint of DETR or QPIC, which says the sizes of the network.
        objects: names of the object classes that the network shall have, without "no pair".
        verbs: names of its verbs.

    Returns:
        The network, and the classes and verbs that the checkpoint does not know; their weights are random.

    Raises:
        ModelError: as ``load_qpic``.
    """
    content = read_checkpoint(path)
    weights = weights_in(content, path)
    known_verbs: Rows = {}
    if "class_embed.weight" in weights:
        known = dict(zip((*COCO_OBJECTS, NO_PAIR), (*COCO_IDS, DETR_CLASSES - 1), strict=True))
        weights = _as_qpic(weights, path)
    else:
        settings = settings_of(content, weights, path)
        known = {name: row for row, name in enumerate((*settings.objects, NO_PAIR))}
        known_verbs = {name: row for row, name in enumerate(settings.verbs)}
    network = Qpic(replace(sizes_of(content, weights, path), objects=objects, verbs=verbs))
    own = network.state_dict()
    weights |= _picked(own, weights, "obj_class_embed", (*objects, NO_PAIR), known)
    weights |= _picked(own, weights, "verb_class_embed", verbs, known_verbs)
    load_weights(network, weights, path)
    return network, [name for name in objects if name not in known] + [n for n in verbs if n not in known_verbs]


def _as_qpic(weights: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """Names the entries of DETR as those of QPIC."""
    if len(weights["class_embed.weight"]) != DETR_CLASSES:
        classes = len(weights["class_embed.weight"])
        raise ModelError(f"{path}: a DETR with {classes} class outputs; use one that was trained on COCO, with 92")
    renamed: dict[str, Tensor] = {}
    for name, values in weights.items():
        if name.startswith(CONVERTED):
            continue
        if name.startswith("bbox_embed."):
            renamed |= {f"sub_{name}": values, f"obj_{name}": values}
        else:
            renamed[f"obj_{name}" if name.startswith("class_embed.") else name] = values
    return renamed


def _picked(
    own: dict[str, Tensor], weights: dict[str, Tensor], head: str, wanted: tuple[str, ...], known: Rows
) -> dict[str, Tensor]:
    """Returns a head with the rows of the classes wanted; a class that is not known keeps its own row."""
    picked = {}
    for name in (f"{head}.weight", f"{head}.bias"):
        rows = own[name].clone()
        if known:
            # A head that is missing or has other sizes is left out here: ``load_weights`` says which.
            if name not in weights or weights[name].shape != (max(known.values()) + 1, *rows.shape[1:]):
                continue
            for row, one in enumerate(wanted):
                if one in known:
                    rows[row] = weights[name][known[one]]
        picked[name] = rows
    return picked
