"""Options that commands share: the site's folder, and a selection whose mistakes are one line."""

import pytest

from tests.support.mistakes import one_line


def test_the_site_may_come_from_the_environment(nightshift, used_site, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_SITE", str(used_site))
    assert nightshift("sql", "SELECT 1 AS one", "--format", "csv").out == "one\n1\n"


@pytest.mark.slow
def test_no_site_here(nightshift, tmp_path):
    one_line(nightshift("plan", "--site", tmp_path), "site.toml", "nightshift init")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--camera", "nobody"], ["--camera nobody", "gate, hall"]),
        (["--ops", "fly"], ["--ops fly", "detect"]),
        (["--from", "soon"], ["--from soon", "2026-03-02"]),
        (["--from", "2026-03-03", "--to", "2026-03-01"], ["after --to"]),
    ],
)
def test_unknown_selection(nightshift, fresh_site, options, words):
    one_line(nightshift("plan", "--site", fresh_site, *options), *words)
