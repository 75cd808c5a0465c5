"""The shell of `nightshift sql`: its commands, from a pipe and from a terminal."""

import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.shell import completions, history_file


@pytest.fixture
def shell(nightshift, night_site, monkeypatch):
    """Gives lines to the shell, and returns what it printed. Queries change nothing, so it reads the site of all."""

    def run(*lines, options=()):
        left = iter(lines)

        def read(prompt=""):
            try:
                return next(left)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", read)
        said = nightshift("sql", "--site", night_site, *options)
        assert said.code == 0
        return said

    return run


def test_tables_and_schema(shell):
    names = shell(".tables").out.split()
    assert {"counts", "tracks", "footage", "runs"} <= set(names) and "unit_tags" not in names
    said = shell(".schema Runs")
    assert "run_id" in said.out and "VARCHAR" in said.out and "tracklet" not in said.out
    all_tables = shell(".schema nothing", ".schema;")
    assert "there is no table nothing; .tables lists them" in all_tables.err and "observed_s" in all_tables.out


def test_mode(shell):
    said = shell(
        ".mode csv", "SELECT 1 AS a, 'x' AS b;", ".mode json", "SELECT 2 AS a;", ".mode table", "SELECT 3 AS a;"
    )
    assert "a,b\n1,x\n" in said.out and '{"a": 2}' in said.out and said.out.rstrip().endswith("3")
    refused = shell(".mode", ".mode html").err
    assert "the mode is table; there are table, csv, json" in refused
    assert "there is no mode html; there are table, csv, json" in refused
    assert shell("SELECT 1 AS a;", options=["--format", "csv"]).out == "a\n1\n"


@pytest.mark.parametrize("end", ["exit", "quit", "exit;", ".exit", ".quit", " QUIT "])
def test_words_that_end_it(shell, end):
    said = shell("SELECT 1 AS a;", end, "SELECT 2 AS b;")
    assert "a" in said.out and "b" not in said.out


def test_mistakes_do_not_end_it(shell):
    said = shell(".nothing", "SELEC;", "SELECT", "'exit' AS word;", ".help")
    assert ".help lists the commands" in said.err and "SELEC" in said.err and "exit" in said.out
    assert ".schema" in said.out


def test_completion():
    assert completions("se", ["segments", "SELECT", "SELECT", "tracks"]) == ["segments", "SELECT"]


def test_times_show_their_zone_and_fraction(shell):
    said = shell(
        "SELECT TIMESTAMPTZ '2026-03-02 22:00:00.120+00' AS a, TIMESTAMP '2026-03-02 22:00:00' AS b, "
        "'2026-03-02 22:00:00.000000001'::TIMESTAMP_NS AS c, INTERVAL 90 SECOND AS d, 0.0004::DOUBLE AS e;"
    )
    assert said.out.split("\n")[1].split() == [
        "2026-03-02", "22:00:00.12Z", "2026-03-02", "22:00:00", "2026-03-02T22:00:00.000000001", "00:01:30", "0.0004"
    ]  # fmt: skip


@pytest.mark.slow
def test_a_terminal_gets_a_history_that_only_its_owner_reads(used_site, tmp_path):
    keyboard, terminal = pty.openpty()
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path), "TERM": "dumb"}
    command = [sys.executable, "-m", "cli.main", "sql", "--site", str(used_site)]
    shell = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    os.write(keyboard, b"SELECT 40 + 2 AS answer;\n.mode csv\nexit\n")
    shown = b""
    while chunk := _read(keyboard):
        shown += chunk
    assert shell.wait() == 0 and b"42" in shown
    history = tmp_path / "nightshift" / "sql_history"
    assert history.read_text().splitlines()[:2] == ["SELECT 40 + 2 AS answer;", ".mode csv"]
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def _read(keyboard: int) -> bytes:
    try:
        return os.read(keyboard, 1000)
    except OSError:  # Linux: the other end was closed
        return b""


def test_no_home_is_no_history(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert history_file() is None
