"""`train`: trains networks on labelled pictures."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output, counted
from jobs.commands.train import TrainRequest, network_of, train_interactions
from schemas.training import EpochLosses, TrainingSettings, VerbLoss

USUAL = TrainingSettings()


def interactions(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET", help="Folder of HICO-DET, of V-COCO, or of your own pictures with labels.json."
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Folder of weights, state and log.")],
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Weights of QPIC or DETR to begin with.", show_default="nothing"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch of OUT.")] = False,
    depth: Annotated[int, typer.Option("--depth", help="Layers of the ResNet, 50 or 101, without --from.")] = 50,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Times that every picture is shown.")] = USUAL.epochs,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures per step.")] = USUAL.batch,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Learning rate.")] = USUAL.rate,
    backbone_rate: Annotated[
        float, typer.Option("--backbone-rate", min=0, help="Learning rate of the ResNet.")
    ] = USUAL.backbone_rate,
    drop_epoch: Annotated[
        int, typer.Option("--drop-epoch", min=0, help="Epochs after which both rates are a tenth; 0 for never.")
    ] = USUAL.drop_epoch,
    verb_loss: Annotated[VerbLoss, typer.Option("--verb-loss", help="Loss of the verbs.")] = USUAL.verb_loss,
    short_side_px: Annotated[
        int, typer.Option("--short-side", min=32, help="Shorter side of pictures, pixels.")
    ] = USUAL.short_side_px,
    long_side_px: Annotated[
        int, typer.Option("--long-side", min=32, help="Most of the longer side, pixels.")
    ] = USUAL.long_side_px,
    augment: Annotated[bool, typer.Option("--augment/--no-augment", help="Change pictures at random.")] = USUAL.augment,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all chance.")] = USUAL.seed,
    as_json: Json = False,
) -> None:
    """Train QPIC on labelled pictures; it writes weights and a log after every epoch."""
    output = Output(as_json)
    settings = TrainingSettings(
        epochs=epochs,
        batch=batch,
        rate=rate,
        backbone_rate=backbone_rate,
        drop_epoch=drop_epoch,
        verb_loss=verb_loss,
        short_side_px=short_side_px,
        long_side_px=long_side_px,
        augment=augment,
        seed=seed,
    )
    request = TrainRequest(dataset, out, start, settings, network_of(depth), resume)

    def report(losses: EpochLosses) -> None:
        parts = ", ".join(f"{name.removeprefix('loss_')} {value:.3f}" for name, value in losses.losses.items())
        output.log(f"epoch {losses.epoch} of {epochs}: loss {losses.total:.3f} ({parts}), rate {losses.rate:g}")

    with output.progress("train") as bar:
        trained = train_interactions(
            request, report, lambda done, steps, epoch: bar.update(done, steps, f"steps of epoch {epoch}")
        )
    if trained.left_out:
        output.warn(f"{counted(trained.left_out, 'picture')} left out: pairs in them name boxes that do not exist")
    if as_json:
        output.json(asdict(trained))
        return
    if trained.unknown:
        output.say(f"{start} does not know these, which were learned anew: {', '.join(trained.unknown)}")
    output.say(
        f"{counted(trained.pictures, 'picture')} with {counted(trained.pairs, 'pair')}, "
        f"{counted(len(trained.log), 'epoch')}: {trained.weights}"
    )
    output.say(f"use it with `nightshift models import {trained.weights} --task interactions`")
