"""Builds the suite's cases, short or long, each with its own store, and runs them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial

from tests.support.faults import attacks, full, kills, races, torn
from tests.support.faults.points import full_disk, kill_9
from tests.support.faults.programs import compaction, purge, repair
from tests.support.faults.scene import Scene, Tally, count_points

_KILLS_A_STORE = 5
"""Kills on one store before its run may finish: after more of them no work would be left to interrupt."""


@dataclass(frozen=True)
class Size:
    """The size of the suite.

    Attributes:
        kills: kills at random times, of drivers, workers and compactions together.
        points: writes of a run that find the disk full, and half as many of a compaction; None for every one.
        points_killed: writes and deletions at which a run is killed; as many of a compaction, and half as many of a
            repair and of a purge.
        disks: real disks that are too small.
        torn: torn receipts.
        repeats: repetitions of each race.
    """

    kills: int = 50
    points: int | None = None
    points_killed: int = 16
    disks: int = 4
    torn: int = 24
    repeats: int = 3


SHORT = Size(kills=4, points=2, points_killed=2, disks=1, torn=6, repeats=1)


@dataclass(frozen=True)
class Case:
    """One fault; its store has the same ``name``."""

    name: str
    run: Callable[[Scene, str], Tally]


@dataclass(frozen=True)
class Points:
    """Numbers of write points: for a full disk, and for a kill, which may strike at a deletion as well."""

    night: int
    compaction: int
    night_killed: int
    compaction_killed: int
    repair_killed: int
    purge_killed: int


def count_all_points(scene: Scene, seed: int) -> Points:
    """Counts the writes of a night, a compaction, a repair and a purge."""
    repaired, purged = scene.used("count-repair"), scene.used("count-purge")
    kills.damage(repaired, seed)
    kills.expire_results(purged)
    return Points(
        scene.points[0],
        count_points(compaction, scene.used("count-full-compaction"), full_disk),
        scene.points[1],
        count_points(compaction, scene.used("count-compaction"), kill_9),
        count_points(repair, repaired, kill_9),
        count_points(purge, purged, kill_9),
    )


def build_cases(scene: Scene, size: Size, seed: int) -> list[Case]:
    """Builds the cases of a suite of this size; the same seed gives the same cases."""
    points = count_all_points(scene, seed)
    cases = [*_killed(size, points, seed), *_full(scene, size, points), *_others(size, seed)]
    return [Case(f"{number:03d}-{case.name}", case.run) for number, case in enumerate(cases)]


def run_cases(scene: Scene, cases: Sequence[Case], at_once: int) -> Iterator[tuple[Case, Tally]]:
    """Runs cases, some in parallel, and yields each with its tally as it ends."""
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(case.run, scene, case.name): case for case in cases}
        for done in as_completed(running):
            yield running[done], done.result()


def _killed(size: Size, points: Points, seed: int) -> Iterator[Case]:
    of_workers, of_pairs, of_compactions = (max(1, round(size.kills * share)) for share in (0.2, 0.06, 0.1))
    of_ray = size.kills // 20
    of_drivers = size.kills - of_workers - of_pairs - of_compactions - of_ray
    random_moments = (
        ("driver", kills.driver_at_random, of_drivers),
        ("workers", kills.workers, of_workers),
        ("ray-driver", kills.ray_driver, of_ray),
        ("one-of-two", kills.one_of_two, of_pairs),
        ("compaction", kills.compaction_at_random, of_compactions),
    )
    for name, run, wanted in random_moments:
        for number, count in enumerate(_shared_out(wanted)):
            yield Case(name, partial(run, seed=seed + number, kills=count))
    for at in spread(points.night_killed, size.points_killed):
        yield Case(f"driver-at-{at}", partial(kills.driver_at_write, at=at))
    for at in spread(points.compaction_killed, size.points_killed):
        yield Case(f"compaction-at-{at}", partial(kills.compaction_at_write, at=at))
    for at in spread(points.repair_killed, size.points_killed // 2):
        yield Case(f"repair-at-{at}", partial(kills.repair_at_write, at=at, seed=seed))
    for at in spread(points.purge_killed, size.points_killed // 2):
        yield Case(f"purge-at-{at}", partial(kills.purge_at_write, at=at))


def _full(scene: Scene, size: Size, points: Points) -> Iterator[Case]:
    for at in spread(points.night, size.points):
        yield Case(f"full-at-{at}", partial(full.night_at_write, at=at))
    for at in spread(points.compaction, size.points and size.points // 2):
        yield Case(f"full-compaction-at-{at}", partial(full.compaction_at_write, at=at))
    if full.can_mount(scene.folder):
        for number in range(size.disks):
            share = (number + 1) / (size.disks + 1)
            yield Case(f"disk-{share:.0%}", partial(full.small_disk, share=share))


def _others(size: Size, seed: int) -> Iterator[Case]:
    for number, count in enumerate(_shared_out(size.torn, 8)):
        yield Case("torn", partial(torn.receipts, seed=seed + number, count=count))
    for number in range(size.repeats):
        yield Case("torn-head", partial(torn.head, seed=seed + number))
        yield Case("twice", partial(races.twice, seed=seed + number))
        yield Case("late", partial(races.late, seed=seed + number))
        yield Case("late-after-compaction", partial(races.late_after_compaction, seed=seed + number))
    yield Case("clock-set-back", races.clock_set_back)
    yield Case("doctored-receipts", attacks.receipts)
    yield Case("doctored-manifest", attacks.manifest)
    yield Case("links", attacks.links)


def spread(points: int, count: int | None) -> list[int]:
    """Returns ``count`` of the numbers 1 to ``points``, including the first and the last; all for None."""
    if count is None or count >= points:
        return list(range(1, points + 1))
    return sorted({round(1 + (points - 1) * step / max(1, count - 1)) for step in range(count)})


def _shared_out(count: int, at_most: int = _KILLS_A_STORE) -> list[int]:
    return [min(at_most, count - begun) for begun in range(0, count, at_most)]
