"""Boxes are written at every frame of a footage file, and are perfect tracks when they are read as truth."""

from pathlib import Path

import numpy as np
import pytest

from jobs.commands.box_exports import BoxExport, BoxExportRequest, export_boxes
from jobs.commands.evaluate import EvaluationRequest, evaluate
from jobs.site import Site
from schemas.errors import SelectionError, UserError
from storage.box_files.formats import BoxFormat, format_of, read_boxes
from tests.jobs.labelled import CAMERA, FILM, put_tracks, scanned_site, walkers


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return scanned_site(tmp_path / "site")


@pytest.mark.parametrize("form", ["mot", "kitti"])
def test_exported_boxes_are_truth_that_the_tracks_meet(site: Site, tmp_path: Path, form: BoxFormat) -> None:
    people = walkers(29)
    put_tracks(site, people.take((people.frame - 1) % 4 == 0))
    target = tmp_path / "tracks.txt"
    assert export_boxes(site, BoxExportRequest(CAMERA, target, form)) == BoxExport(FILM, 58, 2, 30, 0)
    assert format_of(target) == form
    again = read_boxes(target, form, "person")
    order = np.lexsort((people.identity, people.frame))
    assert again.frame.tolist() == people.frame[order].tolist()
    assert again.identity.tolist() == people.identity[order].tolist()
    np.testing.assert_allclose(again.box, people.box[order], atol=0.01)
    found = evaluate(site, EvaluationRequest(CAMERA, target, leaks=False)).scores
    assert (found.hota, found.mota, found.idf1, found.count_mae) == (1, 1, 1, 0)


def test_ids_count_in_order_of_appearance(site: Site, tmp_path: Path) -> None:
    people = walkers(people=3)
    late = people.take((people.identity != 1) | (people.frame > 9))
    put_tracks(site, late)
    export_boxes(site, BoxExportRequest(CAMERA, tmp_path / "tracks.txt"))
    again = read_boxes(tmp_path / "tracks.txt", "mot", "person")
    assert again.identity[again.frame == 5].tolist() == [1, 2]
    assert again.box[(again.frame == 12) & (again.identity == 3)][0, 0] == 24


def test_frames_that_nobody_looked_at_are_counted(site: Site, tmp_path: Path) -> None:
    put_tracks(site, walkers(10), segments=slice(1))
    done = export_boxes(site, BoxExportRequest(CAMERA, tmp_path / "tracks.txt"))
    assert (done.boxes, done.frames, done.frames_left_out) == (20, 10, 20)


def test_other_labels_and_nobody(site: Site, tmp_path: Path) -> None:
    put_tracks(site, walkers(), label="car")
    target = tmp_path / "tracks.txt"
    assert export_boxes(site, BoxExportRequest(CAMERA, target, "kitti", label="car")).ids == 2
    assert target.read_text().split()[2] == "Car"
    assert export_boxes(site, BoxExportRequest(CAMERA, target)) == BoxExport(FILM, 0, 0, 30, 0)
    assert target.read_text() == ""


def test_mistakes_are_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="no person was looked for yet"):
        export_boxes(site, BoxExportRequest(CAMERA, tmp_path / "tracks.txt"))
    put_tracks(site, walkers())
    with pytest.raises(UserError, match=r"give a name that ends in \.txt"):
        export_boxes(site, BoxExportRequest(CAMERA, tmp_path / "tracks.csv"))
    with pytest.raises(UserError, match="is in the site's store"):
        export_boxes(site, BoxExportRequest(CAMERA, Path(site.files.store) / "tracks.txt"))
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*folder\.txt: Is a directory"):
        export_boxes(site, BoxExportRequest(CAMERA, tmp_path / "folder.txt"))
    assert not list(tmp_path.glob("tracks.*"))
