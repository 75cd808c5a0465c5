"""A scan after another of an archive in an object store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from storage.archive.scan import scan_archive
from storage.blobs import open_blobs
from tests.storage.archive.scanned import config, scan, segments_of, settle
from tests.storage.fake_s3 import behind_s3
from tests.support import damage


def test_an_archive_in_an_object_store_gives_the_same_segments(
    folder: Path, put: Callable[..., Path], work: list[str]
) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("gate/2026-03-02T11-00-00.mp4")
    settle(damage.empty(folder / "gate" / "2026-03-02T12-00-00.mp4"))
    (folder / "gate" / "notes.txt").write_text("no footage")
    here = scan(folder)
    with behind_s3() as fake:
        remote = open_blobs("s3://bucket/archive")
        for path in folder.rglob("*.*"):
            remote.write(path.relative_to(folder).as_posix(), path.read_bytes())
        later = datetime.now(UTC) + timedelta(hours=1)
        there = scan_archive(remote, config(), None, later)
        assert segments_of(there) == segments_of(here)
        assert [(entry.path, entry.reason) for entry in there.quarantined] == [
            (entry.path, entry.reason) for entry in here.quarantined
        ]
        (row, *_) = there.footage.to_pylist()
        assert row["mtime_ns"] == remote.stat(row["path"]).modified_ns
        work.clear()
        fake.requests.clear()
        assert segments_of(scan_archive(remote, config(), there.footage, later)) == segments_of(here)
        assert work == []
        assert [verb for verb, _ in fake.requests] == ["list"], "what is known is not fetched again"


def test_what_an_older_version_read_is_read_again(folder: Path, put: Callable[..., Path], work: list[str]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    for older in (first.footage.drop_columns(["decoding_version"]), _with_version(first.footage, 1)):
        work.clear()
        assert segments_of(scan(folder, replace(first, footage=older))) == segments_of(first)
        assert work == ["probe 2026-03-02T10-00-00.mp4"]
    work.clear()
    scan(folder, first)
    assert work == []


def _with_version(footage: pa.Table, version: int) -> pa.Table:
    at = footage.schema.get_field_index("decoding_version")
    return footage.set_column(at, footage.schema.field(at), pa.array([version] * len(footage), pa.int64()))


def test_frames_above_the_limit_are_quarantined_also_when_the_limit_changes(
    folder: Path, put: Callable[..., Path], work: list[str]
) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    large = scan(folder, max_megapixels=0.02)
    (entry,) = large.quarantined
    assert (entry.reason, segments_of(large)) == ("too_large", ())
    assert "208 x 120 pixels, 0.0 million; site.toml allows max_megapixels = 0.02" in entry.detail
    work.clear()
    allowed = scan(folder, large, max_megapixels=0.03)
    assert (len(segments_of(allowed)), allowed.quarantined) == (2, ())
    assert work == ["probe 2026-03-02T10-00-00.mp4"], "the file is opened again, and not hashed"
    work.clear()
    assert [entry.reason for entry in scan(folder, allowed, max_megapixels=0.02).quarantined] == ["too_large"]
    assert work == []
