"""Metrics: what a cluster's Ray hears of a run, and that the dashboard asks for nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.engine.driver import Progress
from jobs.engine.metrics import METRICS, RunMetrics
from jobs.engine.tasks import Failure, Outcome
from jobs.planning.graph import UnitKey
from tests.storage.rows import make_receipt

DASHBOARD = Path(__file__).parents[3] / "deploy" / "grafana" / "nightshift.json"


class Recorded:
    """Stands for a metric of Ray: refuses what Ray refuses, and keeps what it was told."""

    told: dict

    def __init__(self, name, description="", tag_keys=(), boundaries=None):
        self.name, self.tags, self.boundaries = name, set(tag_keys), boundaries

    def inc(self, value, tags=None):
        assert value > 0, "Ray raises an error"
        self._tell(self.told.get(self._key(tags), 0) + value, tags)

    def set(self, value, tags=None):
        self._tell(value, tags)

    def observe(self, value, tags=None):
        assert self.boundaries == sorted(self.boundaries)
        self._tell(value, tags)

    def _tell(self, value, tags):
        assert set(tags or {}) == self.tags
        self.told[self._key(tags)] = value

    def _key(self, tags):
        return (self.name, *(tags or {}).values())


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(Recorded, "told", {}, raising=False)
    for kind in ("Counter", "Gauge", "Histogram"):
        monkeypatch.setattr(f"ray.util.metrics.{kind}", Recorded)
    return Recorded.told


def test_what_became_of_a_batch_is_counted(told):
    metrics = RunMetrics()
    receipt = replace(
        make_receipt("detect"),
        wall_s=12.5,
        media_s=300.0,
        stage_s={"decode": 2.0, "detect": 10.0},
        counters={"frames_decoded": 3000, "detector_calls": 0, "rows": 7},
    )
    failure = Failure(UnitKey("depth", "gate", "2026-03-02", "u2"), "bug", "ValueError", "odd")
    for _ in range(2):
        metrics.count(Outcome((receipt,), (failure,)))
    metrics.count_lost_worker()
    metrics.show(Progress(3, 12, 0.0, 0.0, 10.0, 30.0, running=2))
    assert told == {
        ("nightshift_units_done", "detect"): 2,
        ("nightshift_footage_seconds", "detect"): 600.0,
        ("nightshift_unit_seconds", "detect"): 12.5,
        ("nightshift_stage_seconds", "decode"): 4.0,
        ("nightshift_stage_seconds", "detect"): 20.0,
        ("nightshift_frames_decoded",): 6000,
        ("nightshift_units_failed", "depth", "ValueError"): 2,
        ("nightshift_workers_lost",): 1,
        ("nightshift_units_left",): 9,
        ("nightshift_units_running",): 2,
        ("nightshift_left_seconds",): 30.0,
    }


def names_in_prometheus():
    """Every name under which Prometheus finds a metric: Ray adds a prefix, OpenTelemetry the suffixes."""
    suffixes = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_count", "_sum")}
    return {f"ray_{name}{suffix}": name for name, metric in METRICS.items() for suffix in suffixes[metric.kind]}


def test_the_dashboard_shows_every_metric_and_asks_for_no_other():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in re.findall(r"ray_\w+", target["expr"])}
    known = names_in_prometheus()
    assert asked <= known.keys()
    assert {known[name] for name in asked} == METRICS.keys()
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels)


def test_queries_of_the_dashboard_group_by_tags_that_the_metrics_have():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    for panel in panels:
        for target in panel["targets"]:
            (name, *_) = [names_in_prometheus()[found] for found in re.findall(r"ray_\w+", target["expr"])]
            grouped = {tag for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for tag in by.split(", ")}
            assert grouped <= {*METRICS[name].tags, "le"}, panel["title"]
