"""Scans of small archives, for tests."""

import os
from datetime import UTC, datetime
from pathlib import Path

from schemas.site import SiteConfig
from schemas.values import Segment
from storage.archive.scan import ScanResult, scan_archive
from storage.archive.segments import segment_maker, segments_from_tables
from storage.blobs import LocalBlobs

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD_NS = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1e9)


def config(**changes: object) -> SiteConfig:
    plain = {"name": "test", "crs": "EPSG:28992", "timezone": "Europe/Amsterdam", "segment_s": 1}
    return SiteConfig.model_validate({**plain, **changes})


def scan(folder: Path, known: ScanResult | None = None, **changes: object) -> ScanResult:
    return scan_archive(LocalBlobs(folder), config(**changes), known.footage if known else None, NOW)


def segments_of(result: ScanResult) -> tuple[Segment, ...]:
    found = segments_from_tables(result.footage, result.segments)
    return tuple(map(segment_maker(found), range(len(found))))


def settle(path: Path, mtime_ns: int = OLD_NS) -> Path:
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def rows(result: ScanResult) -> dict[str, dict]:
    return {row["path"]: row for row in result.footage.to_pylist()}
