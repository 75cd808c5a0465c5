"""A run over many short segments while workers are killed, decoders hang or die, and the archive goes away.

    python -m tests.support.soak FOLDER SEGMENTS KILLS HANGS POISONED OUTAGES WORKERS

Prints one JSON object. Every fault strikes while the run works; what it should leave is known: poisoned segments are
quarantined, all others are done, and their rows are those of an undisturbed run.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from jobs.engine.driver import Driver, RunReport
from jobs.engine.pool import InlinePool, Pool
from schemas.values import Quarantined
from storage.coordination import Claims
from storage.store.store import Store
from tests.support.short_segments import HANG, KILL, ShortSegments, differences, make_short_segments, receipts_of

STEP_LIMIT_S = 10.0
AWAY_S = 3.0
POISON_KILLS = 9
"""More than a unit may lose: it is given up long before."""


@dataclass(frozen=True)
class Size:
    """How much is broken."""

    segments: int = 2000
    kills: int = 40
    hangs: int = 12
    poisoned: int = 3
    outages: int = 3
    workers: int = 4


@dataclass
class Faulty:
    """Strikes while a run works: kills workers at random moments, and takes the archive away."""

    short: ShortSegments
    size: Size
    random_: random.Random
    ended: threading.Event = field(default_factory=threading.Event)
    kills: int = 0
    outages: int = 0
    memory_mb: list[float] = field(default_factory=list)

    def strike(self) -> None:
        """Strikes once so many receipts are there, spread evenly over the run, until all is struck."""
        faults = ["kill"] * self.size.kills + ["outage"] * self.size.outages
        self.random_.shuffle(faults)
        receipts = self.short.root / "shaken" / "_receipts" / "look"
        for number, fault in enumerate(faults, 1):
            due = number * self.size.segments * 0.9 / (len(faults) + 1)
            while not self.ended.is_set() and sum(len(files) for _, _, files in os.walk(receipts)) < due:
                self.ended.wait(0.1)
                self.memory_mb.append(psutil.Process().memory_info().rss / 1e6)
            if self.ended.is_set():
                return
            if fault == "kill":
                self._kill()
            else:
                self._take_away()

    def _kill(self) -> None:
        workers = []
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "ray::WorkerActor" in " ".join(child.cmdline()):
                    workers.append(child.pid)
        if workers:
            with suppress(ProcessLookupError):
                os.kill(self.random_.choice(workers), signal.SIGKILL)
                self.kills += 1

    def _take_away(self) -> None:
        """Leaves the empty folder of a share that is not mounted, for some seconds."""
        archive, away = self.short.archive, self.short.root / "away"
        archive.rename(away)
        archive.mkdir()
        self.ended.wait(AWAY_S)
        archive.rmdir()
        away.rename(archive)
        self.outages += 1


def run(
    short: ShortSegments, store: Store, pool: Pool, said: list[str] | None = None
) -> tuple[RunReport, list[Quarantined]]:
    """Runs all segments; returns the report and what was written to the journal's quarantine."""
    kept: list[Quarantined] = []
    with Claims(store.blobs, "run") as claims:
        driver = Driver(
            short.plan(store),
            pool,
            "run",
            kept.append,
            store,
            claims,
            on_warning=(said if said is not None else []).append,
        )
        return driver.run(), kept


def soak(folder: Path, size: Size, seed: int = 1) -> dict[str, object]:
    """Runs with faults and without, and returns what differs."""
    from jobs.engine.ray_actors import RayPool
    from jobs.engine.ray_pool import start_ray

    short, random_ = make_short_segments(folder, size.segments), random.Random(seed)
    calm, shaken = short.store("calm"), short.store("shaken")
    run(short, calm, InlinePool(short.setup(calm)))
    chosen = random_.sample(range(size.segments), size.hangs + size.poisoned)
    poisoned = {short.segments[number].segment_id for number in chosen[size.hangs :]}
    for number in chosen[: size.hangs]:
        short.ask_for(HANG, short.segments[number])
    for number in chosen[size.hangs :]:
        short.ask_for(KILL, short.segments[number], POISON_KILLS)
    start_ray(None, size.workers)
    pool = RayPool(short.setup(shaken, STEP_LIMIT_S), size.workers)
    faulty = Faulty(short, size, random_)
    striking = threading.Thread(target=faulty.strike)
    striking.start()
    said: list[str] = []
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    try:
        report, kept = run(short, shaken, pool, said)
    finally:
        faulty.ended.set()
        striking.join()
        pool.close()
    done = Counter((receipt.op, receipt.unit) for receipt in receipts_of(shaken))
    sound = [segment.segment_id for segment in short.segments if segment.segment_id not in poisoned]
    expected = {(op, unit) for unit in sound for op in ("look", "sum")}
    ended = "partial" if poisoned else "done"
    memory_mb = faulty.memory_mb or [0.0]
    rows = differences(shaken, calm)
    return {
        "segments": size.segments,
        "workers": size.workers,
        "kills": faulty.kills,
        "hangs": size.hangs,
        "outages": faulty.outages,
        "lost": len(expected - set(done)),
        "doubled": sum(done.values()) - len(done) + sum(extra for _, extra in rows.values()),
        "rows_lost": {table: lost - _rows_of(poisoned, table) for table, (lost, _) in rows.items()},
        "poisoned": len(poisoned),
        "quarantined": sorted(f"{entry.op} {entry.kind} {entry.reason}" for entry in kept),
        "quarantine_right": {entry.unit for entry in kept} == poisoned and len(kept) == len(poisoned),
        "report_right": len(report.receipts) == len(expected) and report.left == 0 and report.state == ended,
        "hangs_left": len(list(short.faults.glob(f"{HANG}-*"))),
        "memory_mb_early": round(memory_mb[len(memory_mb) // 10]),
        "memory_mb_end": round(memory_mb[-1]),
        "warnings": len(said),
        "wall_s": round(time.monotonic() - began_s, 1),
        "driver_cpu_s": round(time.process_time() - began_cpu_s, 1),
    }


def _rows_of(poisoned: set[str], table: str) -> int:
    """Returns how many rows of a table poisoned segments would have."""
    return len(poisoned) * {"detector_samples": 8, "review_frames": 1}[table]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(soak(Path(sys.argv[1]), Size(*map(int, sys.argv[2:8])))) + "\n")
