"""Converts probes to rows of the table ``footage`` and back, so that an unchanged file is never read twice."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from schemas.errors import SECOND_CLOCK, STILL_WRITTEN
from schemas.tables import TABLES
from schemas.values import Segment
from storage.video.cutting import CUTTING_VERSION, cut
from storage.video.probe import Probe
from storage.video.source import DECODING_VERSION, pts_to_us

Row = dict[str, Any]

_NO_CONTENT: Row = {
    "duration_s": 0.0,
    "recorded_s": 0.0,
    "pauses": 0,
    "frames": 0,
    "codec": None,
    "width": 0,
    "height": 0,
    "rotation_deg": 0,
    "pixel_aspect_num": 1,
    "pixel_aspect_den": 1,
    "fps_num": 0,
    "fps_den": 1,
    "variable_fps": False,
    "time_base_num": 0,
    "time_base_den": 1,
    "raw_fps_source": None,
    "raw_fps_num": None,
    "raw_fps_den": None,
    "has_audio": False,
    "damage": None,
    "damage_detail": None,
    "lost_s": 0.0,
    "start_pts": 0,
    "container_time": None,
    "decoding_version": DECODING_VERSION,
    "cutting_version": CUTTING_VERSION,
    "segment_s": 0.0,
    "cuts": None,
}
"""The columns that depend on a file's content alone, with the values of an unusable file."""

_PROBE_FIELDS = (
    *("duration_s", "frames", "codec", "width", "height", "rotation_deg", "variable_fps", "has_audio"),
    *("damage", "damage_detail", "lost_s"),
)
"""Columns that have the name of the ``Probe`` attribute that they come from."""

_TEMPORARY = {"unreadable", STILL_WRITTEN}
"""Damage that may be temporary: the file is read again at the next scan."""


def unusable_columns(reason: str, detail: str) -> Row:
    """Returns the content columns of a file that cannot be used."""
    return {**_NO_CONTENT, "damage": reason, "damage_detail": detail}


def usable_columns(found: Probe, segment_s: float) -> Row:
    """Returns the content columns of a probed file, with its cuts into segments."""
    cuts = cut(found, segment_s)
    return {
        **{name: getattr(found, name) for name in _PROBE_FIELDS},
        "recorded_s": float(sum(part.end_pts - part.start_pts for part in cuts) * found.time_base),
        "pauses": len(found.pauses),
        "pixel_aspect_num": found.pixel_aspect.numerator,
        "pixel_aspect_den": found.pixel_aspect.denominator,
        "fps_num": found.fps.numerator,
        "fps_den": found.fps.denominator,
        "time_base_num": found.time_base.numerator,
        "time_base_den": found.time_base.denominator,
        "start_pts": found.first_pts,
        "decoding_version": DECODING_VERSION,
        "cutting_version": CUTTING_VERSION,
        "container_time": found.container_start,
        "segment_s": segment_s,
        "cuts": json.dumps([[part.start_pts, part.end_pts, part.frames] for part in cuts]),
    }


class KnownFootage:
    """Content columns of the last scan, by file and by content.

    Args:
        table: the footage table of the last scan, or None.
        segment_s: configured segment length; cuts of another length are not used again.
    """

    def __init__(self, table: pa.Table | None, segment_s: float) -> None:
        every = [] if table is None else table.to_pylist()
        rows = [row for row in every if row["content_sha256"] is not None and row["damage"] not in _TEMPORARY]
        self._by_file = {(row["path"], row["size_bytes"], row["mtime_ns"]): row for row in rows}
        # The limit may have been raised since: whether a file is too large shows as soon as it is opened.
        whole = [row for row in rows if row.get("copy_of") is None]
        as_read = [
            row for row in whole if row.get("decoding_version") == DECODING_VERSION and row["damage"] != "too_large"
        ]
        as_cut = [row for row in as_read if row["cuts"] is None or _is_cut_so(row, segment_s)]
        self._by_content = {row["content_sha256"]: row for row in as_cut}

    def sha256(self, path: str, size_bytes: int, mtime_ns: int) -> str | None:
        """Returns the sha256 of a file that is unchanged since the last scan, or None."""
        row = self._by_file.get((path, size_bytes, mtime_ns))
        return None if row is None else str(row["content_sha256"])

    def content(self, sha256: str) -> Row | None:
        """Returns the content columns of any file with this content, or None."""
        row = self._by_content.get(sha256)
        if row is None:
            return None
        content = {name: row[name] for name in _NO_CONTENT}
        content["recorded_s"] = _length_s(row)  # without what other files show, the last scan may have recorded less
        if content["damage"] is None:
            content["damage_detail"] = None  # older scans named there what the file was a copy of
        return content

    def frames(self, sha256: str) -> dict[tuple[int, int], int]:
        """Returns the number of frames in ranges of PTS of the file with this content, as far as it is known."""
        row = self._by_content.get(sha256)
        cuts = [] if row is None else json.loads(row["cuts"] or "[]") + json.loads(row.get("used_cuts") or "[]")
        return {(start_pts, end_pts): frames for start_pts, end_pts, frames in cuts}


