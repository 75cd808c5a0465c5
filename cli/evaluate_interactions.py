"""`eval interactions`: how good a camera's interactions are, measured by labels of a person."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.options import HERE, AsOf, Camera, Json, SiteFolder
from cli.output import Output, counted
from jobs.commands.evaluate_interactions import (
    InteractionEvaluation,
    InteractionEvaluationRequest,
    VerbEvaluation,
)
from jobs.commands.evaluate_interactions import evaluate_interactions as score_interactions
from jobs.site import open_site

ProtocolName = Literal["SDL_V2", "SDL_V1", "AD19_V2", "SRL_AD_V1", "SRL_AD_V2", "SRL_AD_V3"]

_MISSES, _AREAS = ("0.04tfa", "0.1tfa", "0.1rfa", "1rfa"), ("0.2tfa",)
_SRL_MISSES, _SRL_AREAS = ("0.1rfa", "0.2rfa", "1rfa"), ("0.2rfa",)
"""False alarms of the columns, where a protocol has them."""


def evaluate_interactions(
    camera: Camera,
    truth: Annotated[Path, typer.Option("--truth", help="Labels, in the JSON of NIST's ActEV.")],
    protocol: Annotated[ProtocolName, typer.Option("--protocol", help="When a row matches a label.")] = "SDL_V2",
    verbs: Annotated[
        list[str] | None, typer.Option("--verb", help="Verb to score; repeatable.", show_default="those of the labels")
    ] = None,
    all_verbs: Annotated[bool, typer.Option("--all-verbs", help="Also score verbs without a label.")] = False,
    least_s: Annotated[
        float, typer.Option("--least-s", min=0, help="Seconds that shorter interactions are widened to.")
    ] = 2.0,
    file_index: Annotated[
        Path | None,
        typer.Option("--file-index", help="NIST's file index, if only a part was labelled.", show_default=False),
    ] = None,
    folder: SiteFolder = HERE,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Score a camera's interactions against labels: misses at false alarms, as NIST's ActEV does."""
    output = Output(as_json)
    request = InteractionEvaluationRequest(
        camera=camera,
        truth=truth,
        protocol=protocol,
        verbs=tuple(verbs or ()),
        all_verbs=all_verbs,
        least_s=least_s,
        file_index=file_index,
        as_of=as_of,
    )
    found = score_interactions(open_site(folder), request)
    if as_json:
        output.json(asdict(found))
        return
    _show(output, found)


def _show(output: Output, found: InteractionEvaluation) -> None:
    srl = "0.04tfa" not in found.mean.p_miss
    misses, areas = (_SRL_MISSES, _SRL_AREAS) if srl else (_MISSES, _AREAS)
    whose = found.footage[0] if len(found.footage) == 1 else f"{len(found.footage)} files of {found.camera}"
    output.say(f"{whose}, {found.minutes:.1f} min: {counted(found.mean.labels, 'label')} under {found.protocol}")
    heads = [*(f"Pmiss@{each}" for each in misses), *(f"nAUDC@{each}" for each in areas)]
    rows = [_row(verb, score, misses, areas) for verb, score in found.verbs.items()]
    output.table(["verb", "labels", "rows", "found", "false", *heads], [*rows, _row("mean", found.mean, misses, areas)])
    output.say("Pmiss: share of the labels that are missed; tfa: false time per time, rfa: false rows per minute")
    if found.labels_left_out:
        output.warn(f"{counted(found.labels_left_out, 'label')} left out: not wholly in frames that count")
    if found.frames_left_out:
        output.warn(
            f"{counted(found.frames_left_out, 'frame')} of {found.frames + found.frames_left_out:,} are left out: not "
            "labelled, or interactions were not looked for there yet; `nightshift run` does the rest"
        )


def _row(name: str, score: VerbEvaluation, misses: tuple[str, ...], areas: tuple[str, ...]) -> list[object]:
    return [
        name,
        score.labels,
        score.rows,
        score.found,
        score.false_alarms,
        *(score.p_miss[each] for each in misses),
        *(score.naudc[each] for each in areas),
    ]
