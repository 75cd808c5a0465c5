"""One contract for all file locations: a folder, a fake S3, and an S3 server where it is installed."""

import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.blobs import Blobs, open_blobs
from tests.storage.listing import names
from tests.storage.putting import WRITERS, put_in_threads


@pytest.fixture(params=["folder", "fake_s3", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return open_blobs(tmp_path / "root")
    if request.param == "fake_s3":
        request.getfixturevalue("fake_s3")
        return open_blobs("s3://bucket/prefix/")
    return open_blobs(request.getfixturevalue("s3_server"))


# What every place does


@pytest.mark.slow
def test_what_is_written_can_be_read(blobs: Blobs) -> None:
    blobs.write("a/b.json", b"one")
    blobs.write("a/b.json", b"two")
    assert blobs.read("a/b.json") == b"two"
    with blobs.open("a/b.json") as file:
        file.seek(1)
        assert file.read(1) == b"w"
    with blobs.local("a/b.json") as path:
        assert (path.read_bytes(), path.name) == (b"two", "b.json")
    assert blobs.exists("a/b.json")
    assert blobs.stat("a/b.json") == next(blobs.list())
    assert blobs.stat("a/b.json").size_bytes == 3


def test_what_is_not_there(blobs: Blobs) -> None:
    blobs.write("a/b", b"one")
    assert not blobs.exists("a")
    assert not blobs.exists("a/c")
    with pytest.raises(FileNotFoundError):
        blobs.read("a/c")
    with pytest.raises(FileNotFoundError):
        blobs.open("a/c").read()
    with pytest.raises(FileNotFoundError):
        blobs.stat("a/c")
    with pytest.raises(FileNotFoundError), blobs.local("a/c"):
        pass


def test_listing(blobs: Blobs) -> None:
    for name in ("b/2", "b/1", "b/10/x", "bb/1", "a", ".hidden", "b/.tmp-1", ".folder/x"):
        blobs.write(name, b"x")
    assert names(blobs) == ["a", "b/1", "b/10/x", "b/2", "bb/1"]
    assert names(blobs, "b") == ["b/1", "b/10/x", "b/2"]
    assert names(blobs, "none") == []


def test_an_empty_root_lists_nothing(blobs: Blobs) -> None:
    assert names(blobs) == []


def test_put_if_absent_keeps_the_first(blobs: Blobs) -> None:
    assert blobs.put_if_absent("a/b", b"first")
    assert not blobs.put_if_absent("a/b", b"second")
    assert blobs.read("a/b") == b"first"
    blobs.delete(["a/b"])
    assert blobs.put_if_absent("a/b", b"third")


def test_an_empty_file_counts_as_there(blobs: Blobs) -> None:
    assert blobs.put_if_absent("a", b"")
    assert not blobs.put_if_absent("a", b"x")
    assert blobs.read("a") == b""


def test_of_many_threads_one_puts(blobs: Blobs) -> None:
    start = threading.Barrier(WRITERS)

    def put(number: int) -> bool:
        start.wait()
        return blobs.put_if_absent("race", str(number).encode())

    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(put, range(WRITERS)))
    assert results.count(True) == 1
    assert blobs.read("race") == str(results.index(True)).encode()


def test_create_makes_the_file_at_the_end(blobs: Blobs) -> None:
    with blobs.create("a/b.mp4") as path:
        path.write_bytes(b"whole")
        assert not blobs.exists("a/b.mp4")
        assert path.parent.is_dir()
    assert blobs.read("a/b.mp4") == b"whole"
    assert names(blobs) == ["a/b.mp4"]


@pytest.mark.slow
def test_a_block_that_raises_creates_nothing(blobs: Blobs) -> None:
    blobs.write("a", b"old")
    with pytest.raises(RuntimeError), blobs.create("a") as path:
        path.write_bytes(b"half")
        raise RuntimeError
    assert blobs.read("a") == b"old"
    assert not path.exists()


def test_a_block_that_removes_its_file_changes_nothing(blobs: Blobs) -> None:
    blobs.write("a", b"old")
    with blobs.create("a") as path:
        path.unlink(missing_ok=True)
    assert blobs.read("a") == b"old"


def test_delete(blobs: Blobs) -> None:
    for number in range(5):
        blobs.write(f"a/{number}", b"x")
    blobs.delete(["a/1", "a/3", "a/none"])
    assert names(blobs) == ["a/0", "a/2", "a/4"]
    blobs.delete(["a/none"])
    blobs.delete([])
    assert names(blobs) == ["a/0", "a/2", "a/4"]


@pytest.mark.slow
def test_names_are_no_patterns(blobs: Blobs) -> None:
    for name in ("a[b]*?.mp4", "ab1x.mp4", "a[b]1x.mp4"):
        blobs.write(name, b"x")
    blobs.delete(["a[b]*?.mp4"])
    assert names(blobs) == ["a[b]1x.mp4", "ab1x.mp4"]


def test_sweep_removes_old_temporaries_only(blobs: Blobs) -> None:
    blobs.write("a/.tmp-1", b"half")
    blobs.write("a/b", b"whole")
    assert blobs.sweep(older_than_h=1) == []
    assert blobs.sweep(older_than_h=-1) == ["a/.tmp-1"]
    assert blobs.sweep(older_than_h=-1) == []
    assert names(blobs) == ["a/b"]


def test_it_pickles(blobs: Blobs) -> None:
    blobs.write("a", b"one")
    again = pickle.loads(pickle.dumps(blobs))
    assert (again.url, again.read("a")) == (blobs.url, b"one")


@pytest.mark.slow
def test_a_sound_place_passes_its_checks_and_keeps_nothing_of_them(blobs: Blobs) -> None:
    blobs.check_writable()
    blobs.check_readable()
    assert names(blobs) == []
    assert blobs.sweep(older_than_h=-1) == []


@pytest.mark.slow
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000), part=st.text("aé ~%+=&#?", min_size=1, max_size=20))
def test_any_name_and_content_round_trips(blobs: Blobs, content: bytes, part: str) -> None:
    name = f"camera=c 1/{part}x.json"
    blobs.write(name, content)
    assert blobs.read(name) == content
    assert name in names(blobs, "camera=c 1")
    blobs.delete([name])


# Many processes


@pytest.mark.slow
@pytest.mark.parametrize("place", ["folder", "s3"])
def test_of_two_processes_of_eight_threads_one_puts(request: pytest.FixtureRequest, tmp_path: Path, place: str) -> None:
    blobs = open_blobs(str(tmp_path) if place == "folder" else request.getfixturevalue("s3_server"))
    assert names(blobs) == []  # it has connections, which must not go to the others
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2 * WRITERS), context.Queue()
    processes = [context.Process(target=put_in_threads, args=(blobs, number, start, results)) for number in range(2)]
    for process in processes:
        process.start()
    winners = [results.get(timeout=60)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert results.empty()
    assert blobs.read("race").startswith(f"{winners[0]}-".encode())
