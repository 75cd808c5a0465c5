"""Finds out which layout a folder of labelled pictures has."""

from pathlib import Path

from schemas.errors import UserError
from schemas.labelled_pictures import DatasetKind
from storage.hoi_datasets import own, published

LABEL_FILES: dict[DatasetKind, str] = {
    "hico": published.LABELS["hico"],
    "vcoco": published.LABELS["vcoco"],
    "own": own.LABELS,
}
"""File of the labels by kind, below the folder."""


def kind_of(folder: Path) -> DatasetKind:
    """Returns the layout of a folder.

    Raises:
        UserError: it has none, or is not there.
    """
    for kind, file in LABEL_FILES.items():
        if (folder / file).is_file():
            return kind
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; give the folder of the labelled pictures")
    raise UserError(
        f"{folder} has no labels: {LABEL_FILES['hico']} (HICO-DET), {LABEL_FILES['vcoco']} (V-COCO) or "
        f"{LABEL_FILES['own']} (your own)"
    )
