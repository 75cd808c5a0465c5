"""A full disk: at every write of a night and of a compaction, and a real disk that is too small."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.faults.programs import compaction, do, night
from tests.support.faults.scene import Scene, Tally, ending, finish_job, log_of

SAID = "no space left"
_ENOUGH_KIB = 64 * 1024


def night_at_write(scene: Scene, name: str, at: int) -> Tally:
    """One write of a night finds no space left; with space again, the next night finishes."""
    site = scene.fresh(name)
    tally = ending(do(replace(night(site), at=at), log_of(site)), 1, SAID)
    return tally + Tally(enospc_points=1) + scene.check_part(site) + scene.finish(site)


def compaction_at_write(scene: Scene, name: str, at: int) -> Tally:
    """One write of a compaction finds no space left; readers notice nothing, and the next compaction works."""
    site = scene.used(name)
    tally = ending(do(replace(compaction(site), at=at), log_of(site)), 1, SAID)
    tally += Tally(enospc_points=1) + scene.check(site)
    return tally + finish_job(compaction(site), site) + scene.check(site)


def small_disk(scene: Scene, name: str, share: float) -> Tally:
    """A night on a disk that holds a share of what it writes, and again when the disk has grown."""
    site = scene.fresh(name)
    store = site / "store"
    needed = sum(path.stat().st_blocks * 512 for path in (scene.done / "store").rglob("*") if path.is_file())
    with mounted(store, max(1, round(needed * share / 1024))):
        tally = ending(do(night(site), log_of(site)), 1, SAID) + Tally(enospc_points=1)
        _mount("-o", f"remount,size={_ENOUGH_KIB}k", store)
        return tally + scene.check_part(site) + scene.finish(site)


@contextmanager
def mounted(folder: Path, kib: int) -> Iterator[None]:
    """A disk in memory of so many KiB, on a folder that is made.

    Raises:
        PermissionError: this user may not mount.
    """
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def may_mount(folder: Path) -> bool:
    """Whether this user may mount a disk, and there are disks in memory here."""
    with tempfile.TemporaryDirectory(dir=folder) as probe:
        try:
            with mounted(Path(probe, "disk"), 64):
                return True
        except PermissionError:
            return False


def _mount(*arguments: str | Path) -> None:
    try:
        subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise PermissionError(f"mount: {error}") from error
