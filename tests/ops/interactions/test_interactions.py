"""The op: lacking tables count as empty."""

from ops.interactions import Interactions
from schemas.tables import TABLES
from tests.ops.interactions.rules.day import OWNER, PLAIN, SEGMENT, THING, at_rest
from tests.support.fakes import FakeServices, make_unit


def test_nothing_in_gives_nothing_out_and_lacking_tables_are_empty():
    op, nobody = Interactions(), TABLES["track_points"].empty()
    unit = make_unit([SEGMENT], PLAIN, unit="day")
    assert op.run(unit, {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    nothing = make_unit([], PLAIN, unit="day")
    assert op.run(nothing, {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    things = at_rest(THING)
    assert (
        op.run(unit, {"track_points": nobody, "static_objects": things}, FakeServices())["interactions"].num_rows == 0
    )
    found = op.run(unit, {"track_points": OWNER, "static_objects": things}, FakeServices())["interactions"]
    assert sorted(found["verb"].to_pylist()) == ["abandons", "carries", "puts_down"]
