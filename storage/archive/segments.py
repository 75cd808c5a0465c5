"""The segments of an archive as columns.

A plan reads a hundred thousand of them at once and uses few, so a ``Segment`` object is made only on access
(docs/decisions/0010-a-plan-of-a-million-units.md).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from schemas.values import Segment

_TEXT_COLUMNS = ("segment_id", "footage_id", "camera", "date", "path")
SEGMENT_COLUMNS = pa.schema(
    (name, pa.string() if name in _TEXT_COLUMNS else pa.int64())
    for name in (
        *("segment_id", "footage_id", "camera", "date", "index", "path", "start_us", "end_us", "start_pts", "end_pts"),
        *("frames", "time_base_num", "time_base_den", "footage_start_us", "footage_start_pts", "width", "height"),
        *("pixel_aspect_num", "pixel_aspect_den", "raw_fps_num", "raw_fps_den"),
    )
)
"""A ``Segment`` as a row: times in microseconds since 1970 UTC, the time base as numerator and denominator. Only of raw
streams is ``raw_fps_num`` not 0."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_fraction = lru_cache(maxsize=256)(Fraction)  # an archive has few time bases, and a Fraction is slow to make


def split_by_camera(segments: pa.Table) -> dict[str, pa.Table]:
    """Returns the rows of each camera; ``segments`` are rows of ``SEGMENT_COLUMNS``, sorted by camera."""
    found: dict[str, pa.Table] = {}
    first = 0
    for count in pc.value_counts(segments["camera"]).to_pylist():
        found[count["values"]] = segments.slice(first, count["counts"])
        first += count["counts"]
    return found


def segment_maker(table: pa.Table) -> Callable[[int], Segment]:
    """Returns a function from row number to ``Segment``; it converts the table's columns once, for many rows."""
    rows = list(zip(*(table[name].to_pylist() for name in SEGMENT_COLUMNS.names), strict=True))

    def make(row: int) -> Segment:
        segment_id, footage_id, camera, date, index, path, start_us, end_us, start_pts, end_pts, frames = rows[row][:11]
        time_base_num, time_base_den, footage_start_us, footage_start_pts, width, height = rows[row][11:17]
        pixel_aspect_num, pixel_aspect_den, raw_fps_num, raw_fps_den = rows[row][17:]
        return Segment(
            segment_id=segment_id,
            footage_id=footage_id,
            camera=camera,
            date=date,
            index=index,
            path=path,
            start=_time(start_us),
            end=_time(end_us),
            start_pts=start_pts,
            end_pts=end_pts,
            frames=frames,
            time_base=_fraction(time_base_num, time_base_den),
            footage_start=_time(footage_start_us),
            footage_start_pts=footage_start_pts,
            width=width,
            height=height,
            pixel_aspect=_fraction(pixel_aspect_num, pixel_aspect_den),
            raw_fps=_fraction(raw_fps_num, raw_fps_den) if raw_fps_num else None,
        )

    return make


def segments_from_tables(footage: pa.Table, segments: pa.Table) -> pa.Table:
    """Returns the segments of a scan from its tables, without opening any file.

    Args:
        footage, segments: rows of those tables; each segment's footage is among them.

    Returns:
        Rows of ``SEGMENT_COLUMNS``, sorted by camera, start and id.

    Raises:
        ValueError: a segment of footage that is not in the table.
    """
    # The usable files by path, so that ``index_in`` finds the first of several copies.
    files = footage.filter(pc.is_valid(footage["cuts"])).sort_by("path")
    wanted = pc.index_in(_file_key(segments), _file_key(files))
    if wanted.null_count:
        raise ValueError(f"{wanted.null_count} segments of footage that is not in the table footage")
    theirs = files.take(wanted)
    turned = pc.is_in(theirs["rotation_deg"], pa.array([90, 270], theirs["rotation_deg"].type))
    # Rows of scans before this column have none.
    no_raw_fps = {"raw_fps_num": 0, "raw_fps_den": 1}
    aspect_num, aspect_den = (pc.fill_null(theirs[f"pixel_aspect_{part}"], 1) for part in ("num", "den"))
    columns = {
        **{name: segments[name] for name in ("segment_id", "footage_id", "camera", "date", "index")},
        "path": theirs["path"],
        "start_us": _micros(segments["start_time"]),
        "end_us": _micros(segments["end_time"]),
        **{name: segments[name] for name in ("start_pts", "end_pts", "frames")},
        **{name: theirs[name] for name in ("time_base_num", "time_base_den")},
        "footage_start_us": _micros(theirs["start_time"]),
        "footage_start_pts": theirs["start_pts"],
        "width": pc.if_else(turned, theirs["height"], theirs["width"]),
        "height": pc.if_else(turned, theirs["width"], theirs["height"]),
        "pixel_aspect_num": pc.if_else(turned, aspect_den, aspect_num),
        "pixel_aspect_den": pc.if_else(turned, aspect_num, aspect_den),
        **{name: pc.fill_null(theirs[name], none) for name, none in no_raw_fps.items()},
    }
    found = pa.table([columns[f.name].cast(f.type) for f in SEGMENT_COLUMNS], schema=SEGMENT_COLUMNS)
    return found.sort_by([(name, "ascending") for name in ("camera", "start_us", "segment_id")]).combine_chunks()


def _file_key(table: pa.Table) -> pa.Array:
    columns = [table[name].cast(pa.string()) for name in ("camera", "footage_id")]
    return pc.binary_join_element_wise(*columns, "\x1f").combine_chunks()


def _micros(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.timestamp("us", "UTC")).cast(pa.int64())


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
