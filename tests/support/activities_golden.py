"""Compares the scores of activities with every golden number of NIST's scorer (``hoi/actev``)."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.interactions.scores.activities import ActivityScore, ActivityScores, score_activities, score_matched
from ops.interactions.scores.activity_matches import ActivityMatch
from ops.interactions.scores.error_curves import FalseAlarm
from ops.interactions.scores.processed_files import instances_in_index
from ops.interactions.scores.protocols import AUDC_POINTS, PROTOCOLS, Protocol, temporal_iou
from ops.interactions.scores.temporal_ap import TEMPORAL_IOUS, temporal_ap
from schemas.activities import shared_length
from storage.activity_files.indexes import read_activity_index, read_file_index
from storage.activity_files.labels import read_labels
from tests.support.golden import Check, close, close_by_name, equal

TOLERANCE = 1e-9
ACTIVITY_CASES = [
    "sdl_v2_basic",
    "sdl_v2_map",
    "sdl_v2_noscore",
    "sdl_v2_scored",
    "sdl_v2_negative_frames",
    "sdl_v1_two_files",
    "sdl_v1_two_activities",
    "sdl_v1_missing_files",
    "sdl_v1_many",
    "ad19_v2_basic",
    "srl_ad_v1_smooth",
    "srl_ad_v2_smooth",
    "srl_ad_v3_smooth",
    "srl_ad_v1_virat",
    "synthetic_sdl_v2",
    "synthetic_sdl_v2_all_activities",
    "synthetic_sdl_v1",
    "synthetic_ad19_v2",
    "synthetic_srl_ad_v1",
]


def protocol_of(case: dict[str, Any]) -> Protocol:
    name = case["protocol"].replace("ActEV19_AD", "AD19").removeprefix("ActEV_")
    return PROTOCOLS[name]


def scored(folder: Path, case: dict[str, Any]) -> ActivityScores:
    files = read_file_index(folder / case["file_index"])
    options = case["options"]
    assert set(options) <= {"-i", "-I", "-F", "-e", "--ignore-missing-files"}
    extra, missing = "-F" in options, "--ignore-missing-files" in options
    references = instances_in_index(read_labels(folder / case["reference"]), files, extra, missing)
    detections = instances_in_index(read_labels(folder / case["system_output"], system=True), files, extra, missing)
    return score_activities(
        references,
        detections,
        files,
        protocol_of(case),
        read_activity_index(folder / case["activity_index"]),
        apply_no_score="-i" not in options,
        keep_unreferenced="-I" in options,
    )


def point(value: float) -> str:
    return f"{value:g}"


def paired_as_nist(scores: ActivityScores, case: dict[str, Any], folder: Path) -> ActivityScores:
    """The same scores with NIST's pairs, which may differ where others are as good: ``n-mide`` depends on them."""
    files = read_file_index(folder / case["file_index"])
    pairs = [row for row in case["expected"]["alignment"] if row["alignment"] == "CD"]
    by_activity = {}
    for name, score in scores.by_activity.items():
        found = sorted((match.reference.identity, match.detection.identity) for match in score.matches)
        if found == sorted((pair["ref"], pair["sys"]) for pair in pairs if pair["activity"] == name):
            by_activity[name] = score
            continue
        references = {each.identity: each for each in score.references}
        rows = {each.identity: row for row, each in enumerate(score.detections)}
        matches = tuple(
            ActivityMatch(
                references[pair["ref"]],
                score.detections[rows[pair["sys"]]],
                rows[pair["sys"]],
                pair["kernel_similarity"],
            )
            for pair in pairs
            if pair["activity"] == name
        )
        by_activity[name] = score_matched(score.references, score.detections, matches, files, protocol_of(case))
    return ActivityScores(scores.minutes, by_activity)


def without_n_mide(numbers: dict[str, float | None]) -> dict[str, float | None]:
    return {name: value for name, value in numbers.items() if "n-mide" not in name}


