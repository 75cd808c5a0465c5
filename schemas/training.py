"""How a network is trained, and what its losses are."""

from dataclasses import dataclass
from typing import Literal

VerbLoss = Literal["focal", "bce"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; the defaults are those of QPIC's authors.

    Attributes:
        epochs: times that every picture is shown.
        batch: pictures per step.
        rate: learning rate of all but the ResNet.
        backbone_rate: learning rate of the ResNet.
        weight_decay: of AdamW.
        drop_epoch: epochs after which both rates are a tenth; 0 for never.
        most_gradient: norm to which gradients are clipped.
        verb_loss: focal loss, or the mean binary cross entropy.
        short_side_px, long_side_px: to which pictures are scaled, as the network scales them when it is used.
        augment: change pictures at random.
        fixed_stem: do not train the first layers of the ResNet, which are the same for all pictures; only for a
            network that was trained before.
        seed: of order, changes and dropout.
    """

    epochs: int = 150
    batch: int = 2
    rate: float = 1e-4
    backbone_rate: float = 1e-5
    weight_decay: float = 1e-4
    drop_epoch: int = 100
    most_gradient: float = 0.1
    verb_loss: VerbLoss = "focal"
    short_side_px: int = 800
    long_side_px: int = 1333
    augment: bool = True
    fixed_stem: bool = True
    seed: int = 42


@dataclass(frozen=True)
class EpochLosses:
    """Mean losses of one epoch.

    Attributes:
        epoch: from 1.
        steps: batches.
        rate: learning rate of all but the ResNet.
        total: what is made small.
        losses: of the last decoder layer, by name, without their weights.
    """

    epoch: int
    steps: int
    rate: float
    total: float
    losses: dict[str, float]
