"""Servers of S3 for tests, real and faked, and the wire to them."""

from collections.abc import Iterator

import pytest

from storage.blobs import s3
from tests.storage.fake_s3 import FakeS3, behind_s3
from tests.storage.s3_server import Wire, new_bucket, s3_serving


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
