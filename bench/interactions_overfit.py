"""Can QPIC learn? A tiny one is trained on 20 generated pictures until it knows them by heart.

    python -m bench.interactions_overfit

A person is a red rectangle, a bag blue, a bicycle green. A bag beside a person is carried; a bicycle below a person is
ridden, beside one pushed and held. Scores are HICO-DET's. They say that network, matcher, losses and scorer fit
together, and nothing of the accuracy of published weights.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ops.interactions.qpic.losses import losses, total
from ops.interactions.qpic.matcher import Target
from ops.interactions.qpic.network import Qpic, pad_pictures
from ops.interactions.qpic.postprocess import Pairs, postprocess
from ops.interactions.qpic.settings import QpicSettings
from ops.interactions.scores.hico import score_hico
from ops.interactions.scores.pairs import PredictedPairs, TruePairs

WIDTH_PX, HEIGHT_PX = 160, 96
PICTURES = 20
PERSON, BAG, BICYCLE = 0, 1, 2
COLOURS = {PERSON: (2.0, -1.0, -1.0), BAG: (-1.0, -1.0, 2.0), BICYCLE: (-1.0, 2.0, -1.0)}
CARRY, RIDE, PUSH, HOLD = range(4)
SETTINGS = QpicSettings(
    objects=("person", "bag", "bicycle"),
    verbs=("carry", "ride", "push", "hold"),
    blocks=(1, 1, 1, 1),
    width=8,
    hidden=32,
    heads=4,
    feedforward=64,
    encoder_layers=1,
    decoder_layers=2,
    queries=6,
    dropout=0.0,
)
STEPS = 600
LEARNING_RATE = 2e-3
WARM_UP_SHARE = 0.05


@dataclass(frozen=True)
class Overfit:
    """How well the pictures are known.

    Attributes:
        loss: weighted total of the last step, without the earlier decoder layers.
        mean_ap: HICO-DET mAP, 0..1.
        first_loss: the same before training.
        wall_s: seconds of training.
    """

    loss: float
    mean_ap: float
    first_loss: float
    wall_s: float


@dataclass(frozen=True)
class Picture:
    """A generated picture: ``(3, H, W)`` as if it was normed, and its truth in pixels."""

    image: torch.Tensor
    truth: TruePairs

    def target(self) -> Target:
        """Returns what the network shall say."""
        subjects, objects, verbs = self.truth.pair.T
        rows = sorted(set(zip(subjects.tolist(), objects.tolist(), strict=True)))
        labels = torch.zeros(len(rows), len(SETTINGS.verbs))
        for subject, thing, verb in zip(subjects, objects, verbs, strict=True):
            labels[rows.index((subject, thing)), verb] = 1
        corners = torch.as_tensor(self.truth.box, dtype=torch.float32) / torch.tensor([WIDTH_PX, HEIGHT_PX] * 2)
        boxes = torch.cat(((corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]), dim=1)
        chosen = torch.tensor(rows)
        kinds = torch.as_tensor(self.truth.label)[chosen[:, 1]]
        return Target(kinds, labels, boxes[chosen[:, 0]], boxes[chosen[:, 1]])


def draw_picture(random: np.random.Generator) -> Picture:
    """Draws one or two people, each with a thing, on grey noise."""
    image = random.normal(0, 0.1, (3, HEIGHT_PX, WIDTH_PX))
    boxes: list[list[int]] = []
    labels: list[int] = []
    pairs: list[list[int]] = []
    for place in range(int(random.integers(1, 3))):
        left, top = 8 + 76 * place + int(random.integers(0, 20)), 4 + int(random.integers(0, 24))
        person = [left, top, left + 16, top + 44]
        verbs, thing = [([CARRY], BAG), ([RIDE], BICYCLE), ([PUSH, HOLD], BICYCLE)][random.integers(0, 3)]
        if verbs == [CARRY]:
            box = [left + 18, top + 24, left + 30, top + 40]
        elif verbs == [RIDE]:
            box = [left - 6, top + 44, left + 26, top + 66]
        else:
            box = [left + 18, top + 22, left + 48, top + 46]
        for kind, (x1, y1, x2, y2) in ((PERSON, person), (thing, box)):
            image[:, y1:y2, x1:x2] = np.array(COLOURS[kind])[:, None, None]
        pairs += [[len(boxes), len(boxes) + 1, verb] for verb in verbs]
        boxes += [person, box]
        labels += [PERSON, thing]
    truth = TruePairs(np.array(boxes, np.float64), np.array(labels, np.int64), np.array(pairs, np.int64))
    return Picture(torch.as_tensor(image, dtype=torch.float32), truth)


def overfit(seed: int = 0, steps: int = STEPS) -> Overfit:
    """Trains on all pictures at once, and scores them."""
    random = np.random.default_rng([seed, 0x0F17])
    pictures = [draw_picture(random) for _ in range(PICTURES)]
    images, mask = pad_pictures([picture.image for picture in pictures])
    targets = [picture.target() for picture in pictures]
    torch.manual_seed(seed)
    network = Qpic(SETTINGS).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARM_UP_SHARE)
    started, history = time.perf_counter(), []
    for _ in range(steps):
        found = losses(network(images, mask), targets)
        history.append(total({name: value for name, value in found.items() if not name[-1].isdigit()}).item())
        optimizer.zero_grad()
        total(found).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        rate.step()
    wall_s = time.perf_counter() - started
    with torch.inference_mode():
        pairs = postprocess(network.eval()(images, mask)[-1], torch.tensor([[HEIGHT_PX, WIDTH_PX]] * PICTURES))
    scores = score_hico(
        [_as_predicted(one) for one in pairs],
        [picture.truth for picture in pictures],
        np.ones((len(SETTINGS.verbs), len(SETTINGS.objects)), np.bool_),
        rare=(),
        non_rare=(),
    )
    return Overfit(history[-1], scores.full, history[0], wall_s)


def overfit_figures() -> dict[str, Any]:
    """Returns the figures for ``bench.interactions``."""
    found = overfit()
    return {
        "overfit_map": round(found.mean_ap, 3),
        "overfit_loss": round(found.loss, 3),
        "overfit_loss_before": round(found.first_loss, 3),
        "overfit_wall_s": round(found.wall_s),
    }


def _as_predicted(pairs: Pairs) -> PredictedPairs:
    return PredictedPairs(
        pairs.subject_boxes.astype(np.float64),
        pairs.object_boxes.astype(np.float64),
        np.full(len(pairs.object_labels), PERSON),
        pairs.object_labels,
        pairs.verb_scores.astype(np.float64),
    )


if __name__ == "__main__":
    print(*(f"{name:<20} {value}" for name, value in overfit_figures().items()), sep="\n")
