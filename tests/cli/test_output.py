"""Results are printed as JSON and nothing else for machines, and as tables for people."""

import json

import pytest

TABLE_COMMANDS = [["scan"], ["plan"], ["status"], ["models", "list"], ["models", "verify"]]


@pytest.mark.parametrize("command", TABLE_COMMANDS, ids=" ".join)
def test_json_on_stdout_and_nothing_else(nightshift, used_site, command):
    said = nightshift(*command, "--site", used_site, "--json")
    json.loads(said.out)
    assert said.code == (1 if command == ["scan"] else 0)


@pytest.mark.parametrize("command", TABLE_COMMANDS, ids=" ".join)
def test_people_get_a_table(nightshift, used_site, command):
    assert nightshift(*command, "--site", used_site).out.strip()
