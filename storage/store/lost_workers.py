"""Counts, per unit, workers that ended while they worked on it. They outlive the run, which may end with its machine.

::

    _lost_workers/OP/CAMERA/UNIT-FINGERPRINT.json   lost workers by cause
"""

import json
import time
from collections import Counter

from schemas.values import Receipt
from storage.blobs import Blobs
from storage.files import safe_name
from storage.store.records import record_bytes

LOST_FOLDER = "_lost_workers"

FORGET_AFTER_DAYS = 30.0
"""Days after which a count is removed: of a unit whose fingerprint has changed since, nobody asks again."""


class LostWorkerCounts:
    """The counts of a store, by unit and fingerprint. The driver alone writes them."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._counts: dict[str, Counter[str]] = {}
        oldest = time.time() - FORGET_AFTER_DAYS * 86400
        forgotten = []
        for blob in blobs.list(LOST_FOLDER):  # nearly always empty
            if blob.modified < oldest:
                forgotten.append(blob.name)
            else:
                self._counts[blob.name] = _parse(blobs.read(blob.name))
        blobs.delete(forgotten)

    def add(self, op: str, camera: str, unit: str, fingerprint: str, cause: str) -> Counter[str]:
        """Counts one more lost worker of a unit. Returns how many there were, by cause."""
        name = _file(op, camera, unit, fingerprint)
        counts = self._counts.setdefault(name, Counter())
        counts[cause] += 1
        self._blobs.write(name, record_bytes(counts))
        return counts

    def forget(self, op: str, camera: str, unit: str, fingerprint: str) -> None:
        """Removes a unit's count, once it is done or quarantined."""
        if self._counts and self._counts.pop(name := _file(op, camera, unit, fingerprint), None) is not None:
            self._blobs.delete([name])

    def forget_done(self, receipt: Receipt) -> None:
        """Removes the count of a unit that is done."""
        self.forget(receipt.op, receipt.camera, receipt.unit, receipt.fingerprint)


def _parse(content: bytes) -> Counter[str]:
    """Returns the counts of a file; a torn one counts nothing."""
    try:
        found = json.loads(content)
        return Counter({str(cause): int(count) for cause, count in found.items()})
    except (ValueError, AttributeError, TypeError):
        return Counter()


def _file(op: str, camera: str, unit: str, fingerprint: str) -> str:
    return "/".join((LOST_FOLDER, safe_name(op), safe_name(camera), f"{safe_name(unit)}-{safe_name(fingerprint)}.json"))
