"""The floor's benchmark, on one small view and on real depth."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bench import depth_floor
from bench.depth_scenes import SCENES, Noise, Scene, as_affine, as_relative
from bench.open3d_peer import find_open3d
from ops.depth_scores import depth_scores


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene.render(SCENES[2], (160, 90))


def test_a_view_knows_its_truth(scene: Scene) -> None:
    ground = scene.ground
    assert ground.height_m == 4.5
    assert np.degrees(ground.tilt_rad) == pytest.approx(29.4, abs=0.1)
    assert ground.roll_rad == pytest.approx(0)
    row, column = np.nonzero(scene.floor)
    expected = ground.ground_depth_m(np.column_stack([column, row]) + 0.5)
    assert np.median(np.abs(scene.truth_m[scene.floor] / expected - 1)) < 1e-3


def test_noise_errs_as_much_as_it_says(scene: Scene) -> None:
    estimate = scene.estimate_m(Noise(0.03, 0.0, 0.0), 1)
    error = np.log(estimate / scene.truth_m)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.03, rel=0.4)
    assert np.abs(np.diff(error, axis=1)).max() < 0.01  # alike from pixel to pixel
    assert depth_scores(scene.estimate_m(Noise(0, 0, 0), 1), scene.truth_m).abs_rel < 1e-6


def test_other_kinds_become_the_same_depth_again(scene: Scene) -> None:
    affine, relative = as_affine(scene.truth_m, 7, 1.5), as_relative(scene.truth_m, 0.002, 0.01)
    np.testing.assert_allclose(affine.metric(7, 1.5).values, scene.truth_m, rtol=1e-4)
    np.testing.assert_allclose(relative.metric(0.002, 0.01).values, scene.truth_m, rtol=1e-4)


@pytest.mark.slow
def test_true_depth_gives_the_true_floor(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_floor, "NOISE_SEEDS", range(1))
    figures = depth_floor.rendered([scene])
    assert figures["rendered.plane_angle_deg"] < 0.3
    assert figures["rendered.camera_height_error"] < 0.01
    assert figures["rendered.floor_iou"] > 0.95
    assert figures["rendered.abs_rel"] < 0.002
    assert figures["rendered.drift_5.abs_rel"] > figures["rendered.drift_2.abs_rel"] > figures["rendered.abs_rel"]


def test_without_open3d_its_figures_are_left_out(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # no installed package
    python.chmod(0o755)
    assert find_open3d(str(python)) is None


@pytest.mark.assets
def test_laser_scans_are_scored(assets: Path) -> None:
    figures = depth_floor.lidar()
    assert figures["lidar.frames"] == 3
    assert figures["lidar.points"] > 10_000
    assert 0 < figures["lidar.half_abs_rel"] < 0.2
