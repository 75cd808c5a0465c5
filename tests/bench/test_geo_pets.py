"""The ground of PETS' control points is that of the data set's own calibration."""

from pathlib import Path

import numpy as np
import pytest

from bench.geo_pets import Tsai, tsai_figures

LOOKS_DOWN = {
    **dict.fromkeys(("ry", "rz", "tx", "ty", "kappa1"), 0.0),
    **{"rx": np.pi, "tz": 5000.0, "cx": 320.0, "cy": 240.0, "dpx": 0.01, "dpy": 0.01, "sx": 1.0, "focal": 5.0},
}


def test_a_camera_that_looks_straight_down_sees_the_ground_below_it():
    camera = Tsai(LOOKS_DOWN)
    assert np.allclose(camera.place_m, (0, 0, 5))
    places = camera.to_ground(np.array([[320.0, 240.0], [420.0, 240.0], [320.0, 140.0]]))
    assert np.allclose(places, [(0, 0), (1, 0), (0, 1)])
    bent = Tsai(LOOKS_DOWN | {"kappa1": 0.1}).to_ground(np.array([[420.0, 240.0]]))
    assert np.allclose(bent, [(1.1, 0)])


@pytest.mark.assets
def test_control_points_agree_with_the_data_sets_own_calibration(assets: Path):
    figures = tsai_figures()
    assert figures["tsai.lens_height_off_m"] < 0.1
    assert figures["tsai.lens_aside_m"] < 0.5
    assert figures["tsai.ground_median_m"] < 0.2
