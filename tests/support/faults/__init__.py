"""The fault suite: faults that a run must survive. ``bench.faults`` counts, ``tests/test_faults.py`` asserts.

Every case copies one small site, makes something fail, lets Nightshift finish, and compares the rows that readers get
with those of an undisturbed run.
"""

from tests.support.faults.scene import Scene, Tally, make_scene
from tests.support.faults.suite import SHORT, Case, Size, build_cases, run_cases

__all__ = ["SHORT", "Case", "Scene", "Size", "Tally", "build_cases", "make_scene", "run_cases"]
