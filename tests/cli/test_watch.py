"""`watch`: a line for each run, and how it ends."""

import json
import os
import signal
import threading
import time

from jobs.site import open_site

WAIT_S = 60.0


def test_a_watch_prints_a_line_per_run_and_ends_in_peace_when_it_is_stopped(nightshift, small_site):
    toml = small_site / "site.toml"
    toml.write_text("settle_s = 0\n" + toml.read_text())
    second = sorted((small_site / "archive").rglob("*.mp4"))[1]
    kept = second.rename(small_site.parent / second.name)

    def finished(count):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            runs = open_site(small_site).journal.read_runs().rows
            if runs["state"].to_pylist() == ["done"] * count:
                return
            time.sleep(0.05)

    def film():
        try:
            finished(1)
            kept.rename(second)
            finished(2)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # as systemd stops a service

    recorder = threading.Thread(target=film)
    recorder.start()
    said = nightshift("watch", "--site", small_site, "--in-process", "--ops", "view_motion", "--json")
    recorder.join()
    runs = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0 and [(run["state"], run["units_done"]) for run in runs] == [("done", 2), ("done", 2)]
    assert "waiting for footage; Ctrl-C ends the watch" in said.err


def test_a_period_of_nothing_is_refused(nightshift, small_site):
    assert nightshift("watch", "--site", small_site, "--poll", "0").code == 2
