"""A night of a tiny site with a stereo pair and a depth network: from site.toml to depth, grounds and rasters."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from cli.main import run_cli
from jobs.commands.results import connect
from jobs.site import open_site
from ops.depth_models.rows import unpack_depth
from ops.ground.rows import plane_of, used_row
from sample_site import build_sample_site
from sample_site.geometry import Pinhole
from sample_site.hall import render_backdrop
from sample_site.script import CameraSpec
from schemas.tables import TABLES
from storage.photographs import find_photograph
from storage.rasters import read_raster
from tests.conftest import Nightshift
from tests.ops.onnx_file import write_depth_onnx
from tests.support.small_site import SMALL

SIZE_PX = (320, 180)
BASELINE_M = 0.4
PLACE_M, TARGET_M = (2.0, -8.0, 3.2), (8.0, 4.0, 0.6)
LENS = Pinhole(SIZE_PX, SIZE_PX[0], PLACE_M, TARGET_M)


def write_site(root: Path) -> None:
    """Two cameras without a survey, calibrated with each other, and a network for the depth of frames."""
    beside_m = LENS.rotation[0] * BASELINE_M
    right = [tuple(np.add(point, beside_m).tolist()) for point in (PLACE_M, TARGET_M)]
    cameras = (CameraSpec("left", "", PLACE_M, TARGET_M, 1), CameraSpec("right", "", *right, 1))
    build_sample_site(root, spec=replace(SMALL, cameras=cameras, size_px=SIZE_PX, file_s=3, segment_s=3))
    storage = cv2.FileStorage(str(root / "pair.yml"), cv2.FILE_STORAGE_WRITE)
    matrix = np.array([[LENS.focal_px, 0, 159.5], [0, LENS.focal_px, 89.5], [0, 0, 1]])
    for name, values in {"cameraMatrix1": matrix, "cameraMatrix2": matrix, "R": np.eye(3)}.items():
        storage.write(name, values)
    storage.write("T", np.array([[-1000 * BASELINE_M], [0], [0]]))
    storage.release()
    config = root / "site.toml"
    text = config.read_text()
    head, cameras_text = text[: text.index("[[cameras]]")], '[[cameras]]\nid = "left"\n[[cameras]]\nid = "right"\n'
    pair = 'left = "left"\nright = "right"\ncalibration = "pair.yml"\nimage_size = [320, 180]\nunit_m = 0.001\n'
    config.write_text(f'{head}[ops.frame_depth]\nmodel = "mine"\nfps = 2.0\n{cameras_text}[[stereo]]\n{pair}')
    (root / "models").mkdir()
    write_depth_onnx(root / "models" / "mine.onnx", ("height", "width"))
    (root / "models" / "mine.depth.toml").write_text('kind = "relative"\ninput_px = [112, 70]\n')


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stereo") / "site"
    write_site(root)
    assert run_cli(["run", "--site", str(root), "--in-process", "--ops", "depth_map,ground,frame_depth"]) == 0
    return root


def rows_of(root: Path, query: str) -> list[dict[str, Any]]:
    with closing(connect(open_site(root))) as connection:
        return connection.execute(query).to_arrow_table().to_pylist()


@pytest.mark.slow
def test_both_cameras_have_the_true_depth_in_metres(night: Path) -> None:
    photo = cv2.imread(str(find_photograph("bus.jpg")))
    maps = rows_of(night, "SELECT * FROM depth_maps ORDER BY camera")
    assert [(row["camera"], row["view"], row["model"], row["kind"]) for row in maps] == [
        ("left", 0, "stereo", "metric"),
        ("right", 0, "stereo", "metric"),
    ]
    for row, beside_m in zip(maps, (0.0, BASELINE_M), strict=True):
        assert row["focal_px"] == LENS.focal_px
        place = tuple(np.add(PLACE_M, LENS.rotation[0] * beside_m).tolist())
        target = tuple(np.add(TARGET_M, LENS.rotation[0] * beside_m).tolist())
        true_m = render_backdrop(replace(LENS, place_m=place, target_m=target), photo, 7).depth_m
        depth = unpack_depth(row)
        assert depth.known.mean() > 0.8
        off = np.abs(depth.values - true_m)[depth.known] / true_m[depth.known]
        assert np.median(off) < 0.04 and off.mean() < 0.08


@pytest.mark.slow
def test_places_on_the_ground_need_no_control_points(night: Path) -> None:
    models = TABLES["ground_models"].conform(
        pa.Table.from_pylist(
            rows_of(night, "SELECT * EXCLUDE (date) FROM ground_models WHERE camera = 'left'"),
            TABLES["ground_models"].schema,
        )
    )
    row = used_row(models)
    assert row is not None and row["source"] == "fused" and row["frame"] == "local"
    pixels = np.array([(u, v) for u in (40.0, 160, 280) for v in (80.0, 110, 140, 170)])
    axes = LENS.rotation[[0, 2], :2] / np.linalg.norm(LENS.rotation[[0, 2], :2], axis=1)[:, None]
    true_m = (LENS.to_ground(pixels) - PLACE_M[:2]) @ axes.T
    mapped = np.column_stack([pixels, np.ones(len(pixels))]) @ plane_of(row).ground_from_image.T
    found_m = mapped[:, :2] / mapped[:, 2:]
    off = np.linalg.norm(found_m - true_m, axis=1) / np.linalg.norm(true_m, axis=1)
    assert off.max() < 0.05
    assert row["height_m"] == pytest.approx(PLACE_M[2], abs=2 * row["height_sigma_m"])


@pytest.mark.slow
def test_each_frame_has_a_raster_of_the_networks_depth(night: Path) -> None:
    store = open_site(night).store
    frames = rows_of(night, "SELECT * FROM depth_frames WHERE camera = 'left' ORDER BY time")
    (file,) = rows_of(night, "SELECT * FROM depth_files WHERE camera = 'left'")
    assert len(frames) == file["frames"] == 6 and file["model"] == "mine.onnx" and file["kind"] == "relative"
    assert frames[0]["keyframe"] and {row["path"] for row in frames} == {file["path"]}
    for row in frames:
        raster = read_raster(store.blobs, row["path"], row["entry"])
        assert raster.shape == (row["height"], row["width"]) and raster.min() > 0
        values = row["offset"] + row["scale"] * raster
        assert np.isfinite(values).all() and values.std() > 0.01


@pytest.mark.slow
def test_a_changed_calibration_makes_what_it_says_stale_and_nothing_else(
    nightshift: Nightshift, night: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(night, tmp_path / "site"))
    plan = ("plan", "--site", root, "--ops", "depth_map,ground,frame_depth", "--json")
    assert nightshift(*plan).json["to_do"] == 0
    file = root / "pair.yml"
    file.write_text(file.read_text().replace("-400.", "-401."))
    planned = nightshift(*plan).json
    assert {op: states["stale"] for op, states in planned["ops"].items() if states["stale"]} == {
        "depth_map": 2,
        "ground": 2,
    }
    assert planned["to_do"] == 4
