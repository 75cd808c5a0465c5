"""Metrics of runs on a cluster, which Ray exports to Prometheus beside its own (``ray_nightshift_...``).

They exist where Ray's metrics agent does: on clusters that are started with the package ``ray[default]``. An embedded
Ray keeps to itself; what it did is in ``runs`` and in the log of the run.
"""

from typing import Any, Literal, NamedTuple

from jobs.engine.driver import Progress
from jobs.engine.tasks import Outcome


class Metric(NamedTuple):
    """One metric, with its name in Ray; Prometheus sees it with the prefix ``ray_``."""

    name: str
    kind: Literal["Counter", "Gauge", "Histogram"]
    description: str
    tags: tuple[str, ...] = ()


UNIT_S_BOUNDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Upper bounds of the buckets of ``nightshift_unit_seconds``."""

METRICS = {
    metric.name: metric
    for metric in (
        Metric("nightshift_units_done", "Counter", "Units committed, by op.", ("op",)),
        Metric("nightshift_units_failed", "Counter", "Failures of units, by op and reason.", ("op", "reason")),
        Metric("nightshift_workers_lost", "Counter", "Workers that ended before their units did."),
        Metric("nightshift_footage_seconds", "Counter", "Seconds of footage in committed units, by op.", ("op",)),
        Metric("nightshift_stage_seconds", "Counter", "Seconds of work in committed units, by stage.", ("stage",)),
        Metric("nightshift_frames_decoded", "Counter", "Frames decoded in committed units."),
        Metric("nightshift_detector_calls", "Counter", "Calls of detectors in committed units."),
        Metric("nightshift_unit_seconds", "Histogram", "Seconds that a committed unit took, by op.", ("op",)),
        Metric("nightshift_units_left", "Gauge", "Units of the run that are neither done nor failed."),
        Metric("nightshift_units_running", "Gauge", "Units that workers have now."),
        Metric("nightshift_left_seconds", "Gauge", "Estimated seconds until the run is done."),
    )
}
"""Every metric, by name."""


class RunMetrics:
    """The metrics of this process, for Ray to export; Ray must be connected."""

    def __init__(self) -> None:
        from ray.util import metrics

        self._metrics: dict[str, Any] = {}
        for metric in METRICS.values():
            more = {"boundaries": list(UNIT_S_BOUNDS)} if metric.kind == "Histogram" else {}
            kind = getattr(metrics, metric.kind)
            self._metrics[metric.name] = kind(metric.name, description=metric.description, tag_keys=metric.tags, **more)

    def count(self, outcome: Outcome) -> None:
        """Counts what became of a batch."""
        for receipt in outcome.receipts:
            op = {"op": receipt.op}
            self._add("nightshift_units_done", 1, op)
            self._add("nightshift_footage_seconds", receipt.media_s, op)
            self._metrics["nightshift_unit_seconds"].observe(receipt.wall_s, tags=op)
            for stage, seconds in receipt.stage_s.items():
                self._add("nightshift_stage_seconds", seconds, {"stage": stage})
            for counter in ("frames_decoded", "detector_calls"):
                self._add(f"nightshift_{counter}", receipt.counters.get(counter, 0))
        for failure in outcome.failures:
            self._add("nightshift_units_failed", 1, {"op": failure.key.op, "reason": failure.reason})

    def count_lost_worker(self) -> None:
        """Counts a worker that was lost."""
        self._add("nightshift_workers_lost", 1)

    def show(self, progress: Progress) -> None:
        """Sets the gauges."""
        self._metrics["nightshift_units_left"].set(progress.units_total - progress.units_done)
        self._metrics["nightshift_units_running"].set(progress.running)
        self._metrics["nightshift_left_seconds"].set(progress.left_s or 0.0)

    def _add(self, name: str, value: float, tags: dict[str, str] | None = None) -> None:
        if value > 0:  # Ray refuses a counter that does not grow
            self._metrics[name].inc(value, tags=tags)
