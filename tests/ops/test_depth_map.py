"""Dense depth with small models that the test makes: a transformers folder, ONNX files and an OpenVINO IR."""

import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.depth_map import MEAN_RGB, SPREAD_RGB, DepthMap, DepthMapParams
from schemas.errors import ModelError
from schemas.tables import TABLES
from schemas.values import ModelFile
from tests.ops.onnx_file import write_depth_onnx
from tests.support.fakes import FakeServices, make_segment, make_unit

SEGMENT = make_segment(size_px=(64, 48))


def model_file(path: Path, kind: str, scale=None, input_px=None) -> ModelFile:
    return ModelFile("mine", str(path), kind, "depth", "depth", "0" * 64, "none", "made by a test", input_px, (), scale)


def make_backgrounds(image=None, size_px=(64, 48)):
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, size=(size_px[1], size_px[0], 3), dtype=np.uint8)
    png = cv2.imencode(".png", image)[1].tobytes()
    unknown = cv2.imencode(".png", np.zeros(image.shape[:2], np.uint8))[1].tobytes()
    row = {
        "camera": ["cam1"],
        "segment_id": [SEGMENT.segment_id],
        "width": [image.shape[1]],
        "height": [image.shape[0]],
        "png": [png],
        "unknown_png": [unknown],
        "noise": [1.0],
        "samples": [9],
        "doubtful_png": [b""],
        "segment_start": [SEGMENT.start],
        "segment_end": [SEGMENT.end],
        "small_png": [b""],
        "small_unknown_png": [b""],
        "span_s": [60.0],
        "unknown_share": [0.0],
        "steadied": [False],
        "reference_time": [None],
    }
    return TABLES["backgrounds"].conform(row)


def run(model, backgrounds=None, **params):
    op = DepthMap(DepthMapParams(model="mine", **params))
    op.open({"depth": model}, 1)
    services = FakeServices()
    table = op.run(
        make_unit([SEGMENT]), {"backgrounds": make_backgrounds() if backgrounds is None else backgrounds}, services
    )["depth_maps"]
    op.close()
    assert table.schema.equals(TABLES["depth_maps"].schema, check_metadata=True)
    assert services.counters["depth_calls"] == table.num_rows
    return table


