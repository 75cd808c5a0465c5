"""A pipeline of tiny ops, for tests of planning and running that need neither footage nor weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from jobs.planning.configure import ReadyOp, ReadySite
from jobs.planning.graph import Selection, UnitKey
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from jobs.planning.unit_states import UnitStates
from schemas.op import FrameNeed, FrameOp, FrameSession, Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.site import SiteConfig
from schemas.stereo import StereoPair, StereoView
from schemas.tables import TABLES
from schemas.values import Feature, Quarantined, Receipt, Segment, Tombstone, UnitContext
from storage.site.file import SiteFiles
from storage.store.receipts import receipts_to_arrow
from tests.support.fakes import segment_columns


@dataclass(frozen=True)
class Knob:
    """Parameters of a tiny op."""

    value: int = field(default=1, metadata={"doc": "anything"})


def tiny_op(name: str, scope: Scope, reads: Sequence[Read], writes: Sequence[str], uses: tuple[str, ...] = ()) -> type:
    """Returns an op that writes empty tables."""

    class Tiny(TableOp):
        spec = OpSpec(name, 1, name, scope, tuple(reads), tuple(writes), Knob, uses)  # type: ignore[arg-type]

        def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
            return {table: TABLES[table].empty() for table in writes}

    return Tiny


class Detect(FrameOp):
    """An op that reads frames. No test runs it."""

    spec = OpSpec("detect", 1, "detect", Scope.SEGMENT, (), ("detections",), Knob)

    def frame_need(self, unit: UnitContext) -> FrameNeed:
        return FrameNeed()

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:
        raise NotImplementedError


TRACK = tiny_op(
    "track",
    Scope.SEGMENT,
    [Read("detections"), Read("detections", Neighbour.NEXT, required=False)],
    ["tracklets"],
)
LINK = tiny_op(
    "link",
    Scope.CAMERA_DAY,
    [Read("tracklets", required=False), Read("tracklets", Neighbour.PREVIOUS_DAY, required=False)],
    ["tracks"],
)
COUNTS = tiny_op("counts", Scope.CAMERA_DAY, [Read("tracks")], ["counts"], ("layers",))
PUBLISH = tiny_op("publish", Scope.FOOTAGE, [Read("tracklets")], ["anonymized"])
PIPELINE = (Detect, TRACK, LINK, COUNTS, PUBLISH)


def tiny_site(
    knobs: Mapping[str, int] | None = None,
    features: Sequence[Feature] = (),
    ops: Sequence[type] = PIPELINE,
    groups: tuple[tuple[str, ...], ...] = (),
) -> ReadySite:
    """Returns a site with the tiny pipeline."""
    config = SiteConfig(name="tiny", crs="EPSG:28992", timezone="Europe/Amsterdam")
    ready = {op.spec.name: ReadyOp(op(Knob((knobs or {}).get(op.spec.name, 1))), {}) for op in ops}
    return ReadySite(SiteFiles(Path("nowhere"), config), ready, tuple(features), groups=groups)


def tiny_pair(one: str, other: str, baseline_m: float = 0.3) -> dict[str, StereoView]:
    """Returns two cameras that are a stereo pair."""
    pair = StereoPair.parallel((64, 48), 60.0, baseline_m)
    return {one: StereoView(pair, "left", other), other: StereoView(pair, "right", one)}


def plan_tiny(
    segments: Sequence[Segment],
    receipts: Sequence[Receipt] = (),
    site: ReadySite | None = None,
    selection: Selection | None = None,
    tombstones: Sequence[Tombstone] = (),
    quarantined: Sequence[Quarantined] = (),
    retry: bool = False,
) -> Plan:
    """Returns a plan of the tiny pipeline."""
    ledger = Ledger(receipts_to_arrow(receipts), quarantined, tombstones)
    return make_plan(site or tiny_site(), segment_columns(segments), ledger, selection or Selection(), retry)


def receipt_for(plan: Plan | UnitStates, key: UnitKey, second: int = 0) -> Receipt:
    """Returns a receipt of a unit with its present fingerprint."""
    states = UnitStates(plan) if isinstance(plan, Plan) else plan
    return Receipt(
        op=key.op,
        version=1,
        camera=key.camera,
        date=key.date,
        unit=key.unit,
        fingerprint=states.fingerprint(key),
        ingredients=states.ingredients(key),
        files={},
        committed=datetime(2026, 3, 3, 1, 0, second, tzinfo=UTC),
        run_id="r",
        wall_s=1.0,
        media_s=10.0,
    )


def all_receipts(plan: Plan, second: int = 0) -> list[Receipt]:
    """Returns receipts of everything that a plan would do."""
    states = UnitStates(plan)
    return [receipt_for(states, key, second) for key in plan.to_do]


def tombstone_for(receipt: Receipt, rule: str = "tables_days = 90") -> Tombstone:
    """Returns a tombstone of what a receipt committed."""
    purged = datetime(2026, 11, 1, tzinfo=UTC)
    return Tombstone(receipt.op, receipt.camera, receipt.date, receipt.fingerprint, receipt.unit, purged, rule)


def quarantine_for(plan: Plan, key: UnitKey) -> Quarantined:
    """Returns a quarantine record of a unit with its present fingerprint."""
    time = datetime(2026, 3, 3, 1, tzinfo=UTC)
    return Quarantined(*key, plan.fingerprints[key], "footage", "decode_error", "seen", None, time, "r")
