"""Frames are drawn evenly and always alike, its two parts are apart, and what is read is the frame of that time."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from jobs.drawn_frames import SLOT_US, draw_frames, read_frames
from jobs.planning.inventory import recorded_inventory
from jobs.site import open_site
from schemas.op import FrameNeed
from storage.archive.segments import SEGMENT_COLUMNS
from storage.video.reader import SegmentReader

HOUR_US = 3_600_000_000
DAY_US = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1e6)


def never(frame, reason):
    raise AssertionError(f"{frame} cannot be read: {reason}")


def timeline(camera_hours):
    """Returns segments of 5 minutes in the given hours of two days, UTC, of each camera."""
    rows = []
    for camera, hours in sorted(camera_hours.items()):
        for start_us in (DAY_US + hour * HOUR_US + part * 300_000_000 for hour in hours for part in range(12)):
            row = dict.fromkeys(SEGMENT_COLUMNS.names, 1)
            texts = {"segment_id": f"{camera}-{start_us}", "footage_id": "f", "camera": camera, "date": "2026-03-02"}
            times = {"start_us": start_us, "end_us": start_us + 300_000_000, "footage_start_us": start_us}
            rows.append(row | texts | times | {"path": f"{camera}/{start_us}.mp4", "raw_fps_num": 0})
    return pa.Table.from_pylist(rows, SEGMENT_COLUMNS)


def slots(frames):
    return {(frame.segment.camera, frame.time_us // SLOT_US) for frame in frames}


def test_cameras_and_hours_give_as_many_as_others_and_slots_are_of_one_part(fresh_site):
    site, segments = open_site(fresh_site), timeline({"a": range(24), "b": range(24, 36), "c": range(24)})
    first, second = draw_frames(site, segments, ["a", "b"], 96, 24)
    assert Counter(frame.segment.camera for frame in first) == {"a": 48, "b": 48}
    assert Counter(frame.segment.start.hour for frame in first if frame.segment.camera == "a") == dict.fromkeys(
        range(24), 2
    )
    assert set(Counter(frame.segment.start.hour for frame in first if frame.segment.camera == "b").values()) == {4}
    assert len(slots(first)) == 96 and len(second) == len(slots(second)) == 24
    assert not slots(first) & slots(second)
    assert all(frame.segment.start <= at(frame) < frame.segment.end for frame in first + second)
    assert (first, second) == draw_frames(site, segments, ["b", "a"], 96, 24)


def at(frame):
    return datetime.fromtimestamp(frame.time_us / 1e6, UTC)


def test_one_camera_gives_what_others_lack_and_nothing_gives_nothing(fresh_site):
    site = open_site(fresh_site)
    short = timeline({"a": [3], "b": []})
    first, second = draw_frames(site, short, ["a", "b"], 10_000, 10_000)
    assert len(first) + len(second) == HOUR_US / SLOT_US
    assert 0.2 < len(second) / (len(first) + len(second)) < 0.3
    assert draw_frames(site, short.slice(0, 0), ["a"], 5, 5) == ([], [])


def test_times_at_which_somebody_is_known_come_first(used_site):
    site = open_site(used_site)
    segments = recorded_inventory(site.store).timeline
    cameras = segments["camera"].unique().to_pylist()
    first, second = draw_frames(site, segments, cameras, 6, 2)
    assert {frame.rank for frame in first + second} == {0}
    every, _ = draw_frames(site, segments, cameras, 10_000, 0)
    assert len({frame.rank for frame in every}) > 1
    for camera in cameras:
        ranks = [frame.rank for frame in every if frame.segment.camera == camera]
        assert ranks == sorted(ranks)


def test_what_is_read_is_the_frame_of_that_time(used_site):
    site = open_site(used_site)
    segments = recorded_inventory(site.store).timeline
    frames, _ = draw_frames(site, segments, segments["camera"].unique().to_pylist(), 4, 0)
    read = list(read_frames(site, frames, 100_000, never))
    assert {frame for frame, _, _ in read} == set(frames)
    for frame, time_us, picture in read:
        path = used_site / "archive" / frame.segment.path
        whole = SegmentReader(path, frame.segment, [FrameNeed()], batch=1)
        expected = next(batch for _, batch in whole if batch.times_us[0] >= frame.time_us)
        assert time_us == expected.times_us[0]
        np.testing.assert_array_equal(picture, expected.frames[0])
    (_, _, small), *_ = read_frames(site, frames, 64, never)
    assert small.shape[1] == 64


def test_frames_that_cannot_be_read_are_reported(used_site):
    site = open_site(used_site)
    segments = recorded_inventory(site.store).timeline
    frames, _ = draw_frames(site, segments, segments["camera"].unique().to_pylist(), 4, 0)
    gone = replace(frames[0], segment=replace(frames[0].segment, path="hall/gone.mp4"))
    past = replace(frames[1], segment=replace(frames[1].segment, start_pts=10**12, end_pts=10**12 + 1))
    reasons = []
    read = list(read_frames(site, [gone, past, *frames[2:]], 64, lambda frame, reason: reasons.append(reason)))
    assert len(read) == 2 and len(reasons) == 2
    assert any("gone.mp4" in reason for reason in reasons)


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Asia/Kolkata"])
def test_hours_are_those_of_the_camera(fresh_site, zone):
    text = (fresh_site / "site.toml").read_text()
    (fresh_site / "site.toml").write_text(text.replace('timezone = "Europe/Amsterdam"', f'timezone = "{zone}"'))
    site, segments = open_site(fresh_site), timeline({"new": range(24)})
    first, _ = draw_frames(site, segments, ["new"], 25, 0)
    hours = Counter(frame.segment.start.astimezone(ZoneInfo(zone)).hour for frame in first)
    assert len(hours) == (25 if zone == "Asia/Kolkata" else 24) or sorted(hours.values())[-1] == 2
