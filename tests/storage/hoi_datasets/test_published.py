"""HICO-DET and V-COCO in the layout of QPIC's label files."""

from pathlib import Path

import pytest

from schemas.errors import UserError
from schemas.labelled_pictures import LabelledPair
from storage.hoi_datasets.published import read_published
from tests.support.labelled import published_row, write_published

OBJECTS, IDS = ("person", "bicycle", "cup"), (1, 2, 47)
VERBS = tuple(f"verb{number}" for number in range(117))


def test_hico_counts_verbs_from_one_and_cuts_boxes(tmp_path: Path) -> None:
    dataset = read_published(write_published(tmp_path, "hico", [published_row()]), "hico", OBJECTS, IDS, VERBS)
    (picture,) = dataset.pictures
    assert picture.path == tmp_path / "images/train2015/a.png"
    assert picture.boxes.tolist() == [[10, 5, 30, 60], [5, 30, 96, 64]], "cut at the edge; the one without area is gone"
    assert picture.labels.tolist() == [0, 1]
    assert picture.pairs == (LabelledPair(0, 1, 76),)
    assert not dataset.objects_may_miss


def test_vcoco_counts_verbs_from_nought_and_may_lack_the_object(tmp_path: Path) -> None:
    row = published_row()
    row["hoi_annotation"] = [{"subject_id": 0, "object_id": -1, "category_id": 0}]
    dataset = read_published(write_published(tmp_path, "vcoco", [row]), "vcoco", OBJECTS, IDS, VERBS[:29])
    assert dataset.pictures[0].pairs == (LabelledPair(0, None, 0),)
    assert dataset.objects_may_miss


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("category_id", 118, "category_id 118 is no verb: there are 117"),
        ("category_id", 0, "category_id 0 is no verb"),
        ("subject_id", "x", r"0\.hoi_annotation\.0\.subject_id"),
    ],
)
def test_a_wrong_pair_is_named_with_its_picture(field: str, value: object, message: str, tmp_path: Path) -> None:
    row = published_row()
    row["hoi_annotation"][0][field] = value
    with pytest.raises(UserError, match=message):
        read_published(write_published(tmp_path, "hico", [row]), "hico", OBJECTS, IDS, VERBS)


def test_a_class_that_coco_has_not_and_a_missing_picture_are_named(tmp_path: Path) -> None:
    row = published_row()
    row["annotations"][1]["category_id"] = 12
    folder = write_published(tmp_path, "hico", [row])
    with pytest.raises(UserError, match=r"picture 0 \(a\.png\): category_id 12 is no class of COCO"):
        read_published(folder, "hico", OBJECTS, IDS, VERBS)
    (folder / "images/train2015/a.png").unlink()
    with pytest.raises(UserError, match=r"there is no picture .*a\.png"):
        read_published(folder, "hico", OBJECTS, IDS, VERBS)


def test_pictures_with_damaged_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    damaged, lost = published_row("b.png"), published_row("c.png")
    damaged["hoi_annotation"][0]["object_id"] = 3
    lost["hoi_annotation"][0]["object_id"] = -1
    folder = write_published(tmp_path, "hico", [published_row(), damaged, lost])
    dataset = read_published(folder, "hico", OBJECTS, IDS, VERBS)
    assert [picture.path.name for picture in dataset.pictures] == ["a.png", "c.png"]
    assert dataset.left_out == 1
    assert dataset.pictures[1].pairs == (), "HICO-DET has no pairs without object"


def test_no_pictures_are_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no pictures"):
        read_published(write_published(tmp_path, "hico", []), "hico", OBJECTS, IDS, VERBS)
