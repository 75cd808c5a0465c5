"""`eval boxes3d`: how good a camera's 3D boxes are, measured by KITTI's labels."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, AsOf, Camera, Json, SiteFolder
from cli.output import Output, counted
from jobs.commands.evaluate_boxes3d import Boxes3dEvaluation, Boxes3dEvaluationRequest
from jobs.commands.evaluate_boxes3d import evaluate_boxes3d as score_boxes3d
from jobs.site import open_site


def evaluate_boxes3d(
    camera: Camera,
    truth: Annotated[Path, typer.Option("--truth", help="KITTI labels: a tracking file, or a folder of pictures'.")],
    footage: Annotated[
        str | None,
        typer.Option("--footage", metavar="PATH", help="Footage that was labelled.", show_default="the only file"),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--type", help="Type to score, as Car; repeatable.", show_default="those of the labels"),
    ] = None,
    folder: SiteFolder = HERE,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Score a camera's 3D boxes against KITTI's labels: average precision from above and of volumes."""
    output = Output(as_json)
    request = Boxes3dEvaluationRequest(camera, truth, footage, tuple(kinds or ()), as_of)
    found = score_boxes3d(open_site(folder), request)
    if as_json:
        output.json(asdict(found))
        return
    _show(output, found)


def _show(output: Output, found: Boxes3dEvaluation) -> None:
    output.say(f"{found.footage}, {counted(found.frames, 'frame')}; 3D boxes: {found.boxes:,}")
    rows = [
        [kind, difficulty, score.truth, score.bev, score.volume, score.bev_iou, score.volume_iou]
        for kind, by_difficulty in found.scores.items()
        for difficulty, score in by_difficulty.items()
    ]
    output.table(["type", "difficulty", "labels", "AP from above", "AP 3D", "IoU from above", "IoU 3D"], rows)
    output.say("AP: average precision at 40 recall points, 0 to 100; IoU: of each label with the box that fits best")
    if found.frames_left_out:
        output.warn(
            f"{counted(found.frames_left_out, 'frame')} of {found.frames + found.frames_left_out:,} are left out: "
            "nothing was tracked there yet; `nightshift run` does the rest"
        )
