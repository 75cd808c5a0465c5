"""A real cron daemon starts nights of real footage every minute; the second finds the first at work, or done."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.real_clips import first_frames
from bench.real_site import CLIPS, build_real_site
from jobs.site import open_site
from storage.store.nights import ENDED, read_nights

pytestmark = [pytest.mark.assets, pytest.mark.slow, pytest.mark.timeout(1800)]

FRAMES = 20
PATIENCE_S = 1500
ROOT = Path(__file__).parents[3]


@pytest.fixture
def crontab(long: bool) -> Iterator[None]:
    """A cron daemon, and the crontab of this account, which is put back afterwards."""
    if not long:
        pytest.skip("takes minutes: --long runs it")
    if not shutil.which("crontab") or not shutil.which("cron"):
        pytest.skip("there is no cron on this machine: Debian's package cron has it")
    if os.getuid() != 0:
        pytest.skip("only root may start a cron daemon")
    former = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    daemon = subprocess.Popen(["cron", "-f"])
    yield
    daemon.terminate()
    daemon.wait()
    if former.returncode == 0:
        subprocess.run(["crontab", "-"], input=former.stdout, text=True, check=True)
    else:
        subprocess.run(["crontab", "-r"], check=True)


@pytest.fixture
def site(tmp_path: Path, assets: Path) -> Path:
    """A site with the first frames of a real clip, which sends a message after each night."""
    root = tmp_path / "site"
    build_real_site(root, assets, ("tud",))
    (clip,) = (root / "archive" / "tud").iterdir()
    first_frames(assets / "video" / CLIPS["tud"][0], clip, FRAMES)
    config = root / "site.toml"
    script = f'printf "%s\\\\n" "$NIGHTSHIFT_MESSAGE" >> {tmp_path}/messages'
    config.write_text(config.read_text() + f"\n[notify]\non = [\"always\"]\ncommand = ['sh', '-c', '{script}']\n")
    return root


def wait_for(log: Path, words: tuple[str, ...]) -> str:
    """Returns the text of a log once it has one of these words."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        text = log.read_text() if log.exists() else ""
        if any(word in text for word in words):
            return text
        time.sleep(1)
    raise AssertionError(f"{log} has none of {words}: {text}")


@pytest.mark.usefixtures("crontab")
def test_cron_runs_a_night_of_real_footage_once_though_it_fires_every_minute(site, tmp_path, nightshift):
    program = Path(sys.prefix, "bin/nightshift")
    if not program.exists():
        pytest.skip(f"Nightshift is not installed in {sys.prefix}")
    times = ("--at", "00:00", "--until", "23:59")
    assert nightshift("schedule", *times, "--kind", "cron", "--install", "--site", site).code == 0
    lines = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout.splitlines()
    (nightly,) = [line for line in lines if line.startswith("0 ") and " night " in line]  # each night or each hour
    # Without Ray, which other tests start: on a busy machine it may not come up within its own time limit.
    each_minute = f"* * * * * {nightly.split(' ', 5)[5]}".replace("--delay-min 5", "--delay-min 0 --in-process")
    # cron gives its commands HOME, LOGNAME, SHELL and a short PATH; this checkout may not be the installed one.
    changed = [f"PYTHONPATH={ROOT}", *(each_minute if line == nightly else line for line in lines)]
    subprocess.run(["crontab", "-"], input="".join(f"{line}\n" for line in changed), text=True, check=True)
    log = site / "reports" / "night.log"
    wait_for(log, ("report: ", "Error"))
    text = wait_for(log, ("another process works on this night", "has ended already"))
    assert "Error" not in text and "Traceback" not in text, text
    wait_for(tmp_path / "messages", ("{",))
    opened = open_site(site)
    (record,) = read_nights(opened.store.blobs).rows
    assert record.state in ENDED and record.units_done > 20 and record.units_left == 0
    assert opened.journal.read_runs().rows.num_rows == 1, "one run, however often cron fired"
    said = nightshift("sql", "SELECT count(*) AS n FROM detections", "--site", site, "--json").json
    assert said[0]["n"] > 0
    (message,) = (json.loads(line) for line in (tmp_path / "messages").read_text().splitlines())
    assert (message["state"], message["units_left"], message["events"]) == (record.state, 0, [])
    assert nightshift("schedule", "remove", "--site", site).code == 0
    left = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout
    assert "nightshift" not in left.replace(str(ROOT), "")
