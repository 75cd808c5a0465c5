"""Measures a worker's memory, the cost per hour of footage in few and many segments, and two workers beside one.

    python -m bench.scale [--json] [--segments 10 100 300] [--only memory segments workers dispatch soak node_loss]

*dispatch*, *soak* and *node_loss* need nothing else. The driver alone, for plans of 1,000 to 100,000 units without work
(``bench.scale_dispatch``); 2,000 short segments on four workers that are killed and hang, and whose archive goes away
(``tests.support.soak``); a cluster of three machines of which one is lost (``tests.support.lost_nodes``). The others
need the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). Footage is one camera's frames, there and back
again. *memory*: the peak of a process that runs a whole night of 40 seconds at 1920x1080, enlarged. *segments*: CPU
seconds per hour of footage for a few short segments and for many, without weights, up to tracks and counts, in one
process: its memory after a tenth of the batches and at the end, and the driver's share, which is all that is not a
worker's. *workers*: the time that two workers on two cores take, beside one, for two nights of two cameras; it says
little on a machine that is busy. CPU seconds are of a process with all its threads.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

from bench.anonymized_site import LAST_OPS, build_site
from bench.material import ASSETS, alone, peak_mb, print_figures, require_assets
from bench.real_clips import load_frames, steady_times, write_frames
from bench.real_site import CLIPS, DETECTOR, SECOND_DETECTOR
from jobs.commands.run import RunSummary, run_site
from jobs.engine.options import RunOptions
from jobs.engine.pool import Finished, InlinePool
from jobs.engine.tasks import WorkerSetup
from jobs.planning.graph import Selection
from jobs.site import open_site
from schemas.values import Uint8

CAMERA = "bag"
FULL_HD = (1920, 1080)
SMALL = (360, 240)
FPS = 10
SEGMENT_S, SEGMENTS_A_FILE = 4, 10
FRAMES = 400
"""Frames of the camera that are shown."""

PARTS = ("memory", "segments", "workers", "dispatch", "soak", "node_loss")
PLANNED = (1_000, 10_000, 100_000)
SOAK = (2000, 40, 12, 3, 3, 4)
"""Segments, kills, hangs, poisoned segments, outages and workers, as in ``tests.support.soak.Size``."""

NODE_LOSS_SEGMENTS = 200

TABLES_ONLY = ("link", "counts", "motion")
NIGHT_S = 40
WEIGHTS = (DETECTOR, SECOND_DETECTOR)


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--segments", nargs="+", type=int, default=(10, 100, 300))
    parser.add_argument("--only", nargs="*", choices=PARTS)
    arguments = parser.parse_args()
    if set(arguments.only or PARTS) & {"memory", "segments", "workers"}:
        require_assets()
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "memory": partial(memory, Path(folder) / "memory"),
            "segments": partial(segments, Path(folder) / "segments", arguments.segments),
            "workers": partial(workers, Path(folder) / "workers"),
            "dispatch": dispatch,
            "soak": partial(_said_by, "tests.support.soak", Path(folder) / "soak", *SOAK),
            "node_loss": partial(_said_by, "tests.support.lost_nodes", Path(folder) / "node_loss", NODE_LOSS_SEGMENTS),
        }
        for name, measure in parts.items():
            if arguments.only is None or name in arguments.only:
                print(f"measuring {name}", file=sys.stderr)
                figures[name] = measure()
    if arguments.json:
        figures = headline(figures) | figures
    print_figures(figures, arguments.json)


def headline(figures: dict[str, Any]) -> dict[str, Any]:
    """Returns the figures that others compare, of the parts that were measured."""
    found: dict[str, Any] = {}
    if "dispatch" in figures:
        found |= {name: figures["dispatch"][name] for name in ("segments_per_s", "planned")}
    if "workers" in figures:
        found["two_workers_speedup"] = figures["workers"]["speed_up"]
    if "node_loss" in figures:
        found["node_loss_equal"] = all(
            difference == [0, 0] for difference in figures["node_loss"]["differences"].values()
        )
    return found


def dispatch() -> dict[str, Any]:
    """Returns the driver's CPU time per unit by number of planned units, and all figures of the largest plan."""
    by_planned = {planned: _said_by("bench.scale_dispatch", planned) for planned in PLANNED}
    growth = {f"driver_cpu_ms_{planned}": found["driver_cpu_ms"] for planned, found in by_planned.items()}
    return by_planned[PLANNED[-1]] | growth


def _said_by(module: str, *arguments: object) -> dict[str, Any]:
    """Returns the JSON object that a program prints last. Each has a process of its own: Ray starts in one but once."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def memory(folder: Path) -> dict[str, float]:
    """Returns the peak memory of a night at the clip's own size, and of one at 1920x1080, MB."""
    frames = load_frames(ASSETS / "video" / CLIPS[CAMERA][0], FRAMES)
    peaks = {}
    for name, size_px in (("small", (frames[0].shape[1], frames[0].shape[0])), ("full_hd", FULL_HD)):
        clip = write_frames(folder / f"{name}.mp4", _shown(frames, 0, NIGHT_S * FPS, size_px), _times(NIGHT_S))
        site = build_site(folder / name, {CAMERA: clip}, [ASSETS / "weights" / each for each in WEIGHTS])
        peaks[name] = alone(_night, site)
    return {f"peak_mb_{name}": round(value) for name, value in peaks.items()}


