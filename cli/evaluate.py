"""`eval`: how good a camera's tracks are, measured by boxes that a person drew."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, LOCAL_TIME, AsOf, Camera, Json, SiteFolder, parse_local_time
from cli.output import Output, counted, duration
from jobs.commands.evaluate import Evaluation, EvaluationRequest
from jobs.commands.evaluate import evaluate as evaluate_tracks
from jobs.published_leaks import PublishedLeaks
from jobs.site import open_site
from schemas.errors import UserError
from storage.box_files.formats import BoxFormat

_SCORES = (
    ("HOTA", "hota", "how well people are found and followed, 0 to 1"),
    ("DetA", "deta", "how well they are found, 0 to 1"),
    ("AssA", "assa", "how well they are followed, 0 to 1"),
    ("MOTA", "mota", "1 minus misses, false boxes and id switches per true box"),
    ("IDF1", "idf1", "share of boxes with the right id, 0 to 1"),
    ("recall", "recall", "share of the true boxes that are found, 0 to 1"),
    ("precision", "precision", "share of the boxes that show somebody, 0 to 1"),
    ("misses", "misses", "true boxes that are not found"),
    ("false boxes", "false_positives", "boxes that show nobody of the truth"),
    ("id switches", "id_switches", "changes of a person's id"),
    ("fragmentations", "fragmentations", "times that a person is lost and found again"),
    ("count error", "count_mae", "boxes too many or too few per frame, on average"),
    ("tracks", "tracks", "ids that Nightshift gives"),
    ("true tracks", "true_tracks", "ids in the truth"),
)
"""Rows: their name, attribute of ``TrackScores`` and meaning."""

_LEAKS = (
    ("heads", "heads", "true heads in these frames"),
    ("leaks", "head_leak", "share of heads that are less than half covered, 0 to 1"),
    ("strict leaks", "head_leak_strict", "share of heads that are less than 90 % covered, 0 to 1"),
    ("tracks", "tracks", "true tracks in these frames"),
    ("leaking tracks", "track_leaks", "true tracks with a leak in any frame"),
    ("strictly leaking tracks", "track_leaks_strict", "true tracks with a strict leak in any frame"),
    ("covered area", "area", "share of the picture that is covered, on average, 0 to 1"),
)
"""The same of ``LeakScores``."""


def evaluate(
    camera: Camera,
    truth: Annotated[Path, typer.Option("--truth", help="Text file of the true boxes.")],
    form: Annotated[
        BoxFormat | None, typer.Option("--format", help="Its format.", show_default="by its content")
    ] = None,
    footage: Annotated[
        str | None,
        typer.Option("--footage", metavar="PATH", help="Footage that was labelled.", show_default="the only file"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar=LOCAL_TIME, help="Local time of the first frame, if a part was labelled."),
    ] = None,
    truth_size: Annotated[
        str | None,
        typer.Option("--truth-size", metavar="WxH", help="Size of the labelled picture.", show_default="the footage's"),
    ] = None,
    first_frame: Annotated[
        int | None, typer.Option("--first-frame", help="First labelled frame.", show_default="the first with a box")
    ] = None,
    last_frame: Annotated[
        int | None, typer.Option("--last-frame", help="Last labelled frame.", show_default="the last with a box")
    ] = None,
    label: Annotated[str, typer.Option("--label", help="Whom or what to score.")] = "person",
    leaks: Annotated[
        bool, typer.Option("--leaks/--no-leaks", help="Look for bare heads in published video, which is decoded.")
    ] = True,
    folder: SiteFolder = HERE,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Score a camera's tracks against true boxes: HOTA, MOTA, IDF1, count error, leaks."""
    output = Output(as_json)
    request = EvaluationRequest(
        camera=camera,
        truth=truth,
        form=form,
        footage=footage,
        start=None if start is None else parse_local_time("--from", start),
        truth_size=None if truth_size is None else parse_size("--truth-size", truth_size),
        label=label,
        first_frame=first_frame,
        last_frame=last_frame,
        as_of=as_of,
        leaks=leaks,
    )
    found = evaluate_tracks(open_site(folder), request)
    if as_json:
        output.json(asdict(found))
        return
    _show(output, found)


def parse_size(option: str, text: str) -> tuple[int, int]:
    """Returns the width and height of an option such as ``768x576``.

    Raises:
        UserError: it is no size.
    """
    width, cross, height = text.lower().partition("x")
    if not cross or not width.strip().isdecimal() or not height.strip().isdecimal() or not int(width) * int(height):
        raise UserError(f"{option} {text!r} is not a size; write it as 768x576")
    return int(width), int(height)


def _show(output: Output, found: Evaluation) -> None:
    forgiving = found.forgiving
    columns = ["score", "value", *(["without ignored"] if forgiving else []), "meaning"]
    rows = [
        [name, *(getattr(each, attribute) for each in (found.scores, forgiving) if each), meaning]
        for name, attribute, meaning in _SCORES
    ]
    boxes = "1 true box" if found.true_boxes == 1 else f"{found.true_boxes:,} true boxes"
    output.say(
        f"{found.footage}, {counted(found.frames, 'frame')} from {found.first_frame} to {found.last_frame}, "
        f"{duration(found.duration_s)}: {boxes} of label {found.label}"
    )
    output.table(columns, rows)
    if forgiving:
        output.say(f"without ignored: boxes on the {found.ignored_boxes:,} ignored true ones do not count as false")
    if found.frames_left_out:
        output.warn(
            f"{counted(found.frames_left_out, 'frame')} of {found.frames + found.frames_left_out:,} are left out: "
            "nobody was tracked there yet; `nightshift status` says what is done, `nightshift run` does the rest"
        )
    if found.leaks is not None:
        _show_leaks(output, found.leaks)


def _show_leaks(output: Output, leaks: PublishedLeaks) -> None:
    if leaks.scores is None:
        output.say(f"leaks are not known: {leaks.unknown or 'none of these frames is published'}")
        return
    output.say(f"anonymized video, {counted(leaks.scores.frames, 'frame')} with true heads")
    output.table(
        ["leak", "value", "meaning"], [[name, getattr(leaks.scores, each), meaning] for name, each, meaning in _LEAKS]
    )
    if leaks.frames_left_out:
        output.warn(f"{counted(leaks.frames_left_out, 'frame')} with true heads are not published, or not readable")
