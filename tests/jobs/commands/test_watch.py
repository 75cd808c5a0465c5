"""Watching: a run whenever files are complete or the site changes, and what does not end a watch."""

import shutil
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from jobs.commands import watch as watching
from jobs.commands.watch import WatchEvents, WatchOptions, watch_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from schemas.errors import SelectionError, StoreFull
from tests.jobs.engine.test_coordination import CommittingPool

HERE = RunOptions(workers=None)
WAIT_S = 30.0
"""Longest wait for what happens within a second, on a machine that is busy."""


def settle(folder):
    """Lets files count as complete at once, so that no test waits for a minute."""
    toml = folder / "site.toml"
    toml.write_text("settle_s = 0\n" + toml.read_text())


class Watching:
    """A watch in a thread, and what it told."""

    def __init__(self, folder, selection, options):
        self.runs, self.warnings, self.error = [], [], None
        self.stop = threading.Event()
        events = WatchEvents(self.runs.append, on_warning=self.warnings.append)

        def work():
            try:
                watch_site(folder, selection, options, events, self.stop)
            except Exception as error:  # noqa: BLE001  ``until`` shows it
                self.error = error

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def until(self, condition):
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end and self.error is None, (self.runs, self.warnings, self.error)
            time.sleep(0.01)

    def close(self):
        self.stop.set()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


@pytest.fixture
def watched(small_site, monkeypatch):
    """A site whose units are committed without rows, and from which the second of two files was taken away."""
    settle(small_site)
    monkeypatch.setattr(
        "jobs.commands.run.open_pool", lambda setup, *_: CommittingPool(open_site(small_site).store, lambda _: None)
    )
    monkeypatch.setattr(watching, "RETRY_S", (0.05, 0.1))
    second = sorted((small_site / "archive").rglob("*.mp4"))[1]
    kept = small_site.parent / second.name
    second.rename(kept)
    return small_site, kept, second


@contextmanager
def watch(folder, poll_s=None, selection=Selection(ops=("detect",)), options=HERE):  # noqa: B008  frozen
    began = Watching(folder, selection, WatchOptions(options, poll_s))
    try:
        yield began
    finally:
        began.close()


@pytest.mark.parametrize("poll_s", [None, 0.05], ids=["told", "listed"])
def test_a_file_that_arrives_is_run_and_nothing_else_is(watched, poll_s):
    folder, kept, target = watched
    with watch(folder, poll_s) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        time.sleep(0.3)
        shutil.copy2(kept, target)
        seen.until(lambda: len(seen.runs) == 2)
        time.sleep(0.3)
    assert [run.record.units_done > 0 for run in seen.runs] == [True, True]
    assert len(open_site(folder).journal.read_runs().rows) == 2, "no look without news is a run"


def test_a_file_that_is_still_written_waits(watched):
    folder, kept, target = watched
    toml = folder / "site.toml"
    toml.write_text(toml.read_text().replace("settle_s = 0", "settle_s = 1.5"))
    with watch(folder) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        shutil.copyfile(kept, target)  # it changed just now
        written = time.monotonic()
        seen.until(lambda: len(seen.runs) == 2)
        assert time.monotonic() - written > 1.4, "a recorder may go on writing"
    assert seen.runs[1].record.units_done > 0


def test_a_change_of_the_site_is_run(watched):
    folder, _, _ = watched
    with watch(folder, 0.05) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        toml = folder / "site.toml"
        toml.write_text(toml.read_text() + "\n# a remark\n")
        seen.until(lambda: len(seen.runs) == 2)
    assert seen.runs[1].record.units_done == 0, "a remark changes no result"


@pytest.mark.parametrize("changed", ["layer elsewhere", "tuned/gate.toml", "models/new.onnx"])
def test_a_change_of_a_file_that_results_depend_on_is_run(watched, tmp_path, changed):
    folder, _, _ = watched
    toml = folder / "site.toml"
    layer = next(line for line in toml.read_text().splitlines() if line.startswith("file = "))
    inside = folder / layer.split('"')[1]
    outside = shutil.copy2(inside, tmp_path / inside.name)
    toml.write_text(toml.read_text().replace(layer, f'file = "{outside}"'))
    with watch(folder, 0.05) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        if changed == "layer elsewhere":
            outside.write_text(outside.read_text() + " ")
        else:
            (folder / changed).parent.mkdir(exist_ok=True)
            (folder / changed).write_text("")
        seen.until(lambda: len(seen.runs) == 2 or seen.warnings)


def test_a_mistake_in_the_site_and_a_lost_archive_are_told_once_and_end_nothing(watched):
    folder, kept, target = watched
    toml = folder / "site.toml"
    sound = toml.read_text()
    with watch(folder, 0.05) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        toml.write_text("crs = 7\n")
        seen.until(lambda: any("site.toml" in text for text in seen.warnings))
        toml.write_text(sound)
        seen.until(lambda: seen.warnings[-1] == "what was wrong is right again")
        (folder / "archive").rename(folder / "elsewhere")
        seen.until(lambda: any("mount it" in text for text in seen.warnings))
        time.sleep(0.5)
        (folder / "elsewhere").rename(folder / "archive")
        shutil.copy2(kept, target)
        seen.until(lambda: seen.runs[-1].record.units_done > 0 and len(seen.runs) > 1)
    assert sum("mount it" in text for text in seen.warnings) == 1


def test_a_full_store_is_tried_again(watched, monkeypatch):
    folder, kept, target = watched
    real, full = watching.run_site, []

    def run(*given):
        if len(full) == 1:
            full.append(True)
            raise StoreFull("no space is left in store")
        full.append(False)
        return real(*given)

    monkeypatch.setattr(watching, "run_site", run)
    with watch(folder, 0.05) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        shutil.copy2(kept, target)
        seen.until(lambda: len(seen.runs) == 2)
    assert full == [False, True, False] and seen.runs[1].record.units_done > 0
    assert "no space is left in store" in seen.warnings


def test_what_cannot_begin_is_an_error(watched):
    folder, _, _ = watched
    with pytest.raises(SelectionError, match="nowhere"):
        watch_site(
            folder, Selection(cameras=("nowhere",)), WatchOptions(HERE), WatchEvents(lambda _: None), threading.Event()
        )


def test_a_watch_ends_at_its_deadline(watched, monkeypatch):
    folder, _, _ = watched
    monkeypatch.setattr(RunOptions, "deadline", lambda *_: datetime.now(UTC) + timedelta(seconds=1))
    runs = []
    watch_site(folder, Selection(ops=("detect",)), WatchOptions(HERE), WatchEvents(runs.append), threading.Event())
    assert len(runs) == 1


def test_a_warning_that_lasts_is_told_once(watched, monkeypatch):
    folder, kept, target = watched
    real = watching.run_site

    def run(site, selection, options, on_progress, on_warning, stop):
        on_warning("gate has moved")
        return real(site, selection, options, on_progress, on_warning, stop)

    monkeypatch.setattr(watching, "run_site", run)
    with watch(folder, 0.05) as seen:
        seen.until(lambda: len(seen.runs) == 1)
        shutil.copy2(kept, target)
        seen.until(lambda: len(seen.runs) == 2)
    assert seen.warnings.count("gate has moved") == 1
