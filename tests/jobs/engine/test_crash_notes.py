"""What is left of a process that is killed or hangs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.engine.crash_notes import REAL_TIMES, CrashNotes, Notes, limit_s, notes_folder, take_notes
from tests.support.fakes import make_segment

ROOT = Path(__file__).parents[3]
ENDING = """
import os, sys, time
from jobs.engine.crash_notes import CrashNotes

notes = CrashNotes("ends")
notes.begin_step([0, 1, 2], True, 60.0)
notes.begin_step([7], False, float(sys.argv[2]))
if sys.argv[1] == "dies":
    os.kill(os.getpid(), 9)
if sys.argv[1] == "hangs":
    import ctypes
    ctypes.PyDLL(None).sleep(60)  # in C, and with the interpreter's lock held
notes.close()
"""


@pytest.fixture(autouse=True)
def own_scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def ended(how, limit):
    return subprocess.run([sys.executable, "-c", ENDING, how, str(limit)], check=False, cwd=ROOT).returncode


def test_a_process_that_is_killed_leaves_what_it_worked_on():
    assert ended("dies", 60.0) == -9
    assert take_notes("ends") == Notes((7,), False, 60.0)
    assert take_notes("ends") is None, "they are taken once"


def test_a_process_that_hangs_ends_itself_and_leaves_its_stacks():
    assert ended("hangs", 0.1) == 1
    notes = take_notes("ends")
    assert notes.at_work == (7,) and "most recent call first" in notes.stacks and 'File "<string>"' in notes.stacks


def test_a_process_that_ends_well_leaves_nothing():
    assert ended("ends", 60.0) == 0
    assert take_notes("ends") is None


def test_notes_that_nobody_took_are_removed_after_a_week(tmp_path):
    notes_folder("old").mkdir()
    os.utime(notes_folder("old"), (0, 0))
    CrashNotes("new").close()
    assert not notes_folder("old").exists()


def test_a_step_may_take_longer_where_footage_is_long_or_large():
    small, large = make_segment(duration_s=300.0), make_segment(duration_s=300.0, size_px=(4000, 2000))
    assert limit_s(600.0, [small]) == 600 + REAL_TIMES * 300
    assert limit_s(600.0, [small, large]) == 600 + REAL_TIMES * 300 * 9
    assert limit_s(600.0, []) == 600
