"""Prints what the footage of a run cost."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from storage.store.run_cost import RunCost

STAGES_SHOWN = 4
COST_COLUMNS = ("video_hours_per_hour", "times_decode", "held_share")


def cost_of(run: Mapping[str, Any]) -> RunCost:
    """Returns the cost of a run from its row of the table ``runs``."""
    values = {each.name: run[each.name] for each in fields(RunCost)}
    return RunCost(**values | {"stage_share": json.loads(run["stage_share"])})


def cost_text(cost: RunCost) -> str:
    """Returns one line about a cost; empty for a run that did nothing."""
    said = []
    if cost.video_hours_per_hour is not None:
        said.append(f"{cost.video_hours_per_hour:.1f} video-hours per hour")
    if cost.video_hours_per_core_hour is not None:
        said[-1] += f", {cost.video_hours_per_core_hour:.1f} per core"
    if cost.times_decode is not None:
        said.append(f"{cost.times_decode:.1f} × its decode")
    if cost.stage_share:
        shown = list(cost.stage_share.items())[:STAGES_SHOWN]
        said.append(", ".join(f"{stage} {share:.0%}" for stage, share in shown))
    if cost.held_share is not None:
        said.append(f"{cost.held_share:.0%} of frames held")
    return "; ".join(said)
