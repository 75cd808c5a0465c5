"""Depth weights say the kind of their depth, by a declaration or a config, or are refused with what is missing."""

import json
from pathlib import Path

import pytest

from schemas.depth import DepthFacts
from schemas.errors import ModelError
from schemas.op import ModelRequest
from storage.weights.catalogue import ModelStore
from tests.storage.onnx_file import constant_network

DEPTH_NET = constant_network((1, 3, 28, 42), (1, 1, 28, 42))


def graph(path: Path, declaration: str | None, content: bytes = DEPTH_NET) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if declaration is not None:
        path.with_name(f"{path.stem}.depth.toml").write_text(declaration)
    return path


def folder(path: Path, config: dict[str, object], declaration: str | None = None) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "preprocessor_config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"x")
    if declaration is not None:
        (path / "depth.toml").write_text(declaration)
    return path


def config(kind: str, name: str, **fields: object) -> dict[str, object]:
    return {"model_type": kind, "architectures": [f"{name}ForDepthEstimation"], **fields}


DPT = config("dpt", "DPT")


def test_a_graph_says_its_task_kind_and_licence_beside_itself(store: ModelStore, tmp_path: Path) -> None:
    text = 'kind = "affine"\nresize = "pad"\nlicence = "MIT"\noutput = "points"\ninputs = {tokens = 9}\n'
    imported = store.import_model(graph(tmp_path / "net.onnx", text), name="moge")
    facts = DepthFacts("affine", output="points", inputs=(("tokens", 9.0),), input_px=(42, 28), resize="pad")
    assert (imported.name, imported.task, imported.licence, imported.depth) == ("moge.onnx", "depth", "MIT", facts)
    assert store.resolve(ModelRequest("moge", "depth")) == imported, "as recorded in models.json"
    assert (tmp_path / "site" / "moge.depth.toml").read_text() == text
    assert [ok for _, ok, _ in store.verify()] == [True]
    (tmp_path / "site" / "moge.depth.toml").write_text(text.replace("affine", "relative"))
    with pytest.raises(ModelError, match="altered"):
        store.resolve(ModelRequest("moge", "depth"))


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        (None, r"net.onnx: nothing says what its depth means; write .*net.depth.toml with kind = "),
        ("kind = ", "net.depth.toml is not TOML"),
        ('resize = "pad"', "net.depth.toml: kind: Field required"),
        ('kind = "metres"', "kind: Input should be 'metric', 'affine' or 'relative'"),
        ('kind = "metric"\nscale = 2', "scale: Extra inputs are not permitted"),
        ('kind = "metric"\nmean_rgb = [0.5]', "mean_rgb.1: Field required"),
        ('kind = "metric"\nstd_rgb = [0.5, 0, 1]', "std_rgb.1: Input should be greater than 0"),
        ('kind = "metric"\nscale_only = true', "scale_only is for affine depth, and this is metric"),
        ('kind = "affine"\ncanonical_focal_px = 1000', "canonical_focal_px is for metric depth, and this is affine"),
        ('kind = "metric"', 'takes 42 x 28 pixels only; write resize = "pad" or "stretch"'),
        ('kind = "metric"\nresize = "pad"\ninput_px = [56, 28]', "takes 42 x 28 pixels only"),
    ],
)
def test_what_a_declaration_lacks_is_named(
    store: ModelStore, tmp_path: Path, declaration: str | None, reason: str
) -> None:
    with pytest.raises(ModelError, match=reason) as error:
        store.import_model(graph(tmp_path / "net.onnx", declaration), task="depth")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        (DPT, DepthFacts("relative")),
        (config("dpt", "DPT", backbone_config={"model_type": "swinv2"}), DepthFacts("relative")),
        (config("depth_anything", "DepthAnything"), DepthFacts("relative")),
        (config("depth_anything", "DepthAnything", depth_estimation_type="metric"), DepthFacts("metric")),
        (config("zoedepth", "ZoeDepth"), DepthFacts("metric")),
        (config("glpn", "GLPN"), DepthFacts("metric")),
        (config("depth_pro", "DepthPro", use_fov_model=True), DepthFacts("metric")),
        (config("depth_pro", "DepthPro"), DepthFacts("affine", scale_only=True)),
    ],
)
def test_a_folders_config_tells_the_kind(
    store: ModelStore, tmp_path: Path, fields: dict[str, object], facts: DepthFacts
) -> None:
    assert store.import_model(folder(tmp_path / "mine", fields)).depth == facts
    (found,) = store.list()
    assert found.depth == facts


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (config("prompt_depth_anything", "PromptDepthAnything"), "needs a measured depth map beside the picture"),
        (config("chmv2", "CHMv2"), "height of trees"),
        ({"model_type": "vit", "architectures": ["ViTForImageClassification"]}, "is a ViTForImageClassification model"),
        ({}, "is a nameless model"),
        (config("dpt", "DPT", backbone_config={"model_type": "dinov2"}), 'depth.toml with kind = "relative"'),
        (config("tipsv2_dpt", "Tipsv2Dpt"), "does not say what kind of depth"),
    ],
)
def test_networks_of_no_known_depth_are_refused(
    store: ModelStore, tmp_path: Path, fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        store.import_model(folder(tmp_path / "mine", fields))


def test_a_declaration_overrides_a_config(store: ModelStore, tmp_path: Path) -> None:
    path = folder(tmp_path / "mine", DPT, 'kind = "metric"\nlicence = "apple-amlr"')
    found = store.import_model(path)
    assert (found.depth, found.licence) == (DepthFacts("metric"), "apple-amlr")
    (path / "depth.toml").write_text('kind = "metric"\nmultiple_px = 32')
    with pytest.raises(ModelError, match="multiple_px: only for ONNX and OpenVINO"):
        store.describe(path)


def test_missing_files_are_named(store: ModelStore, tmp_path: Path) -> None:
    path = folder(tmp_path / "mine", DPT)
    (path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-00001.safetensors", "b": "model-00002.safetensors"}})
    )
    (path / "model.safetensors").rename(path / "model-00001.safetensors")
    with pytest.raises(ModelError, match="has no model-00002"):
        store.describe(path)
    (path / "model-00002.safetensors").write_bytes(b"y")
    assert store.import_model(path).depth == DepthFacts("relative")
    assert (tmp_path / "site" / "mine" / "model.safetensors.index.json").is_file()
    for name, reason in (
        ("model.safetensors.index.json", "is no list of files"),
        ("preprocessor_config.json", "has no preprocessor_config.json"),
        ("config.json", "is not JSON"),
    ):
        content = (path / name).read_text()
        (path / name).write_text("{")
        if name.startswith("preprocessor"):
            (path / name).unlink()
        with pytest.raises(ModelError, match=reason):
            store.describe(path)
        (path / name).write_text(content)
