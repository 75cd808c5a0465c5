"""What object stores do beyond the contract of all places: broken wires, lost answers, wrong keys, odd servers."""

import socket

import pytest

from schemas.errors import SiteError, TransientError
from storage.blobs import open_blobs
from tests.storage.fake_s3 import ClientError, FakeS3
from tests.storage.listing import names
from tests.storage.s3_server import Wire, forget_clients, keys_checked

pytestmark = pytest.mark.slow


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


def test_a_put_whose_answer_is_lost_may_stand(asked_once: None, s3_on_wire: str, wire: Wire) -> None:
    blobs = open_blobs(s3_on_wire)
    assert not blobs.exists("a")
    stood = []
    for name in "abcde":  # on a busy machine the wire may break before the server has all of it
        wire.deaf_after = 0
        with pytest.raises(TransientError):
            blobs.put_if_absent(name, b"mine")
        wire.deaf_after = None
        stood.append(not blobs.put_if_absent(name, b"mine"))
        assert blobs.read(name) == b"mine", "at most one of several tries gets True"
        if stood[-1]:
            break
    assert stood[-1]


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
        with pytest.raises(SiteError, match="this bucket does not exist"):
            call()