def nist_ap(score: ActivityScore, iou: float) -> float:
    """With the mistake of NIST's scorer; without it where there is one file."""
    found = temporal_ap(score.references, score.detections, iou, as_nist=True)
    if len({each.file for each in score.references}) < 2:
        assert found == score.ap[iou]
    return found


def alarms_of(protocol: Protocol) -> tuple[FalseAlarm, ...]:
    return ("rfa",) if protocol.time_alarms == "none" else ("rfa", "tfa")


def metrics(score: ActivityScore, protocol: Protocol, with_ap: bool) -> dict[str, float | None]:
    """The numbers of an activity, by their names in NIST's output."""
    alarms = alarms_of(protocol)
    found: dict[str, float | None] = {"n-mide": score.n_mide, "n-mide_num_rejected": score.n_mide_rejected}
    for alarm in alarms:
        for at in protocol.miss_points:
            found[f"p_miss@{point(at)}{alarm}"] = score.curve.at(at, alarm)
            found[f"w_p_miss@{point(at)}{alarm}"] = score.curve.at(at, alarm, "w_p_miss")
        for at in AUDC_POINTS:
            area = score.curve.naudc(at, alarm)
            found[f"nAUDC@{point(at)}{alarm}"] = area
            found[f"AUDC@{point(at)}{alarm}"] = None if area is None else area * at
    for at in protocol.miss_points:
        found[f"n-mide@{point(at)}rfa"] = score.curve.at(at, "rfa", "n_mide")
    if with_ap:
        found |= {f"AP@{iou:.2f}tIoU": nist_ap(score, iou) for iou in TEMPORAL_IOUS}
    return found


def means(scores: ActivityScores, protocol: Protocol, with_ap: bool) -> dict[str, float | None]:
    """The means over activities, by their names in NIST's output."""
    alarms = alarms_of(protocol)
    found: dict[str, float | None] = {"mean-n-mide": scores.mean_n_mide()}
    for alarm in alarms:
        for at in protocol.miss_points:
            found[f"mean-p_miss@{point(at)}{alarm}"] = scores.mean_miss(at, alarm)
            found[f"mean-w_p_miss@{point(at)}{alarm}"] = scores.mean_miss(at, alarm, "w_p_miss")
        for at in AUDC_POINTS:
            area = scores.mean_naudc(at, alarm)
            found[f"mean-nAUDC@{point(at)}{alarm}"] = area
            found[f"mean-AUDC@{point(at)}{alarm}"] = None if area is None else area * at
    for at in protocol.miss_points:
        found[f"mean-n-mide@{point(at)}rfa"] = scores.mean_miss(at, "rfa", "n_mide")
    if with_ap:
        count = len(scores.by_activity)
        for iou in TEMPORAL_IOUS:
            found[f"mAP@{iou:.2f}tIoU"] = sum(nist_ap(score, iou) for score in scores.by_activity.values()) / count
    rejected = [score.n_mide_rejected for score in scores.by_activity.values()]
    matches = [score for score in scores.by_activity.values() if score.n_mide is not None]
    counts = [len(score.matches) - score.n_mide_rejected for score in matches]
    total = sum((score.n_mide or 0) * count for score, count in zip(matches, counts, strict=True))
    found["n-mide"] = total / sum(counts) if counts else None
    found["n-mide_num_rejected"] = sum(rejected)
    found["mean-n-mide_num_rejected"] = sum(rejected) / len(rejected)
    return found


def match_checks(scores: ActivityScores, expected: dict[str, Any]) -> Iterator[Check]:
    wanted: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {"CD": [], "FA": [], "MD": []})
    for row in expected["alignment"]:
        wanted[row["activity"]][row["alignment"]].append(row)
    for name, score in scores.by_activity.items():
        rows = wanted.pop(name, {"CD": [], "FA": [], "MD": []})
        found = sorted(match.detection.identity for match in score.matches)
        yield equal(f"{name} matches", found, sorted(row["sys"] for row in rows["CD"]))
        similar = sorted(row["kernel_similarity"] for row in rows["CD"])
        yield close(f"{name} similarities", sorted(match.similarity for match in score.matches), similar, TOLERANCE)
        yield equal(f"{name} false alarms", len(score.detections) - len(score.matches), len(rows["FA"]))
        yield equal(f"{name} misses", len(score.references) - len(score.matches), len(rows["MD"]))
    yield equal("activities without a score", sorted(wanted), [])


