"""Leaves out what files of one camera show twice, so that everybody in it is counted once.

Recorders overlap files by some frames, and names have whole seconds: an overlap that short is no fault, and stays.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Range = tuple[int, int]
"""Begin and end, exclusive: microseconds since 1970 UTC, or PTS."""

CountFrames = Callable[[Row, Sequence[Range]], Sequence[int]]
"""Returns the number of frames of a file in ranges of PTS."""

MOST_OVERLAP_S = 2.0
"""Longest overlap of a file with those before it that is none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def leave_out_overlaps(rows: Sequence[Row], dated: Collection[str], count_frames: CountFrames) -> list[Row]:
    """Returns footage rows with ``used_cuts`` and ``overlap_s``: without what files that begin earlier show too.

    Of files that begin at the same time, the longer one counts.

    Args:
        dated: paths of the files whose names give a time of day; of others nothing is left out, since the time at
            which files were copied or exported makes all of them overlap.
    """
    changed: dict[str, Row] = {}
    for each in _find_overlaps([row for row in rows if row["path"] in dated]):
        trimmed = _trimmed(each.row, each.clock, each.left, count_frames)
        changed[each.row["path"]] = trimmed | {"overlap_s": each.overlap_s, "overlap_with": each.with_path}
    return [
        changed.get(row["path"], {**row, "used_cuts": None, "overlap_s": 0.0, "overlap_with": None}) for row in rows
    ]


def describe_overlaps(rows: Sequence[Row]) -> list[str]:
    """Returns one line per camera with files that show what others show."""
    by_camera: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["overlap_s"]:
            by_camera[row["camera"]].append(row)
    lines = []
    for camera, files in by_camera.items():
        named = ", ".join(f"{row['path']} ({row['overlap_s']:.1f} s of {row['overlap_with']})" for row in files[:3])
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        total_s = sum(row["overlap_s"] for row in files)
        lines.append(f"{camera}: {total_s:.1f} s lie in two files and are used once; left out: {named}{more}")
    return lines


def describe_undated_overlaps(rows: Sequence[Row], dated: Collection[str]) -> list[str]:
    """Returns one line per camera whose files show the same times, where nothing was left out.

    Args:
        dated: as of ``leave_out_overlaps``.
    """
    by_camera: dict[str, list[_Overlap]] = defaultdict(list)
    for each in _find_overlaps([row for row in rows if row["path"] not in dated]):
        by_camera[each.row["camera"]].append(each)
    return [
        f"{camera}: {_several(len(found))} times that other files show too, by containers or modification times, such "
        f"as {found[0].row['path']} ({found[0].overlap_s:.1f} s of {found[0].with_path}): if they were recorded then, "
        "everybody in them counts twice; put the time of recording in names, and in `pattern` of site.toml"
        for camera, found in by_camera.items()
    ]


def _several(files: int) -> str:
    return f"{files} file{'s show' if files > 1 else ' shows'}"


@dataclass(frozen=True)
class _Overlap:
    """A file that shows for more than ``MOST_OVERLAP_S`` what files that begin earlier show.

    Attributes:
        left: what only it shows, microseconds since 1970 UTC.
        with_path: the first of the others.
    """

    row: Row
    clock: "_Clock"
    left: Sequence[Range]
    overlap_s: float
    with_path: str


def _find_overlaps(rows: Sequence[Row]) -> Iterator[_Overlap]:
    by_camera: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["cuts"] is not None:
            by_camera[row["camera"]].append(row)
    for files in by_camera.values():
        earlier: list[_Shown] = []
        for row in sorted(files, key=lambda row: (row["start_time"], -row["recorded_s"], row["path"])):
            clock = _Clock(row)
            earlier = [shown for shown in earlier if shown.end_us > clock.start_us]
            cuts = [clock.times_us(start_pts, end_pts) for start_pts, end_pts, _ in json.loads(row["cuts"])]
            left = [part for cut in cuts for part in _without(cut, earlier)]
            overlap_s = (sum(end - start for start, end in cuts) - sum(end - start for start, end in left)) / 1e6
            if overlap_s > MOST_OVERLAP_S:
                with_path = next(shown.path for shown in earlier if any(_overlap(cut, shown) for cut in cuts))
                yield _Overlap(row, clock, left, overlap_s, with_path)
            earlier += [_Shown(start, end, row["path"]) for start, end in cuts]


@dataclass(frozen=True)
class _Shown:
    """A time that a file shows, microseconds since 1970 UTC."""

    start_us: int
    end_us: int
    path: str


class _Clock:
    """Converts between the PTS of a file and microseconds since 1970 UTC."""

    def __init__(self, row: Row) -> None:
        self.start_us: int = (row["start_time"] - _EPOCH) // _US
        self._first_pts: int = row["start_pts"]
        self._tick_us = Fraction(row["time_base_num"], row["time_base_den"]) * 1_000_000

    def times_us(self, start_pts: int, end_pts: int) -> Range:
        """Returns the times of a range of PTS."""
        start, end = (self.start_us + round((pts - self._first_pts) * self._tick_us) for pts in (start_pts, end_pts))
        return start, end

    def pts(self, time_us: int) -> int:
        """Returns the first PTS at a time or after it."""
        return self._first_pts - int((self.start_us - time_us) // self._tick_us)


def _overlap(cut: Range, shown: _Shown) -> bool:
    return max(cut[0], shown.start_us) < min(cut[1], shown.end_us)


def _without(cut: Range, earlier: Sequence[_Shown]) -> list[Range]:
    """Returns what is left of a range without times that others show."""
    left = [cut]
    for shown in earlier:
        left = [
            (start, end)
            for part in left
            for start, end in ((part[0], min(part[1], shown.start_us)), (max(part[0], shown.end_us), part[1]))
            if start < end
        ]
    return left


def _trimmed(row: Row, clock: _Clock, left: Sequence[Range], count_frames: CountFrames) -> Row:
    """Returns a row that uses the parts in ``left`` only; parts without a frame are none."""
    whole = {
        clock.times_us(start_pts, end_pts): (start_pts, end_pts) for start_pts, end_pts, _ in json.loads(row["cuts"])
    }
    ranges = [whole.get(part) or (clock.pts(part[0]), clock.pts(part[1])) for part in left]
    counts = zip(ranges, count_frames(row, ranges), strict=True)
    used = [[start_pts, end_pts, frames] for (start_pts, end_pts), frames in counts if frames]
    recorded_us = sum(end - start for start, end in left)
    return {**row, "used_cuts": json.dumps(used), "recorded_s": recorded_us / 1e6}
