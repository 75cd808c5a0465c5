"""Frame numbers are those of one footage file, with the times that its packets have."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from jobs.footage_frames import footage_frames
from schemas.errors import SelectionError
from tests.jobs.labelled import CAMERA, FILM, FRAMES, scanned_site
from tests.support import damage
from tests.support.clips import steady_pts, uneven_pts, write_clip

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = f"{CAMERA}/2026-03-02T11-00-00.mp4"


def test_frames_have_the_times_of_the_file(tmp_path: Path) -> None:
    frames = footage_frames(scanned_site(tmp_path), CAMERA)
    assert (len(frames), frames.path, frames.size_px) == (FRAMES, FILM, (208, 120))
    assert ((frames.time_us - frames.time_us[0]) / 1e5).tolist() == list(range(FRAMES))
    assert frames.time_us[0] == round(START.timestamp() * 1e6)
    assert [frames.at(START + timedelta(seconds=s)) for s in (0, 0.01, 0.1, 2.9, 5)] == [1, 2, 2, 30, 31]
    every = {segment.segment_id for segment in frames.segments}
    assert len(every) == 3 and frames.within(every).all()
    assert frames.within({sorted(every)[1]}).tolist() == [False] * 10 + [True] * 10 + [False] * 10


def test_a_variable_frame_rate_keeps_its_own_times(tmp_path: Path) -> None:
    pts = uneven_pts(40)
    site = scanned_site(tmp_path, make=partial(write_clip, pts=pts))
    frames = footage_frames(site, CAMERA)
    np.testing.assert_allclose((frames.time_us - frames.time_us[0]) / 1e6, np.array(pts) / 12800, atol=1e-6)


def test_the_size_is_that_of_upright_frames(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mp4", steady_pts(10, 10))
    site = scanned_site(tmp_path / "site", make=lambda path: damage.rotated(plain, path, 90))
    assert footage_frames(site, CAMERA).size_px == (120, 208)


def test_one_of_several_files_must_be_chosen(tmp_path: Path) -> None:
    site = scanned_site(
        tmp_path, (FILM, SECOND), lambda path: write_clip(path, steady_pts(20 + ("T11" in path.name), 10))
    )
    with pytest.raises(SelectionError, match=f"has 2 footage files, choose one with --footage: {FILM}, {SECOND}"):
        footage_frames(site, CAMERA)
    assert footage_frames(site, CAMERA, SECOND).path == SECOND
    assert footage_frames(site, CAMERA, Path(SECOND).name).path == SECOND
    assert footage_frames(site, CAMERA, str(tmp_path / "archive" / SECOND)).path == SECOND
    assert footage_frames(site, CAMERA, at=START + timedelta(hours=1, seconds=1)).path == SECOND
    with pytest.raises(SelectionError, match=f"door has no usable footage none.mp4; it has {FILM}, {SECOND}"):
        footage_frames(site, CAMERA, "none.mp4")
    with pytest.raises(SelectionError, match="no usable footage of door shows 2026-03-02T09:30:00"):
        footage_frames(site, CAMERA, at=START + timedelta(minutes=30))


def test_footage_that_changed_or_is_gone_has_no_frames(tmp_path: Path) -> None:
    site = scanned_site(tmp_path)
    with pytest.raises(SelectionError, match="no usable footage of attic is known: `nightshift scan`"):
        footage_frames(site, "attic")
    file = tmp_path / "archive" / FILM
    write_clip(file, steady_pts(12, 10))
    with pytest.raises(SelectionError, match="changed since the last scan: run `nightshift scan`"):
        footage_frames(site, CAMERA)
    file.unlink()
    with pytest.raises(SelectionError, match="is no longer in the archive"):
        footage_frames(site, CAMERA)


def test_a_copy_of_a_file_is_no_second_choice(tmp_path: Path) -> None:
    copy = f"{CAMERA}/copy/{Path(FILM).name}"
    assert footage_frames(scanned_site(tmp_path, (FILM, copy)), CAMERA).path in (FILM, copy)
