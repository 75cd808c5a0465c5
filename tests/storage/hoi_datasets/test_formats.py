"""Which layout a folder of labelled pictures has."""

from pathlib import Path

import pytest

from schemas.errors import UserError
from storage.hoi_datasets.formats import kind_of
from tests.support.labelled import published_row, write_own, write_published


def test_the_label_file_says_the_kind(tmp_path: Path) -> None:
    assert kind_of(write_own(tmp_path / "mine")) == "own"
    for kind in ("hico", "vcoco"):
        assert kind_of(write_published(tmp_path / kind, kind, [published_row()])) == kind


def test_a_folder_without_labels_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"trainval_hico\.json \(HICO-DET\).*labels\.json \(your own\)"):
        kind_of(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        kind_of(tmp_path / "gone")
