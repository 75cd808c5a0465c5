"""Scores of the rules on the film of interactions: with a made-up detector, and by motion alone, as without weights."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.interactions_matching import Found, Matched, match, read_found
from bench.interactions_material import build_film, made_inputs
from jobs.commands.results import query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from ops.interactions import Interactions
from ops.interactions.params import InteractionsParams
from ops.interactions.scores.activities import ActivityScores, score_activities
from ops.interactions.scores.protocols import PROTOCOLS
from sample_site import EVENTS, SampleSite
from sample_site.truth import TrueInteraction, microseconds
from schemas.activities import ActivityFile, ActivityInstance
from tests.support.fakes import FakeServices

Figures = dict[str, Any]

CAMERA = EVENTS.cameras[0].camera
PROTOCOL = PROTOCOLS["SDL_V2"]
RFA_PER_MINUTE, TFA, AUDC_TFA = 0.1, 0.04, 0.2
"""Standard points: false alarms per minute and false time at which misses are read; false time of the area below."""

OPS = ("positions", "counts", "statics", "interactions")
"""All that interactions read, also what they can do without."""

_READ = ("interactions", "track_points", "static_objects")


def made_figures(folder: Path, seed: int) -> Figures:
    """Returns the figures of rules on the tracks of a made-up detector's boxes, and in ``cost`` CPU seconds by op.

    Args:
        folder: keeps the film and the tables for the next call.
        seed: of the film and of the detector's errors.
    """
    inputs = made_inputs(folder, seed)
    started = time.process_time()
    rows = Interactions(InteractionsParams()).run(inputs.unit, inputs.tables, FakeServices())["interactions"]
    seconds = {**inputs.seconds, "interactions": time.process_time() - started}
    tracking = seconds["track"] + seconds["link"]
    cost = {"of_track_and_link": seconds["interactions"] / tracking, "statics": seconds["statics"] / tracking}
    rounded = {name: round(value, 4) for name, value in (cost | seconds).items()}
    return score_rows(build_film(folder, seed), rows, inputs.tables) | {"cost": rounded}


def motion_figures(folder: Path, seed: int) -> Figures:
    """Returns the figures of a run of the site without weights, whose boxes come from motion.

    Args:
        folder: keeps the film, and the run's store with it.
        seed: of the film.
    """
    film = build_film(folder, seed)
    site = open_site(film.root)
    run_site(site, Selection(ops=OPS), RunOptions(workers=None))
    tables = {name: query(site, f"FROM {name} WHERE camera = '{CAMERA}'") for name in _READ}
    return score_rows(film, tables["interactions"], tables)


def score_rows(film: SampleSite, rows: pa.Table, tables: Mapping[str, pa.Table]) -> Figures:
    """Returns the figures by verb, and their means.

    Args:
        film: with its truth.
        rows: table ``interactions``.
        tables: ``track_points`` and ``static_objects``.
    """
    truth = [each for each in film.truth.interactions if each.camera == CAMERA]
    found = read_found(rows, tables, film.truth, CAMERA)
    matched = match(truth, found)
    activities = _activity_scores(film, truth, found, matched)
    by_verb: Figures = {}
    for verb, counts in matched.scores.items():
        curve = activities.by_activity[verb].curve
        by_verb[verb] = {
            "true": counts.true,
            "recall": round(counts.recall, 3),
            "false_alarms": counts.false_alarms,
            "naudc": _short(curve.naudc(AUDC_TFA, "tfa")),
            "p_miss_rfa": _short(curve.at(RFA_PER_MINUTE, "rfa")),
            "p_miss_tfa": _short(curve.at(TFA, "tfa")),
        }
    means = {
        "recall": round(sum(each["recall"] for each in by_verb.values()) / len(by_verb), 3),
        "false_alarms": sum(each["false_alarms"] for each in by_verb.values()),
        "naudc": _short(activities.mean_naudc(AUDC_TFA, "tfa")),
        "p_miss_rfa": _short(activities.mean_miss(RFA_PER_MINUTE, "rfa")),
        "p_miss_tfa": _short(activities.mean_miss(TFA, "tfa")),
    }
    return {"verbs": by_verb, "mean": means, "missed": _missed(matched), "false": _false(film, matched)}


def _activity_scores(
    film: SampleSite, truth: Sequence[TrueInteraction], found: Sequence[Found], matched: Matched
) -> ActivityScores:
    """Scores by time alone, as NIST's scorer does; what is optional is left out, and rows that match it."""
    optional = {row for true, row in matched.pairs if truth[true].optional}
    start_us, fps = microseconds(film.truth.files[0].start_time), film.truth.fps
    last = round(sum(file.duration_s for file in film.truth.files if file.camera == CAMERA) * fps)

    def instance(verb: str, span_us: tuple[int, int], identity: int, score: float) -> ActivityInstance:
        begin, end = (round((each - start_us) * fps / 1e6) for each in span_us)
        begin = min(max(begin, 0), last - 1)
        return ActivityInstance.of(verb, CAMERA, begin, min(max(end, begin + 1), last), identity, score)

    references = [
        instance(each.verb, (microseconds(each.start_time), microseconds(each.end_time)), number, 1.0)
        for number, each in enumerate(truth)
        if not each.optional
    ]
    verbs = {each.activity for each in references}
    detections = [
        instance(each.verb, each.span_us, number, each.score)
        for number, each in enumerate(found)
        if each.verb in verbs and number not in optional
    ]
    files = {CAMERA: ActivityFile(float(fps), ((0, last),))}
    return score_activities(references, detections, files, PROTOCOL)


def _missed(matched: Matched) -> list[str]:
    return [f"{each.verb}: {each.subject}, {each.object} at {each.start_time:%H:%M:%S}" for each in matched.missed]


def _false(film: SampleSite, matched: Matched) -> list[str]:
    start_us = microseconds(film.truth.files[0].start_time)
    return [
        f"{each.verb}: {each.subject}, {each.object} {(each.start_us - start_us) / 1e6:.1f} to "
        f"{(each.end_us - start_us) / 1e6:.1f} s, score {each.score:.2f}"
        for each in matched.false_alarms
    ]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
