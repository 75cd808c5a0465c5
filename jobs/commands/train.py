"""Trains a network for interactions on labelled pictures."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ops.interactions.qpic.names import COCO_IDS, COCO_OBJECTS, HICO_VERBS, MISSING_OBJECT, VCOCO_VERBS
from ops.interactions.qpic.settings import RESNET_BLOCKS, QpicSettings
from schemas.errors import UserError
from schemas.labelled_pictures import HoiDataset
from schemas.training import EpochLosses, TrainingSettings
from storage.files import sha256_file
from storage.hoi_datasets.formats import kind_of
from storage.hoi_datasets.own import read_own
from storage.hoi_datasets.pictures import read_picture
from storage.hoi_datasets.published import read_published
from storage.trainings import TrainingFolder


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Attributes:
        dataset: folder of the labelled pictures.
        out: folder of the training.
        start: weights to begin with, of QPIC or DETR; None: begin with nothing.
        settings: how to train.
        network: sizes of the network, where it begins with nothing; the names come from the dataset.
        resume: go on after the last finished epoch of ``out``, if there is one.
    """

    dataset: Path
    out: Path
    start: Path | None = None
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    network: QpicSettings = field(default_factory=QpicSettings)
    resume: bool = False


@dataclass(frozen=True)
class Trained:
    """What was trained.

    Attributes:
        weights: file of the weights.
        pictures, pairs: how many of each were labelled.
        left_out: pictures whose labels are damaged.
        unknown: classes and verbs that the weights to begin with do not know; they are learned from nothing.
        log: losses of all epochs.
    """

    weights: Path
    pictures: int
    pairs: int
    left_out: int
    unknown: tuple[str, ...]
    log: tuple[EpochLosses, ...]


def train_interactions(
    request: TrainRequest,
    report: Callable[[EpochLosses], None],
    progress: Callable[[int, int, int], None] = lambda *_: None,
) -> Trained:
    """Trains a network, and writes weights, state and log after every epoch.

    Args:
        report: called after every epoch.
        progress: called after every step, with the steps done, those of the epoch, and the epoch, from 1.

    Raises:
        UserError: the labels are wrong, a picture is missing, or the folder holds another training.
        ModelError: the weights to begin with are damaged, or of another network.
    """
    if request.start is not None and not request.start.is_file():
        raise UserError(f"there are no weights {request.start} to begin with")
    dataset = read_dataset(request.dataset)
    folder = TrainingFolder(request.out)
    settings = replace(request.settings, fixed_stem=request.start is not None)
    state = folder.begin(_record(request, settings, dataset), request.resume)

    from ops.interactions.qpic.training import Training, begin_network

    wanted = replace(request.network, objects=_classes(dataset), verbs=dataset.verbs)
    network, unknown = begin_network(wanted, request.start, settings.seed)
    training = Training(network, dataset.pictures, lambda picture: read_picture(picture.path), settings)
    if state is not None:
        training.restore(state)
    while training.done < settings.epochs:
        losses = training.run_epoch(lambda done, steps: progress(done, steps, training.done + 1))
        folder.keep(training.weights(), training.state(), [asdict(row) for row in training.log])
        report(losses)
    pairs = sum(len(picture.pairs) for picture in dataset.pictures)
    return Trained(folder.weights, len(dataset.pictures), pairs, dataset.left_out, tuple(unknown), tuple(training.log))


def read_dataset(folder: Path) -> HoiDataset:
    """Reads a folder of labelled pictures, in whichever layout it has.

    Raises:
        UserError: it has none, or its labels are wrong.
    """
    kind = kind_of(folder)
    if kind == "own":
        return read_own(folder, COCO_OBJECTS)
    return read_published(folder, kind, COCO_OBJECTS, COCO_IDS, HICO_VERBS if kind == "hico" else VCOCO_VERBS)


def network_of(depth: int) -> QpicSettings:
    """Returns the sizes of the network with a ResNet of 50 or 101 layers.

    Raises:
        UserError: there is no such ResNet.
    """
    if depth not in RESNET_BLOCKS:
        raise UserError(f"there is no ResNet-{depth} here; give {' or '.join(map(str, RESNET_BLOCKS))}")
    return QpicSettings(blocks=RESNET_BLOCKS[depth])


def _classes(dataset: HoiDataset) -> tuple[str, ...]:
    if not dataset.objects_may_miss:
        return dataset.objects
    if MISSING_OBJECT in dataset.objects:
        raise UserError(f"an object class cannot be called {MISSING_OBJECT!r}: that is what a pair without object gets")
    return (*dataset.objects, MISSING_OBJECT)


def _record(request: TrainRequest, settings: TrainingSettings, dataset: HoiDataset) -> dict[str, Any]:
    """Returns what must be the same when a training goes on; it may go on for more epochs."""
    labels = sha256()
    for picture in dataset.pictures:
        labels.update(f"{picture.path.relative_to(request.dataset)} {picture.pairs}".encode())
        labels.update(picture.boxes.tobytes() + picture.labels.tobytes())
    sizes = {name: value for name, value in asdict(request.network).items() if name not in ("objects", "verbs")}
    how = {name: value for name, value in asdict(settings).items() if name != "epochs"}
    return {
        **how,
        **{name: list(value) if isinstance(value, tuple) else value for name, value in sizes.items()},
        "labels_sha256": labels.hexdigest(),
        "objects": list(dataset.objects),
        "verbs": list(dataset.verbs),
        "start_sha256": None if request.start is None else sha256_file(request.start),
    }
