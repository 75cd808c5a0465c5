"""Local copies of footage: fetched once while they are cached, and removed when others replace them."""

from pathlib import Path

import pytest

from storage.blobs import LocalBlobs, LocalFileCache, open_blobs
from tests.storage.fake_s3 import FakeS3


def test_footage_is_fetched_once_while_it_is_cached(fake_s3: type[FakeS3]) -> None:
    blobs = open_blobs("s3://bucket")
    for name in "abc":
        blobs.write(name, name.encode())
    fake_s3.requests.clear()
    cache = LocalFileCache(blobs, keep=2)
    paths = {name: cache.path(name) for name in ("a", "b")}
    assert cache.path("a") == paths["a"]
    assert cache.path("c").read_bytes() == b"c"
    assert paths["a"].read_bytes() == b"a"
    assert not paths["b"].exists()
    assert [key for verb, key in fake_s3.requests if verb == "get"] == ["bucket/a", "bucket/b", "bucket/c"]
    cache.close()
    assert not paths["a"].exists()


def test_footage_of_a_folder_is_used_where_it_is(tmp_path: Path) -> None:
    LocalBlobs(tmp_path).write("a", b"a")
    cache = LocalFileCache(LocalBlobs(tmp_path), keep=1)
    assert cache.path("a") == tmp_path / "a"
    cache.close()
    assert (tmp_path / "a").exists()
    with pytest.raises(FileNotFoundError):
        cache.path("b")
