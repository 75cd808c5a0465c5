"""Cameras and times from file names, and clocks that are put forward and back."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.camera_ids import camera_id
from schemas.errors import SiteError
from storage.archive.clock import (
    AmbiguousFile,
    PathTime,
    camera_from_path,
    find_second_hours,
    parse_path,
    to_utc,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
CAMERAS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
ZONES = st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


def parse(pattern: str, path: str) -> PathTime | None:
    return parse_path(pattern, PurePosixPath(path))


@pytest.mark.parametrize(
    ("pattern", "path", "camera", "time"),
    [
        ("{camera}/%Y-%m-%dT%H-%M-%S", "door/2026-03-02T22-00-01.mp4", "door", datetime(2026, 3, 2, 22, 0, 1)),
        ("{*}/{camera}_%Y%m%d%H%M%S{*}", "x/y/c1_20260302220001_main.ts", "c1", datetime(2026, 3, 2, 22, 0, 1)),
        ("%Y/%j/{camera}-%H%M", "2026/061/gate-2200.mkv", "gate", datetime(2026, 3, 2, 22)),
        ("{camera}/%y%m%d/%H%M%S.%f", "a/260302/220001.25.mp4", "a", datetime(2026, 3, 2, 22, 0, 1, 250000)),
        ("{camera}/%Y/%m/{camera}_%Y-%m-%d", "a/2026/03/a_2026-03-02.avi", "a", datetime(2026, 3, 2)),
        ("{camera}/%Y%m%dT%H%M%SZ", "a/20260302T220001Z.mp4", "a", datetime(2026, 3, 2, 22, 0, 1, tzinfo=UTC)),
        (
            "{camera}/%Y%m%dT%H%M%S%z",
            "a/20260302T220001-0530.mp4",
            "a",
            datetime(2026, 3, 2, 22, 0, 1, tzinfo=timezone(-timedelta(hours=5, minutes=30))),
        ),
        ("{camera}/%s", "a/1772488801.mp4", "a", datetime.fromtimestamp(1772488801, UTC)),
        ("{camera}/100%%_%Y-%m-%d", "a/100%_2026-03-02.mp4", "a", datetime(2026, 3, 2)),
        ("{camera}/{*}", "back door/clip 7.mp4", camera_id("back door"), None),
        ("{camera}/%Y-%m-%d", "a/2026-02-30.mp4", "a", None),
        ("{camera}/%Y-%j", "a/2026-366.mp4", "a", None),
        ("{camera}/%Y-%m-%d%z", "a/2026-02-03+99:00.mp4", "a", None),
    ],
)
def test_paths(pattern: str, path: str, camera: str, time: datetime | None) -> None:
    found = parse(pattern, path)
    assert found == PathTime(camera, time)
    assert found is not None
    assert time is None or (found.time is not None and found.time.utcoffset() == time.utcoffset())


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{camera}/%Y-%m-%d", "2026-03-02.mp4"),
        ("{camera}/%Y-%m-%d", "a/2026-13-02.mp4"),
        ("{camera}/%Y-%m-%d", "a/b/2026-03-02.mp4"),
        ("{camera}/%Y-%m-%d", "a/2026-03-02_copy.mp4"),
        ("{camera}/{camera}_%Y", "a/b_2026.mp4"),
        ("{camera}.a/%Y", "cxa/2026.mp4"),
    ],
)
def test_paths_that_do_not_match(pattern: str, path: str) -> None:
    assert parse(pattern, path) is None


def test_an_unknown_code_names_those_that_are_known() -> None:
    with pytest.raises(SiteError, match=r"has %Q; it may have %Y"):
        parse("{camera}/%Q", "a/b.mp4")


def test_the_camera_of_other_paths_is_the_first_folder() -> None:
    assert camera_from_path(PurePosixPath("Front Door (2)/x/y.mp4")) == camera_id("Front Door (2)")
    assert camera_from_path(PurePosixPath("y.mp4")) == "camera"
    assert camera_from_path(PurePosixPath("门/y.mp4")) == "门"


@pytest.mark.parametrize(
    "pattern",
    [
        "{camera}/%Y-%m-%dT%H-%M-%S.%f",
        "%Y/%m/%d/{camera}/%H%M%S_%f",
        "{camera}_%Y%j%H%M%S%f",
        "{camera}/%y%m%d-%H%M%S%f",
    ],
)
@given(camera=CAMERAS, time=st.datetimes(datetime(2000, 1, 1), datetime(2068, 12, 31)))
def test_what_a_pattern_writes_it_reads(pattern: str, camera: str, time: datetime) -> None:
    path = time.strftime(pattern).replace("{camera}", camera) + ".mp4"
    found = parse(pattern, path)
    assert found is not None
    assert found.time == time
    assert found.camera == camera


@given(time=st.datetimes(datetime(2000, 1, 1), datetime(2068, 12, 31), timezones=ZONES.map(ZoneInfo)))
def test_local_times_come_back(time: datetime) -> None:
    naive = time.replace(tzinfo=None)
    found, note = to_utc(naive, time.tzinfo)  # type: ignore[arg-type]
    if note == "nonexistent":
        assert found.astimezone(time.tzinfo).replace(tzinfo=None) > naive.replace(fold=0)
    else:
        assert found.astimezone(time.tzinfo).replace(tzinfo=None) == naive
        assert found == time.astimezone(UTC)


def test_when_the_clock_goes_back() -> None:
    first = to_utc(datetime(2026, 10, 25, 2, 30), AMSTERDAM)
    second = to_utc(datetime(2026, 10, 25, 2, 30, fold=1), AMSTERDAM)
    assert first == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "ambiguous")
    assert second == (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "ambiguous")
    assert to_utc(datetime(2026, 10, 25, 3, 0), AMSTERDAM) == (datetime(2026, 10, 25, 2, tzinfo=UTC), None)


@pytest.mark.parametrize("fold", [0, 1])
def test_when_the_clock_goes_forward(fold: int) -> None:
    skipped = datetime(2026, 3, 29, 2, 30, fold=fold)
    assert to_utc(skipped, AMSTERDAM) == (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "nonexistent")


def test_an_aware_time_is_taken_as_it_is() -> None:
    aware = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    assert to_utc(aware, AMSTERDAM) == (aware, None)


def test_files_of_the_second_hour_are_told_by_their_neighbours() -> None:
    two = datetime(2026, 10, 25, 2, 0)
    first = [AmbiguousFile(two + timedelta(minutes=m), 600, 1_000 + m) for m in range(0, 60, 10)]
    second = [AmbiguousFile(two + timedelta(minutes=m), 600, 5_000 + m) for m in range(0, 60, 10)]
    mixed = [file for pair in zip(first, second, strict=True) for file in pair]
    assert find_second_hours(mixed) == [False, True] * 6
    assert find_second_hours(first) == [False] * 6
    assert find_second_hours(first[::-1]) == [False] * 6
    assert find_second_hours([]) == []


@pytest.mark.parametrize(("lag_s", "second"), [(-600, False), (0, False), (600, False), (3000, True), (3600, True)])
@pytest.mark.parametrize("minute", [0, 30, 59])
def test_the_modification_time_tells_which_hour_it_was(minute: int, lag_s: int, second: bool) -> None:
    start = datetime(2026, 10, 25, 2, minute)
    first_end = datetime(2026, 10, 25, 0, minute, tzinfo=UTC).timestamp() + 600
    alone = AmbiguousFile(start, 600, round((first_end + lag_s) * 1e9), AMSTERDAM)
    assert find_second_hours([alone]) == [second]


def test_a_modification_time_of_another_time_tells_nothing() -> None:
    start = datetime(2026, 10, 25, 2, 0)
    first_end_s = datetime(2026, 10, 25, 0, 10, tzinfo=UTC).timestamp()
    copied = [AmbiguousFile(start, 600, round((first_end_s + lag_s) * 1e9), AMSTERDAM) for lag_s in (-4000, 1800, 9000)]
    assert [file.is_second() for file in copied] == [None] * 3
    assert find_second_hours(copied[:1]) == [False]
    kept = AmbiguousFile(start, 600, round(first_end_s * 1e9), AMSTERDAM)
    assert find_second_hours([kept, copied[2]]) == find_second_hours([copied[0], kept])[::-1] == [False, True]


def test_half_an_hour_twice_is_told_too() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")  # sets its clock by half an hour
    second_end_s = datetime(2026, 4, 4, 15, 15, tzinfo=UTC).timestamp()
    assert find_second_hours([AmbiguousFile(datetime(2026, 4, 5, 1, 45), 0, round(second_end_s * 1e9), zone)]) == [True]
