"""Tunes real cameras, and says what each profile gives on a whole clip, against the truth too where there is one.

    python -m bench.tune [--json] [--clips pets table] [--shake-px 3] [--whole]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets) and the test extra. Figures are those of
``nightshift tune`` with its defaults; a clip of less than a minute is too short for it. With ``--whole``, every profile
looks at each clip as a whole: runs of the network, loss against looks at every frame, and HOTA against the truth of
PETS. ``--shake-px`` moves each frame at random by up to so many pixels, and fractions of them.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from bench.frame_pairs import read_frames
from bench.material import ASSETS, print_figures, require_assets
from bench.pets import LAST_FRAME, TICKS_A_FRAME, pets_truth
from bench.real_clips import steady_times, write_frames
from bench.real_site import CLIPS, build_real_site
from bench.tracks import mot_rows
from jobs.commands.scan import scan_archive
from jobs.commands.tune import tune_camera
from jobs.planning.configure import configure_site
from jobs.planning.inventory import recorded_inventory
from jobs.profiles import PROFILES, UNGATED
from jobs.site import Site, open_site
from jobs.stretch_looks import StretchLooks
from ops.tracking.agreement import TrackAgreement
from ops.tracking.scores import score_tracks
from schemas.op import Tables
from schemas.values import Uint8
from storage.archive.segments import segment_maker

SHAKEN_FPS = 10


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--clips", nargs="*", choices=tuple(CLIPS), default=("pets", "table"))
    parser.add_argument("--shake-px", type=float, default=0.0)
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    require_assets()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for camera in arguments.clips:
            site = site_of(Path(folder, camera), camera, arguments.shake_px)
            if arguments.whole:
                figures |= {f"{camera} {name}": found for name, found in whole(site, camera).items()}
            else:
                figures[camera] = tuned(site, camera)
    print_figures(figures, arguments.json)


def site_of(root: Path, camera: str, shake_px: float) -> Site:
    """Builds a site of one clip and scans it."""
    build_real_site(root, ASSETS, (camera,))
    if shake_px:
        (clip,) = (root / "archive" / camera).iterdir()
        frames = [shaken(frame.image, number, shake_px) for number, frame in enumerate(read_frames(clip))]
        clip.unlink()
        write_frames(clip.with_suffix(".mp4"), frames, steady_times(len(frames), SHAKEN_FPS))
    site = open_site(root)
    scan_archive(site)
    return site


def shaken(frame: Uint8, number: int, shake_px: float) -> Uint8:
    """Returns a frame that is moved at random, by up to so many pixels."""
    across, down = np.random.default_rng(number).uniform(-shake_px, shake_px, 2)
    way = np.array([[1, 0, across], [0, 1, down]], np.float64)
    size_px = (frame.shape[1], frame.shape[0])
    return np.asarray(cv2.warpAffine(frame, way, size_px, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def tuned(site: Site, camera: str) -> dict[str, float]:
    """Returns what ``tune`` finds, and stores."""
    found = tune_camera(site, camera)
    figures = {f"runs_share {each.profile.name}": round(each.runs / found.runs, 3) for each in found.compared}
    figures |= {f"loss {each.profile.name}": round(each.loss, 3) for each in found.compared}
    stored = found.stored
    gap_s = stored.params.gap_s
    figures |= {"stored_gap_s": -1.0 if gap_s is None else gap_s}  # -1: ungated
    return figures | {"test_loss": stored.test.loss, "test_runs_share": stored.test.runs_share}


def whole(site: Site, camera: str) -> dict[str, dict[str, float]]:
    """Returns the figures of each profile, by its name."""
    ready = configure_site(site.files)
    timeline = recorded_inventory(site.store).timeline
    make = segment_maker(timeline)
    segments = [make(number) for number in range(timeline.num_rows)]
    looks, reference = StretchLooks(ready, camera), list[Tables]()
    figures = {}
    with looks.opened(ready.ops["detect"].models):
        for profile in (UNGATED, *PROFILES):
            followed = [each for segment in segments if (each := looks.follow(segment, profile.params)) is not None]
            tables = [each for each, _ in followed]
            reference = reference or tables
            agreement = TrackAgreement()
            for true, found in zip(reference, tables, strict=True):
                agreement.add(true, found)
            figures[profile.name] = {"runs": float(sum(runs for _, runs in followed)), "loss": round(agreement.loss, 3)}
            if camera == "pets":
                figures[profile.name]["hota_truth"] = round(hota_to_truth(tables[0]), 3)
    return figures


def hota_to_truth(tables: Tables) -> float:
    """Returns the HOTA of people's tracks on PETS."""
    tracklets, points = tables["tracklets"], tables["tracklet_points"]
    labels = dict(zip(tracklets["tracklet_id"].to_pylist(), tracklets["label"].to_pylist(), strict=True))
    people = points.filter(
        pa.array([labels[name] == "person" for name in points["tracklet_id"].to_pylist()], pa.bool_())
    )
    frames = {number * TICKS_A_FRAME: number + 1 for number in range(LAST_FRAME)}
    rows = mot_rows(people.append_column("track_id", people["tracklet_id"]), frames)
    return score_tracks(pets_truth(ASSETS), rows).hota


if __name__ == "__main__":
    main()
