"""A preview of a run after a change: it shows the cost, and writes nothing."""

import pytest

from jobs.commands.plan import preview_run
from jobs.engine.options import RunOptions
from jobs.site import open_site
from tests.jobs.commands.reprocessing import TRACKS

pytestmark = pytest.mark.slow


def test_a_preview_writes_nothing_and_shows_the_cost(changed_site):
    before = sorted(str(path) for path in (changed_site / "store").rglob("*"))
    _, cost = preview_run(open_site(changed_site), TRACKS, RunOptions(workers=2, max_hours=1.0))
    assert sorted(str(path) for path in (changed_site / "store").rglob("*")) == before
    ops = {op.op for op in cost.ops}
    assert {"track", "link", "positions", "counts"} <= ops and "detect" not in ops
    assert cost.fit.units == cost.units and cost.size_bytes > 0
