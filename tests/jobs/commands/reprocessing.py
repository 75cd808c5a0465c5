"""What tests of reprocessing share: options, a selection, and the runs of a site."""

from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection

HERE = RunOptions(workers=None)
TRACKS = Selection(ops=("track",), readers=True)


def run_ids(site):
    return [row["run_id"] for row in site.journal.read_runs().rows.to_pylist()]
