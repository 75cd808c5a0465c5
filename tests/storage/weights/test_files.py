"""Weights say what they are without their code being run, and what are none is refused."""

from pathlib import Path

import pytest

from schemas.errors import ModelError
from schemas.op import ModelRequest
from storage.weights.catalogue import ModelStore
from storage.weights.files import read_model_facts
from tests.storage.onnx_file import constant_network
from tests.storage.weights.model_files import detector, openvino_folder, pickled


def test_onnx_says_what_it_is(store: ModelStore, tmp_path: Path) -> None:
    detector(tmp_path / "site" / "net.onnx")
    found = store.resolve(ModelRequest("net.onnx", "detect"))
    assert found is not None
    assert (found.format, found.layout, found.licence) == ("onnx", "yolo", "AGPL-3.0")
    assert found.classes == ("thing0", "thing1")
    assert found.input_px == (64, 32)


def test_eighty_classes_without_names_are_coco(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "site" / "net.onnx"
    path.parent.mkdir()
    path.write_bytes(constant_network((1, 3, 32, 32), (1, 40, 85)))
    (found,) = store.list()
    assert (found.task, found.layout) == ("detect", "yolox")
    assert len(found.classes) == 80
    assert found.classes[0] == "person"


def test_openvino_folders_are_read_from_their_metadata(store: ModelStore, tmp_path: Path) -> None:
    metadata = "task: detect\nlicense: AGPL-3.0\nimgsz: [320, 640]\nnames:\n  0: person\n  1: forklift\n"
    openvino_folder(tmp_path / "site" / "mine_openvino_model", metadata)
    (found,) = store.list()
    assert (found.format, found.task, found.licence) == ("openvino", "detect", "AGPL-3.0")
    assert found.classes == ("person", "forklift")
    assert found.input_px == (640, 320)


def test_tensorflow_lite_is_told_by_its_mark_and_has_the_task_that_is_given(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\x20\x00\x00\x00TFL3 the rest")
    with pytest.raises(ModelError, match="does not name its task"):
        store.import_model(path)
    imported = store.import_model(path, task="mask")
    assert (imported.format, imported.task, imported.layout) == ("tflite", "mask", "other")
    assert store.resolve(ModelRequest("auto", "mask")) == imported
    assert store.resolve(ModelRequest("auto", "pose")) is None
    path.write_bytes(b"TFL3 at the wrong place")
    with pytest.raises(ModelError, match="not a TensorFlow Lite model"):
        store.import_model(path, "other", "mask")


@pytest.mark.assets
def test_the_network_that_cuts_people_out_is_known(store: ModelStore, assets: Path) -> None:
    imported = store.import_model(assets / "weights_more" / "pose_landmark_full.tflite")
    assert (imported.task, imported.licence, imported.input_px) == ("mask", "Apache-2.0", (256, 256))
    assert store.resolve(ModelRequest("auto", "mask")) == imported


def test_the_identity_of_a_folder_is_its_models(store: ModelStore, tmp_path: Path) -> None:
    folder = openvino_folder(tmp_path / "site" / "mine", "task: detect\n")
    before = store.list()[0].sha256
    (folder / "notes.txt").write_text("not part of the model")
    assert store.list()[0].sha256 == before
    (folder / "net.bin").write_bytes(b"other weights")
    assert store.list()[0].sha256 != before


def test_folders_are_imported_whole(store: ModelStore, tmp_path: Path) -> None:
    source = openvino_folder(tmp_path / "mine", "task: detect\n")
    (source / "notes.txt").write_text("stays")
    store.import_model(source)
    assert sorted(path.name for path in (tmp_path / "site" / "mine").iterdir()) == [
        "metadata.yaml",
        "net.bin",
        "net.xml",
    ]


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"these are no weights"])
def test_files_that_are_no_weights_are_refused(store: ModelStore, tmp_path: Path, content: bytes) -> None:
    for name in ("net.onnx", "net.pt", "net.txt"):
        source = tmp_path / name
        source.write_bytes(content)
        with pytest.raises(ModelError, match="weights file"):
            store.import_model(source)
    assert not (tmp_path / "site").exists()


def test_folders_that_are_no_weights_are_refused(store: ModelStore, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    half = openvino_folder(tmp_path / "half", None)
    (half / "net.bin").unlink()
    broken = openvino_folder(tmp_path / "broken", None)
    (broken / "net.xml").write_text("<net><layers>")
    for folder, reason in ((empty, "not a weights file"), (half, r"no net\.bin"), (broken, "not a readable")):
        with pytest.raises(ModelError, match=reason):
            store.import_model(folder)
    with pytest.raises(ModelError, match="no file or folder"):
        store.import_model(tmp_path / "nothing.onnx")


def test_a_task_that_nobody_needs_is_refused(store: ModelStore, tmp_path: Path) -> None:
    source = detector(tmp_path / "net.onnx", metadata={"task": "segment"})
    with pytest.raises(ModelError, match="segment"):
        store.import_model(source)


def test_weights_that_may_not_be_read_are_reported(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = detector(tmp_path / "site" / "net.onnx")

    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, whom no mode keeps out
    with pytest.raises(ModelError, match=r"net\.onnx cannot be read: Permission denied"):
        store.resolve(ModelRequest(path.name, "detect"))


@pytest.mark.assets
def test_tensors_beside_an_onnx_come_along(store: ModelStore, assets: Path, tmp_path: Path) -> None:
    imported = store.import_model(assets / "weights" / "osnet_x0_25_msmt17.onnx")
    assert Path(imported.path + ".data").is_file()
    assert store.resolve(ModelRequest(imported.name, "embed")) == imported


def test_checkpoints_of_old_and_new_pytorch_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    old = tmp_path / "old.pth"
    old.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.")
    assert read_model_facts(old).format == read_model_facts(pickled(tmp_path / "new.pth")).format == "pt"
    old.write_bytes(b"\x80\x02}.")
    with pytest.raises(ModelError, match="not a PyTorch checkpoint"):
        read_model_facts(old)