def _length_s(row: Row) -> float:
    ticks = sum(end_pts - start_pts for start_pts, end_pts, _ in json.loads(row["cuts"] or "[]"))
    return float(ticks * Fraction(row["time_base_num"], row["time_base_den"]))


def _is_cut_so(row: Row, segment_s: float) -> bool:
    return row["segment_s"] == segment_s and row.get("cutting_version") == CUTTING_VERSION


def segments_of_footage(row: Row, timezone: str) -> tuple[Segment, ...]:
    """Returns the segments of a footage row, none if it is unusable; ``timezone`` defines their local dates."""
    turned = row["rotation_deg"] in (90, 270)
    width, height = (row["height"], row["width"]) if turned else (row["width"], row["height"])
    aspect = Fraction(row["pixel_aspect_num"] or 1, row["pixel_aspect_den"] or 1)
    time_base = Fraction(row["time_base_num"], row["time_base_den"])
    start, first_pts = row["start_time"], row["start_pts"]

    def time(pts: int) -> datetime:
        taken: datetime = start + timedelta(microseconds=pts_to_us(pts - first_pts, time_base))
        return taken

    return tuple(
        Segment(
            segment_id=f"{row['footage_id']}-{index:04d}",
            footage_id=row["footage_id"],
            camera=row["camera"],
            date=time(start_pts).astimezone(ZoneInfo(timezone)).date().isoformat(),
            index=index,
            path=row["path"],
            start=time(start_pts),
            end=time(end_pts),
            start_pts=start_pts,
            end_pts=end_pts,
            frames=frames,
            time_base=time_base,
            footage_start=start,
            footage_start_pts=first_pts,
            width=width,
            height=height,
            pixel_aspect=1 / aspect if turned else aspect,
            raw_fps=raw_fps_of(row),
        )
        for index, (start_pts, end_pts, frames) in enumerate(json.loads(row.get("used_cuts") or row["cuts"] or "[]"))
    )


def raw_fps_of(row: Mapping[str, Any]) -> Fraction | None:
    """Returns the frame rate of a raw stream, from its row; None for any other file."""
    return Fraction(row["raw_fps_num"], row["raw_fps_den"]) if row.get("raw_fps_num") else None


def segment_rows(segments: Iterable[Segment]) -> pa.Table:
    """Returns segments as rows of the table ``segments``."""
    spec = TABLES["segments"]
    rows = [{**vars(segment), "start_time": segment.start, "end_time": segment.end} for segment in segments]
    return spec.conform(pa.Table.from_pylist(rows, spec.schema))


def name_copies(rows: Iterable[Row]) -> list[Row]:
    """Marks copies: of several files of one camera with the same content, all but one.

    The one is that whose name gives the earliest time. Its copies have no content of their own, so that sums over the
    table count it once, and the damage ``second_clock`` if their names give it another time.
    """
    first: dict[tuple[str, str], Row] = {}
    rows = list(rows)
    for row in sorted(rows, key=lambda row: (row["start_source"] != "name", row["start_time"], row["path"])):
        if row["cuts"] is not None:
            first.setdefault((row["camera"], row["footage_id"]), row)
    return [_as_copy(row, first.get((row["camera"], row["footage_id"]), row)) for row in rows]


def _as_copy(row: Row, first: Row) -> Row:
    if first is row or row["cuts"] is None:
        return {**row, "copy_of": None}
    copy = {**row, **_NO_CONTENT, "copy_of": first["path"], "damage_detail": f"same content as {first['path']}"}
    if row["start_source"] == "name" and row["start_time"] != first["start_time"]:
        copy["damage"] = SECOND_CLOCK
        copy["damage_detail"] += (
            f", whose name gives another time ({first['start_time'].isoformat(' ')} instead of "
            f"{row['start_time'].isoformat(' ')}): only that one is processed; remove one, or correct its name"
        )
    return copy
