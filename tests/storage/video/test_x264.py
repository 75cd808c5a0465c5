"""The same frames give the same bytes, in the colours and size they had."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from schemas.op import FrameNeed
from storage.blobs import LocalBlobs
from storage.video.probe import probe
from storage.video.reader import SegmentReader
from storage.video.writer import PartWriter, merge_parts
from tests.storage.video.copied import batch_of, copy_part, keep_all, segments_of
from tests.support import clips

ROOT = Path(__file__).parents[3]


def test_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(40))
    segment = segments_of(source, 60)[0]
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in paths:
        copy_part(source, segment, path, tmp_path)
    merges = [merge_parts(LocalBlobs(tmp_path), [path.name], f"{path.stem}.merged.mp4") for path in paths]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert merges[0].sha256 == merges[1].sha256


@pytest.mark.slow
def test_what_fresh_memory_holds_does_not_change_the_bytes(tmp_path: Path) -> None:
    """glibc fills memory that it hands out with a value of one's choice; elsewhere this cannot fail."""
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(40), size_px=(320, 240))
    copy = (
        "import sys; from pathlib import Path; from tests.storage.video.copied import copy_part, segments_of; "
        "source, target = map(Path, sys.argv[1:]); "
        "copy_part(source, segments_of(source, 60)[0], target, target.parent)"
    )
    parts = [tmp_path / f"{fill}.mp4" for fill in (1, 165)]
    for part in parts:
        environment = os.environ | {"MALLOC_PERTURB_": part.stem}
        subprocess.run([sys.executable, "-c", copy, str(source), str(part)], cwd=ROOT, env=environment, check=True)
    assert parts[0].read_bytes() == parts[1].read_bytes()


def test_an_odd_size_grows_by_a_pixel(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(3))
    segment = segments_of(source)[0]
    sink = PartWriter(LocalBlobs(tmp_path), "odd.mp4", segment)
    keep_all(sink, batch_of([np.full((51, 33, 3), 77, np.uint8)], [segment.start_pts]))
    sink.close()
    found = probe(tmp_path / "odd.mp4")
    assert (found.width, found.height, found.frames) == (34, 52, 1)


def test_colours_come_back(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(3), size_px=(1280, 720))
    colours = [(40, 120, 220), (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    image = np.repeat(np.array(colours, np.uint8)[None], 200, axis=1).repeat(720, axis=0)
    sink = PartWriter(LocalBlobs(tmp_path), "part.mp4", segments_of(source)[0])
    keep_all(sink, batch_of([image], [0]))
    sink.close()
    ((_, batch),) = SegmentReader(tmp_path / "part.mp4", segments_of(tmp_path / "part.mp4")[0], [FrameNeed()])
    np.testing.assert_allclose(batch.frames[0, 300, 100::200], colours, atol=8)
