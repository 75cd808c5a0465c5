"""Torn files: receipts and manifest heads that are cut off, emptied or overwritten."""

import random
from pathlib import Path

from storage.store.layout import MANIFEST_FOLDER
from storage.store.receipts import RECEIPTS_FOLDER
from tests.support.faults.programs import compaction, night, repair, run_job
from tests.support.faults.scene import Scene, Tally, check_exit, finish_job, log_of


def receipts(scene: Scene, name: str, seed: int, count: int) -> Tally:
    """Tears some receipts: their units run again, first beside the torn files, then without them after a repair."""
    random_ = random.Random(seed)
    site = scene.used(name)
    found = sorted((site / "store" / RECEIPTS_FOLDER).rglob("*.json"))
    torn = random_.sample(found, min(count, len(found)))
    for number, path in enumerate(torn):
        tear(path, number, random_)
    tally = check_exit(run_job(night(site), log_of(site)), 0) + Tally(torn_receipts=len(torn)) + scene.check_rows(site)
    return tally + finish_job(repair(site), site) + scene.check(site) + scene.finish(site)


def head(scene: Scene, name: str, seed: int) -> Tally:
    """Tears the head of the manifest: no run starts before a repair, which loses nothing."""
    random_ = random.Random(seed)
    site = scene.used(name)
    tally = finish_job(compaction(site), site)
    for path in sorted((site / "store" / MANIFEST_FOLDER).glob("head-*.json"))[-1:]:
        tear(path, random_.randrange(4), random_)
        tally += Tally(torn_receipts=1)
    tally += check_exit(run_job(night(site), log_of(site)), 1, "nightshift repair")
    return tally + finish_job(repair(site), site) + scene.check(site) + scene.finish(site)


def tear(path: Path, how: int, random_: random.Random) -> None:
    """Cuts a file off, empties it, or overwrites it with noise or zeros."""
    content = path.read_bytes()
    path.write_bytes(
        (
            content[: random_.randrange(1, len(content))],
            b"",
            random_.randbytes(len(content)),
            bytes(len(content)),
        )[how % 4]
    )
