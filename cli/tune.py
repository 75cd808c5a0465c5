"""`tune`: finds the fastest way of looking at a camera that keeps its tracks."""

from typing import Annotated

import typer

from cli.options import HERE, Camera, Json, SiteFolder
from cli.output import Output, counted
from jobs.commands.tune import LEAST_STRETCHES, STRETCHES, WITHIN, Tuned, forget_camera, tune_camera
from jobs.profiles import UNGATED
from jobs.site import open_site


def tune(
    camera: Camera,
    folder: SiteFolder = HERE,
    within: Annotated[
        float, typer.Option("--within", min=0, max=1, help="Most that tracks may lose, as 1 - HOTA.")
    ] = WITHIN,
    stretches: Annotated[
        int, typer.Option("--stretches", min=LEAST_STRETCHES, help="Most stretches of footage to measure on.")
    ] = STRETCHES,
    forget: Annotated[bool, typer.Option("--forget", help="Remove what was stored of the camera instead.")] = False,
    as_json: Json = False,
) -> None:
    """Measure on a camera's footage how seldom detect may look, and store that for it."""
    output = Output(as_json)
    site = open_site(folder)
    if forget:
        removed = forget_camera(site, camera)
        if as_json:
            output.json({"camera": camera, "removed": removed})
        else:
            output.say(f"{camera}: {'forgotten' if removed else 'nothing was stored'}")
        return
    with output.progress("tune") as bar:
        tuned = tune_camera(site, camera, within, stretches, bar.update)
    if tuned.unreadable:
        output.warn(f"stretches of footage that could not be read: {tuned.unreadable}")
    if as_json:
        output.json(_as_json(tuned))
    else:
        _show(output, tuned)


def _as_json(tuned: Tuned) -> dict[str, object]:
    compared = [
        {"profile": each.profile.name, "loss": round(each.loss, 4), "runs": each.runs} for each in tuned.compared
    ]
    return {
        **tuned.stored.model_dump(mode="json", by_alias=True),
        "file": str(tuned.path),
        "compared": [{"profile": UNGATED.name, "loss": 0.0, "runs": tuned.runs}, *compared],
        "unreadable": tuned.unreadable,
    }


def _show(output: Output, tuned: Tuned) -> None:
    stored = tuned.stored
    rows = [[UNGATED.name, UNGATED.meaning, tuned.runs, "1.00", "0.0%"]]
    rows += [
        [each.profile.name, each.profile.meaning, each.runs, f"{each.runs / tuned.runs:.2f}", f"{each.loss:.1%}"]
        for each in tuned.compared
    ]
    part = stored.validation
    title = f"{part.stretches} stretches, {part.seconds:.0f} s, {counted(part.tracks, 'track')}"
    output.table(["profile", "", "runs of the network", "share", "loss"], rows, title)
    test = stored.test
    output.say(
        f"{stored.camera}: {stored.profile}; on {test.stretches} other stretches, {test.seconds:.0f} s, "
        f"{counted(test.tracks, 'track')}, it takes {test.runs_share:.2f} of the runs and loses {test.loss:.1%}"
    )
    if stored.why:
        output.say(f"every frame is looked at: {stored.why}")
    output.say(f"{tuned.path} is written; the next run uses it, and `nightshift plan` shows what it does anew")