def values_of(row):
    flat = np.frombuffer(zlib.decompress(row["values_f16"]), dtype="<f2")
    return flat.reshape(row["height"], row["width"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A randomly initialised Depth Anything of a few thousand weights, saved as transformers saves them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other people's imports warn of is not what is tested here
        import torch
        from transformers import (
            DepthAnythingConfig,
            DepthAnythingForDepthEstimation,
            Dinov2Config,
            DPTImageProcessor,
        )
    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14, out_indices=[1, 2],
        reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, patch_size=14, reassemble_factors=[1, 0.5],
        neck_hidden_sizes=[8, 8], fusion_hidden_size=8, head_hidden_size=8,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("depth") / "tiny"
    network = DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        for weights in network.parameters():
            weights.uniform_(-0.5, 0.5)  # as initialised, so small a network gives nothing but noughts
    network.save_pretrained(path)
    DPTImageProcessor(size={"height": 56, "width": 56}, ensure_multiple_of=14).save_pretrained(path)
    return path


def test_off_unless_a_model_is_named():
    assert not DepthMap().enabled
    assert DepthMap().model_requests == {}
    op = DepthMap(DepthMapParams(model="mine"))
    assert op.enabled
    request = op.model_requests["depth"]
    assert (request.name, request.task) == ("mine", "depth")


@pytest.mark.slow
def test_a_transformers_folder_gives_a_map_of_the_backgrounds_size(folder):
    (row,) = run(model_file(folder, "transformers")).to_pylist()
    values = values_of(row)
    assert values.shape == (48, 64)
    assert (row["scale"], row["model"], row["segment_id"]) == ("relative", "mine", SEGMENT.segment_id)
    assert (row["value_min"], row["value_max"]) == (values.min(), values.max())
    assert values.std() > 0
    other = make_backgrounds(np.zeros((48, 64, 3), np.uint8))
    assert not np.array_equal(values, values_of(run(model_file(folder, "transformers"), other).to_pylist()[0]))


@pytest.mark.slow
def test_the_same_background_gives_the_same_bytes(folder):
    assert run(model_file(folder, "transformers")).equals(run(model_file(folder, "transformers")))


@pytest.mark.slow
def test_metric_models_are_distinguished(folder):
    assert run(model_file(folder, "transformers", "metric"))["scale"].to_pylist() == ["metric"]


@pytest.mark.parametrize("keep_axis", [True, False])
def test_an_onnx_file_gets_normalised_rgb_and_gives_its_map(tmp_path, keep_axis):
    path = write_depth_onnx(tmp_path / "mine.onnx", (48, 64), keep_axis)
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 32:] = (10, 60, 250)  # BGR
    (row,) = run(model_file(path, "onnx"), make_backgrounds(image)).to_pylist()
    left, right = (((np.array(rgb) / 255 - MEAN_RGB) / SPREAD_RGB).mean() for rgb in ((0, 0, 0), (250, 60, 10)))
    assert values_of(row)[:, :30] == pytest.approx(left, abs=2e-3)
    assert values_of(row)[:, 34:] == pytest.approx(right, abs=2e-3)


def test_an_onnx_file_of_any_size_runs_at_the_size_that_is_asked_for(tmp_path):
    path = write_depth_onnx(tmp_path / "mine.onnx", ("height", "width"))
    for input_px in (None, (28, 14)):
        (row,) = run(model_file(path, "onnx", input_px=input_px)).to_pylist()
        assert (row["width"], row["height"]) == (64, 48)


def test_an_openvino_folder_runs(tmp_path):
    import openvino

    core = openvino.Core()
    openvino.save_model(core.read_model(write_depth_onnx(tmp_path / "a.onnx", (48, 64))), tmp_path / "ir" / "a.xml")
    ir, onnx = (
        values_of(run(model_file(path, kind)).to_pylist()[0])
        for path, kind in ((tmp_path / "ir", "openvino"), (tmp_path / "a.onnx", "onnx"))
    )
    assert ir == pytest.approx(onnx, abs=1e-2)


def test_wide_maps_are_stored_smaller(tmp_path):
    path = write_depth_onnx(tmp_path / "mine.onnx", (48, 64))
    (row,) = run(model_file(path, "onnx"), max_width_px=20).to_pylist()
    assert values_of(row).shape == (15, 20)


def test_a_camera_without_a_background_has_no_map(tmp_path):
    path = write_depth_onnx(tmp_path / "mine.onnx", (48, 64))
    assert run(model_file(path, "onnx"), TABLES["backgrounds"].empty()).num_rows == 0


def test_models_that_are_none_are_refused(tmp_path):
    op = DepthMap(DepthMapParams(model="mine"))
    with pytest.raises(ModelError, match="is missing"):
        op.open({}, 1)
    noise = tmp_path / "noise.onnx"
    noise.write_bytes(bytes(range(256)))
    (tmp_path / "empty").mkdir()
    for path, kind, reason in (
        (noise, "onnx", "OpenVINO cannot load"),
        (tmp_path / "empty", "openvino", "OpenVINO cannot load"),
        (tmp_path / "empty", "transformers", "transformers cannot load"),
        (noise, "pt", "depth needs"),
    ):
        with pytest.raises(ModelError, match=reason):
            op.open({"depth": model_file(path, kind)}, 1)
    with pytest.raises(ModelError, match="not opened"):
        op.run(make_unit([SEGMENT]), {"backgrounds": make_backgrounds()}, FakeServices())


def test_a_model_that_gives_no_map_is_refused(tmp_path):
    op = DepthMap(DepthMapParams(model="mine"))
    model = model_file(write_depth_onnx(tmp_path / "mine.onnx", (48, 64)), "onnx")
    op.open({"depth": model}, 1)
    op._estimate = lambda image: np.full((4, 4), np.nan, np.float32)
    with pytest.raises(ModelError, match="no map of finite numbers"):
        op.run(make_unit([SEGMENT]), {"backgrounds": make_backgrounds()}, FakeServices())
