"""One contract for every place of files: a folder, a stand-in for S3, and a server of S3 where it is installed."""

import multiprocessing
import pickle
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import SiteError, StoreFull, TransientError
from storage.blobs import Blobs, Fetched, LocalBlobs, open_blobs, s3
from tests.storage.fake_s3 import REGISTRY, ClientError, FakeS3, behind_s3
from tests.storage.putting import WRITERS, put_in_threads
from tests.storage.s3_server import Wire, forget_clients, keys_checked, new_bucket, s3_serving


@pytest.fixture
def fake_s3() -> Iterator[type[FakeS3]]:
    """FakeS3 behind ``s3://``."""
    with behind_s3() as fake:
        yield fake


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_serving() as server:
        yield server.endpoint


@pytest.fixture
def s3_server(endpoint: str) -> Iterator[str]:
    """A place in a new bucket on a real S3 server on loopback."""
    with new_bucket(endpoint) as bucket:
        yield f"{bucket}/prefix"


@pytest.fixture
def wire(endpoint: str) -> Iterator[Wire]:
    """A wire to the server, on which ``s3_on_wire`` is."""
    with Wire(endpoint) as wire:
        yield wire


@pytest.fixture
def s3_on_wire(wire: Wire) -> Iterator[str]:
    """A place in a new bucket on the server at the end of the wire."""
    with new_bucket(wire.endpoint) as bucket:
        yield f"{bucket}/prefix"


