"""Kill -9: of nights, their workers, one of two runs, and of the upkeep, at random moments and at given writes."""

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
    do,
    kill_process,
    night,
    purge,
    ray_night,
    repair,
    start,
    stop_processes,
)
from tests.support.faults.scene import Scene, Tally, ending, finish_job, log_of

LEASE_S = 2.0
"""How long the run that lives waits for the one that was killed."""

KILLS_A_NIGHT = 2
"""Of workers: work that three of them died of is set aside, as it should be."""

PAST_ITS_TIME = """
[retention]
video_days = 30

[retention.tables]
positions = 30
"""

DAMAGED = ("counts/**/*.parquet", "track_points/**/*.parquet", "_manifest/files-*.parquet", "anonymized/**/*.mp4")

_GONE_S = 20.0


@dataclass(frozen=True)
class SharedNight:
    """A night that gives up waiting for another run soon."""

    site: Path

    def __call__(self) -> None:
        summary = run_site(open_site(self.site), Selection(), RunOptions(workers=None, lease_s=LEASE_S))
        raise SystemExit(summary.exit_code)


def driver_at_random(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills nights at random moments, with their helpers or without, again and again on the same store."""
    random_ = random.Random(seed)

    def disturb(site: Path, left: int) -> Tally:
        tally = Tally()
        while tally.kills < left:
            program = start(night(site), log_of(site))
            if not program.kill_after(random_.uniform(0.0, scene.usual_s), random_.random() < 0.5):
                break  # it was done
            tally += Tally(kills=1) + scene.check_part(site)
        return tally + scene.finish(site)

    return _until(kills, disturb, scene.fresh, name)


def driver_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Kills a night at one write."""
    site = scene.fresh(name)
    return _killed_at(night(site), site, at) + scene.check_part(site) + scene.finish(site)


def workers(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills Ray's workers at random moments, while the driver lives."""
    random_ = random.Random(seed)

    def disturb(site: Path, left: int) -> Tally:
        program = start(ray_night(site), log_of(site))
        killed = 0
        while killed < min(left, KILLS_A_NIGHT) and program.wait_for(lambda: bool(_actors(program.pid))):
            time.sleep(random_.uniform(0.0, scene.usual_s / 2))
            actors = sorted(_actors(program.pid))
            killed += bool(actors) and kill_process(random_.choice(actors))
        return ending(program.end(), 0) + Tally(kills=killed) + scene.check(site)

    return _until(kills, disturb, scene.fresh, name)


def ray_driver(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills the driver of a night on Ray, once work is being committed; its workers may live a little longer."""
    random_ = random.Random(seed)

    def disturb(site: Path, left: int) -> Tally:
        program = start(ray_night(site), log_of(site))
        program.wait_for(lambda: any((site / "store" / RECEIPTS_FOLDER).glob("detect/*/*/*.json")))
        time.sleep(random_.uniform(0.0, scene.usual_s / 2))
        orphans = children_of(program.pid)
        tally = Tally(kills=int(program.kill())) + scene.finish(site)
        stop_processes(orphans, _GONE_S)
        return tally + scene.check(site)

    return _until(kills, disturb, scene.fresh, name)


def one_of_two(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills one of two runs that share the work; the other must do all that is left."""
    random_ = random.Random(seed)

    def disturb(site: Path, left: int) -> Tally:
        first = start(SharedNight(site), log_of(site))
        second = start(SharedNight(site), site.with_name(f"{site.name}-second"))
        killed = first.kill_after(random_.uniform(0.2, 1.0) * scene.usual_s)
        return ending(second.end(), 0) + Tally(kills=int(killed), races=1) + scene.check(site)

    return _until(kills, disturb, scene.fresh, name)


def compaction_at_random(scene: Scene, name: str, seed: int, kills: int) -> Tally:
    """Kills compactions at random moments; readers must not notice, then or when it is done."""
    random_ = random.Random(seed)

    def disturb(site: Path, left: int) -> Tally:
        killed = start(compaction(site), log_of(site)).kill_after(random_.uniform(0.0, scene.usual_s / 3))
        tally = Tally(kills=int(killed)) + scene.check(site)
        return tally + finish_job(compaction(site), site) + scene.check(site)

    return _until(kills, disturb, scene.used, name)


def compaction_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Kills a compaction at one write, or deletion."""
    site = scene.used(name)
    tally = _killed_at(compaction(site), site, at) + scene.check(site)
    return tally + finish_job(compaction(site), site) + scene.check(site)


def repair_at_write(scene: Scene, name: str, at: int, seed: int) -> Tally:
    """Kills a repair at one write, or deletion."""
    site = scene.used(name)
    damage(site, seed)
    tally = _killed_at(repair(site), site, at)
    return tally + finish_job(repair(site), site) + scene.finish(site)


def purge_at_write(scene: Scene, name: str, at: int) -> Tally:
    """Kills a purge at one write, or deletion; what is left then is what an undisturbed purge leaves."""
    reference, site = scene.used(f"{name}-reference"), scene.used(name)
    for each in (reference, site):
        let_time_pass(each)
    tally = finish_job(purge(reference), reference)
    right = contents_of(reference)
    tally += _killed_at(purge(site), site, at) + finish_job(purge(site), site)
    return tally + scene.check(site, right) + scene.finish(site, right)


def damage(site: Path, seed: int) -> None:
    """Compacts a store, and alters merged files, a part of the manifest, and published video."""
    random_ = random.Random(seed)
    finish_job(compaction(site), site)
    for pattern in (
        "counts/**/*.parquet",
        "track_points/**/*.parquet",
        "_manifest/files-*.parquet",
        "anonymized/**/*.mp4",
    ):
        found = sorted((site / "store").glob(pattern))
        path = random_.choice(found)
        path.write_bytes(path.read_bytes()[:-1] + b"?")


def let_time_pass(site: Path) -> None:
    """Says in site.toml that some results are past their time."""
    file = site / "site.toml"
    file.write_text(file.read_text() + PAST_ITS_TIME)


def _until(kills: int, disturb: Callable[[Path, int], Tally], copy: Callable[[str], Path], name: str) -> Tally:
    """Disturbs one copy of the site after the other until so many processes were killed; some end before."""
    tally = Tally()
    for number in count():
        if tally.kills >= kills:
            break
        tally += disturb(copy(f"{name}-{number}"), kills - tally.kills)
    return tally


def _killed_at(program: Nightshift, site: Path, at: int) -> Tally:
    return ending(do(replace(program, at=at, act=kill_9), log_of(site)), -SIGKILL) + Tally(kills=1)


def _actors(pid: int) -> list[int]:
    return [child for child, command in children_of(pid).items() if "ray::Worker" in command]
