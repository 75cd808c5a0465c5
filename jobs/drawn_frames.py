"""Draws frames of the archive over cameras and hours of the day, always the same ones, and reads them into memory.

Frames in which something is to be seen come first, as far as the tables ``detections`` and ``motion`` know. A draw has
two parts whose frames are at least seconds apart: what is judged on one part was not fitted to it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice, zip_longest
from math import gcd
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.results import connect
from jobs.site import Site
from ops.arrays import datetime_us
from schemas.errors import CorruptFootage
from schemas.op import FrameNeed
from schemas.values import Int64, Segment, Uint8
from storage.archive.segments import segment_maker, split_by_camera
from storage.blobs import open_blobs
from storage.sql.query import run_query
from storage.sql.text import quote_text
from storage.video.raw import readable
from storage.video.reader import SegmentReader

SLOT_US = 2_000_000
"""A slot of time, counted from 1970, gives one frame at most, and all its frames are of one part."""

HELD_OUT_EVERY = 4
"""Of so many slots in a row, one is of the second part."""

CANDIDATES = 8
"""Slots that are looked up in the tables for each frame that is drawn."""

_SEEN, _MOVED, _UNKNOWN = range(3)

_SHOWING = """
SELECT segment_id, epoch_us(time) // {slot} AS slot, arg_max(epoch_us(time), confidence) AS time_us, {seen} AS rank
FROM detections WHERE segment_id IN ({segments}) AND "date" IN ({dates}) AND confidence >= 0.25 GROUP BY ALL
UNION ALL
SELECT segment_id, epoch_us(time) // {slot} AS slot, arg_max(epoch_us(time), share) + 500000 AS time_us, {moved} AS rank
FROM motion WHERE segment_id IN ({segments}) AND "date" IN ({dates}) AND kind = 'motion' GROUP BY ALL
"""


@dataclass(frozen=True)
class DrawnFrame:
    """A frame of the archive that was drawn: the first one at or after a time.

    Attributes:
        held_out: whether it is of the second part.
        rank: 0: somebody or something was found then; 1: something moved; 2: it is not known.
    """

    segment: Segment
    time_us: int
    held_out: bool
    rank: int


@dataclass(frozen=True)
class _Slot:
    segment: Segment
    low_us: int
    high_us: int
    held_out: bool

    @property
    def key(self) -> tuple[str, int]:
        return self.segment.segment_id, self.low_us // SLOT_US


def draw_frames(
    site: Site, timeline: pa.Table, cameras: Collection[str], first: int, second: int
) -> tuple[list[DrawnFrame], list[DrawnFrame]]:
    """Draws frames; each camera gives as many as others, as far as it has them, and so does each hour of its day.

    The same archive and tables give the same frames, on any machine.

    Args:
        site: its tables tell what is to be seen when.
        timeline: segments, as in ``Inventory``.
        cameras: those to draw from.
        first, second: most frames of each part.
    """
    wanted = {False: first, True: second}
    by_camera = split_by_camera(timeline)
    chosen = [camera for camera in sorted(by_camera) if camera in cameras]
    slots: dict[tuple[str, bool], list[_Slot]] = {}
    for camera in chosen:
        segments, zone = by_camera[camera], ZoneInfo(site.files.config.camera_view(camera).timezone)
        for held_out, places in _places(segments, zone):
            most = -(-CANDIDATES * wanted[held_out] // len(chosen))
            slots[camera, held_out] = _slots(segments, list(islice(places, most)), held_out)
    showing = _what_is_showing(site, [slot for found in slots.values() for slot in found])
    parts: list[list[DrawnFrame]] = []
    for held_out, most in wanted.items():
        of_cameras = [
            sorted((_drawn(slot, showing) for slot in slots[camera, held_out]), key=lambda frame: frame.rank)
            for camera in chosen
        ]
        turns = chain.from_iterable(zip_longest(*of_cameras))
        parts.append(list(islice((frame for frame in turns if frame is not None), most)))
    return parts[0], parts[1]


def read_frames(
    site: Site, frames: Sequence[DrawnFrame], width_px: int, unreadable: Callable[[DrawnFrame, str], None]
) -> Iterator[tuple[DrawnFrame, int, Uint8]]:
    """Yields drawn frames, with their own time in microseconds and the picture ``(H, W, 3)`` BGR, no wider than wanted.

    Each file is opened once. Pictures are in memory only.

    Args:
        site: where the footage is.
        frames: the frames.
        width_px: most width.
        unreadable: called for a frame that cannot be read, with the reason.
    """
    archive = open_blobs(site.files.archive)
    files: dict[str, list[DrawnFrame]] = defaultdict(list)
    for frame in frames:
        files[frame.segment.path].append(frame)
    for path, of_file in files.items():
        try:
            with archive.local(path) as local, readable(local, of_file[0].segment.raw_fps) as source:
                for frame in of_file:
                    try:
                        rest = _from_time(frame.segment, frame.time_us)
                        need = [FrameNeed(width_px=width_px)]
                        batches = iter(SegmentReader(source, rest, need, 1, 1, site.files.config.max_pixels))
                        _, batch = next(batches)
                    except (CorruptFootage, StopIteration) as error:
                        unreadable(frame, str(error) or "no frame at that time")
                        continue
                    yield frame, int(batch.times_us[0]), batch.frames[0]
        except FileNotFoundError as error:
            for frame in of_file:
                unreadable(frame, str(error))


def _slots(segments: pa.Table, places: Sequence[tuple[int, int]], held_out: bool) -> list[_Slot]:
    """Returns the slots at places, each the row of a segment and the number of a slot."""
    make = segment_maker(segments.take(pa.array([row for row, _ in places], pa.int64())))
    found = []
    for index, (_, slot) in enumerate(places):
        segment = make(index)
        low_us, high_us = (
            max(slot * SLOT_US, datetime_us(segment.start)),
            min((slot + 1) * SLOT_US, datetime_us(segment.end)),
        )
        found.append(_Slot(segment, low_us, high_us, held_out))
    return found


def _places(segments: pa.Table, zone: ZoneInfo) -> Iterator[tuple[bool, Iterator[tuple[int, int]]]]:
    """Yields, for each part, the places of a camera's slots: by turns of its hours, and of the segments of an hour."""
    starts_us, ends_us = (segments[name].to_numpy() for name in ("start_us", "end_us"))
    local = pc.local_timestamp(segments["start_us"].cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", str(zone))))
    hours = pc.hour(local).to_numpy()
    # A segment's number depends on its start alone, so that footage that is added changes little.
    numbers = _mixed(starts_us)
    order = np.argsort(numbers, kind="stable")
    groups = [order[hours[order] == hour] for hour in sorted(np.unique(hours), key=lambda hour: _hash(f"hour {hour}"))]
    offset = _hash(segments["camera"][0].as_py())

    def places_of(rows: Int64, held_out: bool) -> Iterator[tuple[int, int]]:
        # One pass over the segments after the other: each pass takes another slot of each.
        firsts, counts = starts_us[rows] // SLOT_US, -(-ends_us[rows] // SLOT_US) - starts_us[rows] // SLOT_US
        for turn in range(int(counts.max(initial=0))):
            for row, first, count in zip(rows.tolist(), firsts.tolist(), counts.tolist(), strict=True):
                slot = first + (int(numbers[row]) + turn * _step(count)) % count
                if turn < count and ((slot + offset) % HELD_OUT_EVERY == 0) == held_out:
                    yield row, slot

    for held_out in (False, True):
        of_hours = [places_of(rows, held_out) for rows in groups]
        yield held_out, (place for turn in zip_longest(*of_hours) for place in turn if place is not None)


def _what_is_showing(site: Site, slots: Sequence[_Slot]) -> Mapping[tuple[str, int], tuple[int, int]]:
    """Returns, by slot, the best rank that the tables know, and the time of it in microseconds."""
    if not slots:
        return {}
    sql = _SHOWING.format(
        slot=SLOT_US,
        seen=_SEEN,
        moved=_MOVED,
        segments=", ".join(map(quote_text, sorted({slot.segment.segment_id for slot in slots}))),
        dates=", ".join(map(quote_text, sorted({slot.segment.date for slot in slots}))),
    )
    with closing(connect(site, for_query=sql)) as connection:
        rows = run_query(connection, sql).to_pylist()
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for row in rows:
        key, value = (row["segment_id"], row["slot"]), (row["rank"], row["time_us"])
        found[key] = min(value, found.get(key, value))
    return found


def _drawn(slot: _Slot, showing: Mapping[tuple[str, int], tuple[int, int]]) -> DrawnFrame:
    middle_us = (slot.low_us + slot.high_us) // 2
    rank, time_us = showing.get(slot.key, (_UNKNOWN, middle_us))
    return DrawnFrame(slot.segment, min(max(time_us, slot.low_us), slot.high_us - 1), slot.held_out, rank)


def _from_time(segment: Segment, time_us: int) -> Segment:
    """Returns the rest of a segment from a time on."""
    since_us = time_us - datetime_us(segment.footage_start)
    pts = segment.footage_start_pts + int(Fraction(since_us, 1_000_000) / segment.time_base)
    return replace(segment, start_pts=min(max(pts, segment.start_pts), segment.end_pts - 1))


def _step(count: int) -> int:
    """Returns a step that visits all of ``count`` places, in golden sections, so that any few are spread out."""
    step = max(1, round(count * 0.382))
    while gcd(step, count) != 1:
        step += 1
    return step


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def _mixed(values: Int64) -> Int64:
    """Returns numbers that look random, at least 0 (SplitMix64; Steele et al., OOPSLA 2014)."""
    mixed = values.astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
