"""A sample site with footage, made at run time: nothing of it is committed or downloaded.

People cut out of a photograph of the installed ``ultralytics`` package walk through a rendered hall before two fixed
cameras. The folder that comes out is a site like any other, and ``truth/`` beside it says what really happened::

    site.toml                   two calibrated cameras
    layers/{zones,lines}.geojson
    archive/CAMERA/TIME.mp4     H.264; the last file of the second camera breaks off
    truth/{truth,boxes}.json    see sample_site.truth

The same seed gives the same bytes, on machines with the same versions of OpenCV and FFmpeg.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from sample_site.events import truth_of
from sample_site.film import Company, film_camera
from sample_site.hall import render_backdrop
from sample_site.people import cut_out_people, find_photograph
from sample_site.picture import Painter, suitcase
from sample_site.script import DEMO, TINY, CameraSpec, SampleSpec, Visit, cast
from sample_site.site_files import write_site_files
from sample_site.true_events import FOLDER, Truth, load_truth, save_truth
from schemas.errors import UserError
from schemas.values import Uint8

__all__ = ["DEMO", "TINY", "CameraSpec", "SampleSite", "SampleSpec", "Visit", "build_sample_site"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleSite:
    """A sample site on disk and what is true about it."""

    root: Path
    truth: Truth


def build_sample_site(
    root: Path,
    seed: int = 7,
    minutes: float | None = None,
    progress: Progress | None = None,
    spec: SampleSpec = DEMO,
) -> SampleSite:
    """Builds the sample site in a folder, over an earlier one if there is one.

    Args:
        root: the site's folder; made if it is not there.
        seed: of people's ways, surfaces and noise.
        minutes: footage of all cameras together, rounded up to whole rounds of the script; the script once if None.
        progress: called with frames done and frames in all, maybe from another thread.
        spec: ``DEMO``, ``TINY`` for tests, or one's own.

    Raises:
        UserError: the folder holds a site that is not a sample site, or the photograph is not installed.
    """
    if minutes is not None:
        spec = spec.of_minutes(minutes)
    _make_room(root)
    photograph = find_photograph("bus.jpg")
    visits = cast(spec, seed)
    photo = np.asarray(cv2.imread(str(photograph)), np.uint8)
    tick = _ticker(progress, round(spec.minutes * 60 * spec.fps))
    with ThreadPoolExecutor(len(spec.cameras)) as pool:
        painting = [pool.submit(_set_up, spec, number, photo, seed) for number in range(len(spec.cameras))]
        company = Company(visits, cut_out_people(photograph), suitcase())
        painters = {camera.camera: task.result() for camera, task in zip(spec.cameras, painting, strict=True)}
        archive = root / "archive"
        films = list(pool.map(lambda c: film_camera(c, spec, painters[c.camera], company, archive, tick), spec.cameras))
    write_site_files(root, spec, painters)
    files = [file for camera_files, _ in films for file in camera_files]
    shots = {camera.camera: seen for camera, (_, seen) in zip(spec.cameras, films, strict=True)}
    truth = truth_of(spec, visits, files, painters, shots)
    save_truth(truth, root)
    return SampleSite(root, load_truth(root))


def _set_up(spec: SampleSpec, number: int, photo: Uint8, seed: int) -> Painter:
    """Camera ``number`` before its backdrop."""
    lens = spec.cameras[number].lens(spec.size_px)
    return Painter(lens, render_backdrop(lens, photo, seed), seed * 100 + number)


def _make_room(root: Path) -> None:
    """Removes the footage of an earlier sample site; refuses to touch anybody else's site."""
    if (root / FOLDER / "truth.json").is_file():
        for file in load_truth(root).files:
            (root / "archive" / file.path).unlink(missing_ok=True)
    elif (root / "site.toml").exists():
        raise UserError(f"{root} holds a site that is not a sample site; name another folder for the sample site")


def _ticker(progress: Progress | None, total: int) -> Callable[[], None]:
    """A function that counts frames, from any thread."""
    numbers, lock = count(1), Lock()

    def tick() -> None:
        with lock:
            if progress is not None:
                progress(next(numbers), total)

    return tick
