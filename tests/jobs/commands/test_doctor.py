"""The doctor has the site's detectors prove themselves, and names what they cannot find."""

import json

import numpy as np
import pytest

from jobs.commands.doctor import diagnose
from jobs.site import open_site
from tests.ops.known_people import KNOWN_PEOPLE, constant_detector


@pytest.fixture
def detectors(fresh_site, monkeypatch):
    """Returns the check of the site's detectors, with or without a detector that gives these boxes."""
    monkeypatch.setattr("jobs.commands.doctor.RAY_PROBE", "print(1)")

    def check(boxes=None, name="person", classes=("person",), changed=("", "")):
        if boxes is not None:
            (fresh_site / "models").mkdir(exist_ok=True)
            constant_detector(fresh_site / "models" / "net.onnx", boxes, name)
        file = fresh_site / "site.toml"
        file.write_text(file.read_text().replace(*changed) + f"\n[ops.detect]\nclasses = {list(classes)}\n")
        (found,) = [each for each in diagnose(open_site(fresh_site)) if each.name == "detectors"]
        return found

    return check


def test_a_site_without_weights_has_no_detector_to_prove(detectors):
    found = detectors()
    assert (found.verdict, found.result) == ("ok", "none in use")


def test_an_able_detector_is_shown_with_its_proof(detectors):
    found = detectors(KNOWN_PEOPLE, changed=("[ops.anonymize]", "[ops.anonymize]\ntwo_detectors = false"))
    assert found.verdict == "ok" and "net.onnx (detect" in found.result and "18 of 18 people" in found.result


def test_one_detector_alone_is_a_warning_before_the_night(detectors):
    found = detectors(KNOWN_PEOPLE)
    assert found.verdict == "warning" and found.result.endswith("there is no second detector")
    assert "is not published" in found.advice


def test_a_blind_detector_is_an_error(detectors):
    found = detectors(np.empty((0, 4)))
    assert found.verdict == "error" and "0 of 18 people" in found.result and "models import" in found.advice


def test_classes_that_the_weights_do_not_know_are_named(detectors):
    found = detectors(KNOWN_PEOPLE, classes=("person", "bicycle", "dog"))
    assert found.verdict == "warning" and "detect cannot find bicycle, dog" in found.result


def test_without_the_photograph_the_proof_is_missing_and_nothing_fails(detectors, monkeypatch):
    monkeypatch.setattr("storage.photographs.PACKAGE", "no_such_package")
    found = detectors(KNOWN_PEOPLE)
    assert found.verdict == "warning" and "there is no known picture" in found.result


def test_cameras_are_counted_that_are_described_and_that_have_footage(used_site, monkeypatch):
    monkeypatch.setattr("jobs.commands.doctor.RAY_PROBE", "print(1)")
    (used_site / "models").mkdir(exist_ok=True)
    constant_detector(used_site / "models" / "net.onnx", KNOWN_PEOPLE, "person")
    file = used_site / "site.toml"
    file.write_text(file.read_text() + '\n[[cameras]]\nid = "yard"\n')
    (found,) = [each for each in diagnose(open_site(used_site)) if each.name == "site"]
    assert found.result.endswith("site.toml: cameras described: 3; with footage at the last scan: 2")


def test_what_was_repaired_in_a_layer_is_a_warning(fresh_site, monkeypatch):
    monkeypatch.setattr("jobs.commands.doctor.RAY_PROBE", "print(1)")
    path = fresh_site / "layers" / "zones.geojson"
    zones = json.loads(path.read_text())
    (ring,) = zones["features"][0]["geometry"]["coordinates"]
    ring[1], ring[2] = ring[2], ring[1]
    path.write_text(json.dumps(zones))
    (found,) = [each for each in diagnose(open_site(fresh_site)) if each.name == "layers"]
    assert found.verdict == "warning" and "crosses itself and was repaired" in found.result
