"""A run on a cluster of three machines, processes of this one: one is killed in mid-run, and one is added.

    python -m tests.support.lost_nodes FOLDER SEGMENTS

Prints one JSON object: whether the result equals that of one process, and what was lost on the way.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from jobs.engine.driver import Driver, RunReport
from jobs.engine.pool import InlinePool, Pool
from schemas.values import Quarantined
from storage.coordination import Claims
from storage.store.store import Store
from tests.support.short_segments import ShortSegments, differences, make_short_segments

STORE_BYTES = 80_000_000


def run(short: ShortSegments, store: Store, pool: Pool, **options: object) -> RunReport:
    """Runs all segments."""
    kept: list[Quarantined] = []
    with Claims(store.blobs, "run") as claims:
        return Driver(short.plan(store), pool, "run", kept.append, store, claims, **options).run()  # type: ignore[arg-type]


def main(folder: Path, count: int) -> None:
    """Runs on the cluster and in this process, and compares."""
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"})
    import ray
    from ray.cluster_utils import Cluster

    from jobs.engine.ray_actors import RayPool

    short = make_short_segments(folder, count)
    alone, shared = short.store("alone"), short.store("shared")
    run(short, alone, InlinePool(short.setup(alone)))
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    # The head does no work, so that each worker is on another machine than the driver.
    head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    ray.init(address=cluster.address, log_to_driver=False)  # of several nodes at one address, Ray takes any
    nodes = [cluster.add_node(**node) for _ in range(2)]
    pool = RayPool(short.setup(shared), 2)
    reports: list[RunReport] = []
    running = threading.Thread(target=lambda: reports.append(run(short, shared, pool)))
    running.start()
    receipts = folder / "shared" / "_receipts" / "look"
    while running.is_alive() and sum(1 for _ in receipts.rglob("*.json")) < count // 4:
        time.sleep(0.05)
    cluster.remove_node(nodes[0], allow_graceful=False)
    lost_after = sum(1 for _ in receipts.rglob("*.json"))
    cluster.add_node(**node)  # in the main thread: Ray sets signal handlers
    running.join()
    report = reports[0]
    workers = [each["NodeID"] for each in ray.nodes() if each["Alive"]]  # type: ignore[no-untyped-call]
    pool.close()
    cluster.shutdown()  # type: ignore[no-untyped-call]
    said = {
        "lost_after": lost_after,
        "nodes": len(workers),
        "state": report.state,
        "units": len(report.receipts),
        "left": report.left,
        "quarantined": len(report.quarantined),
        "differences": differences(shared, alone),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
