"""Object stores as a place for files."""

import multiprocessing

import fsspec
import pytest

from schemas.errors import SiteError
from storage.blobs import Blobs, open_blobs
from tests.storage.fake_s3 import REGISTRY, FakeS3


def _write(blobs: Blobs) -> None:
    blobs.write("of the child", blobs.read("of the parent"))


@pytest.mark.slow
def test_a_forked_process_has_connections_of_its_own(s3_server: str) -> None:
    blobs = open_blobs(s3_server)
    blobs.write("of the parent", b"one")
    child = multiprocessing.get_context("fork").Process(target=_write, args=(blobs,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert blobs.read("of the child") == b"one"


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
