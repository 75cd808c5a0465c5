"""Licences are read where they are written; those that limit the use need the site's word."""

import pytest

from schemas.errors import ModelError
from schemas.op import ModelRequest
from storage.weights.catalogue import ModelStore
from storage.weights.licences import is_allowed, licence_of_head, require_allowed
from tests.ops.depth_models.models import described
from tests.storage.weights.model_files import detector, openvino_folder


def licensed(licence):
    model = described("net")
    return type(model)(**{**vars(model), "licence": licence})


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        *((name, True) for name in ("MIT", "Apache-2.0", "apache-2.0", "BSD-3-Clause", "cc-by-4.0", "CC0-1.0")),
        *((name, True) for name in ("AGPL-3.0 License (https://ultralytics.com/license)", "gplv3", "unknown", "none")),
        *((name, False) for name in ("cc-by-nc-4.0", "CC-BY-NC-SA-4.0", "cc-by-nd-4.0", "apple-amlr", "openrail")),
        *((name, False) for name in ("MIT, non-commercial", "Apache-2.0 for research only", "Mitsubishi")),
    ],
)
def test_free_and_unknown_licences_need_no_entry(licence, free):
    assert is_allowed(licensed(licence), ()) is free
    assert is_allowed(licensed(licence), [licence.upper()])


def test_the_refusal_says_what_to_write():
    with pytest.raises(ModelError, match=r'write licences = \["cc-by-nc-4.0"\] under \[models\] in site.toml'):
        require_allowed(licensed("cc-by-nc-4.0"), ["apple-amlr"])


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\ntags: [depth]\n---\n# Depth\n", "cc-by-nc-4.0"),
        ("---\nlicense: other\nlicense_name: apple-amlr\n---\n", "apple-amlr"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense: [mit, gpl]\n---\n", None),
        ("---\n- a\n---\n", None),
        ("---\na: [\n---\n", None),
        ("# Depth\nlicense: mit\n", None),
        ("", None),
    ],
)
def test_a_model_card_names_the_licence_in_its_head(card, licence):
    assert licence_of_head(card) == licence


def test_weights_of_a_licence_that_the_site_does_not_allow_are_listed_but_not_used(store: ModelStore, tmp_path) -> None:
    folder = openvino_folder(tmp_path / "site" / "mine", "task: detect\n")
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert [model.licence for model in store.list()] == ["cc-by-nc-4.0"]
    with pytest.raises(ModelError, match="cc-by-nc"):
        store.resolve(ModelRequest("mine", "detect"))
    assert store.resolve(ModelRequest("auto", "detect")) is None
    allowing = ModelStore(tmp_path / "site", licences=["cc-by-nc-4.0"])
    assert allowing.resolve(ModelRequest("auto", "detect")) == allowing.resolve(ModelRequest("mine", "detect"))
    detector(tmp_path / "site" / "net.onnx")
    assert store.resolve(ModelRequest("auto", "detect")).name == "net.onnx"
