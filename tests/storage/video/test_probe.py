"""What a probe finds in good and in bad files."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import DAMAGE_REASONS, CorruptFootage
from storage.video.probe import probe
from tests.storage.video.planned import plan_segments
from tests.support import clips, damage

BASE = Fraction(1, 90_000)
FASTSTART = {"movflags": "faststart"}
START = datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC)


def decoded_pts(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [frame.pts for frame in container.decode(video=0) if frame.pts is not None]


def test_a_good_file(good: Path) -> None:
    found = probe(good)
    assert (found.codec, found.width, found.height, found.rotation_deg) == ("h264", 208, 120, 0)
    assert found.time_base == Fraction(1, 12800)
    assert found.pts.tolist() == clips.steady_pts(100) == decoded_pts(good)
    assert found.keyframe_pts == tuple(clips.steady_pts(100)[::20])
    assert (found.fps, found.variable_fps, found.has_audio) == (25, False, True)
    assert found.container_start == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (found.damage, found.lost_s) == (None, 0.0)
    assert found.duration_s == pytest.approx(4.0, abs=0.01)


def test_variable_frame_rate_without_sound(tmp_path: Path) -> None:
    pts = clips.uneven_pts(100)
    found = probe(clips.write_clip(tmp_path / "uneven.mp4", pts))
    assert found.pts.tolist() == pts
    assert found.variable_fps
    assert not found.has_audio
    assert found.fps == Fraction(99 * 12800, pts[-1])
    assert found.container_start is None


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "libx264"), ("b.avi", "mpeg4"), ("c.mkv", "libx264")])
def test_containers_without_exact_times(tmp_path: Path, name: str, codec: str) -> None:
    path = clips.write_clip(tmp_path / name, range(60), time_base=Fraction(1, 25), codec=codec)  # type: ignore[arg-type]
    found = probe(path)
    assert found.frames == 60
    assert {round(step * found.time_base * 1000) for step in np.diff(found.pts).tolist()} == {40}
    assert found.fps == 25


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation(good: Path, tmp_path: Path, turn: int) -> None:
    found = probe(damage.rotated(good, tmp_path / "turned.mp4", turn))
    assert found.rotation_deg == turn
    assert (found.width, found.height) == (208, 120)
    (segment,) = plan_segments(found, "ab" * 8, "cam", "turned.mp4", START, "UTC", 300)
    assert (segment.width, segment.height) == ((208, 120) if turn == 180 else (120, 208))


@pytest.mark.parametrize("fps", [25, 60, 120])
def test_the_clock_of_a_camera_is_no_damage(tmp_path: Path, fps: int) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(150, fps, BASE), time_base=BASE)
    assert probe(path).damage is None


def test_a_clock_that_no_recorder_can_mean_is_found(tmp_path: Path) -> None:
    found = probe(clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(200, 909, BASE), time_base=BASE))
    assert (found.damage, found.frames, found.lost_s) == ("wrong_clock", 200, 0.0)
    assert "101 frames within 0.11 s (909 frames a second)" in str(found.damage_detail)
    assert "anonymize will refuse it" in str(found.damage_detail)


def test_frames_at_the_same_time_are_a_wrong_clock(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "x.mkv", range(300), time_base=BASE, b_frames=0)  # Matroska rounds to 1 ms
    found = probe(path)
    assert found.damage == "wrong_clock"
    assert f"{300 - found.frames} of 300 frames have the time of another one" in str(found.damage_detail)


def test_a_truncated_file_on_a_wrong_clock_is_said_to_be_both(tmp_path: Path) -> None:
    whole = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(3000, 909, BASE), time_base=BASE, options=FASTSTART)
    found = probe(damage.truncated(whole, tmp_path / "cut.mp4", 0.5))
    assert found.damage == "wrong_clock" and found.lost_s > 0
    assert "its declared length" in str(found.damage_detail)


def test_an_implausible_creation_time_is_none(tmp_path: Path) -> None:
    tags = {"creation_time": "1970-01-01T00:00:00Z"}
    assert probe(clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(5), tags=tags)).container_start is None


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda good, path: damage.empty(path), "empty_file"),
        (lambda good, path: damage.random_bytes(path), "not_a_video"),
        (damage.without_moov, "no_index"),
        (lambda good, path: clips.write_sound(path), "no_video_stream"),
        (damage.zero_length, "no_frames"),
        (damage.noise_in_packets, "decode_error"),
        (lambda good, path: path, "unreadable"),
        (lambda good, path: path.parent, "unreadable"),
    ],
)
def test_what_cannot_be_used(good: Path, tmp_path: Path, make, reason: str) -> None:  # type: ignore[no-untyped-def]
    path = make(good, tmp_path / "bad.mp4")
    with pytest.raises(CorruptFootage) as caught:
        probe(path)
    assert caught.value.reason == reason
    assert reason in DAMAGE_REASONS
    assert path.name in caught.value.message


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_truncated_files_are_used_as_far_as_they_go(tmp_path: Path, suffix: str) -> None:
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    whole = clips.write_clip(tmp_path / f"whole.{suffix}", range(100), time_base=Fraction(1, 25), options=options)
    found = probe(damage.truncated(whole, tmp_path / f"cut.{suffix}"))
    assert found.damage == "truncated"
    assert 20 < found.frames < 80
    assert found.lost_s == pytest.approx(4 - found.duration_s, abs=0.2)
    assert "before its declared length" in (found.damage_detail or "")


def test_a_clock_that_jumps_back(tmp_path: Path) -> None:
    once = clips.write_clip(tmp_path / "once.ts", clips.steady_pts(60))
    found = probe(damage.clock_jumps_back(once, tmp_path / "twice.ts"))
    assert found.damage == "decode_error"
    assert "60 frames go back in time" in (found.damage_detail or "")
    assert (np.diff(found.pts) > 0).all()
    assert 58 <= found.frames <= 60


def test_a_recording_that_begins_between_keyframes_keeps_its_first_time(tmp_path: Path) -> None:
    whole = clips.write_clip(tmp_path / "whole.ts", clips.steady_pts(100))
    content = whole.read_bytes()
    late = tmp_path / "late.ts"
    with av.open(str(whole)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.size]
    late.write_bytes(content[: 188 * 3] + content[positions[10] : len(content)])
    found = probe(late)
    assert found.pts[0] == found.keyframe_pts[0]
    assert found.first_pts < found.pts[0]
    segments = plan_segments(found, "ab" * 8, "cam", "late.ts", START, "UTC", 300)
    assert (segments[0].start - START).total_seconds() == float((found.pts[0] - found.first_pts) * found.time_base)


def test_plan_names_segments_and_their_local_day(good: Path) -> None:
    found = probe(good)
    segments = plan_segments(found, "00112233445566aa", "door", "door/x.mp4", START, "Europe/Amsterdam", 1.6)
    assert [segment.segment_id for segment in segments] == ["00112233445566aa-0000", "00112233445566aa-0001"]
    assert [segment.date for segment in segments] == ["2026-03-02", "2026-03-03"]
    assert segments[0].start == START
    assert segments[1].start == segments[0].end
    assert (segments[0].width, segments[0].height, segments[0].path) == (208, 120, "door/x.mp4")


@pytest.mark.assets
def test_real_clips(assets: Path) -> None:
    expected = {
        "TUD-Campus.mp4": (71, 25),
        "aboda_video4.avi": (1169, Fraction(2997, 100)),
        "car-detection.mp4": (377, Fraction(25, 2)),
        "one-by-one-person-detection.mp4": (1394, 10),
        "pets09_s2l1_480x360.mp4": (795, 10),
    }
    for name, (frames, fps) in expected.items():
        found = probe(assets / "video" / name)
        assert (found.frames, found.fps, found.damage) == (frames, fps, None), name
    assert found.rotation_deg == 0


def test_frames_above_the_limit_are_not_decoded(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(good, 208 * 120).width == 208
    monkeypatch.setattr("storage.video.probe.Decoder", None)
    with pytest.raises(CorruptFootage, match=r"too_large: good.mp4: its frames have 208 x 120 pixels"):
        probe(good, 208 * 120 - 1)
