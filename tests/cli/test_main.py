"""The command line as a whole: its commands, and errors as one line and an exit code."""

import pytest

from tests.support.mistakes import one_line


def test_help_names_every_command(nightshift):
    said = nightshift("--help")
    for command in [
        "init",
        "scan",
        "plan",
        "run",
        "reprocess",
        "diff",
        "eval",
        "status",
        "sql",
        "export",
        "map",
        "models",
        "doctor",
        "demo",
        "schedule",
    ]:
        assert f" {command} " in said.out, command


@pytest.mark.slow
def test_a_command_that_does_not_exist(nightshift):
    one_line(nightshift("fly"), "fly")


@pytest.mark.slow
def test_a_bug_is_reported_as_one_and_debug_shows_where(nightshift, fresh_site, monkeypatch):
    monkeypatch.setattr("jobs.commands.plan.scan_inventory", lambda *_: 1 / 0)
    said = nightshift("plan", "--site", fresh_site)
    assert said.code == 1 and "ZeroDivisionError" in said.err and "Traceback" not in said.err
    with pytest.raises(ZeroDivisionError):
        nightshift("--debug", "plan", "--site", fresh_site)
