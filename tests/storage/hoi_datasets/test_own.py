"""A user's own labels: what is read, and how each mistake is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import UserError
from schemas.labelled_pictures import LabelledPair
from storage.hoi_datasets.own import read_own
from tests.support.labelled import own_labels, write_own

COCO = ("person", "bicycle")


def test_boxes_classes_and_pairs_are_read(tmp_path: Path) -> None:
    dataset = read_own(write_own(tmp_path), COCO)
    assert dataset.objects == ("person", "cart", "bench"), "the person is always the first"
    assert (dataset.kind, dataset.verbs, dataset.objects_may_miss) == ("own", ("pushes", "sits_on"), False)
    second = dataset.pictures[1]
    assert second.path == tmp_path / "1.png"
    assert second.labels.tolist() == [0, 2]
    assert second.pairs == (LabelledPair(0, 1, 1),)
    assert np.allclose(second.boxes, [box["box"] for box in own_labels(tmp_path)["pictures"][1]["boxes"]])


def test_without_objects_the_classes_are_cocos(tmp_path: Path) -> None:
    labels = own_labels(tmp_path)
    del labels["objects"]
    labels["pictures"] = labels["pictures"][:1]
    labels["pictures"][0]["boxes"][1]["label"] = "bicycle"
    assert read_own(write_own(tmp_path, labels), COCO).objects == COCO


def test_a_pair_may_have_no_object_and_several_verbs(tmp_path: Path) -> None:
    labels = own_labels(tmp_path)
    labels["pictures"][0]["pairs"] = [{"subject": 0, "verbs": ["pushes", "sits_on"]}]
    dataset = read_own(write_own(tmp_path, labels), COCO)
    assert dataset.objects_may_miss
    assert dataset.pictures[0].pairs == (LabelledPair(0, None, 0), LabelledPair(0, None, 1))


def test_a_box_drawn_to_the_edge_is_cut_there(tmp_path: Path) -> None:
    labels = own_labels(tmp_path)
    labels["pictures"][0]["boxes"][0]["box"] = [-0.5, -1, 96.5, 65]
    assert read_own(write_own(tmp_path, labels), COCO).pictures[0].boxes[0].tolist() == [0, 0, 96, 64]


def first(labels: dict[str, Any]) -> dict[str, Any]:
    return labels["pictures"][0]


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "missing picture": (lambda it: first(it).update(file="gone.png"), r"there is no picture .*gone\.png"),
    "no picture": (lambda it: first(it).update(file="labels.json"), r"labels\.json cannot be read as a picture"),
    "box outside": (
        lambda it: first(it)["boxes"][1].update(box=[50, 10, 120, 40]),
        r"pictures\.0 \(0\.png\): box 1 .*leaves the picture of 96 x 64",
    ),
    "box without area": (lambda it: first(it)["boxes"][1].update(box=[50, 40, 40, 60]), "box 1 has no area"),
    "unknown class": (lambda it: first(it)["boxes"][1].update(label="sofa"), "box 1 is of class 'sofa'"),
    "unknown verb": (lambda it: first(it)["pairs"][0].update(verbs=["kicks"]), "pair 0 has the verb 'kicks'"),
    "unknown box": (lambda it: first(it)["pairs"][0].update(object=2), "pair 0 names box 2, and there are 2"),
    "subject is a thing": (lambda it: first(it)["pairs"][0].update(subject=1), "pair 0 is a cart"),
    "no verbs": (lambda it: it.update(verbs=[]), "verbs: List should have at least 1 item"),
    "verb twice": (lambda it: it["verbs"].append("pushes"), "'pushes' is there twice"),
    "no person": (lambda it: it["objects"].remove("person"), "'person' is missing"),
    "misspelt": (lambda it: first(it).update(pair=[]), r"pictures\.0\.pair: Extra inputs"),
    "box of three": (lambda it: first(it)["boxes"][0].update(box=[1, 2, 3]), r"boxes\.0\.box"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place(name: str, tmp_path: Path) -> None:
    labels = own_labels(tmp_path)
    change, message = MISTAKES[name]
    change(labels)
    with pytest.raises(UserError, match=message) as error:
        read_own(write_own(tmp_path, labels), COCO)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("[]", "the whole")])
def test_a_file_of_another_kind_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_own(tmp_path, COCO)


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    text = read_own.__globals__["__doc__"]
    example = json.loads(text[text.index("{") : text.rindex("}") + 1])
    example["pictures"][0]["file"] = "0.png"
    example["pictures"][0]["boxes"][0]["box"] = [1, 1, 20, 60]
    example["pictures"][0]["boxes"][1]["box"] = [21, 20, 60, 60]
    assert len(read_own(write_own(tmp_path, example), COCO).pictures) == 1
