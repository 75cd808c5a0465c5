"""Results are printed as JSON and nothing else for machines, and as tables for people."""

import io
import json
import time

import pytest
from rich.console import Console

from cli.output import LOG_PERIOD_S, Output

TABLE_COMMANDS = [["scan"], ["plan"], ["status"], ["models", "list"], ["models", "verify"]]


@pytest.mark.parametrize("command", TABLE_COMMANDS, ids=" ".join)
def test_json_on_stdout_and_nothing_else(nightshift, used_site, command):
    said = nightshift(*command, "--site", used_site, "--json")
    json.loads(said.out)
    assert said.code == (1 if command == ["scan"] else 0)


@pytest.mark.parametrize("command", TABLE_COMMANDS, ids=" ".join)
def test_people_get_a_table(nightshift, used_site, command):
    assert nightshift(*command, "--site", used_site).out.strip()


def test_a_log_gets_lines_of_progress_even_while_the_work_reports_nothing():
    err = Console(file=io.StringIO(), width=80)
    with Output(False, err=err, log_period_s=0.02).progress("night") as bar:
        time.sleep(0.1)
        bar.update(3, 26, "about 0:02:10 left at this run's speed")
        time.sleep(0.1)
    lines = err.file.getvalue().splitlines()
    assert lines[0] == "night: 0.0 s so far"
    assert lines[-1] == "night: 3 of 26, about 0:02:10 left at this run's speed, 0.2 s so far"


def test_short_work_leaves_no_lines_of_progress():
    err = Console(file=io.StringIO())
    with Output(False, err=err).progress("night") as bar:
        bar.update(1, 2)
    assert err.file.getvalue() == "" and LOG_PERIOD_S == 30
