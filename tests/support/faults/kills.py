"""Kill -9 of runs, workers, one of two runs, and maintenance commands, at random times and at given writes."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from signal import SIGKILL

from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from storage.store.receipts import RECEIPTS_FOLDER
from tests.support.faults.contents import contents_of
from tests.support.faults.points import kill_9
from tests.support.faults.programs import (
    Nightshift,
    children_of,
    compaction,
    kill_process,
    night,
    purge,
    ray_night,
    repair,
    run_job,
    start_job,
    stop_processes,
)
from tests.support.faults.scene import Scene, Tally, check_exit, finish_job, log_of

LEASE_S = 2.0
"""Lease after which the surviving run takes over the units of the killed one."""

KILLS_A_NIGHT = 2
"""Worker kills per run: a unit on which three workers died is quarantined, as it should be."""

EXPIRED = """
[retention]
video_days = 30

[retention.tables]
positions = 30
"""

DAMAGED = ("counts/**/*.parquet", "track_points/**/*.parquet", "_manifest/files-*.parquet", "anonymized/**/*.mp4")

_GONE_S = 20.0


@dataclass(frozen=True)
class SharedRunJob:
    """A run with a short lease."""

    site: Path

    def __call__(self) -> None:
        summary = run_site(open_site(self.site), Selection(), RunOptions(workers=None, lease_s=LEASE_S))
        raise SystemExit(summary.exit_code)


def driver_at_random(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills runs on one store at random times, with or without their process group, until one finishes."""
    random_ = random.Random(seed)

    def interrupt(site: Path, left: int) -> Tally:
        tally = Tally()
        while tally.kills < left:
            program = start_job(night(site), log_of(site))
            if not program.kill_after(random_.uniform(0.0, scene.typical_s), random_.random() < 0.5):
                break  # it had finished
            tally += Tally(kills=1) + scene.check_part(site)
        return tally + scene.finish(site)

    return _until_killed(kills, interrupt, scene.fresh, name)


def driver_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Kills a run at one write."""
    site = scene.fresh(name)
    return _killed_at(night(site), site, at) + scene.check_part(site) + scene.finish(site)


def workers(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills Ray's workers at random times while the driver runs."""
    random_ = random.Random(seed)

    def interrupt(site: Path, left: int) -> Tally:
        program = start_job(ray_night(site), log_of(site))
        killed = 0
        while killed < min(left, KILLS_A_NIGHT) and program.wait_for(lambda: bool(_actors(program.pid))):
            time.sleep(random_.uniform(0.0, scene.typical_s / 2))
            actors = sorted(_actors(program.pid))
            killed += bool(actors) and kill_process(random_.choice(actors))
        return check_exit(program.end(), 0) + Tally(kills=killed) + scene.check(site)

    return _until_killed(kills, interrupt, scene.fresh, name)


def ray_driver(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills the driver of a run on Ray after its first commits; its workers may outlive it briefly."""
    random_ = random.Random(seed)

    def interrupt(site: Path, left: int) -> Tally:
        program = start_job(ray_night(site), log_of(site))
        program.wait_for(lambda: any((site / "store" / RECEIPTS_FOLDER).glob("detect/*/*/*.json")))
        time.sleep(random_.uniform(0.0, scene.typical_s / 2))
        orphans = children_of(program.pid)
        tally = Tally(kills=int(program.kill())) + scene.finish(site)
        stop_processes(orphans, _GONE_S)
        return tally + scene.check(site)

    return _until_killed(kills, interrupt, scene.fresh, name)


def one_of_two(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills one of two runs that share the work; the other one must finish all units."""
    random_ = random.Random(seed)

    def interrupt(site: Path, left: int) -> Tally:
        first = start_job(SharedRunJob(site), log_of(site))
        second = start_job(SharedRunJob(site), site.with_name(f"{site.name}-second"))
        killed = first.kill_after(random_.uniform(0.2, 1.0) * scene.typical_s)
        return check_exit(second.end(), 0) + Tally(kills=int(killed), races=1) + scene.check(site)

    return _until_killed(kills, interrupt, scene.fresh, name)


def compaction_at_random(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills compactions at random times; readers must see no change, then or afterwards."""
    random_ = random.Random(seed)

    def interrupt(site: Path, left: int) -> Tally:
        killed = start_job(compaction(site), log_of(site)).kill_after(random_.uniform(0.0, scene.typical_s / 3))
        tally = Tally(kills=int(killed)) + scene.check(site)
        return tally + finish_job(compaction(site), site) + scene.check(site)

    return _until_killed(kills, interrupt, scene.used, name)


def compaction_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Kills a compaction at one write or deletion."""
    site = scene.used(name)
    tally = _killed_at(compaction(site), site, at) + scene.check(site)
    return tally + finish_job(compaction(site), site) + scene.check(site)


def repair_at_write(scene: Scene, name: str, at: int, seed: int) -> Tally:
    """Kills a repair at one write or deletion."""
    site = scene.used(name)
    damage(site, seed)
    tally = _killed_at(repair(site), site, at)
    return tally + finish_job(repair(site), site) + scene.finish(site)


def purge_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Kills a purge at one write or deletion; the next one must leave what an undisturbed purge leaves."""
    reference, site = scene.used(f"{name}-reference"), scene.used(name)
    for each in (reference, site):
        expire_results(each)
    tally = finish_job(purge(reference), reference)
    expected = contents_of(reference)
    tally += _killed_at(purge(site), site, at) + finish_job(purge(site), site)
    return tally + scene.check(site, expected) + scene.finish(site, expected)


def damage(site: Path, seed: int) -> None:
    """Compacts a store, then damages merged files, a part of the manifest, and published video."""
    random_ = random.Random(seed)
    finish_job(compaction(site), site)
    for pattern in DAMAGED:
        found = sorted((site / "store").glob(pattern))
        path = random_.choice(found)
        path.write_bytes(path.read_bytes()[:-1] + b"?")


def expire_results(site: Path) -> None:
    """Sets retention periods in site.toml that some results have exceeded."""
    file = site / "site.toml"
    file.write_text(file.read_text() + EXPIRED)


def _until_killed(kills: int, interrupt: Callable[[Path, int], Tally], copy: Callable[[str], Path], name: str) -> Tally:
    """Interrupts runs on new copies of the site until ``kills`` processes were killed; some finish first."""
    tally = Tally()
    for number in count():
        if tally.kills >= kills:
            break
        tally += interrupt(copy(f"{name}-{number}"), kills - tally.kills)
    return tally


def _killed_at(program: Nightshift, site: Path, at: int) -> Tally:
    return check_exit(run_job(replace(program, at=at, act=kill_9), log_of(site)), -SIGKILL) + Tally(kills=1)


def _actors(pid: int) -> list[int]:
    return [child for child, command in children_of(pid).items() if "ray::Worker" in command]
