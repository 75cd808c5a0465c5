"""Times of frames that no clock can mean are left out, and jumps of the clock are named."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from storage.video.probe import Probe, probe
from tests.storage.video.reading import EVERY, all_pts, numbers, read, segments_of
from tests.support import clips

TICKS = 90_000
DAY = 86_400 * TICKS


def joined(folder: Path, parts: Sequence[tuple[int, float]]) -> tuple[Path, Probe]:
    """Writes clips of (frames, seconds at which they begin) one after another into one MPEG-TS.

    The last packet before each joint counts as damaged: the stream's counter starts again.
    """
    whole = folder / "joined.ts"
    for number, (frames, begin_s) in enumerate(parts):
        pts = [round(begin_s * TICKS) + 3600 * at for at in range(frames)]
        part = clips.write_clip(folder / f"part{number}.ts", pts, time_base=clips.Fraction(1, TICKS), b_frames=0)
        with whole.open("ab") as file:
            file.write(part.read_bytes())
    return whole, probe(whole)


def from_start_s(found: Probe) -> list[float]:
    """Returns when each stretch begins and ends, seconds after the first frame."""
    return [
        round((int(at) - found.first_pts) / TICKS, 2)
        for stretch in np.split(found.pts, found.pauses)
        for at in (stretch[0], stretch[-1])
    ]


def test_a_clock_that_strays_and_returns_costs_the_strayed_frames_only(tmp_path: Path) -> None:
    path, found = joined(tmp_path, [(50, 0), (25, 7200), (100, 3)])
    assert from_start_s(found) == [0, 6.96]
    assert (found.frames, found.damage) == (149, "decode_error")
    assert "2 packets are damaged, 24 frames go back in time or stray" in (found.damage_detail or "")
    assert found.lost_s == pytest.approx(26 / 25)
    given = [batch for segment in segments_of(path) for batch in read(path, segment, EVERY)[0][0]]
    assert numbers(given) == [*range(48), *range(100)]  # the damaged packet takes its neighbour along


def test_a_clock_that_is_set_back_keeps_what_came_first(tmp_path: Path) -> None:
    _, found = joined(tmp_path, [(50, 90), (100, 60)])
    assert (found.frames, found.damage) == (49, "decode_error")
    assert "100 frames go back in time" in (found.damage_detail or "")


@pytest.mark.parametrize("strays", [2, 6])
def test_first_frames_that_stray_do_not_date_the_file(tmp_path: Path, strays: int) -> None:
    path, found = joined(tmp_path, [(strays, 7200), (100, 0)])
    assert from_start_s(found) == [0, 3.96]
    assert (found.frames, found.damage) == (100, "decode_error")
    given = [batch for segment in segments_of(path) for batch in read(path, segment, EVERY)[0][0]]
    assert all_pts(given) == found.pts.tolist()


@pytest.mark.parametrize(("strays", "kept"), [((0,), 99), ((99,), 99), ((0, 99), 98)])
def test_single_frames_days_away_are_left_out(tmp_path: Path, strays: tuple[int, ...], kept: int) -> None:
    before, after = (0 in strays), (99 in strays)
    pts = [at * 40 + 4_000_000_000 * (before and at > 0) + 4_000_000_000 * (after and at == 99) for at in range(100)]
    path = clips.write_clip(tmp_path / "x.mkv", pts, time_base=clips.Fraction(1, 1000), b_frames=0)
    found = probe(path)
    assert (found.frames, len(found.pauses), found.damage) == (kept, 0, "decode_error")
    assert int(found.pts[0]) == found.first_pts
    given = [batch for segment in segments_of(path) for batch in read(path, segment, EVERY)[0][0]]
    assert numbers(given) == [number for number in range(100) if number not in strays]


def test_a_jump_of_years_is_told_and_gives_two_stretches(tmp_path: Path) -> None:
    ten_years_ms = 3652 * 86_400_000
    pts = [at * 40 + ten_years_ms * (at >= 100) for at in range(175)]
    path = clips.write_clip(tmp_path / "x.mkv", pts, time_base=clips.Fraction(1, 1000), b_frames=0, keyframe_every=1000)
    found = probe(path)
    assert (found.damage, found.fps, found.variable_fps) == ("clock_jump", 25, False)
    assert "first by 3652.0 days after 3.96 s" in (found.damage_detail or "")
    one, two = segments_of(path, 300)
    assert (one.duration_s, two.duration_s) == pytest.approx((4, 3), abs=0.01)
    assert numbers(read(path, two, EVERY)[0][0]) == list(range(100, 175))
