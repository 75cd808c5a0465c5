"""What the rules find on real clips: a bag left behind, and clips in which nothing is left."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any
from zoneinfo import ZoneInfo

from bench.frame_pairs import read_frames
from bench.interactions_sample import OPS
from bench.material import ASSETS
from bench.real_clips import steady_times, write_frames
from bench.real_site import CLIPS, DAY, build_real_site
from jobs.commands.results import query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import Site, open_site

Figures = dict[str, Any]

LOCAL = ZoneInfo("Europe/Amsterdam")
BAG_FPS = 29.97
PUT_DOWN_S, GONE_S = 390 / BAG_FPS, 700 / BAG_FPS
"""On the clip of the bag: when it is put down, and by when its owner is gone; seen by looking."""

PREVIEW = "gif/person-bicycle-car-detection.gif"
PREVIEW_FPS = 12

NEVER = (
    *("abandons", "removes", "hands_over", "falls", "rides", "pushes", "runs", "sits_on"),
    *("enters_vehicle", "exits_vehicle", "loads_unloads"),
)
"""Verbs that, seen by looking, nobody does on these clips, but for the one bag that is abandoned.

On the table clip nobody sits, and nobody stays longer than 25 s. On the preview, somebody rides a bicycle.
"""

COSTS = ("detect", "appearance", "track", "link", "statics", "interactions")


@dataclass(frozen=True)
class RealRun:
    """A site of real clips after a run.

    Attributes:
        seconds: by stage of the run: the op's name, ``decode``, ``read`` and ``commit``.
        footage_s: length of all footage.
    """

    site: Site
    seconds: dict[str, float]
    footage_s: float


def run_clips(folder: Path, with_weights: bool) -> RealRun:
    """Runs what interactions need on all clips.

    Args:
        folder: new or empty.
        with_weights: whether the site has the weights of detectors; otherwise boxes come from motion.
    """
    build_real_site(folder, ASSETS)
    _add_preview(folder)
    if not with_weights:
        rmtree(folder / "models")
    site = open_site(folder)
    summary = run_site(site, Selection(ops=OPS), RunOptions(workers=None))
    lengths = query(site, "SELECT date_diff('millisecond', start_time, end_time) AS ms FROM segments")["ms"].to_pylist()
    return RealRun(site, dict(summary.record.stage_s), sum(lengths) / 1000)


def clip_figures(run: RealRun) -> Figures:
    """Returns what is found on the clips.

    ``aboda_time_error_s`` is the larger of two errors: of the middle of ``puts_down``, if it is found, and of the start
    of ``abandons``, where it is before the bag is put down or after its owner is gone. None unless it is found once.
    """
    rows = query(run.site, "FROM interactions ORDER BY camera, start_time, verb").to_pylist()
    bags = [row for row in rows if row["verb"] == "abandons"]
    on_bag = [row for row in bags if row["camera"] == "bag"]
    starts_s = [_second_of(row["start_time"]) for row in on_bag]
    on_ground = [row for row in rows if row["camera"] == "bag" and row["verb"] == "puts_down"]
    down_s = [(_second_of(row["start_time"]) + _second_of(row["end_time"])) / 2 for row in on_ground]
    found = Counter((row["camera"], row["verb"]) for row in rows)
    false = [row for row in rows if row["verb"] in NEVER and row["camera"] != "preview" and row not in on_bag[:1]]
    return {
        "aboda_abandons": len(on_bag),
        "aboda_start_s": [round(each, 2) for each in starts_s],
        "aboda_put_down_s": [round(each, 2) for each in down_s],
        "aboda_time_error_s": round(_time_error_s(starts_s[0], down_s), 2) if len(starts_s) == 1 else None,
        "aboda_picks_up": found["bag", "picks_up"],
        "false_abandons": len(bags) - len(on_bag),
        "false_alarms": len(false),
        "false_alarms_per_camera_day": round(len(false) / run.footage_s * 86_400, 1),
        "footage_s": round(run.footage_s, 1),
        "false": [_shown(row) for row in false],
        "preview_rides": found["preview", "rides"],
        "found": {f"{camera}.{verb}": number for (camera, verb), number in sorted(found.items())},
    }


def cost_figures(run: RealRun) -> Figures:
    """Returns what the rules cost: seconds of ``interactions``, as shares of those of ``track`` and ``link``."""
    seconds = {op: run.seconds.get(op, 0.0) for op in COSTS}
    tracking = seconds["track"] + seconds["link"]
    return {
        "cost_share": round(seconds["interactions"] / tracking, 4),
        "statics_share": round(seconds["statics"] / tracking, 4),
        "share_with_detect": round(seconds["interactions"] / (seconds["detect"] + seconds["appearance"] + tracking), 4),
        "seconds": {op: round(each, 3) for op, each in seconds.items()},
    }


def _add_preview(folder: Path) -> None:
    """Adds the clip of a cyclist as a camera without calibration."""
    frames = [frame.image for frame in read_frames(ASSETS / "video" / PREVIEW)]
    target = folder / "archive" / "preview" / f"{DAY}T20-50-00.mp4"
    write_frames(target, frames, steady_times(len(frames), PREVIEW_FPS))
    with (folder / "site.toml").open("a") as settings:
        settings.write('\n[[cameras]]\nid = "preview"\n')


def _shown(row: dict[str, Any]) -> str:
    return f"{row['camera']}: {row['verb']} at {_second_of(row['start_time'], row['camera']):.1f} s"


def _second_of(time: datetime, camera: str = "bag") -> float:
    """Returns seconds from the start of a camera's clip."""
    hour, minute, second = map(int, CLIPS[camera][1].split("-")) if camera in CLIPS else (20, 50, 0)
    local = time.astimezone(LOCAL)
    return (local - local.replace(hour=hour, minute=minute, second=second, microsecond=0)).total_seconds()


def _time_error_s(away_s: float, down_s: list[float]) -> float:
    errors = [abs(each - PUT_DOWN_S) for each in down_s]
    return max(0.0, PUT_DOWN_S - away_s, away_s - GONE_S, min(errors, default=0.0))
