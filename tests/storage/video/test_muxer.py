"""Files hold what was added to them and nothing else."""

from pathlib import Path

import av

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
