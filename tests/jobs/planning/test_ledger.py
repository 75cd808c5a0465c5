"""Receipts as columns, looked up by unit and fingerprint."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.planning.graph import UnitKey
from jobs.planning.ledger import Ledger, key_of
from schemas.values import Receipt
from storage.store.receipts import receipts_to_arrow

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def receipt(op="detect", camera="cam1", unit="u", fingerprint="f", second=0, **more):
    committed = NOON + timedelta(seconds=second)
    found = Receipt(op, 1, camera, "2026-03-02", unit, fingerprint, {"op": f"{op} 1"}, {}, committed, "r", 1.0, 10.0)
    return replace(found, **more)


RECEIPTS = st.lists(
    st.builds(
        receipt,
        st.sampled_from(["detect", "track"]),
        st.sampled_from(["cam1", "cam2", "cam3"]),
        st.sampled_from(["u", "v"]),
        st.sampled_from(["f", "g", "h"]),
        st.integers(0, 2),
    ),
    max_size=20,
)


@given(RECEIPTS)
def test_receipts_are_found_by_unit_and_fingerprint(receipts):
    ledger = Ledger(receipts_to_arrow(receipts))
    for each in receipts:
        key = key_of(each)
        found = ledger.receipt(key, each.fingerprint)
        assert found is not None and (key_of(found), found.fingerprint) == (key, each.fingerprint)
        newest = max((r.committed, r.fingerprint) for r in receipts if key_of(r) == key)
        assert ledger.newest_fingerprint(key) == newest[1]
    for op in ("detect", "track"):
        for camera in ("cam1", "cam2", "cam3"):
            mine = {r.fingerprint for r in receipts if (r.op, r.camera) == (op, camera)}
            assert ledger.receipts_of(op, camera).done == mine


def test_unknown_work_has_no_receipt():
    key = UnitKey("detect", "cam1", "2026-03-02", "u")
    ledger = Ledger(receipts_to_arrow([receipt(fingerprint="other")]))
    assert ledger.receipt(key, "f") is None
    assert ledger.receipt(key._replace(camera="cam9"), "other") is None
    assert ledger.newest_fingerprint(key._replace(unit="v")) is None
    assert Ledger(receipts_to_arrow([])).newest_fingerprint(key) is None


def test_a_camera_has_its_own_rate_once_there_is_enough_of_it():
    slow = [receipt(unit=f"{number}", wall_s=90.0, media_s=300.0) for number in range(2)]
    little = receipt(camera="cam9", wall_s=1.0, media_s=300.0)
    assert Ledger(receipts_to_arrow([*slow, little])).camera_rates() == {("detect", "cam1"): pytest.approx(0.3)}


def test_rates_count_only_units_with_footage():
    receipts = [receipt(), receipt(unit="v", wall_s=3.0), receipt("scan", media_s=0.0)]
    assert Ledger(receipts_to_arrow(receipts)).rates() == {"detect": pytest.approx(4.0 / 20.0)}
