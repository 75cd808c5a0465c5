"""Builds a sample site with footage at run time: nothing is committed or downloaded.

People cut out of a photograph of the installed ``ultralytics`` package walk through a rendered hall before two fixed
cameras. The folder is a site like any other, and its ``truth/`` says what really happened::

    site.toml                   two calibrated cameras
    layers/{zones,lines}.geojson
    archive/CAMERA/TIME.mp4     H.264; the last file of the second camera breaks off
    truth/{truth,boxes}.json    see sample_site.comparison
    truth/things.json           boxes of things, where the spec has a play, as EVENTS has
    truth/CAMERA/TIME.txt       the boxes as MOT Challenge text, for `nightshift eval`
    truth/CAMERA/TIME.json      what happens, as NIST's labels, for `nightshift eval interactions`

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

from sample_site.derive_truth import derive_truth
from sample_site.events import EVENTS
from sample_site.film import Actors, film_camera
from sample_site.hall import render_backdrop
from sample_site.people import cut_out_people
from sample_site.renderer import Renderer, draw_suitcase
from sample_site.script import DEMO, TINY, CameraSpec, Route, SampleSpec, schedule_play, schedule_routes
from sample_site.site_files import write_site_files
from sample_site.sprites import play_sprites
from sample_site.truth import FOLDER, Truth, labelled_file, load_truth, save_truth
from schemas.errors import UserError
from schemas.values import Uint8
from storage.photographs import find_photograph

__all__ = ["DEMO", "EVENTS", "TINY", "CameraSpec", "Route", "SampleSite", "SampleSpec", "build_sample_site"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleSite:
    """A sample site on disk, with its truth."""

    root: Path
    truth: Truth


def build_sample_site(
    root: Path,
    seed: int = 7,
    minutes: float | None = None,
    progress: Progress | None = None,
    spec: SampleSpec = DEMO,
) -> SampleSite:
    """Builds the sample site in a folder, replacing an earlier one.

    Args:
        root: the site's folder; created if missing.
        seed: seed of routes, surfaces and noise.
        minutes: footage of all cameras together, rounded up to whole rounds of the script; None plays it once.
        progress: called with frames done and frames in all, possibly from another thread.
        spec: ``DEMO``, ``TINY`` for tests, ``EVENTS`` with scenes of all interactions, or a custom one.

    Raises:
        UserError: the folder holds a site that is not a sample site, or the photograph is not installed.
    """
    if minutes is not None:
        spec = spec.of_minutes(minutes)
    _remove_earlier(root)
    photograph = find_photograph("bus.jpg")
    routes, play = schedule_routes(spec, seed), schedule_play(spec, seed)
    photo = np.asarray(cv2.imread(str(photograph)), np.uint8)
    tick = _ticker(progress, round(spec.minutes * 60 * spec.fps))
    with ThreadPoolExecutor(len(spec.cameras)) as pool:
        rendering = [pool.submit(_renderer, spec, number, photo, seed) for number in range(len(spec.cameras))]
        actors = Actors(routes, cut_out_people(photograph), draw_suitcase(), play, play_sprites() if play.props else {})
        renderers = {camera.camera: task.result() for camera, task in zip(spec.cameras, rendering, strict=True)}
        archive = root / "archive"
        films = list(pool.map(lambda c: film_camera(c, spec, renderers[c.camera], actors, archive, tick), spec.cameras))
    write_site_files(root, spec, renderers)
    files = [file for camera_files, _ in films for file in camera_files]
    true_frames = {camera.camera: frames for camera, (_, frames) in zip(spec.cameras, films, strict=True)}
    truth = derive_truth(spec, routes, play, files, renderers, true_frames)
    save_truth(truth, root)
    return SampleSite(root, load_truth(root))


def _renderer(spec: SampleSpec, number: int, photo: Uint8, seed: int) -> Renderer:
    """Returns the renderer of camera ``number``."""
    lens = spec.cameras[number].lens(spec.size_px)
    return Renderer(lens, render_backdrop(lens, photo, seed), seed * 100 + number)


def _remove_earlier(root: Path) -> None:
    """Removes the footage of an earlier sample site; refuses to touch any other site."""
    if (root / FOLDER / "truth.json").is_file():
        for file in load_truth(root).files:
            (root / "archive" / file.path).unlink(missing_ok=True)
            for suffix in (".txt", ".json"):
                labelled_file(root, file).with_suffix(suffix).unlink(missing_ok=True)
    elif (root / "site.toml").exists():
        raise UserError(f"{root} holds a site that is not a sample site; name another folder for the sample site")


def _ticker(progress: Progress | None, total: int) -> Callable[[], None]:
    """Returns a function that counts frames, callable from any thread."""
    numbers, lock = count(1), Lock()

    def tick() -> None:
        with lock:
            if progress is not None:
                progress(next(numbers), total)

    return tick
