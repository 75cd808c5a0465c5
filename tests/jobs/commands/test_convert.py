"""A conversion is imported if it finds what its source finds, on frames it was not made of; else nothing stays."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from jobs.commands.convert import KNOWN_PICTURE, ConvertRequest, convert_model, require_agreement
from jobs.site import open_site
from ops.conversion.agreement import Agreement
from schemas.errors import ModelError, SelectionError, UserError
from schemas.op import ModelRequest
from storage.weights.catalogue import RECORD, ModelStore
from storage.weights.files import sha256_of
from tests.ops.conversion.small_detector import patch_detector

needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="the extra `convert` is not installed")


@pytest.fixture
def site(used_site, monkeypatch, tmp_path):
    """A site with a detector that sees patches, in a process whose temporary files can be listed."""
    patch_detector(used_site / "models" / "patches")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return open_site(used_site)


def left_over(site):
    """Names in the temporary folder, and in that of the weights."""
    models = site.files.models
    temporary = [path.name for path in Path(models.parent.parent, "tmp").iterdir() if path.name != "nightshift-0"]
    return temporary, sorted(path.name for path in models.iterdir())


def test_weights_of_16_bits_are_recorded_with_licence_and_origin(site):
    seen = []
    converted = convert_model(site, ConvertRequest("patches"), lambda done, total: seen.append((done, total)))
    model, source = converted.model, ModelStore(site.files.models).resolve(ModelRequest("patches", "detect"))
    assert (model.name, model.format, model.licence, model.classes) == (
        "patches-fp16",
        "openvino",
        "CC0-1.0",
        ("patch",),
    )
    assert model.origin == f"converted from patches (sha256 {source.sha256}): OpenVINO, weights of 16 bits"
    assert model.sha256 == sha256_of(site.files.models / "patches-fp16")
    assert json.loads((site.files.models / RECORD).read_text())["patches-fp16"]["origin"] == model.origin
    assert ModelStore(site.files.models).resolve(ModelRequest("patches-fp16", "detect")) == model
    assert converted.proof.verdict == "unproven"
    assert {KNOWN_PICTURE, "hall"} <= set(converted.agreement)
    assert all(each.share == 1 for each in converted.agreement.values())
    assert seen[-1][0] == seen[-1][1] > 0
    assert left_over(site) == ([], [RECORD, "patches", "patches-fp16"])


def test_what_exists_is_named_and_another_name_is_another_model(site):
    convert_model(site, ConvertRequest("patches"))
    with pytest.raises(ModelError, match=r"patches-fp16 exists already: converted from patches .*another --name"):
        convert_model(site, ConvertRequest("patches"))
    assert convert_model(site, ConvertRequest("patches", name="again")).model.name == "again"
    with pytest.raises(ModelError, match="on the known list"):
        convert_model(site, ConvertRequest("patches", name="yolo11n_int8_openvino_model"))
    with pytest.raises(ModelError, match="plain file name"):
        convert_model(site, ConvertRequest("patches", name="../patches"))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (ConvertRequest("nobody"), "no weights 'nobody'"),
        (ConvertRequest("patches", target="onnx"), "from Ultralytics' .pt only"),
        (ConvertRequest("patches", cameras=("roof",)), "no camera 'roof'"),
    ],
)
def test_what_cannot_be_converted_so_is_refused(site, request_, reason):
    with pytest.raises(UserError, match=reason):
        convert_model(site, request_)
    assert left_over(site) == ([], ["patches"])


def test_what_is_small_already_is_not_converted_again(site):
    convert_model(site, ConvertRequest("patches"))
    with pytest.raises(ModelError, match="16 bits already"):
        convert_model(site, ConvertRequest("patches-fp16", name="other"))


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ModelError("no")])
def test_what_is_interrupted_or_refused_leaves_nothing(site, monkeypatch, failure):
    def fail(*arguments, **named):
        raise failure

    monkeypatch.setattr("jobs.commands.convert.import_weights", fail)
    with pytest.raises(type(failure)):
        convert_model(site, ConvertRequest("patches"))
    assert left_over(site) == ([], ["patches"])


def test_the_worst_camera_counts(tmp_path):
    good, bad = Agreement(10, 100, 100, 100, 100), Agreement(10, 30, 27, 30, 30)
    require_agreement({"a": good, "b": good}, 0.95, needs_frames=True)
    with pytest.raises(ModelError, match=r"90\.0% of the boxes of b, of 95\.0% at least .*nothing was imported"):
        require_agreement({"a": good, "b": bad}, 0.95, needs_frames=True)
    require_agreement({"a": good, "b": bad}, 0.9, needs_frames=True)
    few = Agreement(10, 10, 8, 10, 10)
    require_agreement({"a": good, "b": few}, 0.95, needs_frames=True)
    with pytest.raises(ModelError, match="all pictures"):
        require_agreement({"a": few, "b": few, "c": few}, 0.95, needs_frames=True)


def test_pictures_that_show_too_little_decide_nothing():
    known = {KNOWN_PICTURE: Agreement(1, 30, 30, 30, 30), "a": Agreement(10, 3, 3, 3, 3)}
    require_agreement(known, 0.95, needs_frames=False)
    with pytest.raises(UserError, match=r"10 pictures .* show 3 things, of 20 at least: nothing was imported"):
        require_agreement(known, 0.95, needs_frames=True)


def test_a_site_without_footage_converts_by_the_known_picture_alone(fresh_site, tmp_path):
    for file in (fresh_site / "archive").rglob("*.mp4"):
        file.unlink()
    patch_detector(fresh_site / "models" / "patches")
    with pytest.raises(UserError, match="show 16 things"):
        convert_model(open_site(fresh_site), ConvertRequest("patches"))


@needs_nncf
@pytest.mark.slow
def test_int8_is_calibrated_on_frames_of_the_site(site, monkeypatch):
    monkeypatch.setattr("jobs.commands.convert.LEAST_CALIBRATION_FRAMES", 3)
    monkeypatch.setattr("jobs.commands.convert.LEAST_BOXES", 10)
    converted = convert_model(site, ConvertRequest("patches", int8=True, frames=5, cameras=("hall",)))
    assert converted.calibration == {"hall": 5}
    assert converted.model.origin.endswith(": OpenVINO, INT8, calibrated on 5 frames of hall")
    assert set(converted.agreement) == {KNOWN_PICTURE, "hall"}
    assert left_over(site) == ([], [RECORD, "patches", "patches-int8"])
    with pytest.raises(ModelError, match="INT8 already"):
        convert_model(site, ConvertRequest("patches-int8", int8=True, name="other"))
    best = ModelStore(site.files.models).resolve(ModelRequest("auto", "detect"), excluding=[converted.model])
    assert best is None, "its source makes the same errors"


@needs_nncf
def test_too_few_frames_are_refused(site):
    with pytest.raises(UserError, match=r"20 frames at least; the archive gives \d+: one in 2 s"):
        convert_model(site, ConvertRequest("patches", int8=True))
    assert left_over(site) == ([], ["patches"])


def test_int8_without_nncf_says_what_to_install(site, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"nightshift\[convert\]"):
        convert_model(site, ConvertRequest("patches", int8=True))


def test_no_such_camera_is_a_selection_error(site):
    with pytest.raises(SelectionError):
        convert_model(site, ConvertRequest("patches", cameras=("roof",)))
