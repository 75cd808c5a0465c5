"""Folders of transformers give what the library's own pipeline gives; other folders are refused in one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.depth_pipeline import PICTURE_SIZES_PX, SMALL, describe, library_depth, picture, save_small
from ops.depth_models.kinds import MetricDepth, RelativeDepth
from ops.depth_models.load import load_depth_network
from schemas.errors import ModelError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of the library's own code

METRIC = {"depth_anything_metric", "zoedepth", "depth_pro", "glpn"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("depth")


def saved(folders: Path, name: str) -> Path:
    return folders / name if (folders / name).is_dir() else save_small(name, folders)


@pytest.mark.parametrize("name", SMALL)
def test_the_bits_are_those_of_the_librarys_pipeline(folders, name):
    path = saved(folders, name)
    network, image = load_depth_network(describe(path), 1), picture(PICTURE_SIZES_PX[1])
    estimate, expected = network(image), library_depth(path, image)
    assert np.array_equal(estimate.depth.values, expected)
    assert estimate.depth.values.shape == image.shape[:2]
    assert expected.std() > 0
    assert isinstance(estimate.depth, MetricDepth if name in METRIC else RelativeDepth)
    assert (estimate.focal_px is not None) == (name == "depth_pro")
    if estimate.focal_px is not None:  # 50 degrees
        assert estimate.focal_px == pytest.approx(image.shape[1] / 2 / np.tan(np.radians(25)), rel=1e-3)


def test_the_focal_length_of_another_camera_makes_metres(folders):
    path = saved(folders, "glpn")
    shutil.copytree(path, folders / "canonical")
    (folders / "canonical" / "depth.toml").write_text('kind = "metric"\ncanonical_focal_px = 500\n')
    image = picture((64, 64))  # the input has the same size
    plain, other = (load_depth_network(describe(each), 1)(image).depth for each in (path, folders / "canonical"))
    assert other.metric(250).values == pytest.approx(plain.values / 2, rel=1e-5)


def test_a_picture_that_is_smaller_than_a_patch_is_an_error_in_one_line(folders):
    network = load_depth_network(describe(saved(folders, "glpn")), 1)
    with pytest.raises(ModelError, match="cannot take a picture of 20 x 10 pixels") as error:
        network(picture((20, 10)))
    assert "\n" not in str(error.value)


def test_weights_that_overflow_in_half_precision_run_in_full(folders):
    import torch
    from transformers import AutoModelForDepthEstimation

    path = saved(folders, "depth_anything_relative")
    half = folders / "half"
    shutil.copytree(path, half)
    network = AutoModelForDepthEstimation.from_pretrained(path)
    with torch.no_grad():
        network.head.conv3.weight.mul_(2000)  # beyond 65504, the largest number of 16 bits
    network.half().save_pretrained(half)
    stored = AutoModelForDepthEstimation.from_pretrained(half)
    assert stored.dtype is torch.float16, "the library would run it in half precision"
    values = load_depth_network(describe(half), 1)(picture((64, 48))).depth.values
    assert np.isfinite(values).all() and values.max() > 65504


def test_weights_of_another_network_are_refused(folders):
    path = folders / "mixed"
    shutil.copytree(saved(folders, "depth_anything_relative"), path)
    shutil.copyfile(saved(folders, "glpn") / "model.safetensors", path / "model.safetensors")
    with pytest.raises(ModelError, match="not those of a DepthAnythingForDepthEstimation"):
        load_depth_network(describe(path), 1)
    (path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="transformers cannot load it"):
        load_depth_network(describe(path), 1)


def test_weights_that_dpt_never_uses_may_be_missing(folders):
    from safetensors.torch import load_file, save_file

    path = folders / "lacking"
    shutil.copytree(saved(folders, "dpt"), path)
    weights = load_file(path / "model.safetensors")
    unused = [name for name in weights if "fusion_stage.layers.0.residual_layer1." in name]
    assert unused
    save_file({n: w for n, w in weights.items() if n not in unused}, path / "model.safetensors", {"format": "pt"})
    image = picture((64, 48))
    whole, without = (load_depth_network(describe(each), 1)(image) for each in (folders / "dpt", path))
    assert np.array_equal(whole.depth.values, without.depth.values)


def test_code_in_a_folder_never_runs(folders):
    path = folders / "foreign"
    shutil.copytree(saved(folders, "glpn"), path)
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "foreign", "architectures": ["ForeignForDepthEstimation"]}
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForDepthEstimation": "code.Network"}
    (path / "config.json").write_text(json.dumps(config))
    (path / "code.py").write_text(f"open({str(path / 'ran')!r}, 'w')\n")
    (path / "depth.toml").write_text('kind = "metric"\n')
    with pytest.raises(ModelError, match="transformers cannot load it"):
        load_depth_network(describe(path), 1)
    assert not (path / "ran").exists()
