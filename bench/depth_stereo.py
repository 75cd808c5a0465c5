"""How good the depth of a stereo pair is, and positions by it without a survey (measured-synthetic).

    python -m bench.depth_stereo [--json] [--only pairs site]

*pairs*: the six views of ``bench.depth_scenes``, each with a second camera beside it, 20 and 40 cm away. *site*: the
sample site's hall filmed by two cameras 40 cm apart, through video, backgrounds and the whole pipeline, with the real
detector and no control points ($NIGHTSHIFT_ASSETS). *turned*: the largest error of depth that the check of rows lets
pass, by how far the right camera was turned since its calibration.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from bench.depth_no_survey import run_and_match, sample_truth, without_points
from bench.depth_scenes import SCENES, Scene, SceneSpec
from bench.material import ASSETS, print_figures, require_assets
from bench.real_site import DETECTOR
from jobs.commands.results import connect
from jobs.site import open_site
from ops.depth_scores import depth_scores
from ops.floor.find import Floor, find_floor
from ops.ground.ground_model import lay_on
from ops.stereo.depth import stereo_depth
from sample_site import build_sample_site
from sample_site.script import DEMO, CameraSpec
from schemas.errors import SiteError
from schemas.stereo import StereoPair
from schemas.values import Float64

BASELINES_M = (0.2, 0.4)
TURNS_DEG = (0.05, 0.1, 0.2, 0.4)
PARTS = ("pairs", "turned", "site")


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    if "site" in arguments.only:
        require_assets()
    with tempfile.TemporaryDirectory() as folder:
        print_figures({"stereo": measure(Path(folder), arguments.only)}, arguments.json)
    sys.stdout.flush()


def measure(folder: Path, parts: Sequence[str] = PARTS) -> dict[str, float]:
    """Returns all figures, in an empty folder."""
    work: Mapping[str, Callable[[], Mapping[str, float]]] = {
        "pairs": pairs,
        "turned": turned,
        "site": lambda: site(folder),
    }
    figures: dict[str, float] = {}
    for part in parts:
        figures |= work[part]()
    return figures


def pairs() -> dict[str, float]:
    """Returns medians over the views, by baseline in centimetres, and the worst plane of the floor."""
    figures = {}
    for baseline_m in BASELINES_M:
        found = [_one_pair(spec, baseline_m) for spec in SCENES]
        name = f"pairs_{round(100 * baseline_m)}cm"
        for figure in found[0]:
            values = np.array([each[figure] for each in found])
            figures[f"{name}_{figure}_median"] = round(float(np.median(values)), 4)
            figures[f"{name}_{figure}_worst"] = round(float(values.min() if figure == "known" else values.max()), 4)
    return figures


def turned() -> dict[str, float]:
    """Returns, by pitch of the right camera since its calibration, AbsRel in the worst view, and refused views."""
    figures: dict[str, float] = {}
    for degrees in TURNS_DEG:
        errors, refused = [0.0], 0
        for spec in SCENES:
            left, right = _views(spec, 0.4)
            pair = _pair_of(left, 0.4)
            turn, _ = cv2.Rodrigues(np.radians([degrees, 0, 0]))
            matrix = pair.left_matrix @ turn @ np.linalg.inv(pair.left_matrix)
            seen = np.asarray(cv2.warpPerspective(right.image, matrix, left.camera.size_px), np.uint8)
            try:
                depth = stereo_depth(pair, left.image, seen)
            except SiteError:
                refused += 1
            else:
                errors.append(depth_scores(depth.values, left.truth_m).abs_rel)
        figures[f"turned_{degrees:g}_refused"] = float(refused)
        figures[f"turned_{degrees:g}_abs_rel_worst"] = round(max(errors), 3)
    return figures


def _views(spec: SceneSpec, baseline_m: float) -> tuple[Scene, Scene]:
    left = Scene.render(spec)
    shift = left.camera.rotation[0] * baseline_m
    place, target = (_moved(point, shift) for point in (spec.place_m, spec.target_m))
    return left, Scene.render(replace(spec, place_m=place, target_m=target))


def _moved(point: tuple[float, float, float], shift: Float64) -> tuple[float, float, float]:
    x, y, z = np.add(point, shift).tolist()
    return x, y, z


def _pair_of(scene: Scene, baseline_m: float) -> StereoPair:
    return StereoPair.parallel(scene.camera.size_px, scene.camera.focal_px, baseline_m)


def _one_pair(spec: SceneSpec, baseline_m: float) -> Mapping[str, float]:
    left, right = _views(spec, baseline_m)
    depth = stereo_depth(_pair_of(left, baseline_m), left.image, right.image)
    floor = find_floor(depth, left.intrinsics, left.image)
    if not isinstance(floor, Floor):
        raise SystemExit(f"no floor: {floor}")
    up = left.camera.rotation @ np.array([0.0, 0.0, 1.0])
    both = floor.mask & left.floor
    return {
        "known": float(depth.known.mean()),
        "abs_rel": depth_scores(depth.values, left.truth_m).abs_rel,
        "angle_deg": float(np.degrees(np.arccos(np.clip(floor.up @ up, -1, 1)))),
        "height_share": abs(floor.height_m / spec.place_m[2] - 1),
        "floor_iou_missing": 1 - float(both.sum() / (floor.mask | left.floor).sum()),
    }


def site(folder: Path) -> dict[str, float]:
    """Returns errors of a filmed pair's positions, metres, laid on the truth and not stretched, in an empty folder."""
    hall = next(each for each in DEMO.cameras if each.camera == "hall")
    shift = hall.lens(DEMO.size_px).rotation[0] * 0.4
    right = CameraSpec("right", "Right", _moved(hall.place_m, shift), _moved(hall.target_m, shift), hall.files)
    build_sample_site(folder, spec=replace(DEMO, cameras=(replace(hall, camera="left"), right)))
    shutil.copytree(ASSETS / "weights" / DETECTOR, folder / "models" / DETECTOR)
    config, lens = folder / "site.toml", hall.lens(DEMO.size_px)
    matrix = [[lens.focal_px, 0, lens.size_px[0] / 2 - 0.5], [0, lens.focal_px, lens.size_px[1] / 2 - 0.5], [0, 0, 1]]
    config.write_text(
        f"""{without_points(config.read_text())}
[[stereo]]
left = "left"
right = "right"
image_size = {list(DEMO.size_px)}
left_matrix = {matrix}
right_matrix = {matrix}
rotation = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
translation = [-0.4, 0, 0]
"""
    )
    truths = {camera: sample_truth(folder, camera) for camera in ("left", "right")}
    matched = run_and_match(folder, truths, "local_positions", None, ("depth_map",))
    errors = np.concatenate([np.linalg.norm(lay_on(found, true) - true, axis=1) for found, true in matched])
    figures = {"site_median_m": float(np.median(errors)), "site_p90_m": float(np.quantile(errors, 0.9))}
    figures["site_positions"] = float(len(errors))
    with closing(connect(open_site(folder))) as connection:
        rows = connection.execute(
            """SELECT camera, height_m, height_sigma_m, tilt_deg FROM ground_models
               WHERE source = 'depth' ORDER BY camera"""
        ).fetchall()
    tilt_deg = float(np.degrees(np.arcsin(-lens.rotation[2][2])))
    for camera, height_m, height_sigma_m, found_deg in rows:
        figures[f"site_{camera}_height_error_m"] = height_m - hall.place_m[2]
        figures[f"site_{camera}_height_sigma_m"] = height_sigma_m
        figures[f"site_{camera}_tilt_error_deg"] = found_deg - tilt_deg
    return {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    main()
