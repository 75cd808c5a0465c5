"""`models import` refuses what are no weights and detectors that are blind; `models convert` shows what it proved."""

import numpy as np

from tests.ops.conversion.small_detector import patch_detector
from tests.ops.known_people import KNOWN_PEOPLE, constant_detector
from tests.storage.onnx_file import constant_network


def test_models_import_and_refusal(nightshift, used_site, tmp_path):
    fake = tmp_path / "weights.onnx"
    fake.write_bytes(b"not weights")
    said = nightshift("models", "import", fake, "--site", used_site)
    assert said.code == 2 and "weights.onnx" in said.err and not list((used_site / "models").glob("*.onnx"))


def test_a_detector_proves_itself_before_it_is_imported(nightshift, used_site, tmp_path):
    constant_detector(tmp_path / "able.onnx", KNOWN_PEOPLE)
    said = nightshift("models", "import", tmp_path / "able.onnx", "--site", used_site)
    assert said.code == 0 and "it found 18 of 18 people" in said.out
    constant_detector(tmp_path / "blind.onnx", np.empty((0, 4)))
    said = nightshift("models", "import", tmp_path / "blind.onnx", "--site", used_site)
    assert said.code == 2 and "it found 0 of 18 people" in said.err and said.err.count("\n") == 1
    constant_detector(tmp_path / "boats.onnx", KNOWN_PEOPLE, "boat")
    said = nightshift("models", "import", tmp_path / "boats.onnx", "--site", used_site, "--json")
    assert said.code == 0 and said.json["name"] == "boats.onnx" and "nothing proves" in said.err


def test_the_task_of_weights_that_do_not_name_it_is_given(nightshift, used_site, tmp_path):
    source = tmp_path / "depth.onnx"
    source.write_bytes(constant_network((1, 3, 32, 64), (1, 32, 64)))
    arguments = ["models", "import", source, "--site", used_site]
    refused = nightshift(*arguments)
    assert refused.code == 2 and "--task" in refused.err
    silent = nightshift(*arguments, "--task", "depth")
    assert silent.code == 2 and "depth.depth.toml with kind" in silent.err
    (tmp_path / "depth.depth.toml").write_text('kind = "affine"\nresize = "pad"\nlicence = "cc-by-nc-4.0"\n')
    said = nightshift(*arguments, "--json")
    assert said.code == 0 and said.json["task"] == "depth" and said.json["depth"]["kind"] == "affine"
    assert "cc-by-nc-4.0" in nightshift("models", "list", "--site", used_site).out
    with (used_site / "site.toml").open("a") as file:
        file.write('\n[ops.depth_map]\nmodel = "depth"\n')
    limited = nightshift("plan", "--site", used_site)
    assert limited.code == 2 and 'licences = ["cc-by-nc-4.0"] under [models]' in limited.err
    with (used_site / "site.toml").open("a") as file:
        file.write('\n[models]\nlicences = ["CC-BY-NC-4.0"]\n')
    assert nightshift("plan", "--site", used_site).code == 0


def test_a_conversion_shows_its_agreement_and_how_to_use_it(nightshift, used_site):
    patch_detector(used_site / "models" / "patches")
    said = nightshift("models", "convert", "patches", "--site", used_site)
    assert said.code == 0, said.err
    assert "known picture" in said.out and "100.0%" in said.out and "times as fast" in said.out
    assert "converted from patches (sha256 " in said.out
    assert "nothing proves that patches-fp16 finds anything" in said.err
    again = nightshift("models", "convert", "patches", "--site", used_site)
    assert again.code == 2 and "exists already" in again.err and again.err.count("\n") == 1
    said = nightshift(
        "models", "convert", "patches", "--site", used_site, "--name", "other", "--camera", "hall", "--json"
    )
    assert said.code == 0 and said.json["model"]["name"] == "other"
    assert said.json["agreement"]["hall"]["found"] == said.json["agreement"]["hall"]["boxes"] > 0
    listed = nightshift("models", "list", "--site", used_site, "--json")
    assert {"patches", "patches-fp16", "other"} == {each["name"] for each in listed.json}


def test_a_conversion_of_nothing_is_the_users_mistake(nightshift, used_site):
    said = nightshift("models", "convert", "nobody", "--site", used_site)
    assert said.code == 2 and "no weights 'nobody'" in said.err and said.err.count("\n") == 1
    said = nightshift("models", "convert", "nobody", "--site", used_site, "--frames", "3")
    assert said.code == 2 and "--frames" in said.err
