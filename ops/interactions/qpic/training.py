"""Trains QPIC as its authors do: AdamW, a lower rate for the ResNet, one drop of both rates, clipped gradients.

All chance comes from the seed and the number of the epoch. So a training that is stopped and goes on after its last
finished epoch gives what one without a break gives.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ops.interactions.qpic.augment import augmented, resized
from ops.interactions.qpic.checkpoints import DAMAGE, checkpoint_of
from ops.interactions.qpic.losses import LossSettings, losses, total
from ops.interactions.qpic.matcher import MatchCosts, Target
from ops.interactions.qpic.network import Qpic, pad_pictures
from ops.interactions.qpic.pictures import normed
from ops.interactions.qpic.settings import QpicSettings
from ops.interactions.qpic.start import start_from
from ops.interactions.qpic.targets import target_of
from schemas.errors import UserError
from schemas.labelled_pictures import LabelledPicture
from schemas.training import EpochLosses, TrainingSettings
from schemas.values import Uint8

READERS = 2
"""Threads that read and change the next pictures while the network learns from those before."""

BOX_WEIGHT, GIOU_WEIGHT = 2.5, 1.0
"""Weights of boxes in losses and costs with which the authors train; the defaults of their program are twice these."""

DROP = 0.1
"""Factor of the learning rates after ``drop_epoch``."""

Read = Callable[[LabelledPicture], Uint8]
Batch = tuple[list[Tensor], list[Target]]


def begin_network(settings: QpicSettings, start: Path | None, seed: int) -> tuple[Qpic, list[str]]:
    """Returns a network to be trained, and the classes and verbs that ``start`` does not know.

    Args:
        settings: its classes, and its sizes if it begins with nothing.
        start: checkpoint of QPIC or DETR; None to begin with nothing.
        seed: of the weights that are random.

    Raises:
        ModelError: the checkpoint is damaged, or of another network.
    """
    torch.manual_seed(seed)
    return (Qpic(settings), []) if start is None else start_from(start, settings.objects, settings.verbs)


class Training:
    """A network and the state of its training.

    Args:
        network: it is trained in place.
        pictures: labelled pictures; their indices are those of the network's names.
        read: gives a picture ``(H, W, 3)`` BGR; called from several threads.
        settings: how to train.

    Attributes:
        done: epochs that are finished.
        log: their losses.
    """

    def __init__(
        self, network: Qpic, pictures: Sequence[LabelledPicture], read: Read, settings: TrainingSettings
    ) -> None:
        self.settings = settings
        self.done = 0
        self.log: list[EpochLosses] = []
        self._pictures, self._read = pictures, read
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.to(self._device)
        costs = MatchCosts(box=BOX_WEIGHT, giou=GIOU_WEIGHT)
        self._loss = LossSettings(settings.verb_loss, costs=costs, box=BOX_WEIGHT, giou=GIOU_WEIGHT)
        self._optimizer = torch.optim.AdamW(self._groups(), lr=settings.rate, weight_decay=settings.weight_decay)

    def run_epoch(self, progress: Callable[[int, int], None] = lambda *_: None) -> EpochLosses:
        """Shows every picture once, and returns the mean losses.

        Args:
            progress: called after every step, with the steps done and all of the epoch.

        Raises:
            UserError: a loss is not finite, or a picture cannot be read.
        """
        settings, epoch = self.settings, self.done
        drops = settings.drop_epoch > 0 and epoch >= settings.drop_epoch
        for group in self._optimizer.param_groups:
            group["lr"] = group["full_rate"] * (DROP if drops else 1)
        torch.manual_seed(int(np.random.SeedSequence([settings.seed, epoch]).generate_state(1, np.uint64)[0] >> 1))
        self._network.train()
        sums: dict[str, float] = {}
        steps = 0
        for pictures, targets in self._batches(epoch):
            for name, value in self._step(pictures, targets).items():
                sums[name] = sums.get(name, 0.0) + value
            steps += 1
            progress(steps, -(-len(self._pictures) // settings.batch))
        means = {name: value / steps for name, value in sums.items()}
        self.done += 1
        rate = settings.rate * (DROP if drops else 1)
        self.log.append(EpochLosses(self.done, steps, rate, means.pop("total"), means))
        return self.log[-1]

    def state(self) -> bytes:
        """Returns all that a training needs to go on after the last epoch."""
        return _saved(
            {
                "network": self._network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "log": [asdict(row) for row in self.log],
            }
        )

    def restore(self, state: bytes) -> None:
        """Goes on where ``state`` was taken, with the same settings, names and pictures.

        Raises:
            UserError: it is damaged.
        """
        try:
            found: dict[str, Any] = torch.load(io.BytesIO(state), map_location=self._device, weights_only=True)
            self._network.load_state_dict(found["network"])
            self._optimizer.load_state_dict(found["optimizer"])
            self.log = [EpochLosses(**row) for row in found["log"]]
        except DAMAGE as error:
            raise UserError("the state of the training is damaged; begin anew with another -o") from error
        self.done = len(self.log)

    def weights(self) -> bytes:
        """Returns the network as a file that ``load_qpic`` reads, with the names of its classes."""
        return _saved(checkpoint_of(self._network))

    def _groups(self) -> list[dict[str, Any]]:
        """Returns the parameters that are trained, the ResNet's apart; ``full_rate`` is their rate before the drop."""
        groups: dict[float, list[Tensor]] = {self.settings.rate: [], self.settings.backbone_rate: []}
        for name, values in self._network.named_parameters():
            backbone = name.startswith("backbone.")
            if backbone and self.settings.fixed_stem and not any(f".layer{stage}." in name for stage in (2, 3, 4)):
                values.requires_grad_(False)
                continue
            groups[self.settings.backbone_rate if backbone else self.settings.rate].append(values)
        return [{"params": found, "lr": rate, "full_rate": rate} for rate, found in groups.items()]

    def _step(self, pictures: list[Tensor], targets: list[Target]) -> dict[str, float]:
        images, mask = pad_pictures(pictures)
        layers = self._network(images.to(self._device), mask.to(self._device))
        found = losses(layers, [target.to(self._device) for target in targets], self._loss)
        loss = total(found, self._loss)
        if not loss.isfinite():
            raise UserError(f"the loss is not finite in epoch {self.done + 1}: train with a lower learning rate")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self.settings.most_gradient)
        self._optimizer.step()
        last = {name: float(value.detach()) for name, value in found.items() if not name[-1].isdigit()}
        return {"total": float(loss.detach())} | last

    def _batches(self, epoch: int) -> Iterator[Batch]:
        """Yields the pictures of an epoch in random order; the next batch is made ready meanwhile."""
        order = np.random.default_rng([self.settings.seed, epoch]).permutation(len(self._pictures)).tolist()
        batches = [order[first : first + self.settings.batch] for first in range(0, len(order), self.settings.batch)]
        with ThreadPoolExecutor(READERS) as readers:

            def begin(batch: list[int]) -> list[Future[tuple[Tensor, Target]]]:
                return [readers.submit(self._example, epoch, number) for number in batch]

            waiting = begin(batches[0])
            for following in [*batches[1:], []]:
                ready, waiting = waiting, begin(following)
                examples = [each.result() for each in ready]
                yield [picture for picture, _ in examples], [target for _, target in examples]

    def _example(self, epoch: int, number: int) -> tuple[Tensor, Target]:
        settings, labels = self.settings, self._pictures[number]
        picture, sizes = self._read(labels), (settings.short_side_px, settings.long_side_px)
        if settings.augment:
            random = np.random.default_rng([settings.seed, epoch, number])
            picture, labels = augmented(picture, labels, *sizes, random)
        else:
            picture, labels = resized(picture, labels, *sizes)
        target = target_of(labels, (picture.shape[1], picture.shape[0]), self._network.settings)
        return torch.from_numpy(normed(picture)), target


def _saved(content: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()
