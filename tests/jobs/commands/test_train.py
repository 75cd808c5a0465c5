"""A training from folder to weights: files, going on after a kill, and how each mistake is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.commands.train import Trained, TrainRequest, network_of, read_dataset, train_interactions
from ops.interactions.qpic.names import COCO_OBJECTS, HICO_VERBS, VCOCO_VERBS
from schemas.errors import ModelError, UserError
from schemas.training import EpochLosses, TrainingSettings
from storage.trainings import TrainingFolder
from tests.ops.interactions.qpic.tiny import TINY, tiny_weights
from tests.support.labelled import own_labels, published_row, write_own, write_published


@pytest.fixture
def request_(tmp_path: Path) -> TrainRequest:
    settings = TrainingSettings(epochs=3, rate=1e-3, short_side_px=64, long_side_px=96)
    return TrainRequest(write_own(tmp_path / "mine"), tmp_path / "out", settings=settings, network=TINY)


def run(request: TrainRequest, stop_after: int | None = None) -> Trained:
    def report(losses: EpochLosses) -> None:
        if losses.epoch == stop_after:
            raise KeyboardInterrupt

    return train_interactions(request, report)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_an_unbroken_one(request_: TrainRequest, tmp_path: Path) -> None:
    import torch

    torch.set_num_threads(1)
    trained = run(request_)
    assert (trained.pictures, trained.pairs, trained.unknown) == (4, 4, ())
    assert trained.weights == request_.out / "weights.pth"
    other = replace(request_, out=tmp_path / "killed", resume=True)
    with pytest.raises(KeyboardInterrupt):
        run(other, stop_after=1)
    assert len((other.out / "log.jsonl").read_text().splitlines()) == 1
    assert run(other).log == trained.log
    mine, theirs = content(other.out), content(request_.out)
    for name in ("weights.pth", "log.jsonl", "training.json"):
        assert mine[name] == theirs[name]
    rows = [json.loads(line) for line in (other.out / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert set(content(other.out)) == {"weights.pth", "state.pth", "log.jsonl", "training.json"}
    longer = run(replace(other, settings=replace(other.settings, epochs=4)))
    assert [row.epoch for row in longer.log] == [1, 2, 3, 4] and longer.log[:3] == trained.log


@pytest.mark.slow
def test_a_training_is_not_mixed_with_another(request_: TrainRequest) -> None:
    quick = replace(request_, settings=replace(request_.settings, epochs=1))
    run(quick)
    with pytest.raises(UserError, match="holds a training already: go on with --resume"):
        run(quick)
    for changed, message in (
        (replace(quick, settings=replace(quick.settings, seed=7)), "seed was 42, now 7"),
        (replace(quick, network=replace(TINY, queries=9)), "queries was 6, now 9"),
    ):
        with pytest.raises(UserError, match=f"holds another training: {message}"):
            run(replace(changed, resume=True))
    labels = own_labels(quick.dataset)
    labels["pictures"][0]["boxes"][0]["box"][0] -= 1
    write_own(quick.dataset, labels)
    with pytest.raises(UserError, match="labels_sha256 was"):
        run(replace(quick, resume=True))


@pytest.mark.slow
def test_a_training_begins_with_given_weights(request_: TrainRequest, tmp_path: Path) -> None:
    start = Path(tiny_weights(tmp_path / "tiny.pth", replace(TINY, verbs=("pushes", "rides"))).path)
    once = replace(request_.settings, epochs=1)
    trained = run(replace(request_, start=start, settings=once))
    assert trained.unknown == ("sits_on",)
    (tmp_path / "cut.pth").write_bytes(start.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cut\.pth: PyTorch cannot read it"):
        run(replace(request_, start=tmp_path / "cut.pth", out=tmp_path / "other"))


@pytest.mark.slow
def test_labels_without_objects_give_the_network_a_class_for_that(request_: TrainRequest) -> None:
    from ops.interactions.qpic.checkpoints import load_qpic

    labels = own_labels(request_.dataset)
    labels["pictures"][0]["pairs"] = [{"subject": 0, "verbs": ["pushes"]}]
    write_own(request_.dataset, labels)
    trained = run(replace(request_, settings=replace(request_.settings, epochs=1)))
    _, settings = load_qpic(trained.weights)
    assert settings.objects == ("person", "cart", "bench", "missing")
    assert settings.missing_object == 3
    labels["objects"].append("missing")
    write_own(request_.dataset, labels)
    with pytest.raises(UserError, match="cannot be called 'missing'"):
        run(replace(request_, out=request_.out / "other"))


def test_bad_labels_are_told_before_anything_is_written(request_: TrainRequest) -> None:
    (request_.dataset / "2.png").unlink()
    with pytest.raises(UserError, match=r"there is no picture .*2\.png"):
        run(request_)
    assert not request_.out.exists()


def test_published_datasets_have_published_names(tmp_path: Path) -> None:
    hico = read_dataset(write_published(tmp_path / "hico", "hico", [published_row()]))
    assert (hico.objects, hico.verbs) == (COCO_OBJECTS, HICO_VERBS)
    (pair,) = hico.pictures[0].pairs
    assert (hico.verbs[pair.verb], hico.objects[hico.pictures[0].labels[1]]) == ("ride", "bicycle")
    row = published_row()
    row["hoi_annotation"] = [{"subject_id": 0, "object_id": -1, "category_id": 18}]
    vcoco = read_dataset(write_published(tmp_path / "vcoco", "vcoco", [row]))
    assert vcoco.verbs == VCOCO_VERBS and vcoco.verbs[vcoco.pictures[0].pairs[0].verb] == "run"


def test_only_two_depths_are_known() -> None:
    assert network_of(101).blocks == (3, 4, 23, 3)
    with pytest.raises(UserError, match="no ResNet-34 here; give 50 or 101"):
        network_of(34)


def test_a_folder_whose_record_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(UserError, match=r"training\.json cannot be read"):
        TrainingFolder(tmp_path).begin({}, resume=True)
