"""What a probe finds in good and in bad files."""

import os
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import DAMAGE_REASONS, CorruptFootage
from storage.video.cutting import cut
from storage.video.probe import Probe, probe
from storage.video.source import pts_to_us
from tests.storage.video.planned import plan_segments
from tests.support import clips, damage

START = datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return clips.write_clip(
        folder / "good.mp4",
        clips.steady_pts(100),
        sound=True,
        tags={"creation_time": "2026-03-01T10:00:00Z"},
        options={"movflags": "faststart"},
    )


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


def test_a_moov_that_is_cut_off_is_no_index(tmp_path: Path) -> None:
    plain = clips.write_clip(tmp_path / "plain.mp4", clips.steady_pts(100))
    with pytest.raises(CorruptFootage, match="no_index"):
        probe(damage.truncated(plain, tmp_path / "cut.mp4", 0.98))


def test_permissions(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise av.error.PermissionError(13, "Permission denied", str(good))

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(CorruptFootage, match=r"unreadable: good.mp4 cannot be read: Permission denied"):
        probe(good)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions_for_real(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    path.write_bytes(good.read_bytes())
    path.chmod(0)
    with pytest.raises(CorruptFootage, match="unreadable"):
        probe(path)


def test_a_playlist_is_never_followed(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:4,\n{good}\n#EXT-X-ENDLIST\n")
    with pytest.raises(CorruptFootage, match="not_a_video"):
        probe(path)


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "picture.png"), "w", format="image2") as container:
        stream = container.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    path = (tmp_path / "picture.png").rename(tmp_path / "picture.mp4")
    with pytest.raises(CorruptFootage, match="not_a_video"):
        probe(path)


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


def made_up(seconds: float, gop_s: float = 2.0, fps: int = 10, gaps: dict[int, float] | None = None) -> Probe:
    """A probe of steady footage, with pauses after some frame numbers."""
    base = Fraction(1, 1000)
    pts, at = [], 500
    for number in range(round(seconds * fps)):
        pts.append(at)
        at += round(1000 / fps + 1000 * (gaps or {}).get(number, 0))
    keys = tuple(pts[:: round(gop_s * fps)])
    end = pts[-1] + round(1000 / fps)
    array = np.array(pts, dtype=np.int64)
    average = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * base)
    return Probe("h264", 64, 48, 0, base, 500, end, array, keys, average, False, False, None, None, None, 0.0)


@pytest.mark.parametrize(
    ("seconds", "lengths"),
    [(4, [4]), (10, [10]), (14, [14]), (20, [10, 10]), (24, [10, 14]), (26, [10, 10, 6]), (3600, [10] * 360)],
)
def test_segments_are_cut_at_keyframes_without_a_tiny_tail(seconds: float, lengths: list[int]) -> None:
    cuts = cut(made_up(seconds), 10)
    assert [(part.end_pts - part.start_pts) / 1000 for part in cuts] == lengths
    assert [part.frames for part in cuts] == [length * 10 for length in lengths]
    assert [part.start_pts for part in cuts[1:]] == [part.end_pts for part in cuts[:-1]]


def test_segments_stay_on_the_grid_when_keyframes_are_rare() -> None:
    cuts = cut(made_up(200, gop_s=7), 10)
    starts_s = [(part.start_pts - 500) / 1000 for part in cuts]
    assert starts_s[:5] == [0, 14, 21, 35, 42]
    assert all(part.end_pts - part.start_pts >= 5000 for part in cuts)


def test_a_segment_ends_where_the_camera_pauses() -> None:
    cuts = cut(made_up(20, gaps={99: 3600.0}), 10)
    assert [part.frames for part in cuts] == [100, 100]
    assert cuts[0].end_pts == 500 + 10_000
    assert cuts[1].start_pts == 500 + 3_610_000


def test_plan_names_segments_and_their_local_day(good: Path) -> None:
    found = probe(good)
    segments = plan_segments(found, "00112233445566aa", "door", "door/x.mp4", START, "Europe/Amsterdam", 1.6)
    assert [segment.segment_id for segment in segments] == ["00112233445566aa-0000", "00112233445566aa-0001"]
    assert [segment.date for segment in segments] == ["2026-03-02", "2026-03-03"]
    assert segments[0].start == START
    assert segments[1].start == segments[0].end
    assert (segments[0].width, segments[0].height, segments[0].path) == (208, 120, "door/x.mp4")


def test_microseconds_are_rounded_exactly() -> None:
    assert pts_to_us(3, Fraction(1, 3)) == 1_000_000
    assert pts_to_us(1, Fraction(100, 2997)) == 33_367
    assert pts_to_us(-1, Fraction(1, 3)) == -333_333
    assert pts_to_us(2997 * 10**9, Fraction(100, 2997)) == 10**17


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
