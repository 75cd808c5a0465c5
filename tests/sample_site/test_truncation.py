"""The file of the demo that a power failure cuts off still shows how people are covered."""

from dataclasses import replace
from pathlib import Path

import pytest

from ops.anonymize.params import AnonymizeParams
from sample_site import build_sample_site
from sample_site.script import DEMO, TINY
from storage.video.probe import probe


@pytest.mark.slow
def test_a_truncated_file_keeps_its_share(tmp_path: Path) -> None:
    kept = next(camera.last_file_kept for camera in TINY.cameras if camera.last_file_kept < 1)
    build_sample_site(tmp_path, spec=replace(TINY, file_s=6))
    (file,) = (tmp_path / "archive" / "gate").iterdir()
    found = probe(file)
    assert found.damage == "truncated"
    assert found.frames / (6 * TINY.fps) == pytest.approx(kept, abs=0.15)


def test_the_demos_truncated_file_is_long_enough_for_a_background() -> None:
    (camera,) = (camera for camera in DEMO.cameras if camera.last_file_kept < 1)
    # Bytes are no seconds: the first frame alone takes many.
    assert camera.last_file_kept * DEMO.file_s > AnonymizeParams().min_background_s * 1.2
