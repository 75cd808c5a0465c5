"""What is known of past work: receipts and quarantine, looked up by unit and fingerprint."""

from collections import defaultdict
from collections.abc import Iterable

from jobs.graph import UnitKey
from schemas.values import Quarantined, Receipt


def key_of(record: Receipt | Quarantined) -> UnitKey:
    """The unit that a record is about."""
    return UnitKey(record.op, record.camera, record.date or "", record.unit)


class Ledger:
    """Receipts and quarantine records of a store, kept up to date by the run that holds it."""

    def __init__(self, receipts: Iterable[Receipt], quarantined: Iterable[Quarantined]) -> None:
        self._receipts: dict[UnitKey, dict[str, Receipt]] = defaultdict(dict)
        self._quarantined: dict[UnitKey, dict[str, Quarantined]] = defaultdict(dict)
        for receipt in receipts:
            self.add(receipt)
        for entry in quarantined:
            self.set_aside(entry)

    def add(self, receipt: Receipt) -> None:
        """Notes a committed unit."""
        prints = self._receipts[key_of(receipt)]
        known = prints.get(receipt.fingerprint)
        if known is None or receipt.committed >= known.committed:
            prints[receipt.fingerprint] = receipt

    def set_aside(self, entry: Quarantined) -> None:
        """Notes a quarantined unit."""
        self._quarantined[key_of(entry)][entry.fingerprint] = entry

    def receipt(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """The receipt of exactly this work."""
        return self._receipts[key].get(fingerprint) if key in self._receipts else None

    def newest(self, key: UnitKey) -> Receipt | None:
        """The receipt that readers see: the newest of its unit."""
        known = self._receipts.get(key)
        return max(known.values(), key=lambda receipt: (receipt.committed, receipt.fingerprint)) if known else None

    def quarantined(self, key: UnitKey, fingerprint: str) -> Quarantined | None:
        """Why exactly this work was set aside, if it was."""
        return self._quarantined[key].get(fingerprint) if key in self._quarantined else None

    def all_receipts(self) -> list[Receipt]:
        """Every receipt."""
        return [receipt for prints in self._receipts.values() for receipt in prints.values()]
