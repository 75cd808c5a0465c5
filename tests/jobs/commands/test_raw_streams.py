"""A site with a raw stream: a run, a still and a purge."""

import tempfile
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from jobs.commands.excerpts import write_still
from jobs.commands.purge import apply_purge, plan_purge
from jobs.commands.results import query
from jobs.commands.run import RunOptions, run_site
from jobs.planning.graph import Selection
from jobs.site import Site, open_site
from schemas.values import Uint8
from storage.files import private_scratch, temporary_path
from tests.storage.archive.scanned import NOW, settle
from tests.support import clips
from tests.support.raw import write_raw

FILM = "door/2026-03-02T10-00-00.264"
SITE = """
name = "test"
crs = "EPSG:28992"
timezone = "Europe/Amsterdam"
segment_s = 1
[[cameras]]
id = "door"
raw_fps = 10
[retention]
tables_days = 30
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    root = tmp_path / "site"
    settle(write_raw(root / "archive" / FILM))
    (root / "site.toml").write_text(SITE)
    return open_site(root)


@pytest.mark.slow
def test_a_raw_stream_is_processed_as_any_footage(site: Site) -> None:
    archive = Path(site.files.archive)
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}
    summary = run_site(site, Selection(ops=("view_motion",)), RunOptions(workers=None))
    assert (summary.report.failures, len(summary.report.receipts)) == ([], 3)
    (row,) = query(site, "SELECT frames, duration_s, raw_fps_source, path FROM footage").to_pylist()
    assert row == {"frames": 60, "duration_s": 6.0, "raw_fps_source": "site", "path": FILM}
    (seen,) = query(site, "SELECT count(DISTINCT segment_id) AS segments FROM view_motion").to_pylist()
    assert seen["segments"] == 3
    assert {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()} == before
    assert list((private_scratch() / "remuxed").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("second", [0, 3.5, 5.9])
def test_a_still_of_a_raw_stream_is_the_frame_of_that_time(site: Site, tmp_path: Path, second: float) -> None:
    run_site(site, Selection(ops=("view_motion",)), RunOptions(workers=None))
    local = datetime(2026, 3, 2, 10, 0, int(second), round(second % 1 * 1e6))
    done = write_still(site, "door", tmp_path / "still.png", local)
    assert done.source == FILM
    picture: Uint8 = np.asarray(cv2.imread(str(tmp_path / "still.png")), np.uint8)
    assert clips.frame_number(picture) == round(second * 10)


def test_a_purge_removes_what_killed_workers_left(site: Site) -> None:
    run_site(site, Selection(ops=("view_motion",)), RunOptions(workers=None))
    left = temporary_path(Path(tempfile.gettempdir(), private_scratch(), "remuxed", "stream"))
    machine, _, _ = left.name.removeprefix(".tmp-").partition("-")
    gone = left.with_name(f".tmp-{machine}-999999999-abc")
    for folder in (left, gone):
        folder.mkdir()
        (folder / "a.264.nut").touch()
    apply_purge(site.files, site.store, plan_purge(site.files, site.store, NOW), NOW)
    assert (left.exists(), gone.exists()) == (True, False), "that of a living process stays"
