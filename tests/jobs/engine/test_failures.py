"""Messages of libraries become one clean line; where an error arose decides what it means."""

import pytest

from jobs.engine.failures import arising_in, classify, one_line
from jobs.planning.graph import UnitKey
from schemas.errors import CorruptFootage

KEY = UnitKey("detect", "hall", "2026-01-01", "unit")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("plain", "plain"),
        ("\x1b[36mray::Worker.run()\x1b[39m (pid=7)", "ray::Worker.run() (pid=7)"),
        ("first\n  second\r\n\tthird", "first second third"),
        ("a\x1b]0;title\x07b\x9b1mc\x00d", "ab 1mc d"),
        ("Büro 正門 \udcff", "Büro 正門 \udcff"),
        ("x" * 600, "x" * 499 + "…"),
        ("", ""),
    ],
)
def test_a_message_becomes_one_line_without_control_characters(message, line):
    assert one_line(message) == line


def test_a_failure_has_a_clean_detail_and_its_traceback_apart():
    try:
        raise RuntimeError("\x1b[31mCUDA\x1b[0m error:\nout of luck")
    except RuntimeError as error:
        failure = classify(KEY, error, "/store")
    assert (failure.kind, failure.reason, failure.detail) == ("bug", "RuntimeError", "CUDA error: out of luck")
    assert "test_failures.py" in failure.trace


def test_the_origin_of_an_error_decides_what_it_means():
    def failure(origin, error):
        try:
            with arising_in(origin):
                raise error
        except type(error) as raised:
            return classify(KEY, raised, "/store").kind

    assert failure("footage", CorruptFootage("truncated", "cut off")) == "footage"
    assert failure("footage", FileNotFoundError("x")) == "footage"
    assert failure("store", FileNotFoundError("x")) == "transient"
    assert failure("weights", FileNotFoundError("x")) == "bug"
