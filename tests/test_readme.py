"""README and docs/ are true: their commands run, the outputs they show are real, their code keeps the contract.

In a ``console`` block a line ``$ COMMAND`` is a command, ``> ...`` its next line, and what follows its output, in which
``...`` stands for anything. Commands run in a copy of the sample site that has been through a night.
"""

import doctest
import io
import re
import shlex
import sys
import tomllib
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from schemas.op import OpSpec, TableOp
from schemas.site import SiteConfig
from schemas.tables import TABLES, TableSpec
from storage.archive.clock import parse_path, to_utc
from tests.ops.known_people import KNOWN_PEOPLE, constant_detector
from tests.support.fakes import START, FakeServices, make_segment, make_unit
from tools.generate_docs import DOCS

ROOT = DOCS.parent
PAGES = (
    ROOT / "README.md",
    DOCS / "getting-started.md",
    DOCS / "nights.md",
    DOCS / "schedule.md",
    DOCS / "when-something-breaks.md",
    DOCS / "results.md",
    DOCS / "map.md",
    DOCS / "depth.md",
    DOCS / "interactions.md",
    DOCS / "evaluate.md",
)
NOT_RUN = {
    "nightshift doctor": "starts a Ray, which takes longer than all else here",
    "nightshift run --address auto": "needs a cluster",
    "nightshift watch --ops anonymize,counts": "runs until it is stopped",
    "nightshift watch --until 06:00 --poll 30": "runs until it is stopped",
    "nightshift tune gate": "needs more footage than the sample site has",
    "nightshift tune gate --within 0.1 --stretches 12": "needs more footage than the sample site has",
    "nightshift models convert detector.onnx --int8": "needs more footage than the sample site has",
}
INCOMPLETE = ("nightshift scan", "nightshift run")
"""Commands that exit with 1, since one file of the sample site is truncated."""

Example = tuple[str, str, str]


def examples_of(page: Path) -> list[Example]:
    """Page, command and shown output of every command in a page's console blocks."""
    found: list[list[str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
        found += [["", ""]]
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], ""])
            elif line.startswith("> ") and not found[-1][1]:
                found[-1][0] += "\n" + line[2:]
            else:
                found[-1][1] += line.rstrip() + "\n"
    assert not any(output for command, output in found if not command), f"{page.name}: output before any command"
    return [(page.name, command, output) for command, output in found if command]


EXAMPLES = [example for page in PAGES for example in examples_of(page)]


RUN = [example for example in EXAMPLES if example[1].startswith("nightshift ") and example[1] not in NOT_RUN]


@pytest.mark.parametrize(
    ("command", "shown"),
    [example[1:] for example in RUN],
    ids=[f"{page}: {' '.join(command.split())[:60]}" for page, command, _ in RUN],
)
def test_commands_run_and_show_what_is_shown(nightshift, used_site, monkeypatch, command, shown):
    constant_detector(used_site / "detector.onnx", KNOWN_PEOPLE)
    monkeypatch.chdir(used_site)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    said = nightshift(*shlex.split(command)[1:])
    assert said.code == command.startswith(INCOMPLETE), said.err
    got = "".join(line.rstrip() + "\n" for line in said.out.splitlines())
    assert not shown or doctest.OutputChecker().check_output(shown, got, doctest.ELLIPSIS), got


def test_commands_that_are_not_run_are_in_the_pages():
    commands = {command for _, command, _ in EXAMPLES}
    assert set(NOT_RUN) <= commands


def test_queries_show_their_output():
    assert sum(command.startswith("nightshift sql") and bool(shown) for _, command, shown in EXAMPLES) >= 8


def test_the_readme_is_short_and_shows_its_pictures():
    text = PAGES[0].read_text()
    assert len(text.splitlines()) <= 180
    pictures = [ROOT / target for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)]
    assert [picture.name for picture in pictures] == ["map.png", "anonymized.png"]
    assert all(picture.stat().st_size < 300_000 for picture in pictures)