def pair_check(nist: ActivityScores, expected: dict[str, Any], protocol: Protocol) -> Check:
    found = {
        (name, match.reference.identity, match.detection.identity, metric): value
        for name, score in nist.by_activity.items()
        for match in score.matches
        for metric, value in pair_metrics(match, protocol).items()
    }
    golden = {
        (row["activity"], row["ref"], row["sys"], row["metric_name"]): row["metric_value"]
        for row in expected["pair_metrics"]
    }
    return close_by_name("metrics of pairs", found, golden, TOLERANCE)


def pair_metrics(match: ActivityMatch, protocol: Protocol) -> dict[str, float | None]:
    reference, detection = match.reference, match.detection
    shared = shared_length(reference.frames, detection.frames)
    return {
        "temporal_intersection": shared,
        "temporal_union": reference.length + detection.length - shared,
        "temporal_fa": detection.length - shared,
        "temporal_miss": reference.length - shared,
        "temporal_intersection-over-union": temporal_iou(reference, detection) if protocol.overlap == "iou" else None,
    }


def curve_checks(scores: ActivityScores, expected: dict[str, Any]) -> Iterator[Check]:
    wanted: dict[tuple[str, str], dict[float, float | None]] = defaultdict(dict)
    for row in expected["by_threshold"]:
        wanted[row["activity"], row["metric_name"]][float(row["score_threshold"])] = row["metric_value"]
    if not wanted:
        return  # protocols without time alarms list none
    for name, score in scores.by_activity.items():
        curve = score.curve
        columns = {
            "p_miss": curve.p_miss.tolist(),
            "rfa": curve.rfa.tolist(),
            "tfa": curve.tfa.tolist(),
            "tfa_numer": curve.tfa_frames.tolist(),
            "tfa_denom": [curve.free_frames] * len(curve.threshold),
        }
        for metric, values in columns.items():
            found = {round(at, 5): value for at, value in zip(curve.threshold.tolist(), values, strict=True)}
            nothing = metric == "p_miss" and not score.references
            ours = {at: None if nothing else value for at, value in found.items()}
            yield close_by_name(f"{name} {metric} by threshold", ours, wanted.pop((name, metric), {}), TOLERANCE)
    yield equal("curves that were not compared", sorted(wanted), [])


def activity_checks(folder: Path, name: str) -> list[Check]:
    """Compares all numbers of a case of ``hoi/actev``."""
    case = json.loads((folder / f"{name}.expected.json").read_text())
    expected, protocol, with_ap = case["expected"], protocol_of(case), "-e" in case["options"]
    scores = scored(folder / "inputs", case)
    nist = paired_as_nist(scores, case, folder / "inputs")
    wanted, whole = expected["scores_by_activity"], expected["scores_aggregated"]
    checks = [equal("activities", sorted(scores.by_activity), sorted(wanted))]
    for activity, score in scores.by_activity.items():
        ours = without_n_mide(metrics(score, protocol, with_ap))
        theirs = metrics(nist.by_activity[activity], protocol, with_ap)
        checks.append(close_by_name(f"{activity}, our pairs", ours, without_n_mide(wanted[activity]), TOLERANCE))
        checks.append(close_by_name(f"{activity}, NIST's pairs", theirs, wanted[activity], TOLERANCE))
    ours = without_n_mide(means(scores, protocol, with_ap))
    checks.append(close_by_name("means, our pairs", ours, without_n_mide(whole), TOLERANCE))
    checks.append(close_by_name("means, NIST's pairs", means(nist, protocol, with_ap), whole, TOLERANCE))
    checks += [*match_checks(scores, expected), pair_check(nist, expected, protocol), *curve_checks(scores, expected)]
    return [replace(check, name=f"{name} {check.name}") for check in checks]
