"""Graphs do what their declaration says: sizes, normalisation, outputs, kinds."""

import numpy as np
import pytest

from ops.depth_models.graph import Placement, place
from ops.depth_models.kinds import AffineDepth, MetricDepth, RelativeDepth
from ops.depth_models.load import load_depth_network
from schemas.depth import DepthFacts
from schemas.errors import ModelError
from tests.ops.depth_models.models import PLAIN, described, points_graph, red_graph
from tests.ops.onnx_file import write_depth_onnx


def picture(width: int = 64, height: int = 48, red: int = 0) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :, 0] = 255
    image[..., 1] = 102
    image[:, : width // 2, 0] = red
    return image


@pytest.mark.parametrize(
    ("size_px", "resize", "expected"),
    [
        ((640, 480), "stretch", Placement((518, 392), (518, 392))),
        ((1280, 720), "fit", Placement((518, 294), (518, 294))),  # 291 rows, to the next multiple of 14
        ((720, 1280), "fit", Placement((224, 392), (224, 392))),
        ((2000, 3), "fit", Placement((518, 14), (518, 14))),  # never smaller than a patch
        ((5, 4), "fit", Placement((490, 392), (490, 392))),
        ((1280, 720), "pad", Placement((518, 392), (518, 291), (0, 50))),
        ((2000, 1), "pad", Placement((518, 392), (518, 1), (0, 195))),
    ],
)
def test_a_picture_keeps_its_aspect_and_patches_stay_whole(size_px, resize, expected):
    assert place(size_px, DepthFacts("relative", input_px=(518, 392), resize=resize)) == expected


def test_onnx_gets_normalised_rgb_and_gives_its_map(tmp_path):
    model = described(write_depth_onnx(tmp_path / "mine.onnx", (48, 64)), "onnx", resize="stretch")
    depth = load_depth_network(model, 1)(picture()).depth
    left, right = (
        np.mean((np.array(rgb) / 255 - DepthFacts("relative").mean_rgb) / DepthFacts("relative").std_rgb)
        for rgb in ((0, 102, 0), (255, 102, 0))
    )
    assert isinstance(depth, RelativeDepth)
    assert depth.values[:, :30] == pytest.approx(left, abs=1e-3)
    assert depth.values[:, 34:] == pytest.approx(right, abs=1e-3)


@pytest.mark.parametrize("resize", ["fit", "pad", "stretch"])
@pytest.mark.parametrize("size_px", [(64, 48), (97, 31), (31, 97)])
def test_sizes_and_places_are_restored(tmp_path, resize, size_px):
    model = described(red_graph(tmp_path / "ir"), resize=resize, input_px=(70, 56), **PLAIN)
    values = load_depth_network(model, 1)(picture(*size_px)).depth.values
    assert values.shape == size_px[::-1]
    # The border between dark and bright is where it was, up to the network's pixels.
    border = (values[size_px[1] // 2] > 0.5).argmax()
    assert abs(border - size_px[0] // 2) <= max(2, size_px[0] // 30)
    assert values[0, 0] == pytest.approx(0, abs=0.02) and values[-1, -1] == pytest.approx(1, abs=0.02)


def test_points_are_masked_and_multiplied(tmp_path):
    path = points_graph(tmp_path / "ir")
    moge = {"output": "points", "factor": "factor", "mask": "mask", "inputs": (("gain", 2.0),), **PLAIN}
    model = described(path, kind="openvino", channel=0, **moge)
    image = picture(red=51)
    image[:10, :, 1] = 255  # green is the mask
    values = load_depth_network(model, 1)(image).depth.values
    assert values[2, 5] == pytest.approx(0.2 * 2 * 3, abs=0.01)
    assert np.isnan(values[20:]).all()
    for channel in (None, 7):
        with pytest.raises(ModelError, match="may name a channel"):
            load_depth_network(described(path, channel=channel, **moge), 1)(image)


def test_a_canonical_camera_gives_metres_only_for_a_known_focal_length(tmp_path):
    metric = {"kind": "metric", "canonical_focal_px": 500.0, "resize": "stretch", "input_px": (32, 24), **PLAIN}
    image = picture(red=255)
    estimate = load_depth_network(model_of(red_graph(tmp_path / "a"), metric), 1)(image)
    assert isinstance(estimate.depth, AffineDepth) and estimate.depth.scale_is_focal
    # A focal length of 1000 px in the picture is 500 px in the input of half its size: the canonical one.
    assert estimate.depth.metric(1000).values == pytest.approx(1, abs=1e-6)
    path = red_graph(tmp_path / "b", camera=[250.0, 0, 16, 0, 250, 12, 0, 0, 1])
    known = load_depth_network(model_of(path, metric | {"output": "depth", "intrinsics": "camera"}), 1)(image)
    assert isinstance(known.depth, MetricDepth) and known.focal_px == pytest.approx(500)
    assert known.depth.values == pytest.approx(0.5, abs=1e-6)
    path = red_graph(tmp_path / "c", camera=[-250.0])
    with pytest.raises(ModelError, match="-500 pixels as the focal length"):
        load_depth_network(model_of(path, metric | {"output": "depth", "intrinsics": "camera"}), 1)(image)


def model_of(path, facts):
    facts = dict(facts)
    kind = facts.pop("kind")
    model = described(path, **facts)
    return type(model)(**{**vars(model), "depth": DepthFacts(**{**vars(model.depth), "kind": kind})})


def test_names_that_the_graph_lacks_are_refused(tmp_path):
    path = red_graph(tmp_path / "ir", other=[1.0])
    for facts, reason in (
        ({"output": "far"}, "names 'far'.*outputs depth, other"),
        ({"inputs": (("tokens", 9.0),), "output": "depth"}, "names 'tokens'.*inputs image"),
        ({}, "must name its output"),
        ({"output": "depth", "inputs": (("image", 1.0),)}, "must have one input .*none"),
        ({"output": "other", "channel": 1}, "its output is no map"),
    ):
        with pytest.raises(ModelError, match=reason):
            load_depth_network(described(path, **facts), 1)(picture())


def test_what_is_no_graph_is_refused_and_so_is_a_size_that_it_cannot_take(tmp_path):
    noise = tmp_path / "noise.onnx"
    noise.write_bytes(bytes(range(256)))
    with pytest.raises(ModelError, match="OpenVINO cannot load"):
        load_depth_network(described(noise, "onnx"), 1)
    with pytest.raises(ModelError, match="depth needs"):
        load_depth_network(described(noise, "pt"), 1)
    model = described(noise, "onnx")
    with pytest.raises(ModelError, match="nothing says what kind"):
        load_depth_network(type(model)(**{**vars(model), "depth": None}), 1)


def test_a_map_without_a_finite_number_is_an_error_and_holes_stay_unknown(tmp_path):
    image = picture(red=128)
    for value, reason in ((float("nan"), "none is a finite number"), (float("inf"), "none is a finite number")):
        path = red_graph(tmp_path / str(value), gain=[value])
        with pytest.raises(ModelError, match=reason):
            load_depth_network(described(path, output="depth", factor="gain", **PLAIN), 1)(image)