def test_the_patterns_shown_read_the_names_beside_them():
    text = (DOCS / "getting-started.md").read_text()
    rows = re.findall(r'^\| `([^`]+)` \| `"([^"]+)"`', text, re.MULTILINE)
    assert len(rows) == 4
    for path, pattern in rows:
        found = parse_path(pattern, PurePosixPath(path))
        assert found and found.camera == "gate", path
        assert to_utc(found.time, ZoneInfo("Europe/Amsterdam"))[0] == datetime(2026, 3, 2, 20, 59, tzinfo=UTC), path


def test_the_site_file_shown_is_a_valid_one():
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", (DOCS / "site-toml.md").read_text(), re.DOTALL | re.MULTILINE)
    config = SiteConfig.model_validate(tomllib.loads(shown))
    assert config.camera_view("gate").calibrated and config.layers and config.ops


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_the_python_shown_reads_the_store(page, used_site, capsys):
    (shown,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(re.sub(r'open_store\("[^"]+"\)', f"open_store({str(used_site)!r})", shown), page, "exec"), names)
    assert len(names["counts"]) > 0 and set(names["counts"].columns) >= {"camera", "zone", "max_count"}
    assert names["positions"].crs.to_epsg() == 28992 and not names["positions"].geometry.is_empty.any()
    assert "count_star()" in capsys.readouterr().out


@pytest.fixture
def shown_op(monkeypatch) -> ModuleType:
    """The code of docs/adding-an-op.md, run as it stands there, its table among the others."""
    table, op = re.findall(r"^```python\n(.*?)^```$", (DOCS / "adding-an-op.md").read_text(), re.DOTALL | re.MULTILINE)
    module = ModuleType("shown_op")
    monkeypatch.setitem(sys.modules, "shown_op", module)
    exec(compile(table, "adding-an-op.md: table", "exec"), module.__dict__)
    monkeypatch.setattr("schemas.tables.TABLES", {**TABLES, "longest_stays": module.LONGEST_STAYS})
    exec(compile(op, "adding-an-op.md: op", "exec"), module.__dict__)
    return module


def _run(op: TableOp, events: pa.Table) -> pa.Table:
    (read,) = op.spec.reads
    given = op.run(make_unit([make_segment()]), {"zone_events": events.select(read.columns)}, FakeServices())
    (table,) = given.values()
    assert set(given) == set(op.spec.writes)
    return table


def test_the_op_shown_keeps_the_contract(shown_op):
    op: TableOp = shown_op.LongestStays()
    spec: OpSpec = op.spec
    table: TableSpec = shown_op.LONGEST_STAYS
    assert spec.summary.endswith(".") and spec.name == "longest_stays"
    assert all(key.metadata["doc"] for key in fields(spec.params))
    assert all(column.metadata[b"meaning"] for column in table.columns)
    assert set(table.key) | set(table.order) <= set(table.schema.names)
    empty = _run(op, TABLES["zone_events"].empty())
    assert empty.num_rows == 0 and empty.schema.equals(table.schema, check_metadata=True)


def test_the_op_shown_finds_the_longest_stay(shown_op):
    stays = [("yard", "a", 4.0), ("yard", "b", 9.0), ("yard", "c", 9.0), ("gate", "d", 2.0), ("gate", "e", 0.5)]
    events = TABLES["zone_events"].conform(
        {
            "camera": ["cam1"] * 5,
            "track_id": [track for _, track, _ in stays],
            "label": ["person"] * 5,
            "feature": [zone for zone, _, _ in stays],
            "kind": ["exit"] * 5,
            "time": [START] * 5,
            "dwell_s": [dwell for _, _, dwell in stays],
        }
    )
    found = _run(shown_op.LongestStays(), events)
    assert found.schema.equals(shown_op.LONGEST_STAYS.schema, check_metadata=True)
    assert found.select(["zone", "track_id", "dwell_s"]).to_pylist() == [
        {"zone": "gate", "track_id": "d", "dwell_s": 2.0},
        {"zone": "yard", "track_id": "b", "dwell_s": 9.0},
    ]
    assert _run(shown_op.LongestStays(), events).equals(found)
