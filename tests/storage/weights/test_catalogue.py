"""Weights are found by name, are what they say, and are refused with a reason otherwise."""

import json
import shutil
from pathlib import Path

import pytest

from schemas.errors import ModelError
from schemas.op import ModelRequest
from storage.weights.catalogue import PREFERRED, RECORD, ModelStore
from storage.weights.files import sha256_of
from tests.storage.onnx_file import constant_network
from tests.storage.weights.model_files import detector, pickled


def test_auto_is_none_when_there_is_nothing(store: ModelStore) -> None:
    assert store.resolve(ModelRequest("auto", "detect")) is None
    assert store.list() == []
    assert store.verify() == []


def test_a_missing_name_says_where_it_looked_and_what_to_do(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        store.resolve(ModelRequest("nobody.onnx", "detect"))
    for part in ("nobody.onnx", str(tmp_path / "site"), str(tmp_path / "cache"), "nightshift models import"):
        assert part in str(error.value)


def test_site_goes_before_environment_before_cache(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(tmp_path / "given"))
    for classes, folder in ((4, tmp_path / "cache/nightshift/models"), (3, tmp_path / "given"), (2, tmp_path / "site")):
        detector(folder / "net.onnx", classes)
        for name in ("net.onnx", "net"):
            found = store.resolve(ModelRequest(name, "detect"))
            assert found is not None
            assert Path(found.path).parent == folder
            assert len(found.classes) == classes
    assert len(store.list()) == 1


def test_a_network_without_a_task_needs_one_to_be_named(store: ModelStore, tmp_path: Path) -> None:
    source = tmp_path / "net.onnx"
    source.write_bytes(constant_network((1, 3, 32, 32), (1, 1, 32, 32)))
    with pytest.raises(ModelError, match="--task"):
        store.import_model(source)
    (tmp_path / "net.depth.toml").write_text('kind = "metric"\nresize = "stretch"\n')
    found = store.import_model(source, task="depth", licence="MIT")
    assert (found.layout, found.depth and found.depth.kind, found.licence) == ("depth", "metric", "MIT")
    assert store.resolve(ModelRequest("auto", "depth")) == found
    assert store.resolve(ModelRequest("auto", "detect")) is None


def test_import_copies_and_records(store: ModelStore, tmp_path: Path) -> None:
    source = detector(tmp_path / "net.onnx")
    imported = store.import_model(source, name="ours", licence="CC0-1.0")
    assert imported.name == "ours.onnx"
    assert Path(imported.path).read_bytes() == source.read_bytes()
    source.unlink()
    assert store.resolve(ModelRequest("ours", "detect")) == imported
    assert store.resolve(ModelRequest("auto", "detect")) == imported
    assert json.loads((tmp_path / "site" / RECORD).read_text())["ours.onnx"]["sha256"] == imported.sha256
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == [RECORD, "ours.onnx"]


def test_records_of_older_versions_are_read(store: ModelStore, tmp_path: Path) -> None:
    imported = store.import_model(detector(tmp_path / "net.onnx"))
    path = tmp_path / "site" / RECORD
    record = json.loads(path.read_text())
    record["net.onnx"]["scale"] = record["net.onnx"].pop("depth")
    path.write_text(json.dumps(record))
    assert store.list() == [imported]


def test_import_twice_is_once_but_other_weights_are_refused(store: ModelStore, tmp_path: Path) -> None:
    source = detector(tmp_path / "net.onnx")
    assert store.import_model(source) == store.import_model(source)
    detector(source, classes=3)
    with pytest.raises(ModelError, match="--name"):
        store.import_model(source)
    assert len(store.list()[0].classes) == 2


def test_what_was_imported_must_stay_as_it_is(store: ModelStore, tmp_path: Path) -> None:
    imported = store.import_model(detector(tmp_path / "net.onnx"))
    assert [(name, ok) for name, ok, _ in store.verify()] == [("net.onnx", True)]
    detector(Path(imported.path), classes=5)
    with pytest.raises(ModelError, match="altered"):
        store.resolve(ModelRequest("net.onnx", "detect"))
    ((name, ok, detail),) = store.verify()
    assert (name, ok) == ("net.onnx", False)
    assert "altered" in detail
    Path(imported.path).unlink()
    assert [(name, ok) for name, ok, _ in store.verify()] == [("net.onnx", False)]


def test_a_known_name_with_other_content_is_altered(store: ModelStore, tmp_path: Path) -> None:
    detector(tmp_path / "site" / "yolox_nano.onnx")
    for name in ("yolox_nano.onnx", "auto"):
        with pytest.raises(ModelError, match=r"altered.*known list"):
            store.resolve(ModelRequest(name, "detect"))
    with pytest.raises(ModelError, match="altered"):
        store.import_model(detector(tmp_path / "yolox_nano.onnx"))
    assert store.import_model(tmp_path / "yolox_nano.onnx", name="own.onnx").task == "detect"


def test_weights_for_another_task_are_not_taken(store: ModelStore, tmp_path: Path) -> None:
    store.import_model(detector(tmp_path / "net.onnx"))
    with pytest.raises(ModelError, match="are for detect, but pose"):
        store.resolve(ModelRequest("net.onnx", "pose"))


@pytest.mark.parametrize("name", ["../net.onnx", "a/b.onnx", ".hidden.onnx", RECORD])
def test_names_stay_in_the_folder(store: ModelStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="plain file name"):
        store.import_model(detector(tmp_path / "net.onnx"), name=name)
    with pytest.raises(ModelError):
        store.resolve(ModelRequest(name, "detect"))


def test_a_pickle_is_refused_until_it_is_trusted_by_name_and_sha256(store: ModelStore, tmp_path: Path) -> None:
    path = pickled(tmp_path / "site" / "best.pt")
    for attempt in (
        lambda: store.resolve(ModelRequest("best.pt", "detect")),
        lambda: store.import_model(pickled(tmp_path / "other.pt")),
    ):
        with pytest.raises(ModelError, match=r"pickle.*trust = .*\[models\] in site.toml"):
            attempt()
    assert store.resolve(ModelRequest("auto", "detect")) is None
    assert [(name, ok) for name, ok, _ in store.verify()] == [("best.pt", False)]
    for trust in ({"best.pt": "0" * 64}, {"other.pt": sha256_of(path)}):
        with pytest.raises(ModelError, match="pickle"):
            ModelStore(tmp_path / "site", trust).resolve(ModelRequest("best.pt", "detect"))
    trusting = ModelStore(tmp_path / "site", {"best.pt": sha256_of(path)})
    found = trusting.resolve(ModelRequest("best.pt", "detect"))
    assert found is not None
    assert (found.format, found.layout, found.path) == ("pt", "yolo", str(path))
    pickled(path, b"swapped")
    with pytest.raises(ModelError, match=f"not the one .* its sha256 is {sha256_of(path)}, trusted is {found.sha256}"):
        trusting.resolve(ModelRequest("best.pt", "detect"))
    assert trusting.resolve(ModelRequest("auto", "detect")) is None


def test_trust_that_is_taken_back_holds_for_what_was_imported(tmp_path: Path, store: ModelStore) -> None:
    path = pickled(tmp_path / "best.pt")
    ModelStore(tmp_path / "site", {"best.pt": sha256_of(path)}).import_model(path)
    with pytest.raises(ModelError, match="pickle"):
        store.resolve(ModelRequest("best.pt", "detect"))


def test_weights_for_interactions_need_no_trust_and_are_no_detector(store: ModelStore, tmp_path: Path) -> None:
    path = pickled(tmp_path / "qpic.pth")
    with pytest.raises(ModelError, match=r"pickle.*if it is for interactions, import it with --task interactions"):
        store.import_model(path)
    imported = store.import_model(path, name="mine", task="interactions")
    assert (imported.name, imported.format, imported.task, imported.layout) == (
        *("mine.pth", "pt", "interactions", "qpic"),
    )
    for name in ("mine", "mine.pth", "auto"):
        assert store.resolve(ModelRequest(name, "interactions")) == imported
    assert store.resolve(ModelRequest("auto", "detect")) is None
    with pytest.raises(ModelError, match="are for interactions, but detect is asked for"):
        store.resolve(ModelRequest("mine", "detect"))
    with pytest.raises(ModelError, match="a PyTorch checkpoint of QPIC"):
        store.import_model(detector(tmp_path / "net.onnx", metadata={}), task="interactions")


def test_named_weights_may_be_for_another_task_that_will_do_as_well(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "net.depth.toml").write_text('kind = "relative"\nresize = "pad"\n')
    path = tmp_path / "net.onnx"
    path.write_bytes(constant_network((1, 3, 32, 64), (1, 32, 64)))
    imported = store.import_model(path, task="depth")
    assert store.resolve(ModelRequest("net", "mask", or_task="depth")) == imported
    assert store.resolve(ModelRequest("auto", "mask", or_task="depth")) is None
    with pytest.raises(ModelError, match="are for depth, but mask is asked for"):
        store.resolve(ModelRequest("net", "mask"))


@pytest.mark.assets
def test_the_known_list_describes_the_real_weights(
    store: ModelStore, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    rows = store.verify()
    assert len(rows) == 6
    assert all(ok and "known list" in detail for _, ok, detail in rows)
    for task, name in (
        ("detect", PREFERRED[0]),
        ("pose", "yolov8n-pose_int8_openvino_model"),
        ("face", "face_detection_yunet_2026may.onnx"),
        ("embed", "osnet_x0_25_msmt17.onnx"),
    ):
        best = store.resolve(ModelRequest("auto", task))
        assert best is not None
        assert best.name == name


@pytest.mark.assets
def test_a_second_detector_gets_weights_of_another_kind(store: ModelStore, assets: Path, monkeypatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    first = store.resolve(ModelRequest(PREFERRED[0], "detect"))
    assert first is not None
    second = store.resolve(ModelRequest("auto", "detect"), excluding=[first])
    assert second is not None
    assert (second.name, second.layout) == ("yolox_nano.onnx", "yolox")
    third = store.resolve(ModelRequest("auto", "detect"), excluding=[first, second])
    assert third is not None
    assert third.name == PREFERRED[1]


@pytest.mark.assets
def test_known_weights_are_known_by_any_name(store: ModelStore, assets: Path, tmp_path: Path) -> None:
    copy = shutil.copyfile(assets / "weights" / "yolox_nano.onnx", tmp_path / "renamed.onnx")
    imported = store.import_model(copy)
    assert (imported.name, imported.licence, imported.layout) == ("renamed.onnx", "Apache-2.0", "yolox")