@pytest.fixture
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that fail are not sent again, for tests that would wait for that."""
    settings = s3.OPTIONS["config_kwargs"] | {"retries": {"total_max_attempts": 1}}
    monkeypatch.setattr(s3, "OPTIONS", {**s3.OPTIONS, "config_kwargs": settings})
    monkeypatch.setattr(s3, "TRIES", 1)


@pytest.fixture(params=["folder", "fake_s3", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return open_blobs(tmp_path / "root")
    if request.param == "fake_s3":
        request.getfixturevalue("fake_s3")
        return open_blobs("s3://bucket/prefix/")
    return open_blobs(request.getfixturevalue("s3_server"))


def names(blobs: Blobs, below: str = "") -> list[str]:
    return [blob.name for blob in blobs.list(below)]


# What every place does


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
        told = list(pool.map(put, range(WRITERS)))
    assert told.count(True) == 1
    assert blobs.read("race") == str(told.index(True)).encode()


def test_create_makes_the_file_at_the_end(blobs: Blobs) -> None:
    with blobs.create("a/b.mp4") as path:
        path.write_bytes(b"whole")
        assert not blobs.exists("a/b.mp4")
        assert path.parent.is_dir()
    assert blobs.read("a/b.mp4") == b"whole"
    assert names(blobs) == ["a/b.mp4"]


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


def test_a_sound_place_passes_its_checks_and_keeps_nothing_of_them(blobs: Blobs) -> None:
    blobs.check_writable()
    blobs.check_readable()
    assert names(blobs) == []
    assert blobs.sweep(older_than_h=-1) == []


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000), part=st.text("aé ~%+=&#?", min_size=1, max_size=20))
def test_any_name_and_content_round_trips(blobs: Blobs, content: bytes, part: str) -> None:
    name = f"camera=c 1/{part}x.json"
    blobs.write(name, content)
    assert blobs.read(name) == content
    assert name in names(blobs, "camera=c 1")
    blobs.delete([name])


# Many processes


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_of_two_processes_of_eight_threads_one_puts(request: pytest.FixtureRequest, tmp_path: Path, place: str) -> None:
    blobs = open_blobs(str(tmp_path) if place == "folder" else request.getfixturevalue("s3_server"))
    assert names(blobs) == []  # it has connections, which must not go to the others
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(2 * WRITERS), context.Queue()
    processes = [context.Process(target=put_in_threads, args=(blobs, number, start, told)) for number in range(2)]
    for process in processes:
        process.start()
    winners = [told.get(timeout=60)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert told.empty()
    assert blobs.read("race").startswith(f"{winners[0]}-".encode())


def _write(blobs: Blobs) -> None:
    blobs.write("of the child", blobs.read("of the parent"))


def test_a_forked_process_has_connections_of_its_own(s3_server: str) -> None:
    blobs = open_blobs(s3_server)
    blobs.write("of the parent", b"one")
    child = multiprocessing.get_context("fork").Process(target=_write, args=(blobs,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert blobs.read("of the child") == b"one"


# Folders


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(SiteError, match="is not a folder"):
        open_blobs(tmp_path / "store")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "a" / "none")
    with pytest.raises(SiteError, match="mount it"):
        blobs.check_readable()
    assert (blobs.free_bytes() or 0) > 0
    blobs.check_writable()
    assert (tmp_path / "a" / "none").is_dir()


def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(SiteError, match="cannot be made"):
        LocalBlobs(Path("/proc/no/such/folder")).check_writable()


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    LocalBlobs(tmp_path).write("a", b"one")
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(SiteError, match="is read-only: queries work, runs do not"):
        LocalBlobs(tmp_path).check_writable()
    assert LocalBlobs(tmp_path).read("a") == b"one"


def test_deleting_leaves_no_empty_folders(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.write("a/b/c", b"x")
    blobs.write("a/d", b"x")
    blobs.delete(["a/b/c"])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["d"]


# Object stores


def test_a_connection_that_breaks_leaves_nothing_and_can_be_tried_again(fake_s3: type[FakeS3]) -> None:
    blobs = open_blobs("s3://bucket/prefix")
    fake_s3.trouble.extend([ConnectionResetError("reset"), TimeoutError("slow"), ConnectionResetError("reset")])
    with pytest.raises(TransientError, match="s3://bucket/prefix/a: reset"), blobs.create("a") as path:
        path.write_bytes(b"whole")
    assert not path.exists()
    with pytest.raises(TransientError, match="slow"):
        blobs.write("b", b"whole")
    with pytest.raises(TransientError, match="reset"):
        blobs.put_if_absent("c", b"whole")
    assert names(blobs) == []
    with blobs.create("a") as path:
        path.write_bytes(b"whole")
    assert blobs.put_if_absent("c", b"whole")
    assert names(blobs) == ["a", "c"]


SIZE = 300_000


def test_an_upload_that_is_cut_off_leaves_what_stood_there(s3_on_wire: str, wire: Wire) -> None:
    blobs = open_blobs(s3_on_wire)
    blobs.write("old", b"old")
    wire.cut_after = SIZE // 2
    with pytest.raises(TransientError), blobs.create("new") as path:
        path.write_bytes(b"n" * SIZE)
    with pytest.raises(TransientError):
        blobs.write("old", b"n" * SIZE)
    with pytest.raises(TransientError):
        blobs.put_if_absent("put", b"n" * SIZE)
    assert wire.cuts >= 3
    wire.cut_after = None
    assert names(blobs) == ["old"]
    assert blobs.read("old") == b"old"
    assert blobs.put_if_absent("put", b"n" * SIZE)
    assert blobs.read("put") == b"n" * SIZE


def test_parts_of_an_upload_that_was_never_ended_are_swept(s3_server: str) -> None:
    blobs = open_blobs(s3_server)
    filesystem = blobs.filesystem
    bucket = s3_server.split("/")[2]
    for key in ("prefix/a", "other/a"):
        filesystem.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    assert blobs.sweep(older_than_h=1e6) == []  # moto says of every upload that it began in 2010
    assert blobs.sweep(older_than_h=1) == ["a"]
    assert blobs.sweep(older_than_h=1) == []
    left = filesystem.call_s3("list_multipart_uploads", Bucket=bucket)["Uploads"]
    assert [each["Key"] for each in left] == ["other/a"]


def test_a_put_whose_answer_is_lost_may_stand(asked_once: None, s3_on_wire: str, wire: Wire) -> None:
    blobs = open_blobs(s3_on_wire)
    assert not blobs.exists("a")
    wire.deaf_after = 0
    with pytest.raises(TransientError):
        blobs.put_if_absent("a", b"mine")
    wire.deaf_after = None
    assert not blobs.put_if_absent("a", b"mine"), "of several tries one is told True at most"
    assert blobs.read("a") == b"mine"


def test_a_download_that_is_cut_off_is_not_taken_for_the_whole(asked_once: None, s3_on_wire: str, wire: Wire) -> None:
    blobs = open_blobs(s3_on_wire)
    blobs.write("a", b"a" * SIZE)
    wire.deaf_after = SIZE // 2
    with pytest.raises(TransientError), blobs.local("a"):
        pass
    with pytest.raises(TransientError):
        blobs.read("a")
    with pytest.raises(TransientError), blobs.open("a") as file:
        file.read()
    wire.deaf_after = None
    with blobs.local("a") as path:
        assert path.stat().st_size == SIZE


def test_what_is_cut_off_is_not_taken_for_what_is_not_there(asked_once: None, s3_on_wire: str, wire: Wire) -> None:
    blobs = open_blobs(s3_on_wire)
    blobs.write("a", b"one")
    file = blobs.open("a")
    wire.deaf_after = 0
    for ask in (
        lambda: blobs.exists("a"),
        lambda: blobs.stat("a"),
        lambda: blobs.read("a"),
        lambda: list(blobs.list()),
        lambda: blobs.delete(["a"]),
        blobs.check_readable,
        file.read,
    ):
        with pytest.raises(TransientError):
            ask()


def test_a_server_that_is_gone(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    blobs = open_blobs(s3_server)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        forget_clients()
        with pytest.raises(TransientError, match="AWS_ENDPOINT_URL"), blobs.create("a") as path:
            path.write_bytes(b"whole")
        with pytest.raises(TransientError, match="AWS_ENDPOINT_URL"):
            blobs.check_readable()
    forget_clients()
    assert names(blobs) == []
    assert blobs.put_if_absent("a", b"whole")


def test_a_server_beyond_reach_is_given_up_within_seconds(s3_server: str) -> None:
    config = open_blobs(s3_server).filesystem.s3.meta.config
    assert config.connect_timeout * config.retries["total_max_attempts"] <= 10
    assert config.read_timeout <= 15


def test_keys_that_the_server_does_not_know(s3_server: str, endpoint: str) -> None:
    blobs = open_blobs(s3_server)
    with keys_checked(endpoint):
        for ask in (
            blobs.check_readable,
            blobs.check_writable,
            lambda: blobs.read("a"),
            lambda: blobs.write("a", b"x"),
            lambda: blobs.put_if_absent("a", b"x"),
            lambda: blobs.exists("a"),
            lambda: list(blobs.list()),
            lambda: blobs.delete(["a"]),
        ):
            with pytest.raises(SiteError, match="AWS_ACCESS_KEY_ID") as caught:
                ask()
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "AWS_PROFILE"),
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE"),
        ({"AWS_ENDPOINT_URL": "no address"}, "correct AWS_ENDPOINT_URL"),
    ],
)
def test_settings_that_are_wrong(
    s3_server: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str | None], words: str
) -> None:
    for name, value in settings.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    forget_clients()
    blobs = open_blobs(s3_server)
    for ask in (blobs.check_readable, lambda: blobs.write("a", b"x"), lambda: blobs.exists("a")):
        with pytest.raises(SiteError, match=words) as caught:
            ask()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["none-of-this-name", "no bucket's name"])
def test_a_bucket_that_the_server_does_not_have(s3_server: str, bucket: str) -> None:
    blobs = open_blobs(f"s3://{bucket}/prefix")
    for ask in (
        blobs.check_readable,
        blobs.check_writable,
        lambda: blobs.read("a"),
        lambda: blobs.write("a", b"x"),
        lambda: blobs.put_if_absent("a", b"x"),
        lambda: list(blobs.list()),
    ):
        with pytest.raises(SiteError, match=r"in site\.toml") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_what_may_not_be_removed_is_told(fake_s3: type[FakeS3]) -> None:
    blobs = open_blobs("s3://bucket/prefix")
    blobs.write("a", b"x")
    fake_s3.refused["prefix/a"] = "AccessDenied"
    with pytest.raises(SiteError, match="cannot be written: prefix/a: AccessDenied"):
        blobs.delete(["a", "b"])
    fake_s3.refused["prefix/a"] = "InternalError"
    with pytest.raises(TransientError, match="prefix/a: InternalError"):
        blobs.delete(["a", "b"])


def test_a_server_that_cannot_decide_is_asked_again(fake_s3: type[FakeS3]) -> None:
    blobs = open_blobs("s3://bucket/prefix")
    fake_s3.trouble.extend([OSErrorOf("ConditionalRequestConflict") for _ in range(2)])
    assert blobs.put_if_absent("a", b"x")
    fake_s3.trouble.extend([OSErrorOf("ConditionalRequestConflict") for _ in range(50)])
    with pytest.raises(TransientError, match="ConditionalRequestConflict"):
        blobs.put_if_absent("b", b"x")
    assert len(fake_s3.trouble) > 40


def test_a_server_that_does_not_say_which_condition_failed(fake_s3: type[FakeS3]) -> None:
    fake_s3.trouble.append(OSErrorOf("PreconditionFailed"))
    assert not open_blobs("s3://bucket/prefix").put_if_absent("a", b"x")


class OSErrorOf(OSError):
    """As s3fs's for what it has no word for: it has the server's word as its cause."""

    def __init__(self, code: str) -> None:
        super().__init__(5, code)
        self.__cause__ = ClientError(code)


def test_a_bucket_that_is_not_there(fake_s3: type[FakeS3]) -> None:
    blobs = open_blobs("s3://other/prefix")
    for call in (
        blobs.check_readable,
        blobs.check_writable,
        lambda: blobs.read("a"),
        lambda: blobs.write("a", b""),
        lambda: list(blobs.list()),
    ):
        with pytest.raises(SiteError, match="there is no such bucket"):
            call()


@pytest.mark.parametrize(
    ("raised", "told", "words"),
    [
        (PermissionError("Access Denied"), SiteError, "AWS_PROFILE"),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"), SiteError, "AWS_ACCESS_KEY_ID"),
        (ClientError("QuotaExceeded"), StoreFull, "no space left"),
        (OSError(5, "I/O error"), TransientError, "I/O error"),
        (
            type("EndpointConnectionError", (Exception,), {"__module__": "botocore.exceptions"})("no"),
            TransientError,
            "no",
        ),
        (ValueError("a bug of ours"), ValueError, "a bug of ours"),
    ],
)
def test_what_goes_wrong_is_told(fake_s3: type[FakeS3], raised: Exception, told: type[Exception], words: str) -> None:
    fake_s3.trouble.append(raised)
    with pytest.raises(told, match=words) as caught:
        open_blobs("s3://bucket").write("a", b"x")
    assert "\n" not in str(caught.value)


def test_a_store_that_ignores_conditions_is_refused(fake_s3: type[FakeS3]) -> None:
    fake_s3.conditional = False
    with pytest.raises(SiteError, match="ignores conditional writes"):
        open_blobs("s3://bucket/prefix").check_writable()
    assert fake_s3.objects == {}


def test_a_protocol_on_which_two_can_win_is_read_only() -> None:
    fsspec.filesystem("memory").pipe_file("/box/a", b"one")
    blobs = open_blobs("memory://box")
    assert blobs.read("a") == b"one"
    with pytest.raises(SiteError, match="cannot be a store"):
        blobs.put_if_absent("b", b"two")
    fsspec.filesystem("memory").rm("/box", recursive=True)


def test_addresses_that_are_none() -> None:
    with pytest.raises(SiteError, match="names no bucket"):
        open_blobs("s3://")
    with pytest.raises(SiteError, match="unknown protocol"):
        open_blobs("nonsense://bucket")


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY.known_implementations, "s3", {"class": "no_such_package.S3", "err": "Install it"})
    monkeypatch.delitem(REGISTRY._registry, "s3", raising=False)
    with pytest.raises(SiteError, match=r"pip install 'nightshift\[s3\]'"):
        open_blobs("s3://bucket/prefix")


# Files at hand


def test_footage_is_fetched_once_while_it_is_at_hand(fake_s3: type[FakeS3]) -> None:
    blobs = open_blobs("s3://bucket")
    for name in "abc":
        blobs.write(name, name.encode())
    fake_s3.requests.clear()
    fetched = Fetched(blobs, keep=2)
    paths = {name: fetched.path(name) for name in ("a", "b")}
    assert fetched.path("a") == paths["a"]
    assert fetched.path("c").read_bytes() == b"c"
    assert paths["a"].read_bytes() == b"a"
    assert not paths["b"].exists()
    assert [key for verb, key in fake_s3.requests if verb == "get"] == ["bucket/a", "bucket/b", "bucket/c"]
    fetched.close()
    assert not paths["a"].exists()


def test_footage_of_a_folder_is_used_where_it_is(tmp_path: Path) -> None:
    LocalBlobs(tmp_path).write("a", b"a")
    fetched = Fetched(LocalBlobs(tmp_path), keep=1)
    assert fetched.path("a") == tmp_path / "a"
    fetched.close()
    assert (tmp_path / "a").exists()
    with pytest.raises(FileNotFoundError):
        fetched.path("b")
