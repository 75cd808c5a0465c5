"""The queries of docs/interactions.md give, on a scripted day, the output that the page shows."""

import re

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import shapely

from ops.counts import Counts
from ops.interactions import Interactions
from ops.interactions.params import InteractionsParams, UserRule
from ops.positions import Positions
from schemas.values import Feature, FeatureKind
from tests.ops.ground_scene import ORIGIN_M, join, make_view, project
from tests.ops.interactions.rules.day import SEGMENT, at_rest, boxed, person
from tests.support.fakes import FakeServices, make_unit
from tools.generate_docs import DOCS

PAGE = (DOCS / "interactions.md").read_text()
EXAMPLES = re.findall(r"^```sql\n(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
VIEW = make_view()
EAST_M, NORTH_M = ORIGIN_M.tolist()
SHELF_AREA = shapely.box(EAST_M + 2, NORTH_M + 8, EAST_M + 5, NORTH_M + 10)
SHELF = Feature("shelf", "zones", FeatureKind.ZONE, "map", None, SHELF_AREA)
AT_SHELF = UserRule("stays_at_shelf", "distance_m < 0.3 and speed_m_s < 0.4", object=("zone:shelf",), for_s=5)


def box_at(east_m: float, north_m: float) -> tuple[float, float, float, float]:
    x, y = project(np.array([[EAST_M + east_m, NORTH_M + north_m]]))[0].tolist()
    return x - 10, y - 15, x + 10, y


@pytest.fixture(scope="module")
def connection():
    """Somebody leaves a bag, two hand one over, and somebody takes a box from a shelf after looking at it."""
    leaves = person([(-6, 9), (-2, 9), (-2, 9), (-6, 9)], (0, 4, 6, 10), "leaver")
    giver = person([(-6, 12), (-0.35, 12), (-0.35, 12), (-6, 12)], (0, 5, 10, 15), "giver")
    taker = person([(6, 12), (0.35, 12), (0.35, 12), (6, 12)], (0, 5, 10, 15), "taker")
    case = boxed([(-6, 12), (0, 12), (0, 12), (6, 12)], (0, 5, 10, 15), "case", "suitcase", 0.4, 0.5, 0.4)
    buyer = person([(6, 9), (3, 9), (3, 9), (6, 9)], (20, 23, 38, 42), "buyer")
    things = at_rest((5.0, None, box_at(-2, 9)), (None, 37.0, box_at(3.2, 9), "backpack"))
    unit = make_unit([SEGMENT], VIEW, [SHELF], unit="day")
    places = [{"thing-0": -2.0, "thing-1": 3.2}[name] for name in things["static_id"].to_pylist()]
    for index, name in enumerate(("x_m", "y_m")):
        column = [ORIGIN_M[index] + (place if index == 0 else 9) for place in places]
        things = things.set_column(things.column_names.index(name), things.schema.field(name), [column])
    inputs = {"track_points": join(leaves, giver, taker, case, buyer), "static_objects": things}
    inputs |= Positions().run(unit, inputs, FakeServices())
    inputs |= Counts().run(unit, inputs, FakeServices())
    inputs |= Interactions(InteractionsParams(rules=(AT_SHELF,))).run(unit, inputs, FakeServices())
    with duckdb.connect() as opened:
        opened.execute("SET timezone = 'UTC'")
        for name in ("interactions", "static_objects", "stays"):
            table = inputs[name].append_column("date", pa.array(["2026-03-02"] * inputs[name].num_rows))
            opened.register(name, table)
        yield opened


def test_the_page_has_queries():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize(("query", "shown"), EXAMPLES)
def test_a_query_gives_what_the_page_shows(connection, query, shown):
    result = connection.execute(query)
    rows = [[column[0] for column in result.description], *([str(cell) for cell in row] for row in result.fetchall())]
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    assert "\n".join(lines) + "\n" == shown
