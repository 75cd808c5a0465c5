"""A still shows raw footage to its owner alone; clips, with tracks or not, show published video and nothing else."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from jobs.commands.audits import find_published
from jobs.commands.excerpts import find_camera, write_clip, write_still
from jobs.commands.holds import HoldRequest, place_hold
from jobs.commands.render import RenderRequest, render_tracks
from jobs.commands.results import query
from jobs.commands.scan import scan_archive
from jobs.site import Site, open_site
from schemas.camera_ids import camera_id
from schemas.errors import NightshiftError, SelectionError, UserError
from schemas.op import FrameNeed
from schemas.values import Uint8
from storage.video.published import read_frames
from storage.video.reader import SegmentReader
from tests.jobs.commands.subject import FILM

CAMERA = FILM.split("/", maxsplit=1)[0]
DAY = datetime(2026, 3, 2)

Cut = Callable[[Site, str, datetime, datetime, Path], object]


def rows(site: Site, table: str) -> list[dict]:
    return query(site, f"SELECT * FROM {table} WHERE camera = '{CAMERA}' ORDER BY start_time").to_pylist()


def difference(one: Uint8, other: Uint8) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def raw_frame(site: Site, seconds: float) -> Uint8:
    at = 0
    for segment in find_published(site, FILM).segments:
        for _, batch in SegmentReader(Path(site.files.archive) / FILM, segment, [FrameNeed()]):
            for image, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
                at = at or time_us
                if time_us - at >= seconds * 1e6 - 1:
                    return image.copy()
    raise AssertionError("no such frame")


@pytest.mark.slow
def test_a_still_is_the_frame_of_that_time_and_for_its_owner_only(site: Site, tmp_path: Path) -> None:
    row = next(row for row in rows(site, "footage") if row["path"] == FILM)
    local = (row["start_time"] + timedelta(seconds=2)).astimezone(ZoneInfo(site.files.config.timezone))
    target = tmp_path / "still.png"
    done = write_still(site, CAMERA, target, local.replace(tzinfo=None))
    picture = np.asarray(cv2.imread(str(target)), np.uint8)
    assert done.source == FILM and done.size_px == (picture.shape[1], picture.shape[0])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert difference(picture, raw_frame(site, 2)) < min(2, difference(picture, raw_frame(site, 0)))


@pytest.mark.slow
def test_a_still_without_a_time_is_of_the_newest_usable_footage(site: Site, tmp_path: Path) -> None:
    done = write_still(site, CAMERA, tmp_path / "still.png")
    usable = [row for row in rows(site, "footage") if row["frames"] > 0]
    assert (done.source, done.time) == (usable[-1]["path"], usable[-1]["start_time"])


@pytest.mark.slow
def test_a_clip_has_the_published_frames_of_its_time_and_no_raw_one(site: Site, tmp_path: Path) -> None:
    published = rows(site, "anonymized")[0]
    start = published["start_time"] + timedelta(seconds=1)
    done = write_clip(site, CAMERA, start, start + timedelta(seconds=2), tmp_path / "clip.mp4")
    assert done.sources == (published["path"],) and done.recorded_s == pytest.approx(2.0)
    size = rows(site, "footage")[0]
    size_px = (size["width"], size["height"])
    whole = [image for _, image in read_frames(site.files.root / "store" / published["path"], size_px)]
    rate = len(whole) / (published["end_time"] - published["start_time"]).total_seconds()
    cut = [image for _, image in read_frames(tmp_path / "clip.mp4", size_px)]
    assert len(cut) == pytest.approx(2 * rate, abs=1)
    for number in (0, len(cut) // 2, len(cut) - 1):
        near = min(difference(cut[number], whole[round(rate) + number + off]) for off in (-1, 0, 1))
        assert near < 2, number


@pytest.mark.slow
def test_a_clip_of_several_files_joins_them_and_counts_only_what_is_published(site: Site, tmp_path: Path) -> None:
    published = rows(site, "anonymized")
    assert len(published) > 1
    start, end = published[0]["start_time"] - timedelta(hours=1), published[1]["end_time"]
    done = write_clip(site, CAMERA, start, end, tmp_path / "clip.mp4")
    lengths = [(row["end_time"] - row["start_time"]).total_seconds() for row in published[:2]]
    assert len(done.sources) == 2 and done.recorded_s == pytest.approx(sum(lengths))


def write_render(site: Site, camera: str, start: datetime, end: datetime, target: Path) -> object:
    return render_tracks(site, RenderRequest(camera, start, end), target)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [write_clip, write_render])
def test_what_awaits_its_sign_off_or_was_altered_is_not_cut(site: Site, tmp_path: Path, cut: Cut) -> None:
    published = rows(site, "anonymized")[0]
    span = (published["start_time"], published["end_time"])
    file = site.files.root / "store" / published["path"]
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(NightshiftError, match=r"altered: see `nightshift verify`"):
        cut(site, CAMERA, *span, tmp_path / "clip.mp4")
    file.write_bytes(content)
    config = site.files.root / "site.toml"
    config.write_text(config.read_text() + '\n[publish]\nwait_for = "sign-off"\n')
    with pytest.raises(SelectionError, match="it awaits its sign-off: see `nightshift sign-off`"):
        cut(open_site(site.files.root), CAMERA, *span, tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


MOMENT = datetime(2001, 1, 1)


@pytest.mark.slow
def test_mistakes_are_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="there is no camera 'attic'; there are "):
        write_still(site, "attic", tmp_path / "x.png")
    with pytest.raises(SelectionError, match=r"no usable footage of .* at 2001-01-01"):
        write_still(site, CAMERA, tmp_path / "x.png", MOMENT)
    with pytest.raises(UserError, match=r"give a name that ends in \.png"):
        write_still(site, CAMERA, tmp_path / "x.jpg")
    assert list(tmp_path.glob("x.*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("cut", [write_clip, write_render])
def test_mistakes_in_what_to_cut_are_named(site: Site, tmp_path: Path, cut: Cut) -> None:
    later = MOMENT + timedelta(minutes=1)
    with pytest.raises(SelectionError, match="there is no camera 'attic'; there are "):
        cut(site, "attic", MOMENT, later, tmp_path / "x.mp4")
    with pytest.raises(SelectionError, match="is published from 2001-01-01"):
        cut(site, CAMERA, MOMENT, later, tmp_path / "x.mp4")
    with pytest.raises(UserError, match="is not before --to"):
        cut(site, CAMERA, later, MOMENT, tmp_path / "x.mp4")
    with pytest.raises(UserError, match=r"give a name that ends in \.mp4"):
        cut(site, CAMERA, MOMENT, later, tmp_path / "x.avi")
    with pytest.raises(UserError, match="is in the site's store"):
        cut(site, CAMERA, MOMENT, later, site.files.root / "store" / "x.mp4")
    assert list(tmp_path.glob("x.*")) == []


def test_a_camera_is_found_by_the_name_of_its_folder(fresh_site: Path) -> None:
    film = next(Path(fresh_site, "archive", CAMERA).glob("*.mp4"))
    (fresh_site / "archive" / "Cam 1").mkdir()
    film.rename(fresh_site / "archive" / "Cam 1" / film.name)
    site = open_site(fresh_site)
    scan_archive(site)
    done = write_still(site, "Cam 1", fresh_site / "still.png")
    assert done.camera == camera_id("Cam 1")
    assert find_camera(site, "Cam 1") == find_camera(site, done.camera) == done.camera
    hold = place_hold(site, HoldRequest("Cam 1", DAY, DAY + timedelta(1), "case", "me"), datetime.now(UTC))
    assert hold.camera == done.camera
    with pytest.raises(SelectionError, match="there is no camera 'Cam 2'"):
        find_camera(site, "Cam 2")
