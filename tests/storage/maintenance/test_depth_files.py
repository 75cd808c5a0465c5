"""Rasters of depth are verified, repaired and swept as published video is."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from schemas.tables import TABLES
from storage.maintenance.problems import ProblemKind
from storage.maintenance.repair import repair
from storage.maintenance.sweep import sweep
from storage.maintenance.verify import verify
from storage.rasters import RasterWriter
from storage.store.layout import rasters_file
from storage.store.store import Store
from tests.storage.maintenance.damaging import age, flip
from tests.storage.rows import CAMERA, DATE, make_rows, print_of, put_all, receipts_of

OP, UNIT = "frame_depth", "s1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "store")
    put_rasters(made)
    return made


def put_rasters(store: Store, path: str | None = None) -> str:
    """Commits a segment's rasters, and rows that name them; returns the file's name."""
    name = rasters_file(CAMERA, DATE, UNIT, print_of(OP))
    writer = RasterWriter(store.blobs, name)
    writer.add(0, np.ones((4, 4), np.uint16))
    written = writer.close()
    row = make_rows("depth_files", 1).to_pylist()[0]
    row |= {"path": path or name, "size_bytes": written.size_bytes, "sha256": written.sha256}
    rows = TABLES["depth_files"].conform({column: [value] for column, value in row.items()})
    put_all(store, OP, {"depth_files": rows}, UNIT, print_of(OP))
    return name


def rasters(store: Store) -> Path:
    (path,) = Path(store.blobs.url).rglob("*.zip")
    return path


def test_sound_rasters_are_private_hashed_and_named(store: Store) -> None:
    path = age(rasters(store))
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    found = verify(store)
    assert found.problems == () and found.files == 2
    assert sweep(store) == [] and path.exists()


@pytest.mark.parametrize(("harm", "kind"), [(Path.unlink, ProblemKind.MISSING), (flip, ProblemKind.ALTERED)])
def test_damaged_rasters_are_named_and_made_again(store: Store, harm: object, kind: ProblemKind) -> None:
    path = rasters(store)
    assert callable(harm)
    harm(path)
    (problem,) = verify(store).to_repair
    assert problem.kind == kind and store.blobs.url + "/" + problem.name == str(path)
    assert [(unit.op, unit.unit) for unit in problem.units] == [(OP, UNIT)]
    done = repair(store)
    assert [(unit.op, unit.unit) for unit in done.dropped] == [(OP, UNIT)] and receipts_of(store) == []
    assert verify(store).to_repair == [] and not path.exists()


def test_rasters_that_nothing_names_are_swept_once_they_are_old(store: Store) -> None:
    left = store.blobs.url + "/" + put_rasters_of_a_killed_worker(store)
    assert {problem.kind for problem in verify(store).problems} == {ProblemKind.YOUNG}
    assert sweep(store) == []
    day_ago = time.time() - 25 * 3600
    os.utime(left, (day_ago, day_ago))
    assert [problem.kind for problem in verify(store).problems] == [ProblemKind.ORPHANED]
    assert [store.blobs.url + "/" + name for name in sweep(store)] == [left]


def put_rasters_of_a_killed_worker(store: Store) -> str:
    name = rasters_file(CAMERA, DATE, UNIT, print_of("killed"))
    writer = RasterWriter(store.blobs, name)
    writer.add(0, np.ones((4, 4), np.uint16))
    return writer.close().path


@pytest.mark.parametrize("path", ["depth_files/camera=other/x.zip", "depth_files/../secret.zip", "_store.json"])
def test_a_row_that_names_a_file_of_others_is_foreign_and_the_file_stays(store: Store, path: str) -> None:
    other = Store.create(Path(store.blobs.url).parent / "other")
    put_rasters(other, path)
    kinds = [problem.kind for problem in verify(other).to_repair]
    assert kinds == [ProblemKind.FOREIGN]
    repair(other)
    assert (Path(other.blobs.url) / "_store.json").exists()
