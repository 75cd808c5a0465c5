"""What a fingerprint depends on, and how a change is described."""

from types import SimpleNamespace

import pytest

from jobs.planning import fingerprint as fingerprint_module
from jobs.planning.configure import ReadyOp
from jobs.planning.fingerprint import fingerprint_base, what_changed
from schemas.op import Scope
from schemas.values import CameraView, ControlPoint, ModelFile
from tests.jobs.pipeline import Detect, Knob, tiny_op

VIEW = CameraView("cam1", "Camera 1", "UTC", fixed=True, control_points=(ControlPoint(0, 0, 0, 0),))
PLACED = tiny_op("placed", Scope.SEGMENT, [], ["positions"], ("calibration", "fixed"))
FREE = tiny_op("free", Scope.SEGMENT, [], ["counts"])
NANO = ModelFile("yolo11n", "n.onnx", "onnx", "detect", "yolo", "12ab" * 16, "AGPL", "here")
SMALL = ModelFile("yolo11s", "s.onnx", "onnx", "detect", "yolo", "34cd" * 16, "AGPL", "here")


def base(op, view=VIEW, crs="EPSG:28992", model=None, knob=1):
    ready = {op.spec.name: ReadyOp(op(Knob(knob)), {"detector": model} if model else {})}
    site = SimpleNamespace(config=SimpleNamespace(crs=crs, camera_view=lambda _: view))
    return fingerprint_base(SimpleNamespace(ops=ready, site=site, stereo={}), op.spec.name, "cam1")


def moved(view):
    return CameraView("cam1", "Camera 1", "UTC", view.fixed, (ControlPoint(1, 0, 0, 0),))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"crs": "EPSG:28992"}, {"crs": "EPSG:32631"}, "crs: EPSG:28992 → EPSG:32631"),
        ({"view": VIEW}, {"view": moved(VIEW)}, "calibration"),
        ({"model": NANO}, {"model": SMALL}, f"weights: yolo11n {'12ab' * 4} → yolo11s {'34cd' * 4}"),
        ({"knob": 1}, {"knob": 2}, "params: value 1 → 2"),
        ({"knob": 1}, {"knob": 1}, "nothing"),
    ],
)
def test_a_change_is_named_and_changes_the_base(before, after, words):
    old, new = base(PLACED, **before), base(PLACED, **after)
    assert what_changed(old.ingredients, new.ingredients) == words
    assert (old.digest == new.digest) == (words == "nothing")


def test_what_an_op_does_not_use_does_not_matter():
    assert base(FREE) == base(FREE, view=moved(VIEW), crs="EPSG:32631")


def test_the_version_of_the_decoding_matters_to_ops_on_frames(monkeypatch):
    frames, tables = base(Detect), base(FREE)
    monkeypatch.setattr(fingerprint_module, "DECODING_VERSION", 7)
    assert base(FREE) == tables
    assert base(Detect).digest != frames.digest
    assert what_changed(frames.ingredients, base(Detect).ingredients) == "decoding: 2 → 7"


def test_parameters_with_long_values_are_only_named():
    old, new = {"params": '{"a": 1, "zone": "%s"}' % ("x" * 80)}, {"params": '{"b": 2, "zone": ""}'}
    assert what_changed(old, new) == "params: b nothing → 2, zone, a 1 → nothing"
    assert what_changed({}, new) == "params"


def test_versions_and_sources_are_named():
    old = {"op": "detect 1", "reads background": "a", "footage": "b"}
    new = {"op": "detect 2", "reads background": "c", "footage": "d"}
    assert what_changed(old, new) == "op: detect 1 → detect 2, reads background, footage"
