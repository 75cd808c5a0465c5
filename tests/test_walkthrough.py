"""The commands of docs/reprocess.md, run in order on the sample site after its run, print the outputs of the page.

Commands of `nightshift` run in this process, others in a shell. The page's run ids represent the site's runs, in order.
"""

import doctest
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from jobs.site import open_site
from tests.test_readme import examples_of
from tools.generate_docs import DOCS

pytestmark = pytest.mark.slow

PAGE = DOCS / "reprocess.md"
RUN_ID = re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{4}\b")


def _replaced(text: str, names: Mapping[str, str]) -> str:
    return RUN_ID.sub(lambda found: names.get(found[0], found[0]), text)


def _run_names(site: Path, page: str) -> dict[str, str]:
    """The site's runs by the names that they have in the page."""
    runs = open_site(site).journal.read_runs().rows["run_id"].to_pylist()
    return dict(zip(dict.fromkeys(RUN_ID.findall(page)), runs, strict=False))


def test_the_walk_through_shows_what_happens(nightshift, used_site, monkeypatch):
    monkeypatch.chdir(used_site)
    page = PAGE.read_text()
    examples = examples_of(PAGE)
    assert len(examples) > 10
    for _, written, shown in examples:
        command = _replaced(written, _run_names(used_site, page))
        if not command.startswith("nightshift "):
            subprocess.run(command, shell=True, check=True, cwd=used_site)
            continue
        said = nightshift(*shlex.split(command)[1:])
        assert said.code in (0, 1) and "bug" not in said.err, f"{command}: {said.err}"
        assert said.code == 0 or "run" in command, f"{command}: {said.err}"
        back = {real: name for name, real in _run_names(used_site, page).items()}
        got = "".join(line.rstrip() + "\n" for line in _replaced(said.out, back).splitlines())
        assert not shown or doctest.OutputChecker().check_output(shown, got, doctest.ELLIPSIS), f"{command}:\n{got}"
