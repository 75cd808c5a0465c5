"""Faults: what a night must survive, and whether it did. ``bench/faults.py`` counts, ``tests/test_faults.py`` asserts.

Every case takes a copy of one small site, lets something go wrong, lets Nightshift finish, and compares what readers
see with what they see after a night that nobody disturbed.
"""

from tests.support.faults.scene import Scene, Tally, make_scene
from tests.support.faults.suite import SHORT, Case, Size, cases_of, run_cases

__all__ = ["SHORT", "Case", "Scene", "Size", "Tally", "cases_of", "make_scene", "run_cases"]