def _night(site: Path) -> float:
    """Runs a whole night in this process; returns its peak memory, MB."""
    _run(site, LAST_OPS)
    return peak_mb()


def segments(folder: Path, counts: Sequence[int]) -> dict[str, float]:
    """Returns, by number of segments, the cost of an hour of footage, the driver's share of it, and memory."""
    figures: dict[str, float] = {}
    for count in counts:
        cost = alone(_segments, _site_of_segments(folder / str(count), count), count)
        figures |= {f"{name}_{count}": round(value, 4) for name, value in cost.items()}
    return figures


def _site_of_segments(root: Path, count: int) -> Path:
    """Builds a site without weights whose one camera has so many segments, in files of ten at most."""
    frames = load_frames(ASSETS / "video" / CLIPS[CAMERA][0], FRAMES)
    site = build_site(root, {})
    for first in range(0, count, SEGMENTS_A_FILE):
        seconds = SEGMENT_S * min(SEGMENTS_A_FILE, count - first)
        minute = first * SEGMENT_S // 60 + first // SEGMENTS_A_FILE  # a pause of less than a minute between files
        name = f"2026-03-02T{minute // 60:02}-{minute % 60:02}-00.mp4"
        # Each file shows other frames: a copy counts once.
        shown = _shown(frames, first * 7, seconds * FPS, SMALL)
        write_frames(site / "archive" / CAMERA / name, shown, _times(seconds))
    with (site / "site.toml").open("a") as file:
        file.write(f'\n[[cameras]]\nid = "{CAMERA}"\n')
    lines = (site / "site.toml").read_text()
    (site / "site.toml").write_text(f"segment_s = {SEGMENT_S}\n{lines}")
    return site


def _segments(site: Path, count: int) -> dict[str, float]:
    """Runs a site in this process.

    Returns:
        CPU seconds per hour of footage, those of the driver per segment, the driver's share, and memory in MB after a
        tenth of the batches and at the end.
    """
    pools: list[WatchedPool] = []

    def opened(setup: WorkerSetup, *_: object) -> WatchedPool:
        pools.append(WatchedPool(setup))
        return pools[-1]

    began_s = time.process_time()
    with mock.patch("jobs.commands.run.open_pool", opened):
        _run(site, TABLES_ONLY)
    cpu_s, (pool,) = time.process_time() - began_s, pools
    return {
        "hour_cpu_s": cpu_s / (count * SEGMENT_S / 3600),
        "driver_cpu_s_a_segment": (cpu_s - pool.cpu_s) / count,
        "driver_share": 1 - pool.cpu_s / cpu_s,
        "memory_mb_early": pool.memory_mb[len(pool.memory_mb) // 10],
        "memory_mb_end": pool.memory_mb[-1],
    }


class WatchedPool(InlinePool):
    """A worker in this process whose CPU time and memory are noted.

    Attributes:
        cpu_s: CPU seconds of all batches.
        memory_mb: of this process after each batch.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        super().__init__(setup)
        self.cpu_s = 0.0
        self.memory_mb: list[float] = []

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Runs what was submitted."""
        began_s = time.process_time()
        finished = super().wait(timeout_s)
        self.cpu_s += time.process_time() - began_s
        resident = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory_mb.append(resident * os.sysconf("SC_PAGE_SIZE") / 1e6)
        return finished


def workers(folder: Path) -> dict[str, float]:
    """Returns the seconds that one worker and two take for the nights of two cameras, Ray's start included."""
    frames = load_frames(ASSETS / "video" / CLIPS[CAMERA][0], FRAMES)
    seconds = {}
    for number in (1, 2):
        clips = {
            f"camera{camera}": write_frames(
                folder / f"{number}-{camera}.mp4",
                _shown(frames, 50 * camera, NIGHT_S * FPS, (frames[0].shape[1], frames[0].shape[0])),
                _times(NIGHT_S),
            )
            for camera in (1, 2)
        }
        site = build_site(folder / str(number), clips, [ASSETS / "weights" / each for each in WEIGHTS])
        seconds[number] = alone(_timed_run, site, number)
    return {
        "one_worker_s": round(seconds[1], 1),
        "two_workers_s": round(seconds[2], 1),
        "speed_up": round(seconds[1] / seconds[2], 2),
    }


def _timed_run(site: Path, number: int) -> float:
    began_s = time.perf_counter()
    _run(site, LAST_OPS, number)
    return time.perf_counter() - began_s


def _run(site: Path, ops: tuple[str, ...], workers: int | None = None) -> RunSummary:
    summary = run_site(open_site(site), Selection(ops=ops), RunOptions(workers=workers))
    if summary.exit_code:
        sys.exit(f"the run ended with exit code {summary.exit_code}: {summary.quarantined}")
    return summary


def _shown(frames: list[Uint8], first: int, count: int, size_px: tuple[int, int]) -> Iterator[Uint8]:
    """Yields frames there and back again, so that none jumps, from one of them on, in another size."""
    turns = chain.from_iterable(iter(lambda: [*frames, *frames[::-1]], None))
    for frame in islice(turns, first % (2 * len(frames)), first % (2 * len(frames)) + count):
        yield np.asarray(cv2.resize(frame, size_px, interpolation=cv2.INTER_CUBIC), np.uint8)


def _times(seconds: int) -> list[Fraction]:
    return steady_times(seconds * FPS, FPS)


if __name__ == "__main__":
    main()
