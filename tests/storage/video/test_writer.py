"""Parts and their join: every frame at its own time, complete or invisible."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import pytest

from schemas.errors import CoverageError, StoreFull, TransientError
from schemas.op import FrameNeed
from storage.blobs import LocalBlobs, open_blobs
from storage.video.muxer import Muxer
from storage.video.probe import probe
from storage.video.reader import SegmentReader
from storage.video.writer import PartWriter, merge_parts
from tests.storage.fake_s3 import behind_s3
from tests.storage.video.copied import batch_of, copy_part, keep_all, segments_of
from tests.support import clips


def read_times(path: Path) -> tuple[Fraction, list[int], list[int]]:
    """Time base, PTS and numbers of the frames in a file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        time_base = stream.time_base
        assert time_base is not None
        frames = list(container.decode(stream))
    numbers = [clips.frame_number(frame.to_ndarray(format="bgr24")) for frame in frames]
    return time_base, [frame.pts for frame in frames if frame.pts is not None], numbers


def in_folder(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


SOURCES = {
    "steady.mp4": {},
    "uneven.mp4": {},
    "late.ts": {},
    "milliseconds.mkv": {},
    "h264.avi": {},
    "ntsc.mp4": {"time_base": Fraction(1, 30000)},
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    options = SOURCES[request.param]
    path = tmp_path / "archive" / request.param
    pts: list[int] = clips.uneven_pts(90) if path.stem in {"uneven", "milliseconds"} else clips.steady_pts(90)
    if path.suffix == ".avi":
        return clips.write_clip(path, range(90), time_base=Fraction(1, 25))
    if path.stem == "ntsc":
        pts = [1001 * number for number in range(90)]
    return clips.write_clip(path, pts, **options)


def test_the_joined_copy_shows_every_frame_at_its_time(source: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    pts: list[int] = []
    parts = []
    for segment in segments_of(source):
        part = store / "parts" / f"{segment.index}.mp4"
        pts += copy_part(source, segment, part, store)
        parts.append(f"parts/{segment.index}.mp4")
    assert len(parts) > 2
    merged = merge_parts(LocalBlobs(store), parts, "video/merged.mp4")
    assert merged.path == "video/merged.mp4"
    assert merged.frames == 90
    found = probe(source)
    base, merged_pts, numbers = read_times(store / merged.path)
    exact = [(value - found.first_pts) * found.time_base for value in pts]
    assert [value * base for value in merged_pts] == exact
    assert numbers == list(range(90))
    assert in_folder(store / "video") == ["merged.mp4"]
    assert probe(store / merged.path).duration_s == pytest.approx(found.duration_s, abs=1e-9)


def test_a_lost_beginning_stays_a_gap(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(60))
    first, second, *_ = segments_of(source)
    pts = copy_part(source, second, tmp_path / "part.mp4", tmp_path)
    merged = merge_parts(LocalBlobs(tmp_path), ["part.mp4"], "merged.mp4")
    base, merged_pts, _ = read_times(tmp_path / merged.path)
    assert merged_pts[0] * base == (pts[0] - first.footage_start_pts) * first.time_base == Fraction(8, 5)


def test_it_is_invisible_until_it_is_closed_and_gone_when_aborted(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(40))
    segment = segments_of(source, 60)[0]
    folder = tmp_path / "parts"
    sink = PartWriter(LocalBlobs(tmp_path), "parts/part.mp4", segment)
    assert not folder.exists(), "a constructor does no I/O"
    for _, batch in SegmentReader(source, segment, [FrameNeed()]):
        keep_all(sink, batch)
        assert all(name.startswith(".") for name in in_folder(folder))
    sink.abort()
    sink.abort()
    assert in_folder(folder) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("aspect", [None, Fraction(12, 11), Fraction(1, 2)])
def test_pixels_that_are_not_square_stay_so(tmp_path: Path, aspect: Fraction | None, suffix: str) -> None:
    """PAL of 704x576 has pixels of 12:11: without it, everybody in the published video is too thin."""
    source = clips.write_clip(tmp_path / f"x{suffix}", clips.steady_pts(60), pixel_aspect=aspect)
    segments = segments_of(source)
    assert {segment.pixel_aspect for segment in segments} == {aspect or 1}
    for segment in segments:
        copy_part(source, segment, tmp_path / f"{segment.index}.mp4", tmp_path)
    merged = merge_parts(LocalBlobs(tmp_path), [f"{segment.index}.mp4" for segment in segments], "merged.mp4")
    for name in ("0.mp4", merged.path):
        with av.open(str(tmp_path / name)) as container:
            stream = container.streams.video[0]
            assert (stream.sample_aspect_ratio or 1) == (aspect or 1)
            assert (stream.codec_context.sample_aspect_ratio or 1) == (aspect or 1), "in the parameter sets, too"


def test_nothing_written_is_not_a_copy(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(5))
    with pytest.raises(CoverageError, match="no frame"):
        PartWriter(LocalBlobs(tmp_path), "part.mp4", segments_of(source)[0]).close()
    with pytest.raises(CoverageError, match="no parts"):
        merge_parts(LocalBlobs(tmp_path), [], "merged.mp4")
    with pytest.raises(CoverageError, match=r"missing: part.mp4"):
        merge_parts(LocalBlobs(tmp_path), ["part.mp4"], "merged.mp4")


def test_times_must_rise(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(5))
    sink = PartWriter(LocalBlobs(tmp_path), "part.mp4", segments_of(source)[0])
    images = [clips.numbered_frame(0), clips.numbered_frame(1)]
    with pytest.raises(ValueError, match="PTS must rise"):
        sink.new_chunk().write(batch_of(images, [512, 512]))
    sink.abort()


def test_parts_out_of_order_are_not_joined(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(60))
    parts = []
    for segment in segments_of(source)[:2]:
        parts.append(tmp_path / f"{segment.index}.mp4")
        copy_part(source, segment, parts[-1], tmp_path)
    with pytest.raises(CoverageError, match="out of order"):
        merge_parts(LocalBlobs(tmp_path), [part.name for part in parts[::-1]], "video/merged.mp4")
    assert in_folder(tmp_path / "video") == []


def test_parts_of_other_sizes_are_not_joined(tmp_path: Path) -> None:
    parts = []
    for width in (208, 256):
        source = clips.write_clip(tmp_path / f"{width}.mp4", clips.steady_pts(30), size_px=(width, 120))
        parts.append(tmp_path / f"part{width}.mp4")
        copy_part(source, segments_of(source, 60)[0], parts[-1], tmp_path)
    with pytest.raises(CoverageError, match=r"part256.mp4 was not encoded like"):
        merge_parts(LocalBlobs(tmp_path), [part.name for part in parts], "merged.mp4")


def test_a_frame_that_cannot_be_read_back_is_not_vouched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(20))
    part = tmp_path / "part.mp4"
    copy_part(source, segments_of(source, 60)[0], part, tmp_path)
    add = Muxer.add
    added: list[int | None] = []

    def add_all_but_one(muxer: Muxer, packet: av.Packet) -> None:
        added.append(packet.pts)
        if len(added) != 7:
            add(muxer, packet)

    monkeypatch.setattr(Muxer, "add", add_all_but_one)
    with pytest.raises(CoverageError, match="19 frames, 20 were written"):
        merge_parts(LocalBlobs(tmp_path), [part.name], "merged.mp4")
    assert in_folder(tmp_path) == ["part.mp4", "x.mp4"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(20))
    segment = segments_of(source, 60)[0]
    part = tmp_path / "part.mp4"
    copy_part(source, segment, part, tmp_path)

    class FullDisk(LocalBlobs):
        @contextmanager
        def create(self, name: str) -> Iterator[Path]:
            with super().create(name) as path:
                path.unlink()
                path.symlink_to("/dev/full")
                yield path

    sink = PartWriter(FullDisk(tmp_path), "full.mp4", segment)
    with pytest.raises(StoreFull, match=r"no space left to write full.mp4"):
        keep_all(sink, *(batch for _, batch in SegmentReader(source, segment, [FrameNeed()])))
        sink.close()
    sink.abort()
    with pytest.raises(StoreFull, match=r"no space left to write .*/merged.mp4"):
        merge_parts(FullDisk(tmp_path), [part.name], "merged.mp4")
    assert in_folder(tmp_path) == ["part.mp4", "x.mp4"]


def test_in_an_object_store_the_bytes_are_those_of_a_folder(source: Path, tmp_path: Path) -> None:
    with behind_s3():
        made = []
        for blobs in (open_blobs(tmp_path / "store"), open_blobs("s3://bucket/store")):
            parts = []
            for segment in segments_of(source):
                sink = PartWriter(blobs, f"parts/{segment.index}.mp4", segment)
                keep_all(sink, *(batch for _, batch in SegmentReader(source, segment, [FrameNeed()])))
                assert not blobs.exists(f"parts/{segment.index}.mp4")
                parts.append(sink.close().path)
            made.append(merge_parts(blobs, parts, "video/merged.mp4"))
            assert blobs.stat("video/merged.mp4").size_bytes == made[-1].size_bytes
        assert made[0] == made[1]


def test_an_upload_that_fails_leaves_nothing_and_can_be_tried_again(source: Path) -> None:
    segment = segments_of(source)[0]
    with behind_s3() as fake:
        blobs = open_blobs("s3://bucket")
        for trouble in (ConnectionResetError("reset"), None):
            sink = PartWriter(blobs, "part.mp4", segment)
            keep_all(sink, *(batch for _, batch in SegmentReader(source, segment, [FrameNeed()])))
            if trouble is not None:
                fake.trouble.append(trouble)
                with pytest.raises(TransientError, match="reset"):
                    sink.close()
                sink.abort()
                assert list(blobs.list()) == []
        assert sink.close().frames == segment.frames
        assert blobs.exists("part.mp4")
