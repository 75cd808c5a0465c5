"""The user's mistakes on the command line: one clear line, and exit code 2."""

from typing import Any


def one_line(said: Any, *words: str) -> None:
    """Asserts that a command ended with exit code 2 and one line on stderr that has these words.

    Args:
        said: the ``CommandResult`` of tests/conftest.py.
    """
    assert said.code == 2, said
    assert said.err.count("\n") == 1 and "Traceback" not in said.err, said.err
    for word in words:
        assert word in said.err, said.err
