"""Interaction reviews: what waits for one, a clip to look at, and the record of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jobs.commands.excerpts import Clip, find_camera, write_clip
from jobs.commands.results import query
from jobs.site import Site
from schemas.errors import SelectionError, UserError
from storage.exports.review_records import SCORE_DIGITS, Answer, Review, write_review
from storage.sql.text import quote_text
from storage.store.journal import new_run_id
from storage.store.store import Store

_COLUMNS = "camera, interaction_id, verb, subject, object, start_time, end_time, rule, score, calibrated_score, answers"
_AROUND = timedelta(seconds=3)
"""What a clip shows before and after an interaction."""


@dataclass(frozen=True)
class ReviewRequest:
    """What a person says of an interaction.

    Attributes:
        interaction: its id, or the beginning of one.
        by: the person's name.
        user: the account that runs the command.
    """

    interaction: str
    answer: Answer
    by: str
    user: str
    note: str = ""


def waiting_interactions(
    site: Site, camera: str | None = None, verb: str | None = None, limit: int = 20
) -> list[Mapping[str, Any]]:
    """Returns interactions that nobody reviewed: those first of which an answer tells most.

    These are of verbs with few answers, and then those of which it is least sure whether they are right.

    Raises:
        SelectionError: there is no such camera.
    """
    asked = [
        *([] if camera is None else [f"camera = {quote_text(find_camera(site, camera))}"]),
        *([] if verb is None else [f"verb = {quote_text(verb)}"]),
    ]
    sql = (
        f"SELECT {_COLUMNS} FROM calibrated_interactions ANTI JOIN interaction_reviews USING (camera, interaction_id)"
        f" {'WHERE ' + ' AND '.join(asked) if asked else ''} "
        f"ORDER BY answers, abs(calibrated_score - 0.5), start_time, interaction_id LIMIT {limit}"
    )
    rows: list[Mapping[str, Any]] = query(site, sql).to_pylist()
    return rows


def write_review_clip(site: Site, interaction: str, target: Path) -> Clip:
    """Cuts anonymized video of an interaction, with some seconds before and after it.

    Raises:
        UserError: the target is no MP4, or lies in the archive or the store.
        SelectionError: there is no such interaction, or nothing published of its time.
        NightshiftError: a published file was altered.
    """
    row = find_interaction(site, interaction)
    return write_clip(site, row["camera"], row["start_time"] - _AROUND, row["end_time"] + _AROUND, target)


def record_review(site: Site, request: ReviewRequest, now: datetime) -> Review:
    """Records an answer; the newest one of an interaction counts.

    Raises:
        UserError: no name is given.
        SelectionError: there is no such interaction.
        StoreFull: no space is left; nothing is recorded.
    """
    by = request.by.strip()
    if not by:
        raise UserError("--by is empty: give the name of the person who looked; it is recorded")
    row = find_interaction(site, request.interaction)
    review = Review(
        review_id=new_run_id(now),
        time=now,
        by=by,
        user=request.user,
        camera=row["camera"],
        interaction_id=row["interaction_id"],
        verb=row["verb"],
        rule=row["rule"],
        score=f"{row['score']:.{SCORE_DIGITS}f}",
        answer=request.answer.value,
        note=request.note.strip(),
    )
    write_review(Store.create(site.files.store), review)
    return review


def find_interaction(site: Site, interaction: str) -> Mapping[str, Any]:
    """Returns the row of an interaction, by its id or the beginning of one.

    Raises:
        SelectionError: there is none, or several begin so.
    """
    if not interaction:
        raise SelectionError("give the id of an interaction: `nightshift review list` shows them")
    sql = (
        f"SELECT {_COLUMNS} FROM calibrated_interactions WHERE starts_with(interaction_id, {quote_text(interaction)}) "
        "ORDER BY camera, interaction_id LIMIT 2"
    )
    rows = query(site, sql).to_pylist()
    if not rows:
        raise SelectionError(f"no interaction has the id {interaction}: `nightshift review list` shows those that wait")
    if len(rows) > 1:
        raise SelectionError(f"several interactions have an id that begins with {interaction}; give more of it")
    return dict(rows[0])
