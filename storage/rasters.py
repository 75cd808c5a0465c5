"""Rasters of a segment's frames: a ZIP file of 16-bit PNGs, named by the frames' PTS.

Every tool that reads PNGs reads them: GDAL and QGIS as ``/vsizip/FILE.zip/PTS.png``, Python with ``zipfile``.
The same rasters give the same bytes, and a file gets its name when it is complete.
"""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from schemas.errors import StoreFull
from schemas.values import RasterFile, Uint16
from storage.blobs import Blobs
from storage.files import DISK_FULL, sha256_file

_PNG_COMPRESSION = 1
"""Twice as fast as the default; of depth that networks give a tenth larger."""

_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""Time of every entry: the first that ZIP can hold, so that the same rasters give the same bytes."""


def entry_name(pts: int) -> str:
    """Returns the name of a frame's raster within its file."""
    return f"{pts}.png"


class RasterWriter:
    """A ``RasterSink`` of one segment.

    Args:
        blobs: where the file is written.
        name: the file's name; it does not exist before ``close``.
    """

    def __init__(self, blobs: Blobs, name: str) -> None:
        self._blobs = blobs
        self._name = name
        self._file = ExitStack()
        self._path: Path | None = None
        self._archive: zipfile.ZipFile | None = None
        self._entries: set[str] = set()

    def add(self, pts: int, raster: Uint16) -> str:
        """Adds a frame's raster; returns the name of its entry.

        Raises:
            ValueError: it is no ``(H, W)`` uint16 with pixels, or the frame has one already.
            StoreFull: no space is left.
        """
        entry = entry_name(pts)
        if raster.ndim != 2 or raster.dtype != np.uint16 or not raster.size:
            raise ValueError(f"a raster must be (H, W) uint16, got {raster.shape = } {raster.dtype = }")
        if entry in self._entries:
            raise ValueError(f"{self._name} has a raster of PTS {pts} already")
        _, coded = cv2.imencode(".png", raster, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION])
        with _full_disk_reported(self._name):
            self._opened().writestr(zipfile.ZipInfo(entry, _NO_TIME), bytes(coded))
        self._entries.add(entry)
        return entry

    def close(self) -> RasterFile:
        """Completes the file and gives it its name.

        Raises:
            ValueError: there is no raster.
            StoreFull: no space is left.
        """
        if self._archive is None or self._path is None:
            raise ValueError(f"no raster was written to {self._name}")
        with _full_disk_reported(self._name):
            self._archive.close()
            written = RasterFile(self._name, len(self._entries), self._path.stat().st_size, sha256_file(self._path))
            self._file.close()
        self._archive = None
        return written

    def abort(self) -> None:
        """Removes the unfinished file."""
        if self._archive is not None and self._path is not None:
            with suppress(OSError):  # a full disk: what it could not write is removed anyway
                self._archive.close()
            self._path.unlink(missing_ok=True)
        self._archive = None
        self._file.close()

    def _opened(self) -> zipfile.ZipFile:
        if self._archive is None:
            self._path = self._file.enter_context(self._blobs.create(self._name))
            self._archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED)
        return self._archive


def read_raster(blobs: Blobs, name: str, entry: str) -> Uint16:
    """Reads one raster, ``(H, W)``; 0 where the value is unknown.

    Raises:
        FileNotFoundError: there is no such file.
        KeyError: it has no such entry.
    """
    with blobs.open(name) as file, zipfile.ZipFile(file) as archive:
        coded = np.frombuffer(archive.read(entry), np.uint8)
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), np.uint16)


@contextmanager
def _full_disk_reported(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StoreFull(f"no space left to write {name}: free some space and run again") from error
        raise
