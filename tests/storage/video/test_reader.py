"""Reading by segment gives every frame once, at its exact time, whatever the container."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import CorruptFootage
from schemas.op import FrameNeed
from storage.video.probe import probe
from tests.storage.video.reading import EVERY, START, all_pts, all_times, numbers, read, segments_of
from tests.support import clips, damage
from tests.support.damage import remux

CONTAINERS = {
    "steady.mp4": {},
    "uneven.mp4": {},
    "open_gop.mkv": {"x264": "open-gop=1"},
    "open_gop.ts": {"x264": "open-gop=1"},
    "many_b.mp4": {"b_frames": 7, "keyframe_every": 16},
    "h264.avi": {},
    "mpeg4.avi": {"codec": "mpeg4"},
    "intra.mov": {"keyframe_every": 1, "b_frames": 0},
    "fragments.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
}


@pytest.fixture(scope="module", params=CONTAINERS)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / request.param
    if path.suffix == ".avi":
        return clips.write_clip(path, range(110), time_base=Fraction(1, 25), **CONTAINERS[request.param])
    pts = clips.uneven_pts(110) if path.stem == "uneven" else clips.steady_pts(110)
    return clips.write_clip(path, pts, **CONTAINERS[request.param])


def test_all_segments_together_are_the_whole_file(clip: Path) -> None:
    parts = [read(clip, segment, EVERY) for segment in segments_of(clip)]
    assert len(parts) >= 4
    (whole,), _ = read(clip, segments_of(clip, 3600)[0], EVERY)
    given = [batch for (batches,), _ in parts for batch in batches]
    assert numbers(given) == numbers(whole) == list(range(110))
    assert all_pts(given) == all_pts(whole) == probe(clip).pts.tolist()
    assert all_times(given) == all_times(whole)
    assert [reader.lost for _, reader in parts] == [()] * len(parts)
    images = [np.concatenate([batch.frames for batch in batches]) for batches in (given, whole)]
    np.testing.assert_array_equal(*images)


def test_segments_in_any_order_count_their_own_frames(clip: Path) -> None:
    for segment in reversed(segments_of(clip)):
        (batches,), reader = read(clip, segment, EVERY)
        assert len(all_pts(batches)) == segment.frames
        assert segment.frames <= reader.frames_decoded <= segment.frames + 10
        assert all_times(batches)[0] == round(segment.start.timestamp() * 1e6)


def test_the_choice_of_frames_does_not_depend_on_the_cuts(clip: Path) -> None:
    need = FrameNeed(fps=7.0)
    (whole,), _ = read(clip, segments_of(clip, 3600)[0], need)
    parts = [batch for segment in segments_of(clip) for batch in read(clip, segment, need)[0][0]]
    assert all_pts(parts) == all_pts(whole)
    duration_s = probe(clip).duration_s
    assert len(all_pts(whole)) == pytest.approx(7 * duration_s, abs=2 + 0.35 * 7 * duration_s * ("uneven" in clip.name))


def test_several_needs_share_one_decode(clip: Path) -> None:
    segment = segments_of(clip, 3600)[0]
    (small, every, few), reader = read(clip, segment, FrameNeed(width_px=104), EVERY, FrameNeed(fps=5), batch=8)
    assert reader.frames_decoded == 110
    assert numbers(every) == list(range(110))
    assert all_pts(small) == all_pts(every)
    assert small[0].frames.shape == (8, 60, 104, 3)
    assert numbers(small) == list(range(110))
    assert set(all_pts(few)) < set(all_pts(every))
    assert [len(batch) for batch in every] == [8] * 13 + [6]
    assert reader.decode_s > 0


def test_even_spacing_and_the_first_frame(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(100))
    segment = segments_of(path, 3600)[0]
    (ten, five), _ = read(path, segment, FrameNeed(fps=10), FrameNeed(fps=5))
    assert numbers(five)[:20] == list(range(0, 100, 5))
    assert numbers(ten)[:6] == [0, 2, 5, 7, 10, 12]


@pytest.mark.parametrize("fps", [25.0, 24.0, 26.0, 60.0])
def test_footage_no_faster_than_the_need_gives_every_frame(tmp_path: Path, fps: float) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(50))
    (given,), _ = read(path, segments_of(path, 3600)[0], FrameNeed(fps=fps))
    assert numbers(given) == list(range(50))


def test_the_last_frame_of_slow_footage_is_given_though_its_own_time_is_cut_short(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(8, 3, BASE), time_base=BASE)
    (segment,) = segments_of(path, 3600)
    cut_short = replace(segment, end_pts=clips.steady_pts(8, 3, BASE)[-1] + 3750)  # 42 ms, as some recorders write
    (given,), _ = read(path, cut_short, FrameNeed(fps=10))
    assert numbers(given) == list(range(8))


BASE = Fraction(1, 90_000)
GAPS = [(25, 3), (30, 3), (60, 6), (120, 6), (900, 6), (2, 1)]


@pytest.mark.parametrize(("fps", "usual"), GAPS)
def test_no_clock_leaves_more_frames_out_than_the_gap(tmp_path: Path, fps: int, usual: int) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(120, fps, BASE), time_base=BASE)
    limited, timed = FrameNeed(fps=10, most_gap_frames=6), FrameNeed(fps=10)
    for segment in segments_of(path, 3600):
        (given, by_time), _ = read(path, segment, limited, timed)
        assert np.diff([0, *numbers(given)]).max() == usual
        if fps <= 60:
            assert numbers(given) == numbers(by_time)
        else:
            assert set(numbers(by_time)) < set(numbers(given))


def test_the_gap_holds_in_every_segment(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(200, 900, BASE), time_base=BASE)
    for segment in segments_of(path, 0.05):
        (given, every), _ = read(path, segment, FrameNeed(fps=10, most_gap_frames=6), EVERY)
        assert np.diff([numbers(every)[0] - 1, *numbers(given), numbers(every)[-1] + 1]).max() == 6


def test_an_uneven_clock_does_not_widen_the_gap(tmp_path: Path) -> None:
    bursts = [40_000 * (number // 40) + number for number in range(120)]  # 40 frames within 40 ticks, then a pause
    path = clips.write_clip(tmp_path / "x.mp4", bursts, time_base=BASE)
    (given, by_time), _ = read(path, segments_of(path, 3600)[0], FrameNeed(10, None, False, 6), FrameNeed(fps=10))
    assert numbers(by_time) == [0, 39, 79, 119]
    assert np.diff(numbers(given)).max() == 6


def test_times_are_exact_far_into_odd_time_bases(tmp_path: Path) -> None:
    base = Fraction(1, 30000)
    path = clips.write_clip(tmp_path / "ntsc.mp4", [number * 1001 for number in range(90)], time_base=base)
    whole = [batch for segment in segments_of(path) for batch in read(path, segment, EVERY)[0][0]]
    exact = [START + timedelta(microseconds=round(Fraction(n * 1001 * 10**6, 30000))) for n in range(90)]
    assert all_times(whole) == [
        (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for time in exact
    ]


def test_a_hidden_start_of_an_edit_list(tmp_path: Path) -> None:
    whole = clips.write_clip(tmp_path / "whole.mp4", clips.steady_pts(110), b_frames=0)
    path = tmp_path / "late.mp4"
    assert remux(whole, path, before={"ss": "0.2"})
    found = probe(path)
    given = [batch for segment in segments_of(path) for batch in read(path, segment, EVERY)[0][0]]
    assert numbers(given) == list(range(5, 110))
    assert all_pts(given) == found.pts.tolist()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_a_broken_stretch_is_left_out_and_said(tmp_path: Path, suffix: str) -> None:
    good = clips.write_clip(tmp_path / f"good.{suffix}", range(110), time_base=Fraction(1, 25), x264="crf=10")
    path = damage.zeroed(good, tmp_path / f"bad.{suffix}", 0.5, 0.54)
    segments = segments_of(path, 3600)
    results = [read(path, segment, EVERY) for segment in segments]
    got = numbers([batch for (given,), _ in results for batch in given])
    assert got[0] == 0
    assert got == sorted(set(got)), "damaged frames carry no, or a wrong, number"
    assert got[-1] == 109
    assert 50 < len(got) < 109
    # Matroska's reader drops what it does not understand, silently: the stretch is in no segment.
    assert len(segments) == 1 + (suffix == "mkv")
    assert any(reader.lost for _, reader in results)
    for segment, (_, reader) in zip(segments, results, strict=True):
        for begin, end, reason in reader.lost:
            assert reason == "decode_error"
            assert segment.start.timestamp() * 1e6 <= begin < end <= segment.end.timestamp() * 1e6


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_who_asks_for_them_gets_black_frames_where_none_can_be_decoded(tmp_path: Path, suffix: str) -> None:
    good = clips.write_clip(tmp_path / f"good.{suffix}", range(110), time_base=Fraction(1, 25), x264="crf=10")
    path = damage.zeroed(good, tmp_path / f"bad.{suffix}", 0.5, 0.54)
    segment = segments_of(path, 3600)[0]
    (sound, every), reader = read(path, segment, EVERY, FrameNeed(lost=True))
    lost = np.concatenate([np.zeros(len(batch), bool) if batch.lost is None else batch.lost for batch in every])
    pts = np.array(all_pts(every))
    assert (np.diff(pts) > 0).all()
    assert pts[~lost].tolist() == all_pts(sound)
    assert all(batch.lost is None for batch in sound)
    assert lost.any()
    assert not np.concatenate([batch.frames for batch in every])[lost].any()
    times = np.array(all_times(every))[lost]
    assert all(any(begin <= time < end for begin, end, _ in reader.lost) for time in times)


def test_a_jump_back_gives_each_time_once(tmp_path: Path) -> None:
    once = clips.write_clip(tmp_path / "once.ts", clips.steady_pts(60))
    path = damage.clock_jumps_back(once, tmp_path / "twice.ts")
    given = [batch for segment in segments_of(path) for batch in read(path, segment, EVERY)[0][0]]
    assert (np.diff(all_pts(given)) > 0).all()
    assert numbers(given)[:40] == list(range(40))


def test_a_file_that_lost_its_tail_since_the_scan(tmp_path: Path) -> None:
    good = clips.write_clip(tmp_path / "good.mp4", clips.steady_pts(100), options={"movflags": "faststart"})
    first, *_, last = segments_of(good)
    path = damage.truncated(good, tmp_path / "cut.mp4", 0.7)
    (given,), _ = read(path, first, EVERY)
    assert len(all_pts(given)) == first.frames
    with pytest.raises(CorruptFootage, match="decode_error"):
        read(path, last, EVERY)
    (_,), reader = read(path, segments_of(good, 3600)[0], EVERY)
    assert reader.lost[-1][2] == "truncated"


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(5))
    segment = segments_of(path)[0]
    path.unlink()
    with pytest.raises(CorruptFootage, match="unreadable"):
        read(path, segment, EVERY)


def test_a_segment_of_damaged_packets_only(tmp_path: Path) -> None:
    good = clips.write_clip(tmp_path / "good.mp4", clips.steady_pts(60))
    segment = segments_of(good)[1]
    with pytest.raises(CorruptFootage, match="decode_error"):
        read(damage.noise_in_packets(good, tmp_path / "noise.mp4"), segment, EVERY)


def test_more_threads_give_the_same(clip: Path) -> None:
    segment = segments_of(clip)[1]
    (one,), _ = read(clip, segment, EVERY)
    (two,), _ = read(clip, segment, EVERY, threads=2)
    assert all_pts(one) == all_pts(two)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.frames, b.frames)


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize("name", ["aboda_video4.avi", "one-by-one-person-detection.mp4", "pets09_s2l1_480x360.mp4"])
def test_real_clips_by_segment(assets: Path, name: str) -> None:
    path = assets / "video" / name
    given: list[int] = []
    for segment in segments_of(path, 20):
        (batches,), reader = read(path, segment, FrameNeed(width_px=64))
        given += all_pts(batches)
        assert reader.lost == ()
    assert given == probe(path).pts.tolist()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_footage_goes_on_after_a_pause_without_a_keyframe(tmp_path: Path, suffix: str, b_frames: int) -> None:
    ticks = 90_000
    pts = [3600 * at + 600 * ticks * (at >= 100) for at in range(175)]
    base = Fraction(1, ticks)
    path = clips.write_clip(
        tmp_path / f"x.{suffix}", pts, time_base=base, keyframe_every=70, b_frames=b_frames, x264="crf=10"
    )
    segments = segments_of(path, 300)
    assert [segment.frames for segment in segments] == [100, 75]
    assert [segment.duration_s for segment in segments] == pytest.approx([4, 3], abs=0.01)
    for segment, wanted in zip(segments, (range(100), range(100, 175)), strict=True):
        (given,), reader = read(path, segment, EVERY)
        assert numbers(given) == list(wanted)
        assert reader.lost == ()


@pytest.mark.parametrize("turn", [0, 90])
def test_large_frames_come_alone_as_they_were_converted(
    tmp_path: Path, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = clips.write_clip(tmp_path / "plain.mp4", clips.steady_pts(20))
    path = damage.rotated(plain, tmp_path / "turned.mp4", turn) if turn else plain
    (segment,) = segments_of(path, 3600)
    (gathered,), _ = read(path, segment, FrameNeed(lost=True))
    monkeypatch.setattr("storage.video.gathering.GATHERED_BYTES", 0)
    (alone, again), _ = read(path, segment, FrameNeed(lost=True), EVERY)
    assert [len(batch) for batch in alone] == [1] * 20
    frames, before = (np.concatenate([batch.frames for batch in batches]) for batches in (alone, gathered))
    np.testing.assert_array_equal(frames, before)
    assert all_pts(alone) == all_pts(gathered) and all_times(alone) == all_times(gathered)
    assert np.shares_memory(alone[3].frames, again[3].frames), "two needs of one size share a conversion"
    with pytest.raises(ValueError, match="read-only"):
        alone[3].frames[:] = 0
