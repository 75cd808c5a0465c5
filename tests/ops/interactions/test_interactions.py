"""The op: lacking tables count as empty."""

from ops.interactions import Interactions
from schemas.tables import TABLES
from tests.ops.interactions.rules.day import OWNER, PLAIN, REGION, SEGMENT, still
from tests.support.fakes import FakeServices, make_unit


def test_nothing_in_gives_nothing_out_and_lacking_tables_are_empty():
    op, nobody = Interactions(), TABLES["track_points"].empty()
    unit = make_unit([SEGMENT], PLAIN, unit="day")
    assert op.run(unit, {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    assert (
        op.run(make_unit([], PLAIN, unit="day"), {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    )
    assert (
        op.run(unit, {"track_points": OWNER, "static_regions": still(REGION)}, FakeServices())["interactions"].num_rows
        == 1
    )
