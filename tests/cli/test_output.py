"""Results are printed as JSON and nothing else for machines, and as tables for people."""

import io
import json
import re
import time

import pytest
from rich.console import Console

from cli.output import LOG_PERIOD_S, Output, printable

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
    assert re.fullmatch(r"night: \d+\.\d s so far", lines[0])  # how late a line comes depends on the machine
    assert re.fullmatch(r"night: 3 of 26, about 0:02:10 left at this run's speed, \d+\.\d s so far", lines[-1])


def test_short_work_leaves_no_lines_of_progress():
    err = Console(file=io.StringIO())
    with Output(False, err=err).progress("night") as bar:
        bar.update(1, 2)
    assert err.file.getvalue() == "" and LOG_PERIOD_S == 30


CODES = {
    "colours": ("a\x1b[31mb", "a\\x1b[31mb"),
    "a window's title": ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    "a line of its own": ("cam\nnightshift: all is well", "cam\\nnightshift: all is well"),
    "over the line": ("bad.mp4\rgood.mp4", "bad.mp4\\rgood.mp4"),
    "back": ("ab\b\bcd", "ab\\x08\\x08cd"),
    "codes of one byte": ("\x9b31m\x85\x7f", "\\x9b31m\\x85\\x7f"),
    "turned around": ("\u202e4pm.exe\u2066", "\\u202e4pm.exe\\u2066"),
    "separators": ("a\u2028b\u2029", "a\\u2028b\\u2029"),
    "no UTF-8": ("cam\udcff", "cam\\udcff"),
    "names of all languages": ("正門 Büro Въезд مدخل 🎥", "正門 Büro Въезд مدخل 🎥"),
    "markup": ("[red]cam[/red]", "[red]cam[/red]"),
}


@pytest.mark.parametrize(("text", "shown"), CODES.values(), ids=CODES)
def test_a_terminal_obeys_nothing_in_what_others_wrote(text, shown):
    assert printable(text) == shown
    for kind in (False, True):
        out, err = (Console(file=io.StringIO(), width=400, force_terminal=kind, no_color=True) for _ in range(2))
        output = Output(False, out, err)
        output.say(text)
        output.warn(text)
        output.log(text)
        output.table([text], [[text]])
        with output.progress("work") as bar:
            bar.update(1, 2, text)
        told = out.file.getvalue() + err.file.getvalue()
        if not kind:
            assert told.count(shown) == 5
            assert len(told.splitlines()) == 5
        assert shown == text or text not in told


@pytest.mark.parametrize(("text", "shown"), CODES.values(), ids=CODES)
def test_json_and_data_keep_their_meaning(text, shown):
    out = Console(file=io.StringIO())
    Output(True, out).json({text: text})
    told = out.file.getvalue()
    assert json.loads(told) == {text: text}
    assert all(character == "\n" or printable(character) == character for character in told)
    for terminal, wanted in ((False, f"{text}\n"), (True, f"{shown}\n")):
        out = Console(file=io.StringIO(), force_terminal=terminal)
        Output(False, out).write(f"{text}\n")
        if "\n" not in text and "\r" not in text and len(text.splitlines()) == 1:
            assert out.file.getvalue() == wanted
        assert not terminal or shown == text or text not in out.file.getvalue().replace("\n", "")


def test_errors_show_names_without_their_codes(nightshift, tmp_path):
    said = nightshift("scan", "--site", tmp_path / "no\x1b[2J\u202esite")
    assert said.code == 2
    assert "no\\x1b[2J\\u202esite" in said.err and "\x1b" not in said.err


def test_footage_with_codes_in_its_name(nightshift, tmp_path):
    site = tmp_path / "site"
    assert nightshift("init", site, "--timezone", "UTC", "--crs", "EPSG:28992").code == 0
    folder = site / "archive" / "gate"
    folder.mkdir(parents=True)
    (folder / "2026-03-02T12-00-00\x1b]0;owned\x07.mp4").write_bytes(b"")
    (folder / "2026-03-02T12-00-00\nall is well.mp4").write_bytes(b"no video")
    for command in (["scan"], ["scan", "--json"], ["status"], ["sql", "SELECT * FROM quarantine"]):
        said = nightshift(*command, "--site", site)
        assert not {"\x1b", "\x07"} & {*(said.out + said.err)}
        assert "\nall is well" not in said.out + said.err
