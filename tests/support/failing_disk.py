"""A disk or network that fails in the middle of a video file, and a demuxer that only says so."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import pytest


class _FailingContainer:
    """A container whose demuxer reports an input/output error after some packets."""

    def __init__(self, container: Any, packets: int) -> None:
        self._container, self._packets = container, packets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def __enter__(self) -> "_FailingContainer":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def demux(self, *streams: Any) -> Iterator[Any]:
        for number, packet in enumerate(self._container.demux(*streams)):
            if number == self._packets:
                raise av.error.OSError(errno.EIO, os.strerror(errno.EIO))
            yield packet


def fail_demuxing(monkeypatch: pytest.MonkeyPatch, packets: int, disk_fails: bool) -> None:
    """Makes FFmpeg report an input/output error after some packets of every file that is opened from now on.

    Args:
        packets: number of packets that can be read before.
        disk_fails: reading the bytes fails as well, so it is no damage of the file.
    """
    open_whole, open_file = av.open, Path.open

    def open_failing(*arguments: Any, **more: Any) -> _FailingContainer:
        return _FailingContainer(open_whole(*arguments, **more), packets)

    def open_bytes(path: Path, *arguments: Any, **more: Any) -> Any:
        if disk_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return open_file(path, *arguments, **more)

    monkeypatch.setattr(av, "open", open_failing)
    monkeypatch.setattr(Path, "open", open_bytes)
