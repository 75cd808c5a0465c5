"""Watching an archive: what the system tells, where it tells nothing, and which files count as completely written."""

import errno
import os
import threading
import time
from datetime import UTC, datetime

import pytest

from schemas.errors import SiteError
from schemas.site import SiteConfig
from storage.archive.watching import ArchiveWatch, finished_files, reason_not_watched, reason_to_poll
from storage.blobs import open_blobs

CONFIG = SiteConfig(name="s", crs="EPSG:28992", timezone="Europe/Amsterdam", settle_s=60.0)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

MOUNTS = """\
22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:28 / {0} rw shared:2 - nfs4 nas:/video rw
31 30 0:29 / {0}/own rw - xfs /dev/sdb1 rw
32 22 0:30 / {0}/with\\040blank rw - fuse.sshfs nas: rw
33 31 0:31 / {0}/own rw - btrfs /dev/sdc1 rw
"""


def put(folder, name, age_s=600.0, content=b"x"):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (NOW.timestamp() - age_s,) * 2)


def found(folder):
    return finished_files(open_blobs(folder), CONFIG, NOW)


@pytest.fixture
def told(tmp_path):
    changed = threading.Event()
    (tmp_path / "gate").mkdir()
    with ArchiveWatch(tmp_path, changed):
        yield changed


def test_a_closed_file_is_told(told, tmp_path):
    with (tmp_path / "gate/a.mp4").open("wb") as file:
        assert told.wait(5), "it was made"
        time.sleep(0.2)
        told.clear()
        file.write(b"half")
        file.flush()
        assert not told.wait(0.3), "a recorder writes on"
    assert told.wait(5), "it was closed"


def test_a_file_that_is_moved_in_and_one_in_a_new_folder_are_told(told, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("recorder") / "b.mp4"
    elsewhere.write_bytes(b"x")
    elsewhere.rename(tmp_path / "gate/b.mp4")
    assert told.wait(5)
    told.clear()
    (tmp_path / "door").mkdir()
    (tmp_path / "door/c.mp4").write_bytes(b"x")
    assert told.wait(5)


def test_a_file_is_finished_when_it_has_not_changed_for_a_while(tmp_path):
    put(tmp_path, "gate/old.mp4")
    put(tmp_path, "gate/just.mp4", age_s=60)
    put(tmp_path, "gate/soon.mp4", age_s=45)
    put(tmp_path, "gate/late.mp4", age_s=10)
    assert len(found(tmp_path).states) == 2
    assert found(tmp_path).next_s == pytest.approx(15)


@pytest.mark.parametrize("change", [{"content": b"xy"}, {"age_s": 500.0}])
def test_a_finished_file_that_changed_is_another_state(tmp_path, change):
    put(tmp_path, "gate/a.mp4")
    before = found(tmp_path)
    assert found(tmp_path) == before and before.next_s is None
    put(tmp_path, "gate/a.mp4", **change)
    assert found(tmp_path).states != before.states


def test_other_files_and_those_that_recorders_have_not_renamed_yet_do_not_count(tmp_path):
    for name in ("gate/notes.txt", "gate/a.mp4.part", "gate/.b.mp4"):
        put(tmp_path, name)
    assert found(tmp_path).states == frozenset()


def test_an_archive_that_is_not_mounted_is_an_error(tmp_path):
    with pytest.raises(SiteError, match="no folder"):
        found(tmp_path / "missing")


@pytest.mark.parametrize(
    ("folder", "kind"),
    [(".", "nfs4"), ("gate", "nfs4"), ("with blank/gate", r"fuse\.sshfs"), ("own/gate", None)],
)
def test_shares_are_listed_since_other_machines_write_to_them(tmp_path, folder, kind):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(tmp_path / "nas"))
    reason = reason_to_poll(str(tmp_path / "nas" / folder), mounts)
    if kind is None:
        assert reason is None, "the last mount at a folder is the one that is seen"
    else:
        assert reason is not None and reason.endswith(f"of the kind {kind.replace(chr(92), '')}")


def test_object_stores_and_systems_that_do_not_say_are_listed(tmp_path):
    assert "object store" in str(reason_to_poll("s3://bucket/archive"))
    assert "mounted" in str(reason_to_poll(str(tmp_path), tmp_path / "nothing"))


def test_the_limit_of_watches_is_named():
    assert "max_user_watches" in reason_not_watched(OSError(errno.ENOSPC, "No space left on device"))
    assert reason_not_watched(OSError(errno.EACCES, "Permission denied")) == "Permission denied"
