"""The fault suite in its short form, or with ``--long`` in its long one, and tests of its own checks."""

import shutil
from collections import Counter
from dataclasses import replace

import pytest

from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from schemas.errors import StoreFull
from storage.blobs import LocalBlobs
from tests.support.faults import SHORT, Size, Tally, build_cases, make_scene, run_cases
from tests.support.faults.contents import Contents, Difference, contents_of
from tests.support.faults.points import WritePoints
from tests.support.faults.suite import spread

pytestmark = pytest.mark.slow

AT_ONCE = 2


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return make_scene(tmp_path_factory.mktemp("faults"))


@pytest.mark.ray
@pytest.mark.timeout(3600)
def test_faults_leave_the_store_of_an_undisturbed_night(scene, long):
    size = Size() if long else SHORT
    total = Tally()
    for _, tally in run_cases(scene, build_cases(scene, size, seed=1), AT_ONCE):
        total += tally
    assert total.sound, total
    assert total.kills >= size.kills and total.torn_receipts >= size.torn
    assert total.enospc_points >= (size.points or 1) * 3 // 2
    assert total.races > size.repeats and total.clock_changes == 2
    assert total.attacks >= 2 * 8 + 3


def test_a_commit_that_succeeds_and_raises_keeps_its_video(scene, monkeypatch):
    put = LocalBlobs.put_if_absent

    def put_and_fail(blobs, name, content):
        done = put(blobs, name, content)
        if name.startswith("_receipts/anonymize/"):
            raise StoreFull("no space left")
        return done

    site = scene.fresh("error-after-commit")
    with monkeypatch.context() as patch, pytest.raises(StoreFull):
        patch.setattr(LocalBlobs, "put_if_absent", put_and_fail)
        run_site(open_site(site), Selection(), RunOptions(workers=None))
    assert scene.finish(site) == Tally()


def test_lost_doubled_and_altered_rows_are_found(scene):
    site = scene.used("doctored")
    store = site / "store"
    for receipt in (store / "_receipts" / "positions").rglob("*.json"):
        receipt.unlink()
    lost = contents_of(site).difference(scene.expected)
    assert lost.rows_lost == scene.expected.rows["positions"].total() > 0
    assert (lost.rows_doubled, lost.rows_altered, lost.units, lost.where) == (0, 0, 1, ("positions",))
    video = next((store / "anonymized").rglob("*.mp4"))
    video.write_bytes(b"")
    assert contents_of(site).difference(scene.expected).videos == 2, "the file as it should be, and as it is"


def test_rows_are_compared_by_key():
    expected = Contents({"t": Counter([(("a",), "1"), (("b",), "2")])}, Counter(), {})
    doubled = replace(expected, rows={"t": Counter([(("a",), "1"), (("a",), "1"), (("b",), "2")])})
    altered = replace(expected, rows={"t": Counter([(("a",), "1"), (("b",), "3")])})
    strange = replace(expected, rows={"t": expected.rows["t"], "u": Counter([(("c",), "1")])})
    assert expected.difference(expected) == Difference() and not expected.difference(expected)
    assert doubled.difference(expected) == Difference(rows_doubled=1, where=("t",))
    assert expected.difference(doubled) == Difference(rows_lost=1, where=("t",))
    assert altered.difference(expected) == Difference(rows_altered=1, where=("t",))
    assert strange.difference(expected) == Difference(rows_doubled=1, where=("u",))
    assert doubled.doubled_rows(expected) == 1 and expected.doubled_rows(doubled) == 0


def test_a_wrong_end_makes_a_tally_unsound(scene):
    site = scene.fresh("no-archive")
    shutil.rmtree(site / "archive")
    tally = scene.finish(site)
    assert tally.wrong_ends == 1 and tally.rows_lost > 0 and not tally.sound and tally.notes


def test_each_write_is_a_point_and_only_one_is_struck(tmp_path):
    def create(blobs: LocalBlobs) -> None:
        with blobs.create("c/create") as path:
            path.write_bytes(b"12")

    writes = {
        "write": lambda blobs: blobs.write("a/write", b"1"),
        "put": lambda blobs: blobs.put_if_absent("b/put", b"1"),
        "create": create,
    }

    def found_full(points: WritePoints, folder: str) -> list[str]:
        full = []
        with points.watched():
            for name, write in writes.items():
                try:
                    write(LocalBlobs(tmp_path / folder))
                except StoreFull:
                    full.append(name)
        return full

    counted = WritePoints()
    assert found_full(counted, "counted") == []
    struck = [found_full(WritePoints(at), str(at)) for at in range(1, counted.passed + 1)]
    assert struck == [["write"]] * 2 + [["put"]] * 2 + [["create"]] * 3, "bytes, and the name; of create bytes twice"


def test_points_are_spread_from_the_first_to_the_last():
    assert spread(100, 3) == [1, 50, 100] and spread(2, 5) == [1, 2] and spread(3, None) == [1, 2, 3]
