"""Finds the settings of a QPIC network in its checkpoint: sizes in the shapes of weights, names in the file."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ops.interactions.qpic.names import COCO_OBJECTS, HICO_VERBS, MISSING_OBJECT, VCOCO_VERBS
from ops.interactions.qpic.settings import QpicSettings
from schemas.errors import ModelError

PUBLISHED = ((COCO_OBJECTS, HICO_VERBS), ((*COCO_OBJECTS, MISSING_OBJECT), VCOCO_VERBS))
"""Names of the classes of the authors' weights: of HICO-DET and of V-COCO."""

SIZES = {
    "query_embed.weight": 2,
    "transformer.encoder.layers.0.linear1.weight": 2,
    "backbone.0.body.conv1.weight": 4,
}
HEADS = {"obj_class_embed.weight": 2, "verb_class_embed.weight": 2}
"""Entries that tell a size, and how many dimensions they have."""

PUBLISHED_HEADS = 8
OTHER_OPTIONS = {"pre_norm": False, "dilation": False, "position_embedding": "sine"}
"""Options of the authors' program whose other values make another network, with the same entries or nearly so."""

Names = tuple[str, ...]


def settings_of(
    content: dict[str, Any],
    weights: dict[str, Tensor],
    path: str | Path,
    objects: Names | None = None,
    verbs: Names | None = None,
) -> QpicSettings:
    """Returns the settings of a checkpoint of QPIC.

    Args:
        content: all that the checkpoint holds.
        weights: its state dict.
        path: named in errors.
        objects: names of object classes that the file does not say.
        verbs: names of verbs, likewise.

    Raises:
        ModelError: entries that tell a size are missing, or there are more or fewer names than classes.
    """
    if "class_embed.weight" in weights:
        raise ModelError(f"{path}: weights of DETR, which finds no interactions; training can start from them")
    _require(weights, SIZES | HEADS, path)
    own = _own_settings(content)
    found = _names(weights, path, objects or own.get("objects"), verbs or own.get("verbs"))
    return replace(sizes_of(content, weights, path), objects=found[0], verbs=found[1])


def sizes_of(content: dict[str, Any], weights: dict[str, Tensor], path: str | Path) -> QpicSettings:
    """Returns the settings of a checkpoint of QPIC or DETR, without names of classes.

    Raises:
        ModelError: entries that tell a size are missing, or it was trained with options that make another network.
    """
    _require(weights, SIZES, path)
    args = content.get("args")
    options, own = {} if args is None else vars(args), _own_settings(content)
    changed = [name for name, usual in OTHER_OPTIONS.items() if options.get(name, usual) != usual]
    if changed:
        raise ModelError(f"{path}: trained with another {', '.join(changed)} than QPIC's published weights")
    heads, (queries, hidden) = (
        own.get("heads", options.get("nheads", PUBLISHED_HEADS)),
        weights["query_embed.weight"].shape,
    )
    if not isinstance(heads, int) or heads < 1 or hidden % heads or hidden % 4:
        raise ModelError(f"{path}: {hidden} channels cannot be shared by {heads} attention heads")
    return QpicSettings(
        objects=(),
        verbs=(),
        blocks=tuple(_count(weights, rf"backbone\.0\.body\.layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)),
        width=len(weights["backbone.0.body.conv1.weight"]),
        hidden=hidden,
        heads=heads,
        feedforward=len(weights["transformer.encoder.layers.0.linear1.weight"]),
        encoder_layers=_count(weights, r"transformer\.encoder\.layers\.(\d+)\."),
        decoder_layers=_count(weights, r"transformer\.decoder\.layers\.(\d+)\."),
        queries=queries,
    )


def _require(weights: dict[str, Tensor], dimensions: dict[str, int], path: str | Path) -> None:
    missing = [name for name, count in dimensions.items() if name not in weights or weights[name].dim() != count]
    if missing:
        raise ModelError(f"{path}: weights of another architecture than QPIC's (missing: {', '.join(missing)})")


def _own_settings(content: dict[str, Any]) -> dict[str, Any]:
    kept = content.get("settings")
    return kept if isinstance(kept, dict) else {}


def _names(
    weights: dict[str, Tensor], path: str | Path, objects: Names | None, verbs: Names | None
) -> tuple[Names, Names]:
    counts = len(weights["obj_class_embed.weight"]) - 1, len(weights["verb_class_embed.weight"])
    known = next((names for names in PUBLISHED if tuple(map(len, names)) == counts), ((), ()))
    chosen = tuple(objects or known[0]), tuple(verbs or known[1])
    if tuple(map(len, chosen)) != counts:
        raise ModelError(
            f"{path}: the weights have {counts[0]} object classes and {counts[1]} verbs, but there are names for "
            f"{len(chosen[0])} and {len(chosen[1])}; give the lists with which the weights were trained"
        )
    return chosen


def _count(weights: dict[str, Tensor], pattern: str) -> int:
    """Returns how many numbers the entries' names have at the place of the pattern's group."""
    return len({found[1] for name in weights if (found := re.match(pattern, name))})
