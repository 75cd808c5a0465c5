"""Which workers go to which machines of a cluster, so that footage is read where it lies.

``node_label`` of a camera in ``site.toml`` names machines, by a label of Ray's nodes as ``machine=vault-2``. Workers
are placed once, when a run begins: those of a machine belong to its first label that cameras name, and also do units of
cameras without a label.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from jobs.engine.options import WORKER_BYTES

Label = str
"""A key and a value of Ray's labels: ``machine=vault-2``."""


@dataclass(frozen=True)
class Machine:
    """A node of a cluster: its labels, the number of workers that it has CPUs and memory for, and Ray's id of it."""

    labels: Mapping[str, str]
    room: int
    node: str = ""

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> "Machine":
        """Returns a node as ``ray.nodes`` describes it. The memory that Ray leaves to workers is less than all."""
        resources = node["Resources"]
        room = min(resources.get("CPU", 0), resources.get("memory", math.inf) // WORKER_BYTES)
        return cls(node["Labels"], int(room), str(node["NodeID"]))

    def has(self, label: Label) -> bool:
        """Returns whether the node has a label."""
        key, _, value = label.partition("=")
        return self.labels.get(key) == value


@dataclass(frozen=True)
class Placement:
    """Where workers go.

    Attributes:
        workers: one entry per worker: the label of its machines; None for machines without a label that cameras name.
        labels: by camera, the label whose workers do its units; cameras without one are done by any worker.
        notices: why footage of some cameras is read from any machine, one line each.
    """

    workers: tuple[Label | None, ...]
    labels: Mapping[str, Label]
    notices: tuple[str, ...] = ()

    def selector(self, worker: Label | None) -> dict[str, str]:
        """Returns Ray's ``label_selector`` of a worker."""
        if worker is not None:
            key, _, value = worker.partition("=")
            return {key: value}
        if None not in self.workers:
            return {}
        named: dict[str, list[str]] = {}
        for label in sorted(set(self.workers) - {None}, key=str):
            key, _, value = str(label).partition("=")
            named.setdefault(key, []).append(value)
        return {key: f"!in({','.join(values)})" for key, values in named.items()}


def place(slots: int, machines: Sequence[Machine], node_labels: Mapping[str, Label]) -> Placement:
    """Places workers on machines.

    Args:
        slots: number of workers.
        machines: of the cluster.
        node_labels: by camera, of those cameras that have a label in ``site.toml``.
    """
    wanted = sorted(set(node_labels.values()))
    seats: dict[Label | None, int] = {}
    for machine in machines:
        group = next((label for label in wanted if machine.has(label)), None)
        seats[group] = seats.get(group, 0) + machine.room
    # In turns, so that fewer workers than there is room for still leave one for each label.
    turns = zip_longest(*([label] * count for label, count in sorted(seats.items(), key=str)), fillvalue="")
    workers = tuple(label for turn in turns for label in turn if label != "")[:slots]
    workers += (None,) * (slots - len(workers))
    labels = {camera: label for camera, label in node_labels.items() if label in workers}
    notices = []
    if slots > (room := sum(seats.values())):
        notices.append(
            f"the cluster has CPUs and memory ({WORKER_BYTES / 1e9:.1f} GB each) for {room} of {slots} workers: the "
            "others start when there is more room"
        )
    for label in wanted:
        if label in workers:
            continue
        cameras = ", ".join(sorted(camera for camera, its in node_labels.items() if its == label))
        why = f"{slots} workers are too few" if label in seats else "no machine of the cluster has that label"
        notices.append(f"node_label {label} of {cameras}: {why}; its footage is read from any machine")
    return Placement(workers, labels, tuple(notices))
