"""A file's pauses count as nothing observed, and jumps of its clock are named."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from ops.bins import Bins, Stretches
from schemas.errors import DAMAGE_REASONS
from storage.archive.scan import ScanResult
from tests.storage.archive.scanned import rows, scan, segments_of, settle
from tests.support import clips

MILLISECONDS = Fraction(1, 1000)
TEN_YEARS_S = 3652 * 86_400


def paused(path: Path, pause_s: float) -> Path:
    """Writes 4 s, a pause, and 3 s, with a keyframe at the start only."""
    pts = [40 * at + round(1000 * pause_s) * (at >= 100) for at in range(175)]
    return settle(clips.write_clip(path, pts, time_base=MILLISECONDS, keyframe_every=1000, b_frames=0))


def observed(result: ScanResult) -> Bins:
    return Bins.of(Stretches.of(segments_of(result)), 60)


@pytest.mark.parametrize("pause_s", [600, 86_000, TEN_YEARS_S])
def test_what_was_looked_at_is_observed_and_nothing_else(folder: Path, pause_s: float) -> None:
    paused(folder / "door" / "2026-03-02T10-00-00.mkv", pause_s)
    result = scan(folder, segment_s=300)
    assert (observed(result).observed_us / 1e6).tolist() == pytest.approx([4, 3], abs=0.01)
    (row,) = rows(result).values()
    assert (row["recorded_s"], row["pauses"]) == (pytest.approx(7, abs=0.01), 1)
    assert row["duration_s"] == pytest.approx(7 + pause_s, abs=0.01)
    assert (row["fps_num"], row["fps_den"], row["variable_fps"]) == (25, 1, False)


def test_a_pause_over_midnight_and_summer_time_gives_each_day_its_own(folder: Path) -> None:
    paused(folder / "door" / "2026-03-28T23-59-57.mkv", 4 * 3600)
    one, two = segments_of(scan(folder, segment_s=300))
    assert (one.date, two.date) == ("2026-03-28", "2026-03-29")
    assert two.start == datetime(2026, 3, 29, 3, 0, 1, tzinfo=UTC)


def test_a_jump_of_the_clock_has_a_row_and_a_pause_has_none(folder: Path) -> None:
    paused(folder / "door" / "2026-03-02T10-00-00.mkv", 86_000)
    jumped = paused(folder / "door" / "2026-03-03T10-00-00.mkv", TEN_YEARS_S)
    first = scan(folder)
    for result in (first, scan(folder, first)):
        (entry,) = result.quarantined
        assert (entry.path, entry.reason) == (f"door/{jumped.name}", "clock_jump")
        assert "first by 3652.0 days after 3.96 s" in entry.detail and entry.reason in DAMAGE_REASONS
        assert {segment.date for segment in segments_of(result)} == {
            *("2026-03-02", "2026-03-03"),
            "2036-03-02",
        }


def test_footage_of_scans_that_did_not_see_pauses_is_cut_again(folder: Path, work: list[str]) -> None:
    paused(folder / "door" / "2026-03-02T10-00-00.mkv", 600)
    first = scan(folder)
    for older in (first.footage.drop_columns(["cutting_version", "pauses", "recorded_s"]), first.footage):
        work.clear()
        again = scan(folder, ScanResult(older, first.segments, ()))
        assert again.footage.equals(first.footage)
        assert work == ([] if older is first.footage else ["probe 2026-03-02T10-00-00.mkv"])
