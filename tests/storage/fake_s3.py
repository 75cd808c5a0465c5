"""An object store in memory, like S3 where it matters: whole objects, one winner, buckets, lost connections."""

import importlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from fsspec.spec import AbstractFileSystem

REGISTRY = importlib.import_module("fsspec.registry")  # as an attribute of fsspec it is something else


class ClientError(Exception):
    """As botocore's: it has the server's word for what is wrong."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class FakeS3(AbstractFileSystem):
    """Has the bucket ``bucket``; all instances in this process share its content."""

    protocol = ("s3", "s3a")
    cachable = False
    objects: ClassVar[dict[str, tuple[bytes, datetime]]] = {}
    requests: ClassVar[list[tuple[str, str]]] = []
    trouble: ClassVar[list[Exception]] = []
    """Raised one after the other by writes, when half of the content has been sent."""
    refused: ClassVar[dict[str, str]] = {}
    """Keys that may not be removed, each with the server's word for why."""
    conditional: ClassVar[bool] = True
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def reset(cls) -> None:
        cls.objects.clear()
        cls.requests.clear()
        cls.trouble.clear()
        cls.refused.clear()
        cls.conditional = True

    def _put(self, path: str, content: bytes, absent: bool = False) -> None:
        key = self._key(path)
        self.requests.append(("put", key))
        if self.trouble:
            raise self.trouble.pop(0)
        with self._lock:
            if absent and self.conditional and key in self.objects:
                raise FileExistsError(key)
            self.objects[key] = (content, datetime.now(UTC))

    def _key(self, path: str) -> str:
        key = str(self._strip_protocol(path)).strip("/")
        if key.partition("/")[0] != "bucket":
            raise FileNotFoundError(key) from ClientError("NoSuchBucket")
        return key

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        self._put(path, value, absent=mode == "create")

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        with open(lpath, "rb") as file:  # noqa: PTH123  fsspec speaks of paths as text
            self._put(rpath, file.read())

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        key = self._key(path)
        if key in self.objects:
            content, modified = self.objects[key]
            return {"name": key, "size": len(content), "type": "file", "LastModified": modified}
        if key == "bucket" or any(each.startswith(f"{key}/") for each in list(self.objects)):
            return {"name": key, "size": 0, "type": "directory"}
        raise FileNotFoundError(key) from ClientError("NoSuchKey")

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        key = self._key(path)
        names = {
            f"{key}/{each[len(key) + 1 :].partition('/')[0]}" for each in self.objects if each.startswith(f"{key}/")
        }
        found = [self.info(name) for name in sorted(names)]
        return found if detail else [each["name"] for each in found]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        key = self._key(path)
        self.requests.append(("list", key))
        found = {name: self.info(name) for name in sorted(self.objects) if name == key or name.startswith(f"{key}/")}
        return found if detail else list(found)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.BytesIO:
        assert mode == "rb", mode
        key = self._key(path)
        self.requests.append(("get", key))
        if key not in self.objects:
            raise FileNotFoundError(key) from ClientError("NoSuchKey")
        return io.BytesIO(self.objects[key][0])

    def modified(self, path: str) -> datetime:
        return self.info(path)["LastModified"]  # type: ignore[no-any-return]

    def split_path(self, path: str) -> tuple[str, str, None]:
        bucket, _, key = path.partition("/")
        return bucket, key, None

    def call_s3(self, method: str, Bucket: str, **asked: Any) -> dict[str, Any]:
        if method != "delete_objects":
            return {}
        keys = [each["Key"] for each in asked["Delete"]["Objects"]]
        for key in set(keys) - self.refused.keys():
            self.objects.pop(f"{Bucket}/{key}", None)
        return {"Errors": [{"Key": key, "Code": self.refused[key]} for key in keys if key in self.refused]}


@contextmanager
def behind_s3() -> Iterator[type[FakeS3]]:
    """FakeS3 is what ``s3://`` means, and is empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REGISTRY._registry, "s3", FakeS3)
        FakeS3.reset()
        yield FakeS3
        FakeS3.reset()
