"""Training starts from DETR or another QPIC: each class gets the weights of its name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ops.interactions.qpic.checkpoints import checkpoint_of
from ops.interactions.qpic.names import COCO_OBJECTS, MISSING_OBJECT
from ops.interactions.qpic.settings import QpicSettings
from ops.interactions.qpic.start import start_from
from schemas.errors import ModelError
from tests.support.qpic_weights import TINY, network_of


def detr_weights(classes: int = 92) -> dict[str, Any]:
    """Returns the state dict of a DETR as small as ``TINY``; row N of its class head is N everywhere."""
    weights = dict(network_of(QpicSettings(**(vars(TINY) | {"heads": 8}))).state_dict())
    weights = {name: values for name, values in weights.items() if "_embed." not in name or name.startswith("query")}
    head = network_of(TINY).sub_bbox_embed.state_dict()
    rows = torch.arange(classes, dtype=torch.float32)
    weights |= {f"bbox_embed.{name}": values for name, values in head.items()}
    return weights | {"class_embed.weight": rows[:, None].repeat(1, TINY.hidden), "class_embed.bias": rows}


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def test_detr_gives_everything_but_the_verbs(tmp_path: Path) -> None:
    weights = detr_weights()
    objects = (*COCO_OBJECTS, MISSING_OBJECT)
    network, new = start_from(save(tmp_path / "detr.pth", {"model": weights}), objects, ("hold", "carry"))
    assert new == [MISSING_OBJECT, "hold", "carry"]
    assert network.settings == QpicSettings(
        **(vars(TINY) | {"objects": objects, "verbs": ("hold", "carry"), "heads": 8})
    )
    rows = network.obj_class_embed.bias.tolist()
    assert rows[:3] == [1, 2, 3] and rows[11] == 13 and rows[79] == 90 and rows[81] == 91, (
        "ids of COCO; 91 is no object"
    )
    assert network.obj_class_embed.weight[79].tolist() == [90] * TINY.hidden
    for head in (network.sub_bbox_embed, network.obj_bbox_embed):
        assert torch.equal(head.layers[2].weight, weights["bbox_embed.layers.2.weight"])
    assert torch.equal(network.query_embed.weight, weights["query_embed.weight"])


def test_a_detr_that_was_converted_for_qpic_already_gives_the_same(tmp_path: Path) -> None:
    weights = detr_weights()
    heads = {f"{kind}_{name}": values for name, values in weights.items() if "bbox" in name for kind in ("sub", "obj")}
    heads |= {f"obj_class_embed.{name}": weights[f"class_embed.{name}"][:81] for name in ("weight", "bias")}
    plain, _ = start_from(save(tmp_path / "detr.pth", {"model": weights}), COCO_OBJECTS, TINY.verbs)
    converted, _ = start_from(save(tmp_path / "pre.pth", {"model": weights | heads}), COCO_OBJECTS, TINY.verbs)
    assert torch.equal(plain.obj_class_embed.weight, converted.obj_class_embed.weight)


def test_another_qpic_gives_the_classes_that_it_knows_by_their_names(tmp_path: Path) -> None:
    source = network_of(TINY)
    path = save(tmp_path / "qpic.pth", checkpoint_of(source))
    network, new = start_from(path, ("person", "trolley", "bag"), ("push", "carry"))
    assert new == ["trolley", "push"]
    ours, theirs = network.obj_class_embed.weight, source.obj_class_embed.weight
    assert torch.equal(ours[[0, 2, 3]], theirs[[0, 1, 3]]), "person, bag and the last row, which is no pair"
    assert torch.equal(network.verb_class_embed.weight[1], source.verb_class_embed.weight[0])
    assert torch.equal(network.input_proj.weight, source.input_proj.weight)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"class_embed.weight": torch.zeros(251, 16)},
            "a DETR with 251 class outputs; use one that was trained on COCO",
        ),
        ({"bbox_attention.q_linear.weight": torch.zeros(3)}, "unexpected: bbox_attention.q_linear.weight"),
        ({"class_embed.bias": torch.zeros(3)}, "missing: obj_class_embed.bias|obj_class_embed.bias .* instead of"),
        ({"query_embed.weight": torch.zeros(5, 20)}, "20 channels cannot be shared by 8|of another shape"),
        ({"query_embed.weight": torch.zeros(5)}, "missing: query_embed.weight"),
    ],
)
def test_a_detr_of_another_architecture_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = save(tmp_path / "detr.pth", {"model": detr_weights() | change})
    with pytest.raises(ModelError, match=said):
        start_from(path, TINY.objects, TINY.verbs)


def test_a_detr_without_one_of_its_heads_is_refused(tmp_path: Path) -> None:
    weights = detr_weights()
    del weights["bbox_embed.layers.1.bias"]
    with pytest.raises(ModelError, match=r"missing: sub_bbox_embed\.layers\.1\.bias, obj_bbox_embed\.layers\.1\.bias"):
        start_from(save(tmp_path / "detr.pth", {"model": weights}), TINY.objects, TINY.verbs)
