"""Compares the scores of pairs in pictures with every golden number of ``hoi/eval``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ops.interactions.scores.hico import HicoScores, score_hico
from ops.interactions.scores.vcoco import VcocoScores, score_vcoco
from ops.interactions.scores.vcoco_layout import action_roles, predicted_roles, true_roles
from ops.interactions.scores.vcoco_roles import score_agents, score_roles
from tests.ops.interactions.scores.pictures import pictures
from tests.support.golden import Check, close, close_by_name, equal

TOLERANCE = 1e-9
ROLE_TOLERANCE = 1e-6
OBJECTS, VERBS = 80, 29
TRIPLET_KEYS = ("n_gt", "n_det", "n_tp", "ap", "max_recall")


def scored_hico(case: dict[str, Any]) -> HicoScores:
    """Scores a case by HICO-DET's rules."""
    lists = [{tuple(triplet) for triplet in case[name]} for name in ("rare_triplets", "non_rare_triplets")]
    allowed = np.array(case["correct_mat"], bool)
    return score_hico(*pictures(case, len(allowed)), allowed, *lists)


def scored_vcoco(case: dict[str, Any]) -> VcocoScores:
    """Scores a case by the rules by which QPIC scores V-COCO in training."""
    matrices = {"ones": np.ones((VERBS, OBJECTS), bool), "zeros": np.zeros((VERBS, OBJECTS), bool)}
    given = case["correct_mat"]
    return score_vcoco(*pictures(case, VERBS), matrices[given] if isinstance(given, str) else np.array(given, bool))


def hico_checks(folder: Path) -> Iterator[Check]:
    """Compares all cases of HICO-DET."""
    for name, case in _cases(folder, "hico"):
        found, expected = scored_hico(case), case["expected"]
        if "error" in expected:
            yield equal(f"{name}: the original stops", found.full, 0)
            continue
        metrics = [found.full, found.rare, found.non_rare, found.max_recall]
        keys = ("mAP", "mAP rare", "mAP non-rare", "mean max recall")
        yield close(f"{name} metrics", metrics, [expected["metrics"][key] for key in keys], TOLERANCE)
        ours = {
            each.triplet: [each.pairs, each.detections, each.hits, each.ap, each.max_recall] for each in found.triplets
        }
        theirs = {tuple(each["triplet"]): [each[key] for key in TRIPLET_KEYS] for each in expected["per_triplet"]}
        yield equal(f"{name} triplets", sorted(ours), sorted(theirs))
        if ours and set(ours) == set(theirs):
            yield close(f"{name} by triplet", [ours[each] for each in theirs], list(theirs.values()), TOLERANCE)


def vcoco_checks(folder: Path) -> Iterator[Check]:
    """Compares all cases of V-COCO's mAP."""
    for name, case in _cases(folder, "vcoco"):
        found, expected = scored_vcoco(case), case["expected"]
        names = {each["verb"]: each["name"] for each in expected["per_verb"]}
        metrics = {f"AP_{names[verb]}": score.ap for verb, score in found.verbs.items() if score.pairs}
        metrics |= {"mAP_all": found.mean, "mAP_thesis": found.mean_thesis}
        yield close_by_name(f"{name} metrics", metrics, expected["metrics"], TOLERANCE)
        counts = [[verb, each.pairs, each.detections, each.hits] for verb, each in found.verbs.items()]
        wanted = [[each[key] for key in ("verb", "n_gt", "n_det", "n_tp")] for each in expected["per_verb"]]
        yield equal(f"{name} counts", counts, wanted)


def role_checks(folder: Path) -> Iterator[Check]:
    """Compares agent AP and role AP of V-COCO, in both scenarios."""
    case = json.loads((folder / "vcoco_role_ap.json").read_text())
    roles = action_roles(case["vcoco_annotations"])
    true = true_roles(case["vcoco_annotations"], case["coco_annotations"], case["image_ids"])
    predicted = predicted_roles(case["detections"], roles, case["image_ids"])
    expected = case["expected"]
    agents = score_agents(predicted, true, list(roles))
    first, second = score_roles(predicted, true, roles, 1), score_roles(predicted, true, roles, 2)
    for name, found in (("agent_ap", agents), ("role_ap_scenario_1", first), ("role_ap_scenario_2", second)):
        yield close_by_name(f"V-COCO {name}", found.by_name, expected[name], ROLE_TOLERANCE)
    means = {
        "mean_agent": agents.mean,
        "mean_role_scenario_1": first.mean,
        "mean_role_scenario_2": second.mean,
        "mean_role_scenario_1_without_point": first.published_mean,
        "mean_role_scenario_2_without_point": second.published_mean,
    }
    yield close_by_name("V-COCO means", means, {name: expected[name] for name in means}, ROLE_TOLERANCE)


def _cases(folder: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the case of thirty pictures, and those of one rule each."""
    yield f"{kind} 30 pictures", json.loads((folder / f"{kind}_30.json").read_text())
    for number, case in enumerate(json.loads((folder / f"{kind}_small.json").read_text())["cases"]):
        yield f"{kind} rule {case.get('name', number)}", case
