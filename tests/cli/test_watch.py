"""`watch`: a line for each run, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

from jobs.site import open_site

WAIT_S = 60.0


def test_a_watch_prints_a_line_per_run_and_ends_in_peace_when_it_is_stopped(small_site):
    toml = small_site / "site.toml"
    toml.write_text("settle_s = 0\n" + toml.read_text())
    second = sorted((small_site / "archive").rglob("*.mp4"))[1]
    kept = second.rename(small_site.parent / second.name)
    command = [sys.executable, "-m", "cli.main", "watch", "--site", str(small_site)]
    # A process of its own: it is stopped by a signal.
    with subprocess.Popen(
        [*command, "--in-process", "--ops", "view_motion", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            _wait_for_runs(small_site, 1)
            kept.rename(second)
            _wait_for_runs(small_site, 2)
        finally:
            process.send_signal(signal.SIGTERM)  # as systemd stops a service
        out, err = process.communicate(timeout=WAIT_S)
    runs = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0, err
    assert [(run["state"], run["units_done"]) for run in runs] == [("done", 2), ("done", 2)]
    assert "waiting for footage; Ctrl-C ends the watch" in err


def _wait_for_runs(folder, count):
    end = time.monotonic() + WAIT_S
    while open_site(folder).journal.read_runs().rows["state"].to_pylist() != ["done"] * count:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_period_of_nothing_is_refused(nightshift, small_site):
    assert nightshift("watch", "--site", small_site, "--poll", "0").code == 2
