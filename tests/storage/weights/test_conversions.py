"""Converted weights have a name, metadata that say what they are, and an origin by which they are found related."""

from dataclasses import replace

import pytest

from schemas.errors import ModelError
from schemas.op import ModelRequest
from storage.weights.conversions import converted_name, converted_origin, family, metadata_of, write_metadata
from storage.weights.files import read_model_facts
from tests.storage.weights.model_files import detector, openvino_folder


@pytest.mark.parametrize(
    ("source", "suffix", "name"),
    [
        ("yolo11n.pt", "-int8", "yolo11n-int8"),
        ("yolox_nano.onnx", "-fp16", "yolox_nano-fp16"),
        ("yolo11n_openvino_model", "-int8", "yolo11n-int8"),
        ("yolo11n-fp16", "-int8", "yolo11n-int8"),
        ("yolo11n.pt", ".onnx", "yolo11n.onnx"),
    ],
)
def test_names_say_the_source_and_the_precision(source, suffix, name):
    assert converted_name(source, suffix) == name


def test_metadata_are_read_back(store, tmp_path):
    source = store.import_model(detector(tmp_path / "net.onnx"))
    folder = openvino_folder(tmp_path / "folder", None)
    write_metadata(folder, metadata_of(source, ("person", "it's: a dog")))
    facts = read_model_facts(folder)
    assert (facts.task, facts.licence, facts.classes) == ("detect", "AGPL-3.0", ("person", "it's: a dog"))


def test_conversions_of_conversions_are_one_family(store, tmp_path):
    first = store.import_model(detector(tmp_path / "net.onnx"))
    second = replace(first, sha256="2" * 64, name="net-fp16", origin=converted_origin(first, "OpenVINO"))
    third = replace(first, sha256="3" * 64, name="net-int8", origin=converted_origin(second, "OpenVINO, INT8"))
    assert {family(each, [first, second, third]) for each in (first, second, third)} == {first.sha256}
    looped = replace(first, origin=converted_origin(third, "x"))
    assert family(looped, [looped, second, third]) in {each.sha256 for each in (first, second, third)}


def test_a_second_detector_is_no_conversion_of_the_first(store, tmp_path):
    first = store.import_model(detector(tmp_path / "net.onnx"))
    twin = detector(tmp_path / "net-fp16.onnx", classes=3)
    store.import_model(twin, origin=converted_origin(first, "ONNX"))
    assert store.resolve(ModelRequest("auto", "detect"), excluding=[first]) is None
    other = store.import_model(detector(tmp_path / "other.onnx", classes=4))
    assert store.resolve(ModelRequest("auto", "detect"), excluding=[first]) == other


def test_names_that_are_taken_or_known_are_refused(store, tmp_path):
    store.require_free("net-int8")
    store.import_model(detector(tmp_path / "net.onnx"), origin="a friend")
    with pytest.raises(ModelError, match=r"net\.onnx exists already: a friend; remove it, or give another --name"):
        store.require_free("net.onnx")
    with pytest.raises(ModelError, match="on the known list"):
        store.require_free("yolox_nano.onnx")
