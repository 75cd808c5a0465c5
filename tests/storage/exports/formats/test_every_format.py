"""What holds for every format: whole or not at all, the same bytes again, nothing sensitive."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import UserError
from schemas.tables import TABLES
from storage.exports.geo import SUFFIXES, ExportOptions, export
from tests.storage.exports.gis_files import RD, positions

NEED_FEATURES = {".pmtiles", ".tif", ".png", ".svg"}
"""Formats that are a picture or tiles, and cannot be of nothing."""

every_format = pytest.mark.parametrize("suffix", SUFFIXES)


@contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """Files cannot grow further than this, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@every_format
def test_the_same_rows_give_the_same_bytes(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    written = []
    for _ in range(2):
        export(walk, target, RD)
        written.append(target.read_bytes())
    assert written[0] == written[1]
    assert list(tmp_path.iterdir()) == [target]


@every_format
def test_no_rows_are_a_file_or_one_clear_line(tmp_path: Path, suffix: str) -> None:
    target, empty = tmp_path / f"out{suffix}", TABLES["positions"].empty()
    if suffix in NEED_FEATURES:
        with pytest.raises(UserError, match="choose other rows, or write a"):
            export(empty, target, RD)
        assert list(tmp_path.iterdir()) == []
    else:
        assert export(empty, target, RD).rows == 0
        assert target.stat().st_size > 0


@every_format
def test_one_row_is_a_file(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    assert export(walk.slice(0, 1), target, RD).rows == 1
    assert target.stat().st_size > 0


@every_format
def test_a_full_disk_leaves_what_was_there(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"before")
    with full_disk(100), pytest.raises(UserError, match=r"cannot write .*free some space if the disk is full"):
        export(walk, target, RD)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_fills_up_last_leaves_what_was_there(tmp_path: Path) -> None:
    """GDAL writes the spatial index of a GeoPackage as it closes the file, and says nothing of errors then."""
    walk = positions({f"t{track}": [(121000 + track, 486000 + step) for step in range(40)] for track in range(40)})
    target = tmp_path / "out.gpkg"
    export(walk, target, RD)
    whole = target.stat().st_size
    target.write_bytes(b"before")
    for share in (0.6, 0.9, 0.99):
        with full_disk(int(whole * share)), pytest.raises(UserError, match="cannot write"):
            export(walk, target, RD)
        assert target.read_bytes() == b"before" and list(tmp_path.iterdir()) == [target]


@every_format
def test_no_folder_and_a_folder_in_its_place_are_said(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        export(walk, tmp_path / f"nowhere/out{suffix}", RD)
    (tmp_path / f"out{suffix}").mkdir()
    (tmp_path / f"out{suffix}/full").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        export(walk, tmp_path / f"out{suffix}", RD)
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


@every_format
def test_a_sensitive_table_does_not_leave(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match="backgrounds has the privacy class 'sensitive'"):
        export(TABLES["backgrounds"].empty(), tmp_path / f"out{suffix}", RD)
    assert list(tmp_path.iterdir()) == []


@every_format
def test_pictures_and_pseudonyms_stay_out_of_files_for_third_parties(tmp_path: Path, suffix: str) -> None:
    track = "0123456789abcdef-0000-000"
    rows = {"track_id": [f"{track[:-1]}{number}" for number in range(6)], "who": [track] * 6, "png": [b"\x89PNG"] * 6}
    rows |= {"time": pa.array([0] * 6, pa.timestamp("us", "UTC")), "x_m": [121000.0] * 6, "y_m": [486000.0] * 6}
    target = tmp_path / f"out{suffix}"
    asked = ExportOptions(least_people=5, personal=True)
    if suffix == ".mfjson":
        with pytest.raises(UserError, match="Moving Features are points of tracks"):
            export(pa.table(rows), target, RD, asked)
        return
    done = export(pa.table(rows), target, RD, asked)
    assert done.rows == (1 if suffix == ".tif" else 6) and "fewer than 5 people" in done.note
    content = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert track.encode() not in content and b"\x89PNG"[1:] not in content[8:]
