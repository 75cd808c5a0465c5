"""Checkpoints: what loads, and what every other file's error says."""

import argparse
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ops.interactions.qpic.checkpoints import checkpoint_of, load_qpic
from ops.interactions.qpic.names import HICO_VERBS
from ops.interactions.qpic.network import pad_pictures
from ops.interactions.qpic.settings import QpicSettings, hico_settings, vcoco_settings
from schemas.errors import ModelError
from tests.support.qpic_weights import TINY, network_of, picture_of

WITH_HICO_CLASSES = QpicSettings(**(vars(TINY) | {"objects": hico_settings().objects, "verbs": HICO_VERBS}))
WITH_VCOCO_CLASSES = QpicSettings(
    **(vars(TINY) | {"objects": vcoco_settings().objects, "verbs": vcoco_settings().verbs})
)


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def of_the_authors(settings: QpicSettings, **options: Any) -> dict[str, Any]:
    """Returns a checkpoint as the authors' program writes it."""
    args = argparse.Namespace(nheads=settings.heads, hoi=True, pre_norm=False, **options)
    return {"model": network_of(settings).state_dict(), "epoch": 149, "lr_scheduler": {"last_epoch": 150}, "args": args}


def test_our_own_checkpoint_keeps_weights_sizes_and_names(tmp_path: Path) -> None:
    network = network_of(TINY)
    loaded, settings = load_qpic(save(tmp_path / "own.pth", checkpoint_of(network)))
    assert settings == loaded.settings == TINY and not loaded.training
    given = pad_pictures([picture_of("any", 64, 64)])
    with torch.inference_mode():
        assert torch.equal(loaded(*given)[-1].verb_logits, network(*given)[-1].verb_logits)


@pytest.mark.parametrize("classes", [WITH_HICO_CLASSES, WITH_VCOCO_CLASSES], ids=["hico", "vcoco"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_of_the_authors_tells_its_sizes_and_dataset(
    tmp_path: Path, classes: QpicSettings, zipped: bool
) -> None:
    path = tmp_path / "qpic_resnet50.pth"
    torch.save(of_the_authors(classes), path, _use_new_zipfile_serialization=zipped)
    assert load_qpic(path)[1] == classes


def test_a_bare_state_dict_loads_with_the_names_given(tmp_path: Path) -> None:
    eight_heads = QpicSettings(**(vars(TINY) | {"heads": 8}))
    path = save(tmp_path / "bare.pth", network_of(eight_heads).state_dict())
    assert load_qpic(path, TINY.objects, TINY.verbs)[1] == eight_heads


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: model.pop("sub_bbox_embed.layers.0.bias"), r"missing: sub_bbox_embed\.layers\.0\.bias"),
        (lambda model: model.pop("query_embed.weight"), r"missing: query_embed\.weight"),
        (lambda model: model.update(inter_embed=torch.zeros(3)), r"unexpected: inter_embed"),
        (
            lambda model: model.update({"input_proj.weight": torch.zeros(16, 64, 1, 1)}),
            r"of another shape: input_proj\.weight \(16, 64, 1, 1\) instead of \(16, 128, 1, 1\)",
        ),
        (lambda model: model["input_proj.bias"].fill_(torch.nan), r"input_proj\.bias not finite"),
        (
            lambda model: [model.pop(name) for name in list(model) if "layer4" in name],
            r"another architecture than QPIC's \(missing: backbone\.0\.body\.layer4\.0\.conv1\.weight",
        ),
    ],
)
def test_an_error_names_the_entries_of_another_architecture(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    content = checkpoint_of(network_of(TINY))
    change(content["model"])
    with pytest.raises(ModelError, match=said):
        load_qpic(save(tmp_path / "other.pth", content))


def test_a_long_list_of_entries_is_cut(tmp_path: Path) -> None:
    content = checkpoint_of(network_of(TINY))
    content["model"] |= {f"extra{number}": torch.zeros(1) for number in range(9)}
    with pytest.raises(ModelError, match=r"unexpected: extra0, extra1, extra2, extra3 and 5 more\)"):
        load_qpic(save(tmp_path / "other.pth", content))


def test_weights_of_detr_are_named_as_such(tmp_path: Path) -> None:
    content = {"model": {"class_embed.weight": torch.zeros(92, 16)}}
    with pytest.raises(ModelError, match="DETR, which finds no interactions; training can start from them"):
        load_qpic(save(tmp_path / "detr.pth", content))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((None, None), "3 object classes and 2 verbs, but there are names for 0 and 0"),
        ((("person", "bag"), TINY.verbs), "names for 2 and 2"),
        ((TINY.objects, HICO_VERBS), "names for 3 and 117; give the lists"),
    ],
)
def test_a_class_list_of_another_length_is_refused(tmp_path: Path, names: Any, said: str) -> None:
    path = save(tmp_path / "bare.pth", network_of(TINY).state_dict())
    with pytest.raises(ModelError, match=said):
        load_qpic(path, *names)


@pytest.mark.parametrize("options", [{"dilation": True}, {"position_embedding": "learned"}])
def test_options_that_make_another_network_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    path = save(tmp_path / "dc5.pth", of_the_authors(WITH_HICO_CLASSES, **options))
    with pytest.raises(ModelError, match=f"trained with another {next(iter(options))}"):
        load_qpic(path)


def test_a_number_of_heads_that_cannot_be_is_refused(tmp_path: Path) -> None:
    content = checkpoint_of(network_of(TINY))
    content["settings"]["heads"] = 3
    with pytest.raises(ModelError, match="16 channels cannot be shared by 3 attention heads"):
        load_qpic(save(tmp_path / "heads.pth", content))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "whole.pth"
    torch.save(checkpoint_of(network_of(TINY)), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for kept in (0, 1, 10, 100, len(whole) // 3, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(ModelError, match="cut off, damaged or no checkpoint"):
            load_qpic(path)


def test_a_file_that_is_missing_or_holds_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_qpic(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises(ModelError, match="damaged or no checkpoint"):
        load_qpic(tmp_path / "text.pth")
    with pytest.raises(ModelError, match="holds a Tensor, not a state dict"):
        load_qpic(save(tmp_path / "tensor.pth", torch.zeros(3)))
    with pytest.raises(ModelError, match="holds no state dict"):
        load_qpic(save(tmp_path / "words.pth", {"model": {"a": "b"}}))


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    content = checkpoint_of(network_of(TINY)) | {"args": Evil()}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelError, match="could run code"):
        load_qpic(path)
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ModelError):
        load_qpic(path)
    assert not (tmp_path / "ran").exists()
