"""Broken detectors are refused where weights are imported, and named with what to do; without a picture all is said."""

import io
from pathlib import Path

import numpy as np
import pytest

from jobs.planning.configure import ReadyOp
from jobs.proofs import import_weights, prove_ops, require_able
from ops.anonymize import Anonymize
from ops.anonymize.detectors import MASKS
from ops.anonymize.params import AnonymizeParams
from ops.depth_map import DepthMap, DepthMapParams
from ops.detect import Detect, DetectParams
from ops.known_picture import PHOTOGRAPH
from ops.second_look import SECOND, SecondLook
from schemas.errors import ModelError
from schemas.op import DETECTOR
from storage.weights.catalogue import ModelStore
from tests.ops.depth_models.models import described, floor_graph
from tests.ops.interactions.qpic.tiny import tiny_weights
from tests.ops.known_people import KNOWN_PEOPLE, constant_detector
from tests.storage.onnx_file import constant_network

NOBODY = np.empty((0, 4))


@pytest.fixture
def models(tmp_path):
    return ModelStore(tmp_path / "models")


@pytest.fixture
def able(tmp_path):
    return constant_detector(tmp_path / "able.onnx", KNOWN_PEOPLE)


@pytest.fixture
def blind(tmp_path):
    return constant_detector(tmp_path / "blind.onnx", NOBODY)


@pytest.fixture
def no_photograph(tmp_path, monkeypatch):
    """Hides the photograph: its package is not installed."""
    monkeypatch.setattr("storage.photographs.PACKAGE", "no_such_package")


def ready(detector, second=None):
    """Returns the ops that use these weights."""
    second_models = {} if second is None else {SECOND: second}
    return {
        "detect": ReadyOp(Detect(DetectParams()), {DETECTOR: detector}),
        "second_look": ReadyOp(SecondLook(None), second_models),
    }


def test_an_able_detector_is_imported_with_its_proof(models, able, tmp_path):
    model, proof = import_weights(models, tmp_path / "able.onnx")
    assert (model.name, proof.verdict) == ("able.onnx", "able")
    assert [each.name for each in models.list()] == ["able.onnx"]


def test_a_blind_detector_is_not_imported(models, blind, tmp_path):
    expected = r"blind\.onnx.*it found 0 of 18 people.*expected are at least 14.*nothing was imported"
    with pytest.raises(ModelError, match=expected):
        import_weights(models, tmp_path / "blind.onnx")
    assert models.list() == [] and not (tmp_path / "models").exists()


def test_weights_that_are_no_detector_need_no_proof(models, tmp_path):
    (tmp_path / "depth.onnx").write_bytes(constant_network((1, 3, 32, 64), (1, 32, 64)))
    (tmp_path / "depth.depth.toml").write_text('kind = "relative"\nresize = "pad"\n')
    model, proof = import_weights(models, tmp_path / "depth.onnx", task="depth")
    assert (model.task, proof) == ("depth", None)


@pytest.mark.slow
def test_weights_for_interactions_must_load_as_qpic(models, tmp_path):
    source = Path(tiny_weights(tmp_path / "tiny.pth").path)
    model, proof = import_weights(models, source, task="interactions")
    assert (model.name, model.layout, proof) == ("tiny.pth", "qpic", None)
    for content, message in ((source.read_bytes()[:3000], "not a readable weights file"), (other_network(), "missing")):
        (tmp_path / "bad.pth").write_bytes(content)
        with pytest.raises(ModelError, match=message):
            import_weights(models, tmp_path / "bad.pth", task="interactions")
    assert [each.name for each in models.list()] == ["tiny.pth"]


def other_network():
    """Returns a checkpoint of another architecture."""
    import torch

    content = io.BytesIO()
    torch.save({"model": {"conv1.weight": torch.zeros(3)}}, content)
    return content.getvalue()


def test_each_detector_is_proven_once_if_an_op_that_uses_it_is_to_run(able, blind):
    assert [(users, proof.verdict) for users, proof in prove_ops(ready(able, able), {"detect", "second_look"})] == [
        ("detect, second_look", "able")
    ]
    assert require_able(ready(able, blind), {"detect"}) == []
    assert require_able(ready(blind), {"second_look", "track"}) == []


def test_a_broken_detector_is_refused_with_its_file_and_what_to_do(able, blind):
    expected = (
        r"weights 'blind\.onnx' \(.*/blind\.onnx\) are not able to see: it found 0 of 18 people.* "
        r"`nightshift models import FILE`, or name others under \[ops\.second_look\]"
    )
    with pytest.raises(ModelError, match=expected):
        require_able(ready(able, blind), {"detect", "second_look"})


def test_a_network_for_depth_is_proven_where_it_cuts_people_out_and_nowhere_else(tmp_path):
    depth = described(floor_graph(tmp_path / "net"), input_px=(64, 48), resize="stretch")
    ops = {
        "depth_map": ReadyOp(DepthMap(DepthMapParams(model="mine")), {DepthMap.role: depth}),
        "anonymize": ReadyOp(Anonymize(AnonymizeParams(mask_model="mine")), {MASKS: depth}),
    }
    assert prove_ops(ops, {"depth_map"}) == []
    expected = (
        r"weights 'mine' \(.*/net\) are not able to see: it found 0 of 18 people on the known picture, and 0 boxes "
        r"elsewhere; expected are .*, or name others under \[ops\.anonymize\]$"
    )
    with pytest.raises(ModelError, match=expected):
        require_able(ops, {"depth_map", "anonymize"})


def test_without_the_photograph_nothing_is_proven_and_that_is_said(models, blind, tmp_path, no_photograph):
    (warning,) = require_able(ready(blind), {"detect"})
    assert warning.startswith("detect: nothing proves that weights blind.onnx find anything") and PHOTOGRAPH in warning
    assert import_weights(models, tmp_path / "blind.onnx")[1].verdict == "unproven"
