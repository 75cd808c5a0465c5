"""Files of rasters that a worker writes: there once the unit is committed, gone where it fails."""

from pathlib import Path

import numpy as np
import pytest

from jobs.engine.services import UnitServices
from jobs.engine.tasks import Task
from jobs.planning.graph import UnitKey
from storage.rasters import read_raster
from storage.store.store import Store
from tests.support.fakes import make_segment, make_unit

SEGMENT = make_segment()
UNIT = make_unit([SEGMENT])
KEY = UnitKey("frame_depth", SEGMENT.camera, SEGMENT.date, SEGMENT.segment_id)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def services_of(store: Store) -> UnitServices:
    return UnitServices(store, Task(KEY, "f" * 64, {}, UNIT, ()))


def files(store: Store) -> list[str]:
    return sorted(path.name for path in Path(store.blobs.url).rglob("*") if path.is_file() and path.suffix != ".json")


def test_rasters_lie_in_the_folder_of_the_day_under_the_segments_name(store: Store) -> None:
    sink = services_of(store).raster_sink(UNIT)
    entry = sink.add(5, np.full((3, 4), 7, np.uint16))
    written = sink.close()
    folder = f"depth_files/camera={SEGMENT.camera}/date={SEGMENT.date}/{SEGMENT.segment_id}-ffffffffffff-"
    assert written.path.startswith(folder) and written.path.endswith(".zip")
    assert read_raster(store.blobs, written.path, entry).tolist() == [[7] * 4] * 3


@pytest.mark.parametrize("closed", [False, True])
def test_a_unit_that_fails_leaves_no_rasters(store: Store, closed: bool) -> None:
    services = services_of(store)
    sink = services.raster_sink(UNIT)
    sink.add(5, np.full((3, 4), 7, np.uint16))
    if closed:
        sink.close()
    services.discard_files()
    assert files(store) == []


def test_what_a_receipt_may_name_stays(store: Store) -> None:
    services = services_of(store)
    sink = services.raster_sink(UNIT)
    sink.add(5, np.full((3, 4), 7, np.uint16))
    written = sink.close()
    services.keep_files()
    services.discard_files()
    assert files(store) == [Path(written.path).name]
