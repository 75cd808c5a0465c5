"""`review`: lists interactions that wait for one, cuts a clip of one, and records what a person says of it."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli.account import user_name
from cli.options import HERE, Json, SiteFolder
from cli.output import Output
from jobs.commands.reviews import ReviewRequest, record_review, waiting_interactions, write_review_clip
from jobs.site import open_site
from storage.exports.review_records import Answer

Interaction = Annotated[str, typer.Argument(metavar="ID", help="Id of an interaction, or the beginning of one.")]


def review_list(
    camera: Annotated[
        str | None, typer.Argument(metavar="CAMERA", help="Id of the camera.", show_default="all")
    ] = None,
    verb: Annotated[str | None, typer.Option("--verb", help="Only this verb.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to show.")] = 20,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """List interactions that nobody reviewed, first those of which an answer tells most."""
    output = Output(as_json)
    site = open_site(folder)
    rows = waiting_interactions(site, camera, verb, limit)
    if as_json:
        output.json(rows)
        return
    if not rows:
        output.say("no interaction waits for a review")
        return
    shown = []
    for row in rows:
        zone = ZoneInfo(site.files.config.camera_view(row["camera"]).timezone)
        start = f"{row['start_time'].astimezone(zone):%Y-%m-%d %H:%M:%S}"
        length_s = (row["end_time"] - row["start_time"]).total_seconds()
        shown.append(
            [row["interaction_id"], row["camera"], row["verb"], start, length_s, row["score"], row["calibrated_score"]]
        )
    output.table(["interaction", "camera", "verb", "start", "seconds", "score", "calibrated"], shown)


def review_clip(
    interaction: Interaction,
    target: Annotated[Path, typer.Option("-o", "--output", help="MP4 file to write.")],
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Cut anonymized video of an interaction, from 3 s before it to 3 s after it."""
    output = Output(as_json)
    done = write_review_clip(open_site(folder), interaction, target)
    if as_json:
        output.json({"file": str(target), **asdict(done)})
    else:
        output.say(f"{done.recorded_s:.1f} s of {done.camera} written to {target}")


def review_answer(
    interaction: Interaction,
    answer: Annotated[Answer, typer.Argument(help="Whether the row is right.")],
    by: Annotated[str, typer.Option("--by", help="Your name; it is recorded.")],
    note: Annotated[str, typer.Option("--note", help="Anything worth knowing.")] = "",
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Record whether an interaction is right. Answers calibrate the scores of its verb."""
    output = Output(as_json)
    request = ReviewRequest(interaction, answer, by, user_name(), note)
    done = record_review(open_site(folder), request, datetime.now(UTC))
    if as_json:
        output.json(asdict(done))
    else:
        output.say(f"{done.interaction_id}, {done.verb} on {done.camera}: {done.by} says it is {done.answer}")
