"""A few bytes of video can hold gigabytes: what a decoder may take is limited by the memory of its frames."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg
import pytest

from schemas.errors import CorruptFootage
from schemas.values import LARGEST_FRAME_PX
from storage.video.ffmpeg import ffmpeg_path
from storage.video.probe import probe
from storage.video.raw import readable
from storage.video.reader import SegmentReader
from storage.video.source import weight_px
from tests.storage.video.reading import EVERY, segments_of
from tests.support import clips

LIMIT_PX = 400 * 300
"""Of the tests: frames of 320 x 240 fit."""


def film(path: Path, size: str, pixels: str = "yuv420p", frames: int = 10, **options: str) -> Path:
    """Grey frames, 10 a second."""
    source = ffmpeg.input(f"color=c=gray:s={size}:r=10", f="lavfi").output(
        f"file:{path}", **{"frames:v": frames, "pix_fmt": pixels, "c:v": "libx264", "preset": "ultrafast", **options}
    )
    command = ffmpeg.compile(source.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path(), overwrite_output=True)
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize(
    ("pixels", "weight"),
    [("yuv420p", 1), ("yuvj420p", 1), ("gray", 1), ("yuv420p10le", 2), ("yuv444p", 2), ("yuv444p10le", 4), (None, 1)],
)
def test_frames_weigh_by_the_memory_of_their_pixels(pixels: str | None, weight: int) -> None:
    assert weight_px(100, 50, pixels) == weight * 5000


@pytest.mark.parametrize(("size", "pixels"), [("640x480", "yuv420p"), ("320x240", "yuv444p10le")])
def test_frames_that_weigh_too_much_are_refused_before_one_is_decoded(tmp_path: Path, size: str, pixels: str) -> None:
    path = film(tmp_path / "a.mp4", size, pixels)
    with pytest.raises(CorruptFootage, match=r"max_megapixels = 0\.12") as caught:
        probe(path, LIMIT_PX)
    assert caught.value.reason == "too_large"
    assert ("memory of 0.3 million" in str(caught.value)) == (pixels != "yuv420p")
    assert probe(path).frames == 10


@pytest.mark.parametrize(("size", "pixels"), [("640x480", "yuv420p"), ("320x240", "yuv444p10le")])
def test_frames_that_become_too_heavy_are_lost_and_the_others_are_not(tmp_path: Path, size: str, pixels: str) -> None:
    usual, heavy = (
        film(tmp_path / name, *kind).read_bytes()
        for name, kind in (("usual.264", ("320x240",)), ("heavy.264", (size, pixels)))
    )
    path = tmp_path / "a.264"
    path.write_bytes(usual + heavy + usual)
    with readable(path, Fraction(10)) as whole:
        (segment,) = segments_of(whole, 60)
        reader = SegmentReader(whole, segment, [EVERY], max_pixels=LIMIT_PX)
        frames = [frame for _, batch in reader for frame in batch.frames]
        ((start_us, end_us, reason),) = reader.lost
        assert (len(frames), (end_us - start_us) / 1e6, reason) == (20, 1.0, "decode_error")
        all_fit = SegmentReader(whole, segment, [EVERY])
        assert sum(len(batch.frames) for _, batch in all_fit) == 30
        assert all_fit.lost == ()


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mjpeg", "libx265", "libvpx", "libvpx-vp9"])
@pytest.mark.parametrize("size", ["320x240", "322x242"])
def test_frames_that_fit_exactly_are_read(tmp_path: Path, codec: str, size: str) -> None:
    path = film(tmp_path / "a.mkv", size, "yuvj420p" if codec == "mjpeg" else "yuv420p", 5, **{"c:v": codec})
    width, height = map(int, size.split("x"))
    found = probe(path, width * height)
    assert (found.frames, found.width, found.height) == (5, width, height)


def test_a_picture_that_is_larger_than_its_container_says_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", "1600x1600", "yuvj420p", 2, **{"c:v": "mjpeg"})
    size = (1600).to_bytes(4, "little")
    content = path.read_bytes()
    assert content[:4096].count(size + size) == 2
    path.write_bytes(content.replace(size + size, (320).to_bytes(4, "little") + (240).to_bytes(4, "little")))
    with pytest.raises(CorruptFootage, match="1600 x 1600 pixels") as caught:
        probe(path, LIMIT_PX)
    assert caught.value.reason == "too_large"


def test_hundreds_of_streams_are_one_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=10) for _ in range(300)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(clips.numbered_frame(number, 320, 240), format="bgr24")
            container.mux(streams[0].encode(frame))
        container.mux(streams[0].encode(None))
    assert probe(path, LIMIT_PX).frames == 5


PROGRAM = """
import resource, sys
from pathlib import Path
from storage.video.reader import SegmentReader
from tests.storage.video.reading import EVERY, segments_of
path = Path(sys.argv[1])
segments = segments_of(path, 60)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(len(batch.frames) for segment in segments for _, batch in SegmentReader(path, segment, [EVERY])) == 40
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_many_reference_frames_take_what_the_documentation_says(tmp_path: Path) -> None:
    params = "ref=16:bframes=8:b-pyramid=normal:keyint=60:rc-lookahead=10:threads=1:lookahead-threads=1:level=62"
    path = film(tmp_path / "a.mp4", "3840x2160", frames=40, **{"x264-params": params})
    done = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=True)
    kilobytes = int(done.stdout)
    assert kilobytes * 1024 <= 70e6 * (3840 * 2160 / 1e6), "docs/site-toml.md says at most 70 MB per million pixels"
    assert LARGEST_FRAME_PX > 3840 * 2160
