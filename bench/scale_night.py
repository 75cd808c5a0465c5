"""Simulates a night of many cameras on many machines, from measured costs of a segment, and names what limits it.

    python -m bench.scale_night [--json] [--cameras 1000] [--nodes 50] [--cores 16] [--window-h 5] [--case still]

A day of each camera is 288 segments of five minutes. Each passes four resources in turn, as a batch of its units: the
driver hands it out (one process), a worker's core computes it, after it has read the footage over the network that all
share, and the store takes its commits. Who waits, waits in a queue: first come, first served. The shares say how much
of the night each resource was at work; the largest is the bottleneck. After the last batch the driver compacts.

Costs are those of docs/benchmarks.md and docs/scale.md, which say where each comes from; ``--segment-s``,
``--driver-ms``, ``--commit-ms`` and ``--compact-ms`` replace them.
"""

import argparse
import heapq
import json
from dataclasses import asdict, dataclass, replace

from ops import REGISTRY
from schemas.op import Scope

SEGMENTS_A_DAY = 288
SEGMENT_S = 300

CASES = {"still": 171.0, "still tables": 31.9, "busy": 1209.0}
"""CPU seconds of a segment by kind of footage, 9,000 frames of 720x480: all ops, detection and tracks only, all ops."""


@dataclass(frozen=True)
class Night:
    """What is simulated.

    Attributes:
        window_h: hours that the night has.
        segment_s: CPU seconds of a segment on one core.
        units: units of a segment; each has a receipt.
        driver_ms: CPU time of the driver, per unit.
        commit_ms: time that the store takes for the commits of a segment; ``store_lanes`` of them at a time.
        compact_ms: time of compaction, per file of the store.
        megabit: of footage, per second and camera.
        network_gigabit: that all machines together read, per second.
    """

    cameras: int = 1000
    nodes: int = 50
    cores: int = 16
    window_h: float = 5.0
    segment_s: float = CASES["still"]
    units: int = 0
    driver_ms: float = 1.45
    commit_ms: float = 4.3
    store_lanes: int = 8
    compact_ms: float = 1.9
    megabit: float = 2.0
    network_gigabit: float = 20.0


@dataclass(frozen=True)
class Result:
    """How a night went.

    Attributes:
        hours: until the last commit.
        compact_hours: after it, until the store is compacted.
        shares: by resource, of the time until the last commit in which it was at work, 0..1.
        bottleneck: the resource with the largest share.
        fits: whether all of it fits the window.
        cameras_that_fit: for how many cameras the window would do, by resource alone.
    """

    hours: float
    compact_hours: float
    shares: dict[str, float]
    bottleneck: str
    fits: bool
    cameras_that_fit: dict[str, int]


def units_of_a_segment() -> int:
    """Returns the number of ops that have a unit per segment or footage file, the number of receipts at most."""
    return sum(kind.spec.scope is not Scope.CAMERA_DAY for kind in REGISTRY.values())


class _Queue:
    """A resource with several equal lanes; what comes first is served first."""

    def __init__(self, lanes: int) -> None:
        self._free_at = [0.0] * lanes
        self._lanes = lanes
        self.worked_s = 0.0

    def pass_through(self, arrives_s: float, needs_s: float) -> float:
        """Returns when somebody who arrives then is done."""
        done_s = max(arrives_s, heapq.heappop(self._free_at)) + needs_s
        heapq.heappush(self._free_at, done_s)
        self.worked_s += needs_s
        return done_s

    def share(self, of_s: float) -> float:
        """Returns the share of a time in which its lanes were at work."""
        return self.worked_s / (of_s * self._lanes)


def simulate(night: Night) -> Result:
    """Simulates a night, batch by batch."""
    needs = _needs(night)
    batches = night.cameras * SEGMENTS_A_DAY
    driver, network, store = _Queue(1), _Queue(1), _Queue(night.store_lanes)
    workers = [(0.0, worker) for worker in range(night.nodes * night.cores)]
    computed_s = ended_s = 0.0
    for _ in range(batches):
        free_s, worker = heapq.heappop(workers)
        began_s = network.pass_through(driver.pass_through(free_s, needs["driver"]), needs["network"])
        done_s = store.pass_through(began_s + needs["workers"], needs["store"])
        computed_s += needs["workers"]
        ended_s = max(ended_s, done_s)
        heapq.heappush(workers, (done_s, worker))
    shares = {
        "driver": driver.share(ended_s),
        "workers": computed_s / (ended_s * len(workers)),
        "network": network.share(ended_s),
        "store": store.share(ended_s),
    }
    compact_s = batches * night.units * night.compact_ms / 1e3
    compacted = int(night.cameras * night.window_h * 3600 / compact_s)
    return Result(
        hours=ended_s / 3600,
        compact_hours=compact_s / 3600,
        shares=shares,
        bottleneck=max(shares, key=lambda name: shares[name]),
        fits=ended_s <= night.window_h * 3600,
        cameras_that_fit=_capacity(night, needs) | {"compaction": compacted},
    )


def _needs(night: Night) -> dict[str, float]:
    """Returns the seconds that a batch needs of each resource's lane."""
    return {
        "driver": night.units * night.driver_ms / 1e3,
        "workers": night.segment_s,
        "network": night.megabit * SEGMENT_S / (night.network_gigabit * 1e3),
        "store": night.commit_ms / 1e3,
    }


def _capacity(night: Night, needs: dict[str, float]) -> dict[str, int]:
    lanes = {"driver": 1, "workers": night.nodes * night.cores, "network": 1, "store": night.store_lanes}
    window_s = night.window_h * 3600
    return {name: int(window_s * lanes[name] / (needs[name] * SEGMENTS_A_DAY)) for name in needs}


def main() -> None:
    """Simulates a night, or all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    for name in ("cameras", "nodes", "cores"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Night, name))
    for name in ("window_h", "driver_ms", "commit_ms", "compact_ms", "megabit", "network_gigabit"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(Night, name))
    parser.add_argument("--segment-s", type=float)
    parser.add_argument("--case", choices=CASES)
    given = vars(parser.parse_args())
    as_json, segment_s, case = given.pop("json"), given.pop("segment_s"), given.pop("case")
    night = Night(**given, units=units_of_a_segment())
    cases = {"given": segment_s} if segment_s else {name: CASES[name] for name in ([case] if case else CASES)}
    results = {name: simulate(replace(night, segment_s=seconds)) for name, seconds in cases.items()}
    if as_json:
        print(json.dumps({name: asdict(result) for name, result in results.items()}, indent=2))
        return
    print(f"{night.cameras} cameras, {night.nodes} machines of {night.cores} cores, {night.units} units a segment")
    for name, result in results.items():
        shares = ", ".join(f"{resource} {share:.0%}" for resource, share in result.shares.items())
        fit = ", ".join(f"{resource} {count:,}" for resource, count in result.cameras_that_fit.items())
        print(f"{name}: {result.hours:.1f} h, then {result.compact_hours:.1f} h of compaction; {shares}")
        print(f"  bottleneck: {result.bottleneck}; cameras that {night.window_h:g} h suffice for: {fit}")


if __name__ == "__main__":
    main()
