"""Files hold what was added to them and nothing else."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import CorruptFootage
from storage.blobs import LocalBlobs
from storage.video.probe import probe
from storage.video.writer import merge_parts
from tests.storage.video.copied import copy_part, segments_of
from tests.support import clips


def test_nothing_of_the_source_or_the_encoder_is_in_the_file(tmp_path: Path) -> None:
    source = clips.write_clip(
        tmp_path / "x.mp4", clips.steady_pts(30), sound=True, tags={"title": "secret", "creation_time": "2026-01-01"}
    )
    part = tmp_path / "part.mp4"
    copy_part(source, segments_of(source, 60)[0], part, tmp_path)
    merged = tmp_path / merge_parts(LocalBlobs(tmp_path), [part.name], "merged.mp4").path
    for path in (part, merged):
        content = path.read_bytes()
        assert not [word for word in (b"x264", b"Lavf", b"Lavc", b"secret") if word in content]
        found = probe(path)
        assert (found.has_audio, found.container_start, found.rotation_deg) == (False, None, 0)
    with av.open(str(merged)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    content = merged.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index comes first"


@pytest.mark.parametrize(("days", "fits"), [(20, True), (30, False)])
def test_a_pause_is_as_long_as_a_file_can_hold_or_is_named(tmp_path: Path, days: int, fits: bool) -> None:
    pts = [40 * at + 86_400_000 * days * (at >= 20) for at in range(40)]
    source = clips.write_clip(tmp_path / "x.mkv", pts, time_base=Fraction(1, 1000), b_frames=0)
    parts = [f"part{number}.mp4" for number in range(2)]
    for name, segment in zip(parts, segments_of(source, 60), strict=True):
        copy_part(source, segment, tmp_path / name, tmp_path)
    if fits:
        merged = merge_parts(LocalBlobs(tmp_path), parts, "merged.mp4")
        assert np.diff(probe(tmp_path / merged.path).pts).max() == 86_400_000 * days + 40
        return
    with pytest.raises(CorruptFootage, match=r"two frames are 720\.0 h apart") as raised:
        merge_parts(LocalBlobs(tmp_path), parts, "merged.mp4")
    assert raised.value.reason == "clock_jump"
    assert not (tmp_path / "merged.mp4").exists()
